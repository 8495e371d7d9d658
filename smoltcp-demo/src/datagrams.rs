//! The datagram services: one UDP socket.

use crate::memory::SEND_SLOTS;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::udp::{Socket, UdpMetadata};
use smoltcp::time::Instant;
use unstick::datagram::{Budget, BudgetError, Datagram, Envelope, Ip, answer};
use unstick::host::Counter;
use unstick::limits::NEIGHBOR;
use unstick::{Endpoint, Host, Service};

/// A datagram service on a port.
pub(crate) struct Datagrams {
    service: Service,
    port: u16,
    handle: SocketHandle,
    limit: usize,
    /// Since when a reply has waited to be sent, as far as was seen.
    waiting: Option<Instant>,
}

impl Datagrams {
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
        socket.can_recv() && socket.can_send()
    }

    /// Whether a reply waited to be sent when this last looked.
    pub(crate) const fn has_waited(&self) -> bool {
        self.waiting.is_some()
    }

    /// Whether a reply waits to be sent. The send ring has one slot, so that an empty reply is seen
    /// as well.
    pub(crate) fn is_waiting(&self, sockets: &SocketSet<'_>) -> bool {
        !sockets.get::<Socket<'_>>(self.handle).can_send()
    }

    /// Answers one datagram, if there is one that can be answered.
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
    ) -> Answered {
        let socket = sockets.get_mut::<Socket<'_>>(self.handle);
        if !socket.can_send() {
            if now >= *self.waiting.get_or_insert(now) + NEIGHBOR.into() {
                host.count(Counter::Rejected, 1);
                // There is no other way to take a reply back, and it takes with it what has come.
                while socket.recv().is_ok() {
                    host.count(Counter::Rejected, 1);
                }
                socket.close();
                let _ = socket.bind(self.port);
            }
            return Answered { any: false, left: socket.can_recv() };
        }
        self.waiting = None;
        if !socket.can_recv() {
            return Answered::default(); // which is cheaper than to receive nothing
        }
        let Ok((bytes, from)) = socket.recv() else { return Answered::default() };
        let output = output.get_mut(..self.limit).unwrap_or_default();
        let head = bytes.get(..self.limit).unwrap_or(bytes);
        let datagram = Datagram::received(head, bytes.len());
        let to_us = from.local_address.is_none_or(|address| iface.has_ip_addr(address));
        let envelope = Envelope { from_port: from.endpoint.port, own_ports, broadcast: !to_us };
        let now = crate::core_time(now);
        if let Some(endpoint) = Endpoint::udp(self.service) {
            host.visited(endpoint, from.endpoint.into());
        }
        if let Some(len) = answer(self.service, now, host, envelope, datagram, output) {
            let reply = output.get(..len).unwrap_or_default();
            let to = UdpMetadata { meta: Default::default(), ..from };
            if socket.send_slice(reply, to).is_err() {
                host.count(Counter::Rejected, 1);
            }
        }
        Answered { any: true, left: socket.can_recv() }
    }
}

/// What has come of the datagrams of a socket.
#[derive(Clone, Copy, Default)]
pub(crate) struct Answered {
    /// Whether one has been answered.
    pub(crate) any: bool,
    /// Whether there are some left to be.
    pub(crate) left: bool,
}

/// The largest datagram in bytes that a socket with a send ring of `ring` bytes sends over IPv4
/// packets of at most `mtu` bytes, one at a time and in one piece; this build of smoltcp has no
/// fragments.
pub const fn datagram_limit(mtu: usize, ring: usize) -> Result<usize, BudgetError> {
    // Nothing else is in the ring, so no padding wants the second slot.
    received_limit(mtu, ring, SEND_SLOTS + 1)
}

/// The largest datagram in bytes that a receive ring holds, with `slots` metadata slots.
pub(crate) const fn received_limit(
    mtu: usize,
    ring: usize,
    slots: usize,
) -> Result<usize, BudgetError> {
    Budget { mtu, ip: Ip::V4, fragments: None, ring, slots }.payload(1)
}
