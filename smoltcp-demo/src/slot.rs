//! One socket of a stack, and the connection that it has come to be.

use crate::connection::{Connection, Scratch};
use crate::{core_time, stack_time};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{ListenError, Socket, State};
use smoltcp::time::Instant;
use unstick::limits::{HANDSHAKE, Limits, SILENCE};
use unstick::{Endpoint, Host, Serve, Service};

/// One socket that listens, or the connection it has come to be.
pub(crate) struct Slot<S> {
    pub(crate) service: Service,
    pub(crate) port: u16,
    pub(crate) handle: SocketHandle,
    /// Whether it did not just listen when it was last looked at.
    pub(crate) in_use: bool,
    /// The number of the connection that a client had begun when this socket was last free.
    pub(crate) begun: u32,
    pub(crate) connection: Option<Connection<S>>,
}

impl<S> Slot<S> {
    /// Begins the session of a client that has come, and moves what bytes can be moved.
    pub(crate) fn poll<H: Host>(
        &mut self,
        now: Instant,
        host: &mut H,
        socket: &mut Socket<'_>,
        scratch: &mut Scratch<'_>,
        limits: &Limits,
    ) -> Option<Instant>
    where
        S: Serve<H>,
    {
        if self.connection.is_none() && is_connected(socket) {
            socket.set_timeout(Some(SILENCE.into()));
            self.begin(core_time(now), limits);
        }
        let connection = self.connection.as_mut()?;
        if let Some(peer) = socket.remote_endpoint() {
            host.visited(Endpoint::tcp(self.service), peer.into());
        }
        connection.poll(core_time(now), host, socket, scratch).map(stack_time)
    }

    /// Not inlined, or the stack that a session is made on would be taken for as long as it runs.
    #[inline(never)]
    fn begin<H: Host>(&mut self, now: unstick::Instant, limits: &Limits)
    where
        S: Serve<H>,
    {
        let session = S::begin(self.service, *limits);
        self.connection = Some(Connection::at(now, session));
    }

    /// Listens again after whatever end: closed by both, reset, given up, never finished. A socket
    /// in TIME-WAIT is taken too, there are so few: a peer that missed our last acknowledgement
    /// gets a reset, and has closed anyway.
    pub(crate) fn renew<H: Host>(
        &mut self,
        now: Instant,
        host: &mut H,
        socket: &mut Socket<'_>,
        finishing: bool,
    ) where
        S: Serve<H>,
    {
        if socket.is_open() {
            return;
        }
        if let Some(connection) = &mut self.connection {
            connection.abort(core_time(now), host);
        }
        self.connection = None; // not `take`, which puts the session on the stack
        if !finishing {
            let _ = listen(socket, self.port);
        }
    }
}

pub(crate) fn listen(socket: &mut Socket<'_>, port: u16) -> Result<(), ListenError> {
    socket.set_timeout(Some(HANDSHAKE.into()));
    socket.listen(port)
}

/// Whether a client has come.
fn is_connected(socket: &Socket<'_>) -> bool {
    socket.is_active() && socket.state() != State::SynReceived
}
