//! The other end of the wire: makes the frames a node receives, reads those it sends.

use crate::memory::{ADDRESS, HARDWARE};
use crate::wire::Frame;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr,
    TcpSeqNumber, UdpPacket, UdpRepr,
};

const OUR_HARDWARE: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const OUR_ADDRESS: Ipv4Address = Ipv4Address::new(192, 168, 69, 2);
const OUR_PORT: u16 = 40_000;

/// Asks for the node's hardware address, and so announces ours.
pub fn ask(frame: &mut Frame) {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: OUR_HARDWARE,
        source_protocol_addr: OUR_ADDRESS,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: ADDRESS.address(),
    };
    ethernet(frame, EthernetProtocol::Arp, arp.buffer_len(), |bytes| {
        arp.emit(&mut ArpPacket::new_unchecked(bytes));
    });
}

/// A datagram.
pub fn datagram(frame: &mut Frame, port: u16, payload: &[u8]) {
    let udp = UdpRepr { src_port: OUR_PORT, dst_port: port };
    let len = udp.header_len() + payload.len();
    ipv4(frame, IpProtocol::Udp, len, |bytes| {
        udp.emit(
            &mut UdpPacket::new_unchecked(bytes),
            &OUR_ADDRESS.into(),
            &ADDRESS.address().into(),
            payload.len(),
            |space| space.copy_from_slice(payload),
            &ChecksumCapabilities::default(),
        );
    });
}

/// The payload of a datagram that the node has sent.
pub fn datagram_payload(frame: &Frame) -> Option<&[u8]> {
    let ip = sent(frame, IpProtocol::Udp)?;
    Some(UdpPacket::new_checked(ip.payload()).ok()?.payload())
}

/// A connection to the node.
#[derive(Clone, Debug)]
pub struct Connection {
    port: u16,
    next: TcpSeqNumber,
    seen: Option<TcpSeqNumber>,
}

impl Connection {
    /// One that is not open.
    pub const fn new(port: u16) -> Self {
        Self { port, next: TcpSeqNumber(0), seen: None }
    }

    /// Asks for it.
    pub fn open(&mut self, frame: &mut Frame) {
        self.segment(frame, TcpControl::Syn, &[]);
        self.next += 1;
    }

    /// Takes the node's answer to that.
    pub fn opened(&mut self, frame: &Frame) -> Option<()> {
        let answer = segment(frame)?;
        self.seen = Some(answer.seq_number() + 1);
        answer.syn().then_some(())
    }

    /// Says something, and that the last answer, of `answered` bytes, has come.
    pub fn say(&mut self, frame: &mut Frame, payload: &[u8], answered: usize) {
        self.seen = self.seen.map(|seen| seen + answered);
        self.segment(frame, TcpControl::Psh, payload);
        self.next += payload.len();
    }

    /// Ends it at once.
    pub fn reset(&self, frame: &mut Frame) {
        self.segment(frame, TcpControl::Rst, &[]);
    }

    fn segment(&self, frame: &mut Frame, control: TcpControl, payload: &[u8]) {
        let tcp = TcpRepr {
            src_port: OUR_PORT,
            dst_port: self.port,
            control,
            seq_number: self.next,
            ack_number: self.seen,
            window_len: 8192,
            window_scale: None,
            max_seg_size: (control == TcpControl::Syn).then_some(1460),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        };
        ipv4(frame, IpProtocol::Tcp, tcp.buffer_len(), |bytes| {
            tcp.emit(
                &mut TcpPacket::new_unchecked(bytes),
                &OUR_ADDRESS.into(),
                &ADDRESS.address().into(),
                &ChecksumCapabilities::default(),
            );
        });
    }
}

/// What the node has said in its last segment.
pub fn said(frame: &Frame) -> Option<&[u8]> {
    Some(segment(frame)?.payload())
}

fn segment(frame: &Frame) -> Option<TcpPacket<&[u8]>> {
    TcpPacket::new_checked(sent(frame, IpProtocol::Tcp)?.payload()).ok()
}

fn sent(frame: &Frame, protocol: IpProtocol) -> Option<Ipv4Packet<&[u8]>> {
    let ethernet = EthernetFrame::new_checked(frame.get()).ok()?;
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    (ip.next_header() == protocol).then_some(ip)
}

fn ipv4(frame: &mut Frame, protocol: IpProtocol, len: usize, emit: impl FnOnce(&mut [u8])) {
    let ip = Ipv4Repr {
        src_addr: OUR_ADDRESS,
        dst_addr: ADDRESS.address(),
        next_header: protocol,
        payload_len: len,
        hop_limit: 64,
    };
    ethernet(frame, EthernetProtocol::Ipv4, ip.buffer_len() + len, |bytes| {
        let mut packet = Ipv4Packet::new_unchecked(bytes);
        ip.emit(&mut packet, &ChecksumCapabilities::default());
        emit(packet.payload_mut());
    });
}

fn ethernet(
    frame: &mut Frame,
    ethertype: EthernetProtocol,
    len: usize,
    emit: impl FnOnce(&mut [u8]),
) {
    let ethernet = EthernetRepr { src_addr: OUR_HARDWARE, dst_addr: HARDWARE, ethertype };
    frame.len = ethernet.buffer_len() + len;
    let mut bytes = EthernetFrame::new_unchecked(&mut frame.bytes[..frame.len]);
    ethernet.emit(&mut bytes);
    emit(bytes.payload_mut());
}
