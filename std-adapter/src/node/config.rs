//! What a node is to be.

use super::{Handler, Host, limits};
use crate::keys::NodeKeys;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::path::PathBuf;
use unstick::command::Role;
use unstick::datagram::ETHERNET;
use unstick::{Command, Endpoint, Limits};

/// What a node is to be. `Config::new()` serves all services on their default ports of 127.0.0.1,
/// keeps files in memory and runs no programs.
///
/// ```
/// use unstick::command::{Answer, Command};
/// use unstick_std::node::{Config, Handler, Ports};
///
/// let greeting = "hello".to_owned();
/// let config = Config::new()
///     .ports(Ports::ANY)
///     .name("bench-3")
///     .command(Command::new("ping", |_, _, text| {
///         text.write_bytes(b"pong")?;
///         Ok(Answer::Text)
///     }))
///     .handler(Handler::new("greet", move |call| {
///         let answer = format!("{greeting}, {}", call.args);
///         async move { Ok(answer) }
///     }));
/// ```
#[non_exhaustive]
pub struct Config {
    /// Addresses to listen on; each service gets a socket on each of them.
    pub bind: Vec<IpAddr>,
    /// The services and their ports.
    pub ports: Ports,
    /// Where files are.
    pub files: Storage,
    /// Whether a file in a directory that was put or removed is on the disk, as far as the system can
    /// see to that, before that is answered. Without it, it survives the end of the node, but perhaps not
    /// that of the machine.
    pub sync: bool,
    /// Programs that may be run: `PROGRAM`, a name on the `PATH` or a path, which a request names by its file
    /// name and gives any arguments; or `NAME=PROGRAM ARGUMENT...`, split as a shell would, where `{}` stands
    /// for one argument of the request and `{*}` for all that are left. Each is looked for when the node
    /// starts, and never again.
    pub allow: Vec<String>,
    /// The user that programs run as, by name or number, with his group and no other; by default whoever runs
    /// the node. Only root may choose, and only on Unix.
    pub run_as: Option<String>,
    /// How programs are run.
    pub programs: ProgramLimits,
    /// Those who may run commands: who has one of these keys. Without, everybody who reaches the node may.
    pub keys: Option<NodeKeys>,
    /// What everybody may do where there are no keys.
    pub anyone: Role,
    /// Commands besides those every node has.
    pub commands: Vec<Command<Host>>,
    /// Commands with state of their own, or async code.
    pub handlers: Vec<Handler>,
    /// Most connections at once, over all TCP services. For one more the connection that has moved no byte
    /// for longest finishes, if that is a second at least, or else one of the peer that has the most, if
    /// that is more than this one's. Where there is neither, the one more is closed at once.
    pub connections: usize,
    /// Most bytes of a datagram, either way.
    pub datagram: usize,
    /// What a session allows and how long it waits. An answer is waited for at least a little
    /// longer than a program may run.
    pub limits: Limits,
    /// How long a node that is to stop waits for what is in flight.
    pub grace: Duration,
    /// The node's name, as `info` answers it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it runs on.
    pub target: String,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bind: vec![Ipv4Addr::LOCALHOST.into()],
            ports: Ports::DEFAULT,
            files: Storage::default(),
            sync: false,
            allow: Vec::new(),
            run_as: None,
            programs: ProgramLimits::default(),
            keys: None,
            anyone: Role::Full,
            commands: Vec::new(),
            handlers: Vec::new(),
            connections: limits::CONNECTIONS,
            datagram: ETHERNET,
            limits: Limits::DEFAULT,
            grace: limits::GRACE,
            name: "unstick".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        }
    }

    /// Addresses to listen on.
    #[must_use]
    pub fn bind(self, bind: impl Into<Vec<IpAddr>>) -> Self {
        Self { bind: bind.into(), ..self }
    }

    /// The services and their ports.
    #[must_use]
    pub fn ports(self, ports: Ports) -> Self {
        Self { ports, ..self }
    }

    /// Where files are.
    #[must_use]
    pub fn files(self, files: Storage) -> Self {
        Self { files, ..self }
    }

    /// Whether files are on the disk before a `put` or `remove` is answered.
    #[must_use]
    pub fn sync(self, sync: bool) -> Self {
        Self { sync, ..self }
    }

    /// The user that programs run as.
    #[must_use]
    pub fn run_as(self, user: impl Into<String>) -> Self {
        Self { run_as: Some(user.into()), ..self }
    }

    /// One more program that may be run: `ls`, or `disk=/bin/df -h {}`.
    #[must_use]
    pub fn allow(mut self, program: impl Into<String>) -> Self {
        self.allow.push(program.into());
        self
    }

    /// How programs are run.
    #[must_use]
    pub fn programs(self, programs: ProgramLimits) -> Self {
        Self { programs, ..self }
    }

    /// Commands are only for who has one of these keys, on the command service over TCP.
    #[must_use]
    pub fn keys(self, keys: NodeKeys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// What everybody may do where there are no keys.
    #[must_use]
    pub fn anyone(self, anyone: Role) -> Self {
        Self { anyone, ..self }
    }

    /// One more command, a plain function.
    #[must_use]
    pub fn command(mut self, command: Command<Host>) -> Self {
        self.commands.push(command);
        self
    }

    /// One more command, with state of its own or async code.
    #[must_use]
    pub fn handler(mut self, handler: Handler) -> Self {
        self.handlers.push(handler);
        self
    }

    /// Most connections at once.
    #[must_use]
    pub fn connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// Most bytes of a datagram, of the command service and of the echo.
    #[must_use]
    pub fn datagrams(self, bytes: usize) -> Self {
        Self { datagram: bytes, ..self }
    }

    /// What a session allows and how long it waits.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How long a node that is to stop waits for what is in flight.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// The node's name, as `info` answers it.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }
}

/// A port for each endpoint: 0 lets the system choose one, `None` means that it is not served.
///
/// ```
/// use unstick::{Endpoint, Service};
/// use unstick_std::node::Ports;
///
/// let ports = Ports::OFF.with(Endpoint::tcp(Service::Command), Some(9000));
/// assert_eq!(ports.iter().collect::<Vec<_>>(), [(Endpoint::tcp(Service::Command), 9000)]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports([Option<u16>; Endpoint::ALL.len()]);

impl Ports {
    /// Every endpoint on its default port.
    pub const DEFAULT: Self = {
        let mut ports = Self::OFF;
        let mut index = 0;
        while index < Endpoint::ALL.len() {
            ports.0[index] = Some(Endpoint::ALL[index].port());
            index += 1;
        }
        ports
    };

    /// Every endpoint, each on a port that the system chooses.
    pub const ANY: Self = Self([Some(0); Endpoint::ALL.len()]);

    /// No endpoint.
    pub const OFF: Self = Self([None; Endpoint::ALL.len()]);

    /// The same with another port for one endpoint.
    #[must_use]
    pub fn with(mut self, endpoint: Endpoint, port: Option<u16>) -> Self {
        for (known, slot) in Endpoint::ALL.into_iter().zip(&mut self.0) {
            if known == endpoint {
                *slot = port;
            }
        }
        self
    }

    /// The port of an endpoint.
    #[must_use]
    pub fn get(&self, endpoint: Endpoint) -> Option<u16> {
        self.iter().find(|(known, _)| *known == endpoint).map(|(_, port)| port)
    }

    /// The endpoints that are served and their ports, in the order of [`Endpoint::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Endpoint, u16)> {
        let ports = Endpoint::ALL.into_iter().zip(self.0);
        ports.filter_map(|(endpoint, port)| Some((endpoint, port?)))
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Where a node's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory, gone with the node: at most [`MEMORY_FILES`](limits::MEMORY_FILES) files.
    Memory {
        /// Most bytes of a file. All of it is set aside for each file at the start.
        largest: usize,
    },
    /// The regular files of a directory, which must exist.
    Directory(PathBuf),
}

impl Default for Storage {
    /// In memory, 64 KiB a file.
    fn default() -> Self {
        Self::Memory { largest: limits::FILE }
    }
}

/// How programs are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgramLimits {
    /// Most programs at once; one more is refused as `busy`.
    pub at_once: usize,
    /// How long one may run.
    pub time: Duration,
    /// Bytes of its stdout, and of its stderr, that are kept in memory; more goes to a file.
    pub memory: usize,
    /// Most bytes of output, both together.
    pub output: u64,
}

impl Default for ProgramLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl ProgramLimits {
    /// 8 at once, 10 s, 64 KiB in memory, 64 MiB in all.
    pub const DEFAULT: Self = Self {
        at_once: limits::PROGRAMS,
        time: limits::PROGRAM,
        memory: limits::OUTPUT_MEMORY,
        output: limits::OUTPUT,
    };

    /// Most programs at once.
    #[must_use]
    pub const fn at_once(self, at_once: usize) -> Self {
        Self { at_once, ..self }
    }

    /// How long one may run.
    #[must_use]
    pub const fn time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Bytes of output that are kept in memory, and most bytes in all.
    #[must_use]
    pub const fn output(self, memory: usize, output: u64) -> Self {
        Self { memory, output, ..self }
    }
}
