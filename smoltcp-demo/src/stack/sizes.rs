//! The documented sizes: those of a device, which has no IPv6, as the TAP interface's smoltcp has.

use super::*;
use crate::{TcpBuffers, UdpBuffers, UdpSlots};
use core::mem::size_of;
use smoltcp::iface::SocketStorage;
use std::format;
use unstick::Node;
use unstick::datagram::ETHERNET;
use unstick::store::RamStore;

type Of<const TCP: usize, const UDP: usize> = Stack<'static, Node<RamStore<[u8; 0], 0>>, TCP, UDP>;

#[test]
fn the_documented_sizes_are_the_real_ones() {
    let connection = size_of::<Of<2, 0>>() - size_of::<Of<1, 0>>();
    let datagrams = size_of::<Of<0, 2>>() - size_of::<Of<0, 1>>();
    let slot = size_of::<UdpSlots<8>>() - size_of::<UdpSlots<7>>();
    assert_eq!(size_of::<UdpSlots<8>>(), slot * (8 + 1));
    assert_eq!(size_of::<TcpBuffers<2048, 1024>>(), 2048 + 1024);
    assert_eq!(size_of::<UdpBuffers<4096>>(), 4096 + ETHERNET);
    for row in [
        format!("| {slot} × (N + 1) | no |"),
        format!("| each socket | {} | no |", size_of::<SocketStorage<'_>>()),
        format!("| {} + {connection} × `TCP` + {datagrams} × `UDP` | no |", size_of::<Of<0, 0>>()),
    ] {
        assert!(include_str!("../lib.rs").contains(&row), "lib.rs does not say {row}");
    }
}
