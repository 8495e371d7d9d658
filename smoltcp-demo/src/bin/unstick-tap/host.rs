//! What the node's sessions work on: files in memory, the commands of a node under test, and a log of
//! who asks what.

use core::net::SocketAddr;
use std::collections::VecDeque;
use unstick::host::{Access, Counter, Counters, Identity};
use unstick::keys::Keys;
use unstick::store::RamStore;
use unstick::{Command, Endpoint};
use unstick_conformance::commands::{Settings, Tasks, rows};
use unstick_conformance::{FILES, Setup, fixture};
use unstick_std::keys::NodeKeys;
use unstick_std::node::Visit;

/// Peers whose requests are under way: more than there are sockets.
const VISITS: usize = 64;

/// The node, as its sessions see it.
pub(crate) struct Host {
    pub(crate) identity: Identity<'static>,
    /// The keys that commands are for.
    keys: Option<NodeKeys>,
    files: RamStore<Vec<u8>, FILES>,
    settings: Settings,
    counters: Counters,
    /// Whom the session serves that runs now.
    peer: Option<Peer>,
    visits: VecDeque<(Peer, Visit)>,
}

type Peer = (Endpoint, SocketAddr);

const COMMANDS: &[Command<Host>] = &rows();

impl Host {
    /// A host with files of at most `file` bytes each.
    pub(crate) fn new(identity: Identity<'static>, file: usize) -> Self {
        Self::with(identity, RamStore::new(core::array::from_fn(|_| vec![0; file])))
    }

    /// The same with these keys.
    pub(crate) fn with_keys(self, keys: Option<NodeKeys>) -> Self {
        Self { keys, ..self }
    }

    /// A host as a scenario needs it.
    pub(crate) fn of(setup: Setup) -> Self {
        let fixture::Node { identity, store, .. } = fixture::node(setup);
        Self::with(identity, store)
    }

    fn with(identity: Identity<'static>, files: RamStore<Vec<u8>, FILES>) -> Self {
        Self {
            identity,
            keys: None,
            files,
            settings: Settings::new(),
            counters: Counters::default(),
            peer: None,
            visits: VecDeque::new(),
        }
    }
}

impl AsMut<Settings> for Host {
    fn as_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl unstick::Host for Host {
    type Store = RamStore<Vec<u8>, FILES>;
    type Task = Tasks;

    fn commands(&self) -> &[Command<Self>] {
        COMMANDS
    }

    fn store(&mut self) -> &mut Self::Store {
        &mut self.files
    }

    fn identity(&self) -> Identity<'_> {
        self.identity
    }

    fn count(&mut self, counter: Counter, count: u64) {
        self.counters.count(counter, count);
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn keys(&mut self) -> Option<&mut dyn Keys> {
        self.keys.as_mut().map(|keys| -> &mut dyn Keys { keys })
    }

    fn visited(&mut self, endpoint: Endpoint, peer: SocketAddr) {
        self.peer = Some((endpoint, peer));
    }

    fn access(&mut self, access: Access<'_>) {
        let Some(peer) = self.peer else { return };
        let known = self.visits.iter().position(|(it, _)| *it == peer);
        let visit = known.and_then(|at| self.visits.remove(at)).map(|(_, visit)| visit);
        let Some(mut visit) = visit.or_else(|| Visit::of(peer.0, peer.1)) else { return };
        visit.access(access);
        if let Access::Request(_) = access {
            // One whose connection was lost makes room.
            self.visits.truncate(VISITS - 1);
            self.visits.push_front((peer, visit));
        }
    }
}
