//! Frames as a neighbour of the board sends them.

use crate::world::BOARD;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr,
    TcpSeqNumber, UdpPacket, UdpRepr,
};
use unstick_firmware::node::ADDRESS;

/// Who sends them.
pub(crate) struct Neighbour {
    pub(crate) hardware: EthernetAddress,
    pub(crate) address: Ipv4Address,
}

/// One who answers nothing.
pub(crate) const NOBODY: Neighbour = Neighbour {
    hardware: EthernetAddress([2, 0, 0, 0, 0, 9]),
    address: Ipv4Address::new(10, 0, 2, 77),
};

/// A frame of this kind with a payload of zeros.
pub(crate) fn ethernet(from: &Neighbour, ethertype: EthernetProtocol, payload: usize) -> Vec<u8> {
    let ethernet = EthernetRepr { src_addr: from.hardware, dst_addr: BOARD, ethertype };
    let mut bytes = vec![0; ethernet.buffer_len() + payload];
    ethernet.emit(&mut EthernetFrame::new_unchecked(&mut bytes));
    bytes
}

fn packet(
    from: &Neighbour,
    next_header: IpProtocol,
    payload_len: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let ip = Ipv4Repr {
        src_addr: from.address,
        dst_addr: ADDRESS.address(),
        next_header,
        payload_len,
        hop_limit: 64,
    };
    let mut bytes = ethernet(from, EthernetProtocol::Ipv4, ip.buffer_len() + payload_len);
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[14..]);
    ip.emit(&mut packet, &Default::default());
    emit(packet.payload_mut());
    bytes
}

/// Nobody's datagram to a port.
pub(crate) fn datagram(dst_port: u16, len: usize) -> Vec<u8> {
    datagram_of(&NOBODY, dst_port, len)
}

/// A datagram to a port.
pub(crate) fn datagram_of(from: &Neighbour, dst_port: u16, len: usize) -> Vec<u8> {
    let udp = UdpRepr { src_port: 4000, dst_port };
    packet(from, IpProtocol::Udp, udp.header_len() + len, |bytes| {
        let (from, to) = (from.address.into(), ADDRESS.address().into());
        let fill = |payload: &mut [u8]| payload.fill(b'a');
        let mut packet = UdpPacket::new_unchecked(bytes);
        udp.emit(&mut packet, &from, &to, len, fill, &Default::default());
    })
}

/// Says where a neighbour is.
pub(crate) fn arp_reply(from: &Neighbour) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: from.hardware,
        source_protocol_addr: from.address,
        target_hardware_addr: BOARD,
        target_protocol_addr: ADDRESS.address(),
    };
    let mut bytes = ethernet(from, EthernetProtocol::Arp, arp.buffer_len());
    arp.emit(&mut ArpPacket::new_unchecked(&mut bytes[14..]));
    bytes
}

/// Nobody's wish to connect to a port.
pub(crate) fn syn(dst_port: u16, src_port: u16) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port,
        dst_port,
        control: TcpControl::Syn,
        window_len: 1000,
        max_seg_size: Some(1460),
        ..PLAIN
    };
    segment(&NOBODY, &tcp)
}

/// A segment that says nothing.
pub(crate) const PLAIN: TcpRepr<'static> = TcpRepr {
    src_port: 0,
    dst_port: 0,
    control: TcpControl::None,
    seq_number: TcpSeqNumber(1),
    ack_number: None,
    window_len: 0,
    window_scale: None,
    max_seg_size: None,
    sack_permitted: false,
    sack_ranges: [None; 3],
    timestamp: None,
    payload: &[],
};

pub(crate) fn segment(from: &Neighbour, tcp: &TcpRepr<'_>) -> Vec<u8> {
    packet(from, IpProtocol::Tcp, tcp.buffer_len(), |bytes| {
        let (from, to) = (from.address.into(), ADDRESS.address().into());
        tcp.emit(&mut TcpPacket::new_unchecked(bytes), &from, &to, &Default::default());
    })
}
