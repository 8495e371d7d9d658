//! A desktop node: all services on real sockets.
//!
//! [`Node`] is for a program that runs tokio; [`Running`] keeps one on threads of its own.
//!
//! ```
//! use std::io::{Read as _, Write as _};
//! use unstick::{Endpoint, Service};
//! use unstick_std::node::{Config, Ports, Running};
//!
//! let node = Running::start(Config::new().ports(Ports::ANY))?;
//! let address = node.address(Endpoint::tcp(Service::Frame)).expect("it is served");
//! let mut stream = std::net::TcpStream::connect(address)?;
//! stream.write_all(b"upper hello")?;
//! let mut reply = [0; 9];
//! stream.read_exact(&mut reply)?;
//! assert_eq!(&reply, b"\x05\0\0\0HELLO");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod connection;
#[cfg(feature = "demo")]
pub mod demo;
mod error;
mod files;
mod handler;
mod host;
mod job;
pub mod limits;
mod listen;
mod program;
mod running;
mod slots;
mod visit;

pub use config::{Config, Ports, ProgramLimits, Storage};
pub use error::Error;
pub(crate) use files::root::keep_owner;
pub use files::{Files, Sink, Source};
pub use handler::{Handler, OwnedCall};
pub use host::Host;
pub use listen::Connections;
pub(crate) use listen::bound_unsent;
pub use running::Running;
pub use visit::Visit;

use crate::clock::Clock;
use crate::udp;
use crate::url::Url;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use limits::PROGRAM_END;
use listen::Serving;
use slots::Slots;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use unstick::{Endpoint, Service, Transport};

/// A node whose sockets listen: what connects or is sent before [`Node::run`] waits there.
pub struct Node {
    serving: Serving,
    grace: Duration,
    sockets: Sockets,
}

/// One socket of a node. It is displayed as the tool announces it: `command tcp 127.0.0.1:8088`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// What is served there.
    pub endpoint: Endpoint,
    /// Where, with the port that the system chose where it was to choose.
    pub address: SocketAddr,
}

impl Listening {
    /// Its URL, for a client on this machine's network.
    #[must_use]
    pub fn url(&self) -> Url {
        let (host, port) = (self.address.ip().to_string(), self.address.port());
        Url { endpoint: self.endpoint, host, port }
    }
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, address } = self;
        write!(f, "{} {} {address}", endpoint.service(), endpoint.transport())
    }
}

impl Node {
    /// Makes a node without sockets, whatever the configuration says of ports: what it serves are
    /// [connections](Self::connections) that come some other way.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::on(Sockets::default(), config)
    }

    /// Makes a node and its sockets. It is async because sockets need the runtime they are in.
    #[expect(clippy::unused_async, reason = "there is a runtime where it is polled")]
    pub async fn bind(config: Config) -> Result<Self, Error> {
        Self::on(Sockets::bind(&config)?, config)
    }

    fn on(sockets: Sockets, config: Config) -> Result<Self, Error> {
        let answer = config.programs.time.saturating_add(PROGRAM_END);
        let grace = config.grace;
        let clock = Clock::new();
        let serving = Serving {
            clock,
            limits: config.limits.with_answer(config.limits.answer.max(answer)),
            slots: Arc::new(Slots::new(config.connections, clock)),
            datagram: config.datagram,
            udp_ports: sockets.udp_ports().collect(),
            warnings: Arc::default(),
            stop: CancellationToken::new(),
            host: Host::new(config)?,
        };
        Ok(Self { serving, grace, sockets })
    }

    /// Its connections, to serve more than its sockets bring.
    #[must_use]
    pub fn connections(&self) -> Connections {
        Connections(self.serving.clone())
    }

    /// Its sockets, in the order of [`Endpoint::ALL`], addresses as configured.
    #[must_use]
    pub fn listening(&self) -> &[Listening] {
        &self.sockets.listening
    }

    /// Serves until `shutdown` is ready, and then for at most the configured grace finishes what is
    /// in flight. Dropped, it ends all at once, programs included.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { serving, grace, sockets } = self;
        let mut tasks = JoinSet::new();
        for (service, listener) in sockets.tcp {
            tasks.spawn(listen::accept(service, listener, serving.clone()));
        }
        for (service, socket) in sockets.udp {
            tasks.spawn(listen::answer(service, socket, serving.clone()));
        }
        shutdown.await;
        serving.stop.cancel();
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(grace, all).await.is_err() {
            warn!("connections that did not end within {grace:?} are cut");
            tasks.shutdown().await;
        }
        serving.host.programs().ended(PROGRAM_END).await;
    }
}

#[derive(Default)]
struct Sockets {
    listening: Vec<Listening>,
    tcp: Vec<(Service, TcpListener)>,
    udp: Vec<(Service, udp::Socket)>,
}

impl Sockets {
    fn bind(config: &Config) -> Result<Self, Error> {
        let mut sockets = Self::default();
        for (endpoint, port) in config.ports.iter() {
            for ip in &config.bind {
                let address = SocketAddr::new(*ip, port);
                let error = |source| Error::Listen { endpoint, address, source };
                let address = match endpoint.transport() {
                    Transport::Tcp => {
                        let listener = listen::tcp(address).map_err(error)?;
                        let address = listener.local_addr().map_err(error)?;
                        sockets.tcp.push((endpoint.service(), listener));
                        address
                    }
                    Transport::Udp => {
                        let socket = udp::Socket::bind(address).map_err(error)?;
                        let address = socket.local_addr().map_err(error)?;
                        sockets.udp.push((endpoint.service(), socket));
                        address
                    }
                };
                sockets.listening.push(Listening { endpoint, address });
            }
        }
        if sockets.listening.is_empty() { Err(Error::NothingToServe) } else { Ok(sockets) }
    }

    fn udp_ports(&self) -> impl Iterator<Item = u16> + '_ {
        let udp = self.listening.iter().filter(|it| it.endpoint.transport() == Transport::Udp);
        udp.map(|it| it.address.port())
    }
}
