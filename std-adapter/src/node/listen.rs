//! Listening sockets, and what comes in by them.

use super::connection;
use super::host::Host;
use super::limits::{BACKLOG, PAUSE, WARNINGS_APART};
use super::slots::{Slot, Slots};
use crate::clock::Clock;
use crate::system::own_port;
use crate::udp;
use core::fmt;
use core::net::SocketAddr;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};
use unstick::datagram::{self, Datagram, Envelope};
use unstick::driver::nonblocking::Runtime as _;
use unstick::host::Counter;
use unstick::{Endpoint, Host as _, Limits, Service};

/// Bytes that the system keeps which have not been sent once.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 128 * 1024;

/// What all sockets of a node have in common.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) host: Host,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) slots: Arc<Slots>,
    pub(super) datagram: usize,
    /// Ports of the node's own UDP services.
    pub(super) udp_ports: Arc<[u16]>,
    /// Paces the warnings that a peer can cause at will.
    pub(super) warnings: Arc<WarningLimiter>,
    pub(super) stop: CancellationToken,
}

pub(super) fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // So that `::` and `0.0.0.0` can be listened on side by side.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    // So that a node can be started again at once. On Windows it would mean that two programs can have
    // the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    own_port(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts and serves connections until the node stops, and then until they are done.
pub(super) async fn accept(service: Service, listener: TcpListener, serving: Serving) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = serving.stop.cancelled() => break,
            Some(ended) = connections.join_next() => report(service, ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(service, stream, peer, &serving, &mut connections),
                Err(error) => rest(service, &error, &serving.warnings).await,
            },
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(service, ended);
    }
}

fn admit(
    service: Service,
    stream: TcpStream,
    peer: SocketAddr,
    serving: &Serving,
    connections: &mut JoinSet<()>,
) {
    let Some(slot) = serving.enter(service, peer) else { return };
    let Serving { host, clock, limits, .. } = serving.clone();
    connections.spawn(async move {
        let mut stream = stream;
        // Replies are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        bound_unsent(&stream);
        connection::serve(service, peer, limits, clock, host, stream.split(), slot).await;
    });
}

impl Serving {
    /// A place for a connection, if there is one or another gives way.
    fn enter(&self, service: Service, peer: SocketAddr) -> Option<Slot> {
        let service = service.as_str();
        let Some((slot, evicts)) = self.slots.enter(peer.ip(), &self.stop) else {
            self.host.clone().count(Counter::Refused, 1);
            let why = format_args!("{service}: {peer} refused: all connections are taken");
            self.warnings.warn(why);
            return None;
        };
        if evicts {
            self.host.clone().count(Counter::Evicted, 1);
        }
        debug!("{peer} {service}: connected");
        Some(slot)
    }
}

/// The connections of a node, for those that come some other way than by its own sockets: over TLS, a Unix
/// socket, a serial line, a simulated network.
///
/// ```
/// use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
/// use unstick::Service;
/// use unstick_std::node::{Config, Node};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let node = Node::new(Config::new())?; // without sockets
/// let (mut here, there) = tokio::io::duplex(1024);
/// tokio::spawn(node.connections().serve(Service::Frame, "127.0.0.1:1".parse()?, there));
/// here.write_all(b"upper hello").await?;
/// let mut reply = [0; 9];
/// here.read_exact(&mut reply).await?;
/// assert_eq!(&reply, b"\x05\0\0\0HELLO");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connections(pub(super) Serving);

impl Connections {
    /// Serves a connection from `peer` until it is over, and shuts its writing side down; or does nothing
    /// where the node has as many as it may. It counts among them.
    ///
    /// Once the node stops it begins no new request; the node does not wait for it. Dropped, it is lost, and
    /// what it had begun is undone.
    pub fn serve<S>(
        &self,
        service: Service,
        peer: SocketAddr,
        stream: S,
    ) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let serving = self.0.clone();
        async move {
            let Some(slot) = serving.enter(service, peer) else { return };
            let Serving { host, clock, limits, .. } = serving;
            let streams = tokio::io::split(stream);
            connection::serve(service, peer, limits, clock, host, streams, slot).await;
        }
    }
}

/// Has the system take no more than it can send soon, so that what it takes is what the peer takes: a
/// deadline counts that, and so does a progress bar.
pub(crate) fn bound_unsent(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

fn report(service: Service, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!("{}: a connection failed: {error}", service.as_str());
    }
}

/// After the system has refused: on with the next where it is only this peer's fault, else a pause,
/// because without descriptors or memory it would refuse again at once.
async fn rest(service: Service, error: &io::Error, warnings: &WarningLimiter) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};

    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    ) {
        warnings.warn(format_args!("{}: {error}; waiting {PAUSE:?}", service.as_str()));
        tokio::time::sleep(PAUSE).await;
    }
}

/// Lets one warning through in a while, so that a flood does not fill the disk that logs are on.
#[derive(Default)]
pub(super) struct WarningLimiter(Mutex<LastWarning>);

#[derive(Default)]
struct LastWarning {
    last: Option<Instant>,
    left_out: u64,
}

impl WarningLimiter {
    fn warn(&self, what: fmt::Arguments<'_>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.last.is_some_and(|last| last.elapsed() < WARNINGS_APART) {
            told.left_out += 1;
            return;
        }
        told.last = Some(Instant::now());
        match core::mem::take(&mut told.left_out) {
            0 => warn!("{what}"),
            more => warn!("{what}; {more} warnings before this one were left out"),
        }
    }
}

/// Answers datagrams until the node stops.
pub(super) async fn answer(service: Service, mut socket: udp::Socket, mut serving: Serving) {
    let limit = serving.datagram;
    let (mut request, mut reply) = (vec![0; limit], vec![0; limit]);
    loop {
        let received = tokio::select! {
            received = socket.receive(&mut request) => received,
            () = serving.stop.cancelled() => return,
        };
        let (datagram, route) = match received {
            Ok(received) => received,
            Err(error) => {
                rest(service, &error, &serving.warnings).await;
                continue;
            }
        };
        if let Datagram::Truncated { len: Some(len), .. } = datagram {
            debug!(
                "{}: {len} bytes from {} are over the limit of {limit}",
                service.as_str(),
                route.peer
            );
        }
        let now = serving.clock.now();
        let udp::Route { peer, broadcast, .. } = route;
        let envelope =
            Envelope { from_port: peer.port(), own_ports: &serving.udp_ports, broadcast };
        let host = &mut serving.host;
        if let Some(endpoint) = Endpoint::udp(service) {
            host.visited(endpoint, peer);
        }
        let Some(len) = datagram::answer(service, now, host, envelope, datagram, &mut reply) else {
            continue;
        };
        if let Err(error) = socket.reply(&reply[..len], &route) {
            debug!("{}: no answer to {peer}: {error}", service.as_str());
            serving.host.count(Counter::Rejected, 1);
        }
    }
}
