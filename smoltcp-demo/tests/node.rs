//! The node against a client on another smoltcp stack: how connections begin and end, and what
//! becomes of datagrams.

#[path = "../src/bin/unstick-tap/world/mod.rs"]
mod world;

use smoltcp::iface::SocketHandle;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::tcp::{RecvError, State};
use smoltcp::socket::udp::Socket as UdpSocket;
use smoltcp::time::Duration;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpProtocol,
    Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket,
    UdpRepr,
};
use unstick::header::Fields;
use unstick::host::{Counter, Identity};
use unstick::limits::{LINGER, LINGER_BYTES};
use unstick::store::RamStore;
use unstick::{Endpoint, Limits, Node, Service, datagram, message};
use unstick_conformance::commands::Settings;
use unstick_smoltcp::{UdpBuffers, UdpSlots};
use world::{BACKLOG, CLIENT, CLIENT_MAC, CLIENT_RING, COMMANDS, Host, NODE, NODE_MAC, World};

const SOON: Duration = Duration::from_secs(1);

fn host() -> Host {
    let identity = Identity::new("wire", "1.0").target("memory").datagram(datagram::ETHERNET);
    let store = RamStore::new(core::array::from_fn(|_| vec![0; 100_000]));
    Node::with(identity, store, COMMANDS, Settings::new())
}

fn world() -> World {
    World::new::<2048>(host(), Limits::DEFAULT, datagram::ETHERNET)
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&i32::try_from(body.len()).unwrap().to_le_bytes(), body].concat()
}

fn request(command: &str, size: u64) -> Vec<u8> {
    let fields = Fields { command: Some(command), total_size: size, ..Fields::default() };
    let mut bytes = vec![0; 1024];
    let len = message::write_header(&fields, &mut bytes).unwrap();
    bytes.truncate(len);
    bytes
}

/// Whether a service answers on a new connection.
fn serves(world: &mut World) -> bool {
    let handle = world.connect(Endpoint::tcp(Service::Frame).port());
    if !world.run(SOON, |it| it.tcp(handle).may_send()) {
        world.tcp(handle).abort();
        return false;
    }
    world.send(handle, b"upper hello");
    let answer = world.receive(handle, 9, SOON);
    world.tcp(handle).close();
    world.run(SOON, |it| !it.tcp(handle).is_open());
    answer == frame(b"HELLO")
}

#[test]
fn unanswered_syns_give_way_and_hold_a_socket_for_five_seconds() {
    let mut world = world();
    assert!(serves(&mut world));
    world.deaf = true;
    let lost: Vec<_> =
        (0..BACKLOG).map(|_| world.connect(Endpoint::tcp(Service::Frame).port())).collect();
    world.wait(Duration::from_millis(10));
    for handle in lost {
        world.sockets.remove(handle);
    }
    world.client_end.lose_frames();
    world.deaf = false;
    for _ in 0..=BACKLOG {
        assert!(serves(&mut world), "the oldest gives way");
    }
    world.deaf = true;
    world.wait(Duration::from_secs(5));
    world.deaf = false;
    assert!(serves(&mut world));
    assert_eq!(world.host.counters.get(Counter::Resets), 0);
}

/// From a peer that goes on sending only so much is taken once the connection is over.
#[test]
fn what_comes_after_the_end_is_bounded() {
    let mut world = world();
    let handle = world.connected(Service::Frame);
    world.send(handle, b"GET / HTTP/1.1\r\n");
    let (piece, mut sent) = ([b'x'; 1 << 16], 0_u64);
    let began = world.now;
    while world.run(SOON, |it| it.tcp(handle).can_send() || !it.tcp(handle).may_send())
        && let Ok(len @ 1..) = world.tcp(handle).send_slice(&piece)
    {
        sent += len as u64;
        assert!(sent < 2 * LINGER_BYTES);
    }
    assert!(sent >= LINGER_BYTES, "{sent}");
    assert!(world.now - began < LINGER.into(), "it was not for the time");
    assert!(serves(&mut world));
}

#[cfg(all(feature = "tap", target_os = "linux"))] // where smoltcp has IPv6
#[test]
fn a_client_may_come_over_ipv6() {
    let mut world = world();
    let address = |last| IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, last);
    for (iface, last) in [(&mut world.node_iface, 1), (&mut world.client_iface, 2)] {
        iface.update_ip_addrs(|all| {
            all.push(smoltcp::wire::IpCidr::new(address(last), 64)).unwrap()
        });
    }
    let handle = world.connect_to(address(1), Endpoint::tcp(Service::Frame).port());
    assert!(world.run(SOON, |it| it.tcp(handle).may_send()));
    world.send(handle, b"upper hello");
    assert_eq!(world.receive(handle, 9, SOON), frame(b"HELLO"));
}

/// It is the same connection, and not one for which another has to give way.
#[test]
fn a_syn_that_comes_twice_is_one() {
    let mut world = world();
    let _held = world.connected(Service::Frame);
    for round in 0..20 {
        let handle = world.connect(Endpoint::tcp(Service::Frame).port());
        let World { client_iface, client_end, sockets, now, .. } = &mut world;
        client_iface.poll(*now, client_end, sockets);
        let syn = client_end.sent();
        // The node has answered, and what the client says to that is on its way.
        assert!(world.run(SOON, |it| it.tcp(handle).may_send()), "{round}");
        world.client_end.send_before(syn);
        world.send(handle, b"upper hello");
        assert_eq!(world.receive(handle, 9, SOON), frame(b"HELLO"), "{round}");
        world.tcp(handle).close();
        world.run(SOON, |it| it.tcp(handle).state() == State::TimeWait);
        world.sockets.remove(handle);
    }
}

/// Twenty SYNs a second that nobody finishes, from as many hosts.
#[test]
fn fault_29_a_flood_of_syns_keeps_nobody_out() {
    let mut world = world();
    let mut port = 1000;
    for _ in 0..40 {
        for _ in 0..5 {
            port += 1;
            let sender = Ipv4Address::new(192, 168, 69, 200 + (port % 50) as u8);
            world.client_end.send(syn(sender, port, Endpoint::tcp(Service::Frame).port()));
            world.wait(Duration::from_millis(50));
        }
        assert!(serves(&mut world), "{port}");
    }
}

/// A client that asks, closes, and connects again before the node has looked at its last packet.
#[test]
fn a_socket_listens_again_before_the_next_packet_is_looked_at() {
    let mut world = world();
    let held = world.connected(Service::Frame);
    let mut handle = world.connected(Service::Frame);
    for round in 0..100 {
        world.send(handle, b"upper hello");
        world.tcp(handle).close();
        assert_eq!(world.receive(handle, 9, SOON), frame(b"HELLO"), "{round}");
        // Our last acknowledgement and the next SYN arrive together.
        world.run(SOON, |it| it.tcp(handle).state() == State::TimeWait);
        let next = world.connect(Endpoint::tcp(Service::Frame).port());
        let World { client_iface, client_end, sockets, now, .. } = &mut world;
        client_iface.poll(*now, client_end, sockets);
        let soon = Duration::from_millis(100); // before the client tries again
        assert!(world.run(soon, |it| it.tcp(next).may_send()), "{round}");
        world.sockets.remove(handle);
        handle = next;
    }
    world.send(held, b"upper still here");
    assert_eq!(world.receive(held, 14, SOON), frame(b"STILL HERE"));
}

#[test]
fn the_connection_that_has_been_idle_for_longest_gives_way() {
    let mut world = world();
    let first = world.connected(Service::Command);
    let second = world.connected(Service::Command);
    world.wait(Duration::from_secs(2));
    world.send(second, &request("upper a", 0));
    world.receive(second, 64, SOON);
    world.wait(Duration::from_millis(1500));
    let third = world.connected(Service::Command);
    world.send(third, &request("upper a", 0));
    assert!(!world.receive(third, 64, SOON).is_empty());
    world.send(second, &request("upper a", 0));
    assert!(!world.receive(second, 64, SOON).is_empty(), "it was busy last");
    world.tcp(first).send_slice(b"x").unwrap();
    assert!(world.run(SOON, |it| !it.tcp(first).is_open()), "it is told so when it speaks");
}

#[test]
fn one_client_too_many_is_refused_and_harms_nobody() {
    let mut world = world();
    let inside: Vec<_> = (0..BACKLOG).map(|_| world.connected(Service::Echo)).collect();
    let outside = world.connect(Endpoint::tcp(Service::Echo).port());
    world.run(SOON, |it| !it.tcp(outside).is_open());
    assert_eq!(world.tcp(outside).state(), State::Closed);
    for &handle in &inside {
        world.send(handle, b"still here");
        assert_eq!(world.receive(handle, 10, SOON), b"STILL HERE");
    }
    world.tcp(inside[0]).close();
    world.run(SOON, |it| !it.tcp(inside[0]).is_open());
    let next = world.connected(Service::Echo);
    world.send(next, b"next");
    assert_eq!(world.receive(next, 4, SOON), b"NEXT");
}

#[test]
fn a_reset_inside_a_request_undoes_it() {
    let mut world = world();
    for _ in 0..20 {
        let handle = world.connected(Service::Command);
        world.send(handle, &[&request("put half", 50_000)[..], &[7; 30_000]].concat());
        world.wait(Duration::from_millis(10));
        world.tcp(handle).abort();
        world.wait(Duration::from_millis(10));
        world.sockets.remove(handle);
    }
    assert_eq!(world.host.counters.get(Counter::Resets), 20);
    let handle = world.connected(Service::Frame);
    world.send(handle, b"list");
    assert_eq!(world.receive(handle, 4, SOON), frame(b""));
}

#[test]
fn what_came_before_a_half_close_is_answered() {
    let mut world = world();
    let handle = world.connected(Service::Echo);
    let sent = b"abcdefgh".repeat(1500); // more than all rings of the node
    let taken = world.tcp(handle).send_slice(&sent).unwrap();
    assert_eq!(taken, sent.len());
    world.tcp(handle).close();
    assert_eq!(world.receive(handle, sent.len(), SOON), sent.to_ascii_uppercase());
    assert!(world.run(SOON, |it| it.tcp(handle).recv(|_| (0, ())) == Err(RecvError::Finished)));
    assert_eq!(world.host.counters.get(Counter::Resets), 0);
    assert!(serves(&mut world));
}

#[test]
fn a_ring_that_wraps_tears_no_bare_request() {
    let mut world = World::new::<1100>(host(), Limits::DEFAULT, datagram::ETHERNET);
    let handle = world.connected(Service::Frame);
    for len in (900..1020).rev() {
        let text = "x".repeat(len);
        world.send(handle, format!("echo {text}").as_bytes());
        assert_eq!(world.receive(handle, 4 + len, SOON), frame(text.as_bytes()));
    }
    // One over the limit is one request, wherever it lies; from then on newlines end requests.
    let refused =
        "the request is over the limit of 1024 bytes; all of it, up to a newline, is dropped";
    for _ in 0..30 {
        world.send(handle, &[[b'x'; 1030].as_slice(), b"\n"].concat());
        let refused = frame(refused.as_bytes());
        assert_eq!(world.receive(handle, refused.len(), SOON), refused);
    }
}

#[test]
fn fault_33_an_idle_client_is_closed_upon_and_a_vanished_one_given_up() {
    let mut world = world();
    let idle = world.connected(Service::Echo);
    world.wait(Duration::from_secs(299));
    assert!(world.tcp(idle).may_recv(), "asked whether it is there, it says so");
    world.wait(Duration::from_secs(2));
    assert_eq!(world.tcp(idle).state(), State::CloseWait);
    assert_eq!(world.host.counters.get(Counter::Timeouts), 1);

    let vanished = world.connected(Service::Frame);
    world.sockets.remove(vanished);
    world.deaf = true;
    world.wait(Duration::from_secs(70));
    world.client_end.lose_frames();
    assert_eq!(world.host.counters.get(Counter::Resets), 1);
    world.deaf = false;
    assert!(serves(&mut world));
}

#[test]
fn a_peer_that_never_closes_is_reset() {
    let mut world = world();
    let handle = world.connected(Service::Command);
    world.send(handle, &(-1_i32).to_le_bytes()); // no frame: a refusal, then the end
    let answer = world.receive(handle, 4096, SOON);
    assert!(answer.len() > 100, "the refusal is not lost");
    assert_eq!(world.tcp(handle).state(), State::CloseWait);
    world.wait(Duration::from_secs(9));
    assert_eq!(world.tcp(handle).state(), State::CloseWait);
    world.wait(Duration::from_secs(2));
    assert_eq!(world.tcp(handle).state(), State::Closed);
}

#[test]
fn a_peer_that_never_reads_is_given_up() {
    let mut world = world();
    let handle = world.connected(Service::Echo);
    let flood = vec![b'a'; CLIENT_RING + 8192]; // more than fits on the way there and back
    let mut sent = 0;
    world.run(Duration::from_secs(120), |it| {
        sent += it.tcp(handle).send_slice(&flood[sent..]).unwrap_or_default();
        !it.tcp(handle).is_open()
    });
    assert!(!world.tcp(handle).is_open());
    assert_eq!(world.host.counters.get(Counter::Timeouts), 1);
}

#[test]
fn datagrams_of_every_length_the_link_carries_are_answered() {
    let mut world = world();
    let handle = world.datagrams();
    for len in [0, 1, 512, 1471, 1472] {
        let sent = vec![b'a'; len];
        let answer = world.ask(handle, 8092, &sent, SOON);
        assert_eq!(answer, Some(sent.to_ascii_uppercase()), "{len} bytes");
    }
    for _ in 0..40 {
        assert_eq!(world.ask(handle, 8092, b"", SOON), Some(Vec::new()));
    }
}

#[test]
fn a_datagram_over_the_limit_is_seen_as_cut() {
    let mut world = World::new::<2048>(host(), Limits::DEFAULT, datagram::CLASSIC);
    let handle = world.datagrams();
    let fields = Fields { id: unstick::header::Id::parse("7").ok(), ..Fields::default() };
    let mut bytes = vec![0; 1024];
    let command = Fields { command: Some("upper hello"), total_size: 600, ..fields };
    let len = message::encode(&command, &[0; 600], &mut bytes).unwrap();
    let answer = world.ask(handle, 8093, &bytes[..len], SOON).unwrap();
    let (header, body) = message::decode::<1024>(message::Kind::Reply, &answer).unwrap();
    assert!(header.status.unwrap() == *"too-large");
    assert_eq!(body, b"the datagram is over the limit of 512 bytes");
    assert_eq!(world.ask(handle, 8092, &[b'a'; 513], SOON), None);
    assert_eq!(world.host.counters.get(Counter::Truncated), 2);
}

#[test]
fn a_datagram_from_another_nodes_service_is_not_answered() {
    let mut world = world();
    let handle = world.datagrams_from(8093);
    assert_eq!(world.ask(handle, 8092, b"forged", SOON), None);
    assert_eq!(world.host.counters.get(Counter::Rejected), 1);
}

/// A datagram to the echo service from an address that nobody has.
fn forged(payload: &[u8]) -> Vec<u8> {
    unannounced(Ipv4Address::new(192, 168, 69, 77), payload)
}

/// The first packet of a connection that nobody will go on with.
fn syn(sender: Ipv4Address, port: u16, to: u16) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: port,
        dst_port: to,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(1),
        ack_number: None,
        window_len: 1024,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    packet(sender, IpProtocol::Tcp, tcp.buffer_len(), |space| {
        let mut packet = TcpPacket::new_unchecked(space);
        tcp.emit(&mut packet, &sender.into(), &NODE.into(), &ChecksumCapabilities::default());
    })
}

/// The same for everybody on the link.
fn to(all: Ipv4Address, mut frame: Vec<u8>) -> Vec<u8> {
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame);
    ethernet.set_dst_addr(EthernetAddress::BROADCAST);
    let mut packet = Ipv4Packet::new_unchecked(ethernet.payload_mut());
    packet.set_dst_addr(all);
    packet.fill_checksum();
    let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
    segment.fill_checksum(&CLIENT.into(), &all.into());
    frame
}

/// A datagram to the echo service, not by the client's stack, which would first ask who has the
/// node's address and so tell its own.
fn unannounced(sender: Ipv4Address, payload: &[u8]) -> Vec<u8> {
    let udp = UdpRepr { src_port: 9, dst_port: 8092 };
    packet(sender, IpProtocol::Udp, udp.header_len() + payload.len(), |space| {
        udp.emit(
            &mut UdpPacket::new_unchecked(space),
            &sender.into(),
            &NODE.into(),
            payload.len(),
            |space| space.copy_from_slice(payload),
            &ChecksumCapabilities::default(),
        );
    })
}

fn packet(
    sender: Ipv4Address,
    next_header: IpProtocol,
    payload_len: usize,
    emit: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let ip = Ipv4Repr { src_addr: sender, dst_addr: NODE, next_header, payload_len, hop_limit: 64 };
    let ethernet = EthernetRepr {
        src_addr: CLIENT_MAC,
        dst_addr: NODE_MAC,
        ethertype: EthernetProtocol::Ipv4,
    };
    let mut bytes = vec![0; 14 + 20 + payload_len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &ChecksumCapabilities::default());
    emit(packet.payload_mut());
    bytes
}

/// A part of a datagram is no datagram; the parts are dropped, and the next whole one is answered.
#[test]
fn fault_25_fragments_are_dropped() {
    let mut world = world();
    let handle = world.datagrams();
    let whole = unannounced(CLIENT, &[b'a'; 64]);
    for (more, offset, part) in [(true, 0, 34..74), (false, 40, 74..106)] {
        world.client_end.send(fragment(&whole, more, offset, part));
    }
    assert_eq!(world.ask(handle, 8092, b"hello", SOON), Some(b"HELLO".to_vec()));
    assert_eq!(world.host.counters.get(Counter::Bytes), 5);
}

/// A part of a packet.
fn fragment(frame: &[u8], more: bool, offset: u16, part: core::ops::Range<usize>) -> Vec<u8> {
    let mut bytes = [&frame[..34], &frame[part]].concat();
    let len = u16::try_from(bytes.len() - 14).unwrap();
    let mut packet = Ipv4Packet::new_unchecked(&mut bytes[14..]);
    packet.set_total_len(len);
    packet.set_dont_frag(false);
    packet.set_more_frags(more);
    packet.set_frag_offset(offset);
    packet.fill_checksum();
    bytes
}

/// Their answers go where they came from, and hold nobody up.
#[test]
fn a_forged_sender_does_not_silence_a_service() {
    let mut world = world();
    let handle = world.datagrams();
    let off_link = Ipv4Address::new(10, 9, 8, 7);
    for round in 0..20 {
        for forger in [Ipv4Address::new(192, 168, 69, 77), off_link] {
            for payload in [&b"boo!"[..], b""] {
                world.client_end.send(unannounced(forger, payload));
            }
        }
        assert_eq!(world.ask(handle, 8092, b"hello", SOON), Some(b"HELLO".to_vec()), "{round}");
        world.wait(Duration::from_secs(1));
    }
    // No way leads to those that are not on the link.
    assert_eq!(world.host.counters.get(Counter::Rejected), 40);
    assert_eq!(world.host.counters.get(Counter::Frames), 60);
}

/// Each on its first contact, more of them than the stack remembers.
#[test]
fn a_dozen_neighbours_are_all_answered() {
    let mut world = world();
    world.datagrams_from(9); // or each reply would be answered, and wake the node
    for round in 1..=12 {
        for last in 101..113 {
            world.client_end.send(unannounced(Ipv4Address::new(192, 168, 69, last), b"hello"));
        }
        world.wait(Duration::from_millis(10));
        assert_eq!(world.client_end.datagrams(), 12 * round, "at once");
        world.wait(Duration::from_secs(1));
    }
    assert_eq!(world.host.counters.get(Counter::Rejected), 0);
}

/// One forged broadcast would have all nodes of a network answer one victim.
#[test]
fn what_is_from_or_to_everybody_is_not_answered() {
    let mut world = world();
    let all = Ipv4Address::new(192, 168, 69, 255);
    let handle = world.datagrams();
    world.udp(handle).send_slice(b"hello", (IpAddress::from(all), 8092)).unwrap();
    world.wait(SOON);
    assert!(!world.udp(handle).can_recv());
    assert_eq!(world.host.counters.get(Counter::Rejected), 1);
    let before = world.client_end.received();
    world.client_end.send(unannounced(all, b"hello"));
    world.client_end.send(syn(all, 1000, 1));
    world.client_end.send(to(all, syn(CLIENT, 1000, 1)));
    // From the node itself, says somebody else: it would answer itself, or hold a socket for itself.
    world.client_end.send(unannounced(NODE, b"hello"));
    world.client_end.send(syn(NODE, 1000, Endpoint::tcp(Service::Echo).port()));
    world.wait(SOON);
    assert_eq!(world.client_end.received(), before, "silence");
}

#[test]
fn datagrams_that_wait_for_their_senders_address_are_all_answered() {
    let mut world = world();
    world.datagrams_from(9); // or each reply would be answered, and wake the node
    for _ in 0..3 {
        world.client_end.send(unannounced(CLIENT, b"boo!"));
    }
    assert!(world.run(SOON, |it| it.host.counters.get(Counter::Frames) == 3));
}

#[test]
fn a_flood_of_datagrams_leaves_time_for_connections() {
    let mut world = world();
    let handle = world.datagrams();
    assert!(world.ask(handle, 8092, b"hello", SOON).is_some());
    for _ in 0..500 {
        world.client_end.send(forged(b"boo!"));
    }
    assert!(serves(&mut world));
}

#[test]
fn connections_to_the_broadcast_address_hold_no_socket() {
    let mut world = world();
    for _ in 0..BACKLOG {
        world.connect_to(Ipv4Address::new(192, 168, 69, 255), Endpoint::tcp(Service::Echo).port());
    }
    world.wait(SOON);
    let handle = world.connect(Endpoint::tcp(Service::Echo).port());
    assert!(world.run(SOON, |it| it.tcp(handle).may_send()));
}

#[test]
fn finishing_waits_for_a_reply_to_a_datagram() {
    let mut world = world();
    let handle = world.datagrams_from(9);
    world.client_end.send(unannounced(CLIENT, b"boo!"));
    let received = |it: &mut World| it.host.counters.get(Counter::Frames) == 1;
    assert!(world.run(SOON, received));
    world.stack.finish(&mut world.node_sockets);
    assert!(world.run(SOON, |it| it.stack.is_finished(&it.node_sockets)));
    assert!(world.run(SOON, |it| it.udp(handle).can_recv()));
}

#[test]
fn what_comes_while_a_request_waits_is_another_request() {
    let mut world = world();
    let put = world.connected(Service::Command);
    world.send(put, &[request("put big", 8000), vec![1; 8000]].concat());
    world.receive(put, 4096, SOON);
    let handle = world.connected(Service::Frame);
    world.deaf = true; // so the ring stays full of the file, and what is behind it waits
    world.send(handle, b"get big");
    world.send(handle, b"upper a");
    world.send(handle, b"upper b");
    world.deaf = false;
    let answer = world.receive(handle, 4 + 8000 + 2 * (4 + 1), Duration::from_secs(10));
    assert!(answer.ends_with(b"\x01\0\0\0A\x01\0\0\0B"), "{:?}", answer.last_chunk::<20>());
}

#[test]
fn finishing_ends_with_the_last_reply() {
    let mut world = world();
    let idle = world.connected(Service::Echo);
    let busy = world.connected(Service::Command);
    let put = request("put a", 5000);
    world.send(busy, &[&put[..], &[1; 2000]].concat());
    world.stack.finish(&mut world.node_sockets);
    world.run(SOON, |it| !it.tcp(idle).may_recv());
    assert!(!world.stack.is_finished(&world.node_sockets));
    let late = world.connect(Endpoint::tcp(Service::Frame).port());
    world.run(SOON, |it| !it.tcp(late).is_open());
    assert_eq!(world.tcp(late).state(), State::Closed);
    world.send(busy, &[1; 3000]);
    let answer = world.receive(busy, 4096, SOON);
    assert!(answer.ends_with(b"stored a, 5000 bytes"));
    world.tcp(busy).close();
    world.tcp(idle).close();
    assert!(world.run(SOON, |it| it.stack.is_finished(&it.node_sockets)));
}

/// A request to the frame service on a connection of its own.
fn ask(world: &mut World, line: &[u8]) -> SocketHandle {
    let handle = world.connected(Service::Frame);
    world.send(handle, line);
    handle
}

#[test]
fn a_late_answer_comes_at_its_time_without_a_packet_and_holds_nobody_up() {
    let mut world = world();
    let late = ask(&mut world, b"wait 5000\n");
    let begun = world.now;
    let other = ask(&mut world, b"upper a\n");
    assert!(world.run(SOON, |it| it.tcp(other).recv_queue() == 5), "the other one waits");
    assert_eq!(world.tcp(late).recv_queue(), 0);
    let answer = b"\x06\0\0\0waited".len();
    assert!(world.run(Duration::from_secs(10), |it| it.tcp(late).recv_queue() == answer));
    let took = world.now - begun;
    assert!(took >= Duration::from_secs(5) && took < Duration::from_millis(5100), "{took}");
}

#[test]
fn an_answer_longer_than_all_rings_is_streamed() {
    let mut world = world();
    let handle = ask(&mut world, b"count 20000\n");
    let expected: String = (1..=20_000).map(|n| format!("{n}\n")).collect();
    let mut seen = Vec::new();
    world.run(Duration::from_secs(30), |it| {
        let _ = it.tcp(handle).recv(|bytes| {
            seen.extend_from_slice(bytes);
            (bytes.len(), ())
        });
        seen.len() >= 4 + expected.len()
    });
    assert!(seen[4..] == *expected.as_bytes(), "{} bytes", seen.len());
}

#[test]
fn a_socket_of_the_users_own_is_served_beside_the_stack() {
    let mut world = world();
    let buffers = Box::leak(Box::new(UdpBuffers::<4096>::new()));
    let mut own = buffers.socket(Box::leak(Box::new(UdpSlots::<4>::new())));
    own.bind(9).unwrap();
    let own = world.node_sockets.add(own);
    let client = world.datagrams();
    let to = (IpAddress::from(NODE), 9);
    world.udp(client).send_slice(b"to the user", to).unwrap();
    fn socket(world: &mut World, own: SocketHandle) -> &mut UdpSocket<'static> {
        world.node_sockets.get_mut(own)
    }
    assert!(world.run(SOON, |it| socket(it, own).can_recv()));
    let (bytes, from) =
        socket(&mut world, own).recv().map(|(it, from)| (it.to_vec(), from)).unwrap();
    assert_eq!(bytes, b"to the user");
    socket(&mut world, own).send_slice(b"from the user", from.endpoint).unwrap();
    assert!(world.run(SOON, |it| it.udp(client).can_recv()));
    assert_eq!(world.udp(client).recv().unwrap().0, b"from the user");
    // And the stack goes on.
    let handle = ask(&mut world, b"upper a\n");
    assert!(world.run(SOON, |it| it.tcp(handle).recv_queue() == 5));
}

#[test]
fn a_node_that_aborts_resets_its_peers() {
    let mut world = world();
    let put = world.connected(Service::Command);
    world.send(put, &[request("put half", 8000), vec![1; 100]].concat());
    let idle = world.connected(Service::Echo);
    world.wait(Duration::from_millis(10));
    let World { stack, host, node_sockets, now, .. } = &mut world;
    stack.abort(*now, host, node_sockets);
    assert!(world.run(SOON, |it| !it.tcp(put).is_open() && !it.tcp(idle).is_open()));
    assert!(world.stack.is_finished(&world.node_sockets));
    let late = world.connect(Endpoint::tcp(Service::Echo).port());
    assert!(world.run(SOON, |it| !it.tcp(late).is_open()), "nothing is served any more");
}
