//! The desktop's node, on a system that is simulated down to its sockets.
//!
//! The node is the one of `unstick-std`, each connection a task of it; what it takes for a stream of the
//! system is a smoltcp socket here, and the system's buffers are two queues.

use crate::network::Nic;
use crate::{address, interface, secret};
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::{Duration, Instant};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use unstick::keys::Key;
use unstick::{Endpoint, Service};
use unstick_std::keys::NodeKeys;
use unstick_std::node::{Config, Connections, Node, Storage, demo};

/// Bytes of the longest file.
pub const FILE: usize = 64 * 1024;

/// Connections that wait or are served, for each service.
const BACKLOG: usize = 6;
/// Bytes of each ring.
const RING: usize = 16 * 1024;
/// Bytes of each of the system's buffers.
const BUFFER: usize = 32 * 1024;
/// After how long without an answer the system gives a peer up.
const GIVE_UP: Duration = Duration::from_secs(900);

pub struct Desktop {
    node: Connections,
    sockets: SocketSet<'static>,
    iface: Interface,
    nic: Nic,
    lines: Vec<Line>,
    /// Told when the node has written, or dropped a stream.
    outward: Arc<Notify>,
}

/// A socket of the system's, and whoever has come by it.
struct Line {
    service: Service,
    handle: SocketHandle,
    guest: Option<(Arc<Mutex<Pipe>>, JoinHandle<()>)>,
}

impl Desktop {
    /// With a key, if it asks for one.
    pub fn start(
        mut nic: Nic,
        now: Instant,
        seed: u64,
        outward: Arc<Notify>,
        key: Option<Key>,
    ) -> Self {
        let mut config = Config::new().files(Storage::Memory { largest: FILE }).name("desktop");
        config.keys = key.map(|key| NodeKeys::seeded([key], secret(seed)));
        let node = Node::new(demo::with_commands(config)).expect("it can be made").connections();
        let mut sockets = SocketSet::new(Vec::new());
        let lines = Service::ALL.into_iter().flat_map(|service| [service; BACKLOG]);
        let lines = lines.map(|service| {
            let ring = || tcp::SocketBuffer::new(vec![0; RING]);
            let mut socket = tcp::Socket::new(ring(), ring());
            socket.set_nagle_enabled(false);
            socket.set_timeout(Some(GIVE_UP));
            listen(&mut socket, service);
            Line { service, handle: sockets.add(socket), guest: None }
        });
        let lines = lines.collect();
        let iface = interface(&mut nic, address::DESKTOP, now, seed);
        Self { node, sockets, iface, nic, lines, outward }
    }

    /// Returns when to call again.
    pub fn poll(&mut self, now: Instant) -> Option<Instant> {
        let Self { sockets, iface, nic, lines, .. } = self;
        iface.poll(now, nic, sockets);
        for line in lines {
            line.poll(sockets.get_mut(line.handle), &self.node, &self.outward);
        }
        iface.poll(now, nic, sockets);
        iface.poll_at(now, sockets)
    }

    /// Connections that the node has not ended; those that the system has still to end are not its own.
    pub fn taken(&self) -> usize {
        let tasks = self.lines.iter().filter_map(|line| line.guest.as_ref());
        tasks.filter(|(_, task)| !task.is_finished()).count()
    }
}

fn listen(socket: &mut tcp::Socket<'_>, service: Service) {
    socket.listen(Endpoint::tcp(service).port()).expect("it is closed, and the port is not 0");
}

impl Line {
    fn poll(&mut self, socket: &mut tcp::Socket<'_>, node: &Connections, outward: &Arc<Notify>) {
        if self.guest.is_none() && socket.is_active() && socket.state() != State::SynReceived {
            let peer = socket.remote_endpoint().expect("it is connected");
            let pipe = Arc::new(Mutex::new(Pipe::default()));
            let stream = Stream { pipe: Arc::clone(&pipe), outward: Arc::clone(outward) };
            let peer = SocketAddr::from(peer);
            let task = tokio::spawn(node.serve(self.service, peer, stream));
            self.guest = Some((pipe, task));
        }
        if let Some((pipe, task)) = &self.guest {
            lock(pipe).exchange(socket);
            if task.is_finished() && (!socket.is_open() || socket.state() == State::TimeWait) {
                self.guest = None;
            }
        }
        if self.guest.is_none() && (!socket.is_open() || socket.state() == State::TimeWait) {
            socket.abort();
            listen(socket, self.service);
        }
    }
}

/// What a system keeps of a connection: what has come and was not read, what was written and has not left.
#[derive(Default)]
struct Pipe {
    came: VecDeque<u8>,
    /// The peer has shut its side down.
    ended: bool,
    leaves: VecDeque<u8>,
    /// The node has shut its side down, or dropped the stream.
    shut: bool,
    dropped: bool,
    /// The connection is gone.
    lost: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    /// Moves what can be moved between the system's buffers and the socket.
    fn exchange(&mut self, socket: &mut tcp::Socket<'_>) {
        while !self.dropped && self.came.len() < BUFFER && socket.can_recv() {
            let _ = socket.recv(|bytes| {
                self.came.extend(&*bytes);
                (bytes.len(), ())
            });
            self.wake_reader();
        }
        if !self.ended && !socket.may_recv() && socket.recv_queue() == 0 {
            self.ended = true;
            self.wake_reader();
        }
        while let (piece @ [_, ..], _) = self.leaves.as_slices() {
            let Ok(len @ 1..) = socket.send_slice(piece) else { break };
            self.leaves.drain(..len);
            self.writer.take().into_iter().for_each(Waker::wake);
        }
        if socket.state() == State::Closed && !self.lost {
            self.lost = true;
            self.leaves.clear();
            self.wake_reader();
            self.writer.take().into_iter().for_each(Waker::wake);
        }
        if self.dropped && (!self.came.is_empty() || socket.can_recv()) {
            socket.abort(); // as systems do when what came was not read
        } else if self.shut && self.leaves.is_empty() {
            socket.close();
        }
    }

    fn wake_reader(&mut self) {
        self.reader.take().into_iter().for_each(Waker::wake);
    }
}

/// What the node has of a connection.
struct Stream {
    pipe: Arc<Mutex<Pipe>>,
    outward: Arc<Notify>,
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = lock(&self.pipe);
        let len = pipe.came.len().min(buffer.remaining());
        if len > 0 {
            let bytes: Vec<u8> = pipe.came.drain(..len).collect();
            buffer.put_slice(&bytes);
            self.outward.notify_one(); // there is space again
        } else if pipe.lost {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        } else if !pipe.ended {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = lock(&self.pipe);
        if pipe.lost || pipe.shut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let len = bytes.len().min(BUFFER.saturating_sub(pipe.leaves.len()));
        if len == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        pipe.leaves.extend(&bytes[..len]);
        self.outward.notify_one();
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.pipe).shut = true;
        self.outward.notify_one();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut pipe = lock(&self.pipe);
        (pipe.shut, pipe.dropped) = (true, true);
        self.outward.notify_one();
    }
}
