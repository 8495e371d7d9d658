//! What a node is to be.

use super::Host;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::path::PathBuf;
use unstick::datagram::{ETHERNET, IPV4_MAXIMUM};
use unstick::{Command, Limits, Service};

/// What a node is to be. `Config::default()` serves all services on their default ports of
/// 127.0.0.1, keeps files in memory and runs no programs.
pub struct Config {
    /// Addresses to listen on; each service gets a socket on each of them.
    pub bind: Vec<IpAddr>,
    /// The services and their ports.
    pub ports: Ports,
    /// Where files are.
    pub files: Storage,
    /// Programs that may be run, by file name on the `PATH` or by path; a request names them by
    /// their file name.
    pub allow: Vec<String>,
    /// How programs are run.
    pub programs: ProgramLimits,
    /// Commands besides those every node has.
    pub commands: Vec<Command<Host>>,
    /// Most connections at once, over all TCP services; one more is closed at once.
    pub connections: usize,
    /// Most bytes of a datagram of the command service, either way.
    pub datagram: usize,
    /// Most bytes of a datagram of the echo. What loopback carries, by default: it takes no more
    /// memory than it gets.
    pub echo_datagram: usize,
    /// What a session allows and how long it waits. An answer is waited for at least a little
    /// longer than a program may run.
    pub limits: Limits,
    /// How long a node that is to stop waits for what is in flight.
    pub grace: Duration,
    /// The node's name, as `info` tells it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it runs on.
    pub target: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: vec![Ipv4Addr::LOCALHOST.into()],
            ports: Ports::default(),
            files: Storage::default(),
            allow: Vec::new(),
            programs: ProgramLimits::default(),
            commands: Vec::new(),
            connections: 256,
            datagram: ETHERNET,
            echo_datagram: IPV4_MAXIMUM,
            limits: Limits::DEFAULT,
            grace: Duration::from_secs(10),
            name: "unstick".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        }
    }
}

/// A port for each service: 0 lets the system choose one, `None` means that it is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Echo over TCP.
    pub echo: Option<u16>,
    /// Frame.
    pub frame: Option<u16>,
    /// Message.
    pub message: Option<u16>,
    /// Command over TCP.
    pub command: Option<u16>,
    /// Echo over UDP.
    pub udp_echo: Option<u16>,
    /// Command over UDP.
    pub udp_command: Option<u16>,
}

impl Ports {
    /// Every service, each on a port that the system chooses.
    pub const ANY: Self = Self {
        echo: Some(0),
        frame: Some(0),
        message: Some(0),
        command: Some(0),
        udp_echo: Some(0),
        udp_command: Some(0),
    };

    /// No service.
    pub const OFF: Self = Self {
        echo: None,
        frame: None,
        message: None,
        command: None,
        udp_echo: None,
        udp_command: None,
    };

    pub(super) fn tcp(&self) -> [(Service, Option<u16>); 4] {
        [
            (Service::Echo, self.echo),
            (Service::Frame, self.frame),
            (Service::Message, self.message),
            (Service::Command, self.command),
        ]
    }

    pub(super) fn udp(&self) -> [(Service, Option<u16>); 2] {
        [(Service::Echo, self.udp_echo), (Service::Command, self.udp_command)]
    }
}

impl Default for Ports {
    /// The default ports.
    fn default() -> Self {
        Self {
            echo: Some(Service::Echo.tcp_port()),
            frame: Some(Service::Frame.tcp_port()),
            message: Some(Service::Message.tcp_port()),
            command: Some(Service::Command.tcp_port()),
            udp_echo: Service::Echo.udp_port(),
            udp_command: Service::Command.udp_port(),
        }
    }
}

/// Where a node's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory, gone with the node: at most [`MEMORY_FILES`] files.
    Memory {
        /// Most bytes of a file. All of it is set aside for each file at the start.
        largest: usize,
    },
    /// The regular files of a directory, which must exist.
    Directory(PathBuf),
}

/// Most files of [`Storage::Memory`], one that is on its way in included.
pub const MEMORY_FILES: usize = 8;

impl Default for Storage {
    /// In memory, 64 KiB a file.
    fn default() -> Self {
        Self::Memory { largest: 64 * 1024 }
    }
}

/// How programs are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// 8 at once, 10 s, 64 KiB in memory, 64 MiB in all.
    fn default() -> Self {
        Self {
            at_once: 8,
            time: Duration::from_secs(10),
            memory: 64 * 1024,
            output: 64 * 1024 * 1024,
        }
    }
}
