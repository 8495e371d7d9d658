//! A desktop node: all services on real sockets.
//!
//! [`Node`] is for a program that runs tokio; [`Running`] keeps one on threads of its own.
//!
//! ```
//! use std::io::{Read as _, Write as _};
//! use unstick::Service;
//! use unstick_std::node::{Config, Ports, Running};
//! use unstick_std::url::Transport;
//!
//! let node = Running::start(Config { ports: Ports::ANY, ..Config::default() })?;
//! let address = node.address(Service::Frame, Transport::Tcp).expect("it is served");
//! let mut stream = std::net::TcpStream::connect(address)?;
//! stream.write_all(b"upper hello")?;
//! let mut reply = [0; 9];
//! stream.read_exact(&mut reply)?;
//! assert_eq!(&reply, b"\x05\0\0\0HELLO");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod connection;
mod error;
mod files;
mod host;
mod job;
mod listen;
mod program;
mod running;

pub use config::{Config, MEMORY_FILES, Ports, ProgramLimits, Storage};
pub use error::Error;
pub use files::{Files, Sink, Source};
pub use host::Host;
pub use running::Running;

use crate::clock::Clock;
use crate::url::Transport;
use core::net::SocketAddr;
use core::time::Duration;
use listen::Serving;
use std::sync::Arc;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use unstick::{Limits, Service};

/// How long programs that were ended may take to be gone.
const LAST_PROGRAMS: Duration = Duration::from_secs(3);

/// A node whose sockets listen: what connects or is sent before [`Node::run`] waits there.
pub struct Node {
    serving: Serving,
    grace: Duration,
    sockets: Sockets,
}

/// One socket of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What it serves.
    pub service: Service,
    /// Over what.
    pub transport: Transport,
    /// Where, with the port that the system chose where it was to choose.
    pub address: SocketAddr,
}

impl Node {
    /// Makes a node and its sockets. It is async because sockets need the runtime they are in.
    #[expect(clippy::unused_async, reason = "there is a runtime where it is polled")]
    pub async fn bind(config: Config) -> Result<Self, Error> {
        let sockets = Sockets::bind(&config)?;
        let answer = config.programs.time.saturating_add(LAST_PROGRAMS);
        let grace = config.grace;
        let serving = Serving {
            clock: Clock::new(),
            limits: Limits { answer: config.limits.answer.max(answer), ..config.limits },
            slots: Arc::new(Semaphore::new(config.connections.min(Semaphore::MAX_PERMITS))),
            datagram: config.datagram,
            echo_datagram: config.echo_datagram,
            udp_ports: sockets.udp_ports().collect(),
            warnings: Arc::default(),
            stop: CancellationToken::new(),
            host: Host::new(config)?,
        };
        Ok(Self { serving, grace, sockets })
    }

    /// Its sockets: TCP first, services in the order of [`Service::ALL`], addresses as configured.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.sockets.endpoints
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
        serving.host.programs().ended(LAST_PROGRAMS).await;
    }
}

#[derive(Default)]
struct Sockets {
    endpoints: Vec<Endpoint>,
    tcp: Vec<(Service, TcpListener)>,
    udp: Vec<(Service, UdpSocket)>,
}

impl Sockets {
    fn bind(config: &Config) -> Result<Self, Error> {
        let mut sockets = Self::default();
        for (service, port) in config.ports.tcp() {
            for address in addresses(config, port) {
                let (listener, address) = listen::tcp(service, address)?;
                sockets.endpoints.push(Endpoint { service, transport: Transport::Tcp, address });
                sockets.tcp.push((service, listener));
            }
        }
        for (service, port) in config.ports.udp() {
            for address in addresses(config, port) {
                let (socket, address) = listen::udp(service, address)?;
                sockets.endpoints.push(Endpoint { service, transport: Transport::Udp, address });
                sockets.udp.push((service, socket));
            }
        }
        if sockets.endpoints.is_empty() { Err(Error::NothingToServe) } else { Ok(sockets) }
    }

    fn udp_ports(&self) -> impl Iterator<Item = u16> + '_ {
        let udp = self.endpoints.iter().filter(|it| it.transport == Transport::Udp);
        udp.map(|it| it.address.port())
    }
}

/// A service's address for each of the node's, or none where it is off.
fn addresses(config: &Config, port: Option<u16>) -> impl Iterator<Item = SocketAddr> + '_ {
    let ips = port.map(|port| config.bind.iter().map(move |ip| SocketAddr::new(*ip, port)));
    ips.into_iter().flatten()
}
