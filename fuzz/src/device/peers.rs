//! Those who talk to the node: what they send, made of a few bytes, and what they know of what it said.

use super::{FRAME, NODE, NODE_MAC};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::time::Duration;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4Packet, Icmpv4Repr, IpAddress, IpProtocol, Ipv4Address, Ipv4Packet,
    Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket, UdpRepr,
};
use unstick::{Endpoint, Service};

const PEER: Ipv4Address = Ipv4Address::new(192, 168, 69, 100);
const PEER_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 100]);

/// Connections that peers have, each to another service; the last two to the command service.
const FLOWS: usize = 5;
/// The one to the echo service.
pub(super) const ECHO: usize = 0;

/// What is asked where no bytes of the input's own are sent.
const MENU: [&[u8]; 12] = [
    b"upper hello",
    b"info",
    b"get a",
    b"count 120",
    b"wait 250",
    b"\x1c\0\0\0{\"id\":1,\"command\":\"upper a\"",
    b"\x1c\0\0\0{\"id\":1,\"command\":\"upper a\"}",
    b"\x29\0\0\0{\"id\":2,\"command\":\"put a\",\"total_size\":3}abc",
    b"\x2b\0\0\0{\"id\":3,\"command\":\"put a\",\"total_size\":200}   ab",
    b"\x1a\0\0\0{\"id\":4,\"command\":\"get a\"}",
    b"\x1e\0\0\0{\"id\":5,\"command\":\"wait 1000\"}",
    b"\x1e\0\0\0{\"id\":6,\"command\":\"count 120\"}",
];

/// Something that happens: a frame comes, or none, and time passes.
#[derive(Default)]
pub(super) struct Event {
    pub(super) frame: Option<Vec<u8>>,
    pub(super) passed: Duration,
}

pub(super) struct Peers {
    flows: [Flow; FLOWS],
    /// The number of the last connection.
    last: u16,
}

/// A connection, as its client sees it.
#[derive(Clone)]
struct Flow {
    service: Service,
    port: u16,
    seq: TcpSeqNumber,
    /// The next byte that the node is to send.
    ack: Option<TcpSeqNumber>,
    heard: Vec<u8>,
}

impl Peers {
    pub(super) fn new() -> Self {
        let services = [Service::Echo, Service::Frame, Service::Message, Service::Command];
        let flows = core::array::from_fn(|index| Flow {
            service: *services.get(index).unwrap_or(&Service::Command),
            port: 0,
            seq: TcpSeqNumber(0),
            ack: None,
            heard: Vec::new(),
        });
        Self { flows, last: 0 }
    }

    /// The next event, taken off the input. Its first byte is what happens, below 8, and to which
    /// connection or how.
    pub(super) fn event(&mut self, input: &mut &[u8]) -> Option<Event> {
        let [kind, rest @ ..] = *input else { return None };
        *input = rest;
        let how = usize::from(kind >> 3);
        let flow = how % FLOWS;
        let mut event = Event::default();
        event.frame = Some(match kind % 8 {
            0 => self.begin(flow),
            1 => self.say(flow, MENU[usize::from(byte(input)) % MENU.len()]),
            2 => self.say(flow, take(input)),
            3 => {
                // Any flags, at a distance from where it should be, with any window.
                let (flags, distance, window) = (byte(input), byte(input) as i8, byte(input));
                let bytes = take(input);
                self.segment(flow, flags, distance, u16::from(window) << 4, bytes)
            }
            4 => match how % 4 {
                0 => arp(byte(input)),
                1 => ping(take(input)),
                _ => take(input).to_vec(),
            },
            5 => datagram(how % 2 == 0, how & 2 != 0, take(input)),
            6 => {
                // One of the frames of the other kinds, and some bits of it are wrong.
                let (at, bits) = (usize::from(byte(input)), byte(input));
                let Some(Event { frame: Some(mut frame), .. }) = self.event(input) else {
                    return None;
                };
                let at = at % frame.len().max(1);
                frame.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bits);
                frame
            }
            _ => {
                event.passed = Duration::from_millis(1 << (how / 2)); // up to 32 s
                return Some(event);
            }
        });
        Some(event)
    }

    /// A client begins a connection.
    pub(super) fn begin(&mut self, flow: usize) -> Vec<u8> {
        self.last = self.last.wrapping_add(1);
        let seq = TcpSeqNumber(i32::from(self.last).wrapping_mul(0x1000_0001));
        let port = 49152 | self.last;
        self.flows[flow] =
            Flow { port, seq, ack: None, heard: Vec::new(), ..self.flows[flow].clone() };
        let syn = self.flows[flow].repr(TcpControl::Syn, 4096, b"");
        self.flows[flow].seq += 1;
        tcp(&syn)
    }

    /// A client acknowledges what it heard, and says more.
    pub(super) fn say(&mut self, flow: usize, bytes: &[u8]) -> Vec<u8> {
        let flow = &mut self.flows[flow];
        let frame = tcp(&flow.repr(TcpControl::Psh, 4096, bytes));
        flow.seq += bytes.len();
        frame
    }

    /// Four bits of flags say which control it has, and whether it counts.
    fn segment(
        &mut self,
        flow: usize,
        flags: u8,
        distance: i8,
        window: u16,
        bytes: &[u8],
    ) -> Vec<u8> {
        let flow = &mut self.flows[flow];
        let control = match flags & 7 {
            0 | 1 => TcpControl::None,
            2 => TcpControl::Syn,
            3 => TcpControl::Rst,
            4 => TcpControl::Psh,
            _ => TcpControl::Fin,
        };
        let mut repr = flow.repr(control, window, bytes);
        repr.seq_number = TcpSeqNumber(repr.seq_number.0.wrapping_add(i32::from(distance)));
        if flags & 8 != 0 {
            flow.seq += repr.segment_len();
        }
        if flags & 16 != 0 {
            repr.ack_number = None;
        }
        tcp(&repr)
    }

    /// Takes in what the node sent, all of which is well formed.
    pub(super) fn hear(&mut self, frame: &[u8]) {
        assert!(frame.len() <= FRAME);
        let frame = EthernetFrame::new_checked(frame).expect("a frame");
        assert_eq!(frame.src_addr(), NODE_MAC);
        if frame.ethertype() == EthernetProtocol::Arp {
            let packet = ArpPacket::new_checked(frame.payload()).expect("a packet");
            ArpRepr::parse(&packet).expect("a question or answer");
            return;
        }
        assert_eq!(frame.ethertype(), EthernetProtocol::Ipv4);
        let packet = Ipv4Packet::new_checked(frame.payload()).expect("a packet");
        let checks = ChecksumCapabilities::default();
        let ip = Ipv4Repr::parse(&packet, &checks).expect("a header");
        assert_eq!(ip.src_addr, NODE);
        let (from, to) = (IpAddress::Ipv4(ip.src_addr), IpAddress::Ipv4(ip.dst_addr));
        match ip.next_header {
            IpProtocol::Tcp => {
                let segment = TcpPacket::new_checked(packet.payload()).expect("a segment");
                let tcp = TcpRepr::parse(&segment, &from, &to, &checks).expect("a header");
                self.flows.iter_mut().for_each(|flow| flow.hear(&tcp));
            }
            IpProtocol::Udp => {
                let datagram = UdpPacket::new_checked(packet.payload()).expect("a datagram");
                UdpRepr::parse(&datagram, &from, &to, &checks).expect("a header");
            }
            IpProtocol::Icmp => {
                let packet = Icmpv4Packet::new_checked(packet.payload()).expect("a packet");
                assert!(packet.verify_checksum());
            }
            other => panic!("it speaks {other}"),
        }
    }

    /// What the node has said on a connection.
    pub(super) fn heard(&self, flow: usize) -> &[u8] {
        &self.flows[flow].heard
    }
}

impl Flow {
    fn repr<'a>(&self, control: TcpControl, window_len: u16, payload: &'a [u8]) -> TcpRepr<'a> {
        TcpRepr {
            src_port: self.port,
            dst_port: Endpoint::tcp(self.service).port(),
            control,
            seq_number: self.seq,
            ack_number: if control == TcpControl::Syn { None } else { self.ack },
            window_len,
            window_scale: None,
            max_seg_size: None,
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        }
    }

    fn hear(&mut self, tcp: &TcpRepr<'_>) {
        let service = Endpoint::tcp(self.service).port();
        if (tcp.src_port, tcp.dst_port) != (service, self.port) || tcp.control == TcpControl::Rst {
            return;
        }
        if tcp.control == TcpControl::Syn || self.ack == Some(tcp.seq_number) {
            self.ack = Some(tcp.seq_number + tcp.segment_len());
            self.heard.extend_from_slice(tcp.payload);
        }
    }
}

fn byte(input: &mut &[u8]) -> u8 {
    let Some((byte, rest)) = input.split_first() else { return 0 };
    *input = rest;
    *byte
}

/// As many bytes as the next one says, eight times as many if it is over 128.
fn take<'a>(input: &mut &'a [u8]) -> &'a [u8] {
    let len = match usize::from(byte(input)) {
        len @ 128.. => (len - 128) * 8,
        len => len,
    };
    let (bytes, rest) = input.split_at(len.min(input.len()));
    *input = rest;
    bytes
}

fn ethernet(ethertype: EthernetProtocol, len: usize, write: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let repr = EthernetRepr { src_addr: PEER_MAC, dst_addr: NODE_MAC, ethertype };
    let mut bytes = vec![0; repr.buffer_len() + len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    repr.emit(&mut frame);
    write(frame.payload_mut());
    bytes
}

fn ipv4(next_header: IpProtocol, payload_len: usize, write: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let repr = Ipv4Repr { src_addr: PEER, dst_addr: NODE, next_header, payload_len, hop_limit: 64 };
    ethernet(EthernetProtocol::Ipv4, repr.buffer_len() + payload_len, |bytes| {
        let mut packet = Ipv4Packet::new_unchecked(bytes);
        repr.emit(&mut packet, &ChecksumCapabilities::default());
        write(packet.payload_mut());
    })
}

fn tcp(repr: &TcpRepr<'_>) -> Vec<u8> {
    ipv4(IpProtocol::Tcp, repr.buffer_len(), |bytes| {
        let mut segment = TcpPacket::new_unchecked(bytes);
        let checks = ChecksumCapabilities::default();
        repr.emit(&mut segment, &PEER.into(), &NODE.into(), &checks);
    })
}

/// To the echo service or the command service; from a port of a peer's or the service's own.
fn datagram(echo: bool, own_port: bool, payload: &[u8]) -> Vec<u8> {
    let [one, other] = Endpoint::UDP_PORTS;
    let dst_port = if echo { one } else { other };
    let repr = UdpRepr { src_port: if own_port { dst_port } else { 50_000 }, dst_port };
    ipv4(IpProtocol::Udp, repr.header_len() + payload.len(), |bytes| {
        let mut packet = UdpPacket::new_unchecked(bytes);
        let (checks, write) =
            (ChecksumCapabilities::default(), |space: &mut [u8]| space.copy_from_slice(payload));
        repr.emit(&mut packet, &PEER.into(), &NODE.into(), payload.len(), write, &checks);
    })
}

fn arp(kind: u8) -> Vec<u8> {
    let operation = if kind & 1 == 0 { ArpOperation::Request } else { ArpOperation::Reply };
    let repr = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: PEER_MAC,
        source_protocol_addr: PEER,
        target_hardware_addr: NODE_MAC,
        target_protocol_addr: if kind & 2 == 0 { NODE } else { PEER },
    };
    ethernet(EthernetProtocol::Arp, repr.buffer_len(), |bytes| {
        repr.emit(&mut ArpPacket::new_unchecked(bytes));
    })
}

fn ping(data: &[u8]) -> Vec<u8> {
    let repr = Icmpv4Repr::EchoRequest { ident: 1, seq_no: 1, data };
    ipv4(IpProtocol::Icmp, repr.buffer_len(), |bytes| {
        repr.emit(&mut Icmpv4Packet::new_unchecked(bytes), &ChecksumCapabilities::default());
    })
}
