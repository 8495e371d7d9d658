//! The datagram services: one UDP socket.

use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::udp::{Socket, UdpMetadata};
use smoltcp::time::{Duration, Instant};
use unstick::datagram::{Budget, BudgetError, Datagram, Ip, Sender, answer};
use unstick::host::Event;
use unstick::{Host, Service};

/// How long a reply waits for the stack to learn its receiver's hardware address. Two questions a
/// second apart fit in. Then it is dropped: smoltcp would keep it, and with it all the replies
/// behind it, for ever, so that one forged sender could silence the service.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A datagram service on a port.
pub(crate) struct Datagrams {
    service: Service,
    port: u16,
    handle: SocketHandle,
    limit: usize,
    waiting: Option<Instant>,
}

impl Datagrams {
    /// The port it answers on.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) const fn new(
        service: Service,
        port: u16,
        handle: SocketHandle,
        limit: usize,
    ) -> Self {
        Self { service, port, handle, limit, waiting: None }
    }

    /// Whether there is one that could be answered now.
    pub(crate) fn is_ready(&self, sockets: &SocketSet<'_>) -> bool {
        let socket = sockets.get::<Socket<'_>>(self.handle);
        socket.can_recv() && socket.send_queue() == 0
    }

    /// Answers one datagram; whether there was one that could be answered.
    ///
    /// One that comes while a reply is still in the send ring stays queued: so the ring is empty
    /// when a reply is written, and any reply fits.
    pub(crate) fn answer<H: Host>(
        &mut self,
        now: Instant,
        host: &mut H,
        iface: &Interface,
        sockets: &mut SocketSet<'_>,
        own_ports: &[u16],
        output: &mut [u8],
    ) -> bool {
        let socket = sockets.get_mut::<Socket<'_>>(self.handle);
        if socket.send_queue() > 0 || !socket.can_send() {
            if now >= *self.waiting.get_or_insert(now) + PATIENCE {
                // There is no other way to take a datagram back.
                socket.close();
                let _ = socket.bind(self.port);
                host.count(Event::Rejected, 1);
            }
            return false;
        }
        self.waiting = None;
        let Ok((bytes, from)) = socket.recv() else { return false };
        let output = output.get_mut(..self.limit).unwrap_or_default();
        let head = bytes.get(..self.limit).unwrap_or(bytes);
        let datagram = Datagram::received(head, bytes.len());
        let sender = Sender { port: from.endpoint.port, own: own_ports };
        let now = crate::core_time(now);
        if let Some(len) = answer(self.service, now, host, sender, datagram, output) {
            // What came by broadcast is answered from our own address.
            let own = from.local_address.filter(|address| iface.has_ip_addr(*address));
            let to = UdpMetadata { local_address: own, ..UdpMetadata::from(from.endpoint) };
            let reply = output.get(..len).unwrap_or_default();
            if socket.send_slice(reply, to).is_err() {
                host.count(Event::Rejected, 1);
            }
        }
        true
    }
}

/// The largest datagram in bytes that a socket with a send ring of `ring` bytes and `slots` metadata
/// slots sends over IPv4 packets of at most `mtu` bytes, one at a time and in one piece; this build
/// of smoltcp has no fragments.
pub const fn datagram_limit(mtu: usize, ring: usize, slots: usize) -> Result<usize, BudgetError> {
    Budget { mtu, ip: Ip::V4, fragments: None, ring, slots }.payload(1)
}
