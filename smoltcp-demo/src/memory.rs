//! The memory of sockets, which the caller owns.

use crate::datagrams::{datagram_limit, received_limit};
use smoltcp::socket::{tcp, udp};
use unstick::datagram::ETHERNET;
use unstick::limits::REQUEST;

/// Bytes of an IP packet on Ethernet.
const MTU: usize = 1500;

/// Metadata slots of a UDP send ring: one reply waits at a time. It is written into an empty ring, so
/// no padding takes a second.
pub(crate) const SEND_SLOTS: usize = 1;

/// The rings of one TCP socket, in bytes. All zero, so that a `static` of it takes no flash.
///
/// The receive ring bounds what a peer may send ahead, and is more than a bare request's limit, so
/// that one over the limit is seen as such: anything else does not compile.
#[derive(Debug)]
pub struct TcpBuffers<const RECEIVE: usize, const SEND: usize> {
    receive: [u8; RECEIVE],
    send: [u8; SEND],
}

impl<const RECEIVE: usize, const SEND: usize> TcpBuffers<RECEIVE, SEND> {
    /// Empty rings.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(RECEIVE > REQUEST, "a TCP receive ring must be longer than a request") };
        const { assert!(SEND > 0, "a TCP send ring must not be empty") };
        Self { receive: [0; RECEIVE], send: [0; SEND] }
    }

    /// A socket on these rings.
    pub fn socket(&mut self) -> tcp::Socket<'_> {
        let Self { receive, send } = self;
        tcp::Socket::new(
            tcp::SocketBuffer::new(receive.as_mut_slice()),
            tcp::SocketBuffer::new(send.as_mut_slice()),
        )
    }
}

impl<const RECEIVE: usize, const SEND: usize> Default for TcpBuffers<RECEIVE, SEND> {
    fn default() -> Self {
        Self::new()
    }
}

/// The rings of one UDP socket: `RECEIVE` bytes for datagrams that wait, and one reply. All zero,
/// so that a `static` of it takes no flash.
#[derive(Debug)]
pub struct UdpBuffers<const RECEIVE: usize> {
    receive: [u8; RECEIVE],
    send: [u8; ETHERNET],
}

/// The metadata of one UDP socket. It is not zero, so a `static` of it takes flash: keep it apart
/// from the buffers.
#[derive(Debug)]
pub struct UdpSlots<const RECEIVE: usize> {
    receive: [udp::PacketMetadata; RECEIVE],
    send: [udp::PacketMetadata; SEND_SLOTS],
}

impl<const RECEIVE: usize> UdpBuffers<RECEIVE> {
    /// Empty rings.
    #[must_use]
    pub const fn new() -> Self {
        Self { receive: [0; RECEIVE], send: [0; ETHERNET] }
    }

    /// A socket on these rings. A receive ring that cannot hold the largest datagram of an Ethernet
    /// would drop it in silence: it does not compile.
    pub fn socket<'a, const SLOTS: usize>(
        &'a mut self,
        slots: &'a mut UdpSlots<SLOTS>,
    ) -> udp::Socket<'a> {
        const {
            let limit = received_limit(MTU, RECEIVE, SLOTS);
            assert!(matches!(limit, Ok(ETHERNET)), "a UDP receive ring or its slots are too small");
        }
        const { assert!(matches!(datagram_limit(MTU, ETHERNET), Ok(ETHERNET))) };
        let Self { receive, send } = self;
        udp::Socket::new(
            udp::PacketBuffer::new(slots.receive.as_mut_slice(), receive.as_mut_slice()),
            udp::PacketBuffer::new(slots.send.as_mut_slice(), send.as_mut_slice()),
        )
    }
}

impl<const RECEIVE: usize> Default for UdpBuffers<RECEIVE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const RECEIVE: usize> UdpSlots<RECEIVE> {
    /// Slots for one datagram less than their number, because padding may need one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            receive: [udp::PacketMetadata::EMPTY; RECEIVE],
            send: [udp::PacketMetadata::EMPTY; SEND_SLOTS],
        }
    }
}

impl<const RECEIVE: usize> Default for UdpSlots<RECEIVE> {
    fn default() -> Self {
        Self::new()
    }
}
