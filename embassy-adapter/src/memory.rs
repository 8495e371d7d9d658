//! The memory of sockets, which the caller owns.

use embassy_net::udp::PacketMetadata;
use unstick::datagram::{Budget, ETHERNET, Ip};
use unstick::limits::REQUEST;

/// What one connection is served in, in bytes: the rings of its socket, and as much again between
/// socket and session. All zero, so that a `static` of it takes no flash.
///
/// The receive ring bounds what a peer may send ahead, and is more than a bare request's limit, so
/// that one over the limit is seen as such: anything else does not compile.
#[derive(Debug)]
pub struct TcpBuffers<const RECEIVE: usize, const SEND: usize> {
    pub(crate) receive: [u8; RECEIVE],
    pub(crate) send: [u8; SEND],
    /// As long as the receive ring, or a bare request may be torn (rule B1).
    pub(crate) input: [u8; RECEIVE],
    pub(crate) output: [u8; SEND],
}

impl<const RECEIVE: usize, const SEND: usize> TcpBuffers<RECEIVE, SEND> {
    /// Empty buffers.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(RECEIVE > REQUEST, "a TCP receive ring must be longer than a request") };
        const { assert!(SEND > 0, "a TCP send ring must not be empty") };
        Self { receive: [0; RECEIVE], send: [0; SEND], input: [0; RECEIVE], output: [0; SEND] }
    }
}

impl<const RECEIVE: usize, const SEND: usize> Default for TcpBuffers<RECEIVE, SEND> {
    fn default() -> Self {
        Self::new()
    }
}

/// What one datagram service is served in, in bytes: `RING` for datagrams that wait, as much for
/// replies that do, and the reply that is being written. All zero, so that a `static` of it takes no
/// flash.
///
/// A ring that the largest datagram of an Ethernet does not fit does not compile. Two of them or more
/// are better: what comes while a reply waits for its receiver's hardware address waits too.
#[derive(Debug)]
pub struct UdpBuffers<const RING: usize> {
    pub(crate) receive: [u8; RING],
    pub(crate) send: [u8; RING],
    pub(crate) output: [u8; ETHERNET],
}

impl<const RING: usize> UdpBuffers<RING> {
    /// Empty buffers.
    #[must_use]
    pub const fn new() -> Self {
        const {
            let ring = Budget { mtu: 1500, ip: Ip::V4, fragments: None, ring: RING, slots: 2 };
            assert!(matches!(ring.payload(1), Ok(ETHERNET)), "a ring of datagrams is too small");
        }
        Self { receive: [0; RING], send: [0; RING], output: [0; ETHERNET] }
    }
}

impl<const RING: usize> Default for UdpBuffers<RING> {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the datagrams of one service begin and where they go, in both rings. It is not zero, so a
/// `static` of it takes flash: keep it apart from the buffers.
#[derive(Debug)]
pub struct UdpSlots<const SLOTS: usize> {
    pub(crate) receive: [PacketMetadata; SLOTS],
    pub(crate) send: [PacketMetadata; SLOTS],
}

impl<const SLOTS: usize> UdpSlots<SLOTS> {
    /// Slots for one datagram less than their number, because padding may need one.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(SLOTS > 1, "padding may need a slot: give a datagram service two or more") };
        Self { receive: [PacketMetadata::EMPTY; SLOTS], send: [PacketMetadata::EMPTY; SLOTS] }
    }
}

impl<const SLOTS: usize> Default for UdpSlots<SLOTS> {
    fn default() -> Self {
        Self::new()
    }
}
