use super::*;
use crate::lan9118::Lan9118;
use crate::lan9118::model::Model;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr};
use std::boxed::Box;
use std::string::String;
use std::vec::Vec;

const PEER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
const HARDWARE: EthernetAddress = EthernetAddress([2, 9, 9, 9, 9, 9]);

struct Fpga;

impl Registers for Fpga {
    fn read(&mut self, _: usize) -> u32 {
        0
    }

    fn write(&mut self, _: usize, _: u32) {}
}

const IDENTITY: Identity<'static> = Identity::new("bench", "1").target("host");

/// A frame with a datagram to the node.
fn datagram(to: EthernetAddress, port: u16, payload: &[u8]) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let udp = UdpRepr { src_port: 4000, dst_port: port };
    let ip = Ipv4Repr {
        src_addr: PEER,
        dst_addr: ADDRESS.address(),
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + payload.len(),
        hop_limit: 64,
    };
    let ethernet =
        EthernetRepr { src_addr: HARDWARE, dst_addr: to, ethertype: EthernetProtocol::Ipv4 };
    let mut bytes = vec![0; ethernet.buffer_len() + ip.buffer_len() + ip.payload_len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &checksums);
    udp.emit(
        &mut UdpPacket::new_unchecked(packet.payload_mut()),
        &PEER.into(),
        &ADDRESS.address().into(),
        payload.len(),
        |to| to.copy_from_slice(payload),
        &checksums,
    );
    bytes
}

#[test]
fn a_datagram_that_comes_through_the_controller_is_answered_through_it() {
    let mut nic = Lan9118::new(Model::new(), None).unwrap();
    let address = nic.address();
    let Buffers { connections, datagrams, input, output, files } =
        Box::leak(Box::new(Buffers::new()));
    let Sockets { storage, slots } = Box::leak(Box::new(Sockets::new()));
    let mut sockets = SocketSet::new(&mut storage[..]);
    let mut services = services(Scratch { input, output }, 1500);
    serve(&mut services, &mut sockets, connections, datagrams, slots).unwrap();
    let mut node = node(IDENTITY, files, Board::new(Fpga));
    let now = stack_time(Instant::ZERO);
    let mut interface = interface(&mut nic, address, 0, Instant::ZERO);
    assert!(announce(&mut nic, address, Instant::ZERO));

    nic.registers.receive(&datagram(address, 8092, b"hello"), true);
    services.poll(now, &mut node, &mut interface, &mut nic, &mut sockets);
    // The frame has shown who the peer is: nobody has to be asked.
    let [announcements @ .., answer] = &nic.registers.sent[..] else { panic!("no answer") };
    let asked = announcements.iter().map(|frame| target(frame, address));
    assert_eq!(asked.collect::<Vec<_>>(), [ADDRESS.address(), GATEWAY]);
    let mut expected = datagram(HARDWARE, 4000, b"HELLO");
    expected[26..34].rotate_left(4); // from the node to the peer
    assert_eq!(answer[..20], [&HARDWARE.0[..], &address.0, &expected[12..20]].concat());
    assert_eq!(answer[26..34], expected[26..34]);
    assert_eq!(answer[42..], *b"HELLO");
    assert_eq!(node.counters.get(Counter::Frames), 1);
}

/// The address that an ARP request from the node asks for.
fn target(frame: &[u8], node: EthernetAddress) -> Ipv4Address {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    assert_eq!(frame.dst_addr(), EthernetAddress::BROADCAST);
    match ArpRepr::parse(&ArpPacket::new_checked(frame.payload()).unwrap()).unwrap() {
        ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr,
            source_protocol_addr,
            target_protocol_addr,
            ..
        } if source_hardware_addr == node && source_protocol_addr == ADDRESS.address() => {
            target_protocol_addr
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_log_tells_what_goes_wrong_at_most_once_a_second() {
    let (mut watch, mut log, mut counters) =
        (CounterLog::default(), String::new(), Counters::default());
    counters.count(Counter::Frames, 5);
    watch.tell(Instant::ZERO, counters, &mut log).unwrap();
    assert_eq!(log, "");
    counters.count(Counter::Rejected, 1);
    watch.tell(Instant::ZERO, counters, &mut log).unwrap();
    counters.count(Counter::Resets, 2);
    watch.tell(Instant::from_millis(999), counters, &mut log).unwrap();
    assert_eq!(log, "rejected 1\n");
    watch.tell(Instant::from_millis(1000), counters, &mut log).unwrap();
    assert_eq!(log, "rejected 1\nresets 2\n");
}

#[test]
fn the_services_are_told_as_the_desktop_tells_them() {
    let mut log = String::new();
    write_services(&mut log, ADDRESS.address()).unwrap();
    let (first, last) =
        ("listening echo tcp 10.0.2.15:8080", "listening command udp 10.0.2.15:8093");
    assert_eq!((log.lines().next(), log.lines().last()), (Some(first), Some(last)));
    assert_eq!(log.lines().count(), 6);
}
