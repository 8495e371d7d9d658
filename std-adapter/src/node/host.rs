//! What the sessions of a desktop node share.

use super::config::Config;
use super::error::Error;
use super::files::Files;
use super::handler::Handler;
use super::limits::NAME;
use super::program::Programs;
use super::visit::Visit;
use crate::hashing::Hashing;
use crate::keys::NodeKeys;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::Notify;
use unstick::command::{Role, builtin};
use unstick::digest::Digester;
use unstick::host::{Access, Counter, Counters, Identity};
use unstick::keys::Keys;
use unstick::{Answer, Command, Endpoint, Progress, Refusal, Task, Text};

/// A desktop node, as its sessions and its commands see it: each connection has a clone.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
    files: Files,
    keys: Option<NodeKeys>,
    /// Where requests come from, if that is logged.
    visit: Option<Visit>,
    /// From the first body on.
    hashing: Option<Box<Hashing>>,
}

struct Shared {
    name: String,
    version: String,
    target: String,
    datagram: usize,
    connections: usize,
    anyone: Role,
    /// Those of the programs, where there are any.
    limits: Vec<(&'static str, u64)>,
    commands: Vec<Command<Host>>,
    handlers: Vec<Handler>,
    programs: Programs,
    counters: [AtomicU64; Counter::ALL.len()],
}

impl Host {
    /// The answer of a command that goes on as this task.
    pub fn task(task: impl Task<Self> + Send + 'static) -> Answer<Self> {
        let task: Box<dyn Task<Self> + Send> = Box::new(task);
        Answer::Task(task)
    }

    /// A host whose sessions cannot wait, which is what datagrams need.
    pub(super) fn new(config: Config) -> Result<Self, Error> {
        if config.name.len() > NAME {
            return Err(Error::Name { len: config.name.len() });
        }
        let files = Files::new(config.files, config.sync)?;
        let (programs, mut commands) = Programs::new(
            &config.allow,
            config.run_as.as_deref(),
            config.programs,
            files.directory(),
        )?;
        commands.extend(config.commands);
        commands.extend(config.handlers.iter().map(|handler| handler.row));
        check_names(&commands)?;
        let shared = Shared {
            name: config.name,
            version: config.version,
            target: config.target,
            datagram: config.datagram,
            connections: config.connections,
            anyone: config.anyone,
            limits: programs.limits(),
            commands,
            handlers: config.handlers,
            programs,
            counters: Default::default(),
        };
        Ok(Self { shared: Arc::new(shared), files, keys: config.keys, visit: None, hashing: None })
    }

    /// Its session waits for `ready` when something it asked for is not.
    pub(super) fn wait_for(&mut self, ready: Arc<Notify>) {
        self.files.wait_for(ready);
    }

    pub(super) fn programs(&self) -> &Programs {
        &self.shared.programs
    }

    pub(super) fn handler(&self, name: &str) -> Option<&Handler> {
        self.shared.handlers.iter().find(|handler| handler.row.name == name)
    }

    pub(super) fn ready(&self) -> Option<&Arc<Notify>> {
        self.files.ready()
    }
}

/// Any task of a desktop node.
impl Task<Host> for Box<dyn Task<Host> + Send> {
    fn body(&mut self, host: &mut Host, piece: &[u8], text: &mut Text<'_>) -> Result<(), Refusal> {
        (**self).body(host, piece, text)
    }

    fn poll(
        &mut self,
        host: &mut Host,
        now: unstick::Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        (**self).poll(host, now, text)
    }

    fn read(
        &mut self,
        host: &mut Host,
        now: unstick::Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        (**self).read(host, now, text)
    }

    fn close(&mut self, host: &mut Host) {
        (**self).close(host);
    }
}

/// Refuses a name that has two meanings.
fn check_names(commands: &[Command<Host>]) -> Result<(), Error> {
    let mut names: HashSet<&str> = builtin::<Host>().iter().map(|row| row.name).collect();
    match commands.iter().find(|row| !names.insert(row.name)) {
        Some(row) => Err(Error::Ambiguous { name: row.name }),
        None => Ok(()),
    }
}

impl unstick::Host for Host {
    type Store = Files;
    type Task = Box<dyn Task<Self> + Send>;

    fn commands(&self) -> &[Command<Self>] {
        &self.shared.commands
    }

    fn store(&mut self) -> &mut Files {
        &mut self.files
    }

    fn identity(&self) -> Identity<'_> {
        Identity::new(&self.shared.name, &self.shared.version)
            .target(&self.shared.target)
            .datagram(self.shared.datagram)
            .connections(self.shared.connections)
            .limits(&self.shared.limits)
    }

    fn count(&mut self, counter: Counter, count: u64) {
        self.shared.counters[counter as usize].fetch_add(count, Relaxed);
    }

    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for counter in Counter::ALL {
            counters.count(counter, self.shared.counters[counter as usize].load(Relaxed));
        }
        counters
    }

    fn visited(&mut self, endpoint: Endpoint, peer: SocketAddr) {
        self.visit = Visit::of(endpoint, peer);
    }

    fn access(&mut self, access: Access<'_>) {
        if let Some(visit) = &mut self.visit {
            visit.access(access);
        }
    }

    fn anyone(&self) -> Role {
        self.shared.anyone
    }

    fn keys(&mut self) -> Option<&mut dyn Keys> {
        self.keys.as_mut().map(|keys| -> &mut dyn Keys { keys })
    }

    fn digester(&mut self) -> Option<&mut dyn Digester> {
        Some(&mut **self.hashing.get_or_insert_default())
    }
}
