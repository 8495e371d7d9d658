//! Peers that speak TCP as no stack does, or as few do. What they leave behind is no harm: the next
//! good request is answered.

use crate::frames::syn;
use crate::peer::Peer;
use crate::world::{PATIENCE, World};
use std::time::Instant;
use unstick_firmware::node::CONNECTIONS;

const ECHO: u16 = 8080;
const FRAME: u16 = 8086;
const MESSAGE: u16 = 8087;
const COMMAND: u16 = 8088;

/// Bytes of a file that is larger than what any board has room to send at once.
const BIG: usize = 4000;

/// A segment size belongs on the first segment only; it must not change that of what waits already.
pub(crate) fn change_their_segment_size(world: &mut World) {
    let request = message("{\"command\":\"upper hello\"}");
    for window in [10, 0] {
        let mut peer = Peer::open(world, COMMAND, [2000, window], 1280);
        peer.say(&request);
        peer.say_with_size(b"", 1);
        peer.look_on();
        peer.say_with_size(&request, 1);
        peer.look_on();
        drop(peer);
        world.expect_answers("a segment size that came late");
    }
}

/// What waits for the first window at all is longer than what this window would have let through.
pub(crate) fn open_their_window_late(world: &mut World) {
    let request = message("{\"command\":\"upper hello\"}");
    let mut peer = Peer::open(world, COMMAND, [0, 0], 1280);
    peer.say(&request);
    peer.window = 10;
    peer.say(&request);
    peer.look_on();
    drop(peer);
    world.expect_answers("a window that opened late");
}

/// A closed window is probed with a byte; here it is all there is to send, and is acknowledged.
pub(crate) fn take_the_byte_of_a_probe(world: &mut World) {
    let mut peer = Peer::open(world, ECHO, [0, 0], 1280);
    peer.say(b"a");
    assert_eq!(peer.take(1), b"A");
    peer.look_on();
    drop(peer);
    world.expect_answers("a probe that was acknowledged");
}

/// A reply is sent in as many segments as it takes.
pub(crate) fn have_little_room(world: &mut World) {
    keep_a_big_file(world);
    for (window, size) in [(512, 1460), (u16::MAX, 256), (u16::MAX, 16), (48, 1460)] {
        let mut peer = Peer::open(world, FRAME, [window; 2], size);
        peer.say(b"get big\n");
        let came = peer.take(4 + BIG);
        let told = format!("a window of {window}, segments of {size}: {} bytes", came.len());
        assert!(came.get(4..) == Some(big().as_slice()), "{told}");
    }
    world.expect_answers("peers with little room");
}

/// As many as there are connections have room for a byte of a reply each: they leave room for the
/// largest datagram.
pub(crate) fn have_room_for_a_byte(world: &mut World) {
    let file = message("{\"command\":\"get big\"}");
    let requests: [(u16, &[u8]); 4] =
        [(ECHO, &[b'a'; 1000]), (FRAME, b"get big\n"), (MESSAGE, b"get big\n"), (COMMAND, &file)];
    keep_a_big_file(world);
    let requests = requests.into_iter().flat_map(|it| [it; CONNECTIONS]);
    let mut peers: Vec<_> = requests
        .map(|(port, request)| {
            let mut peer = Peer::open(world, port, [8000, 1], 1460);
            peer.say(request);
            peer
        })
        .collect();
    peers[0].look_on();
    assert_eq!(world.datagram(8092, &[b'a'; 1472]), [b'A'; 1472]);
    drop(peers);
    world.expect_answers("peers with room for a byte");
}

/// One that has closed its side waits for its reply, whoever else wants to connect.
pub(crate) fn close_their_side_in_a_flood(world: &mut World) {
    let mut peer = Peer::open(world, FRAME, [0, 0], 1280);
    peer.say_last(b"upper hello");
    for port in 1000..1200 {
        [8080, 8086, 8087, 8088].into_iter().for_each(|to| world.send(&syn(to, port)));
    }
    peer.window = 1000;
    peer.say(b"");
    assert_eq!(peer.take(9), b"\x05\0\0\0HELLO");
    drop(peer);
    world.expect_answers("a flood around a peer that waits");
}

/// What comes while something is answered is not one request with the end of what came before
/// (rule B1).
pub(crate) fn ask_while_they_are_answered(world: &mut World) {
    keep_a_big_file(world);
    let mut peer = Peer::open(world, FRAME, [512, 512], 1280);
    peer.say(b"get big");
    let mut answers = peer.take(1);
    peer.say(b"upper a");
    peer.look_on();
    peer.say(b"upper b");
    answers.extend(peer.take(4 + BIG + 10 - answers.len()));
    assert_eq!(answers.split_off(4 + BIG), b"\x01\0\0\0A\x01\0\0\0B");
    drop(peer);
    world.expect_answers("a request while another was answered");
}

/// No piece of it is like another that a board might send in its place.
fn big() -> Vec<u8> {
    (0..BIG).map(|at| (at % 251) as u8).collect()
}

fn keep_a_big_file(world: &mut World) {
    let header = format!("{{\"command\":\"put big\",\"total_size\":{BIG}}}");
    let request = [message(&header), big()].concat();
    let until = Instant::now() + PATIENCE;
    while !world.exchange(COMMAND, &request).ends_with(b"stored big, 4000 bytes") {
        assert!(Instant::now() < until, "the file is not kept\n{}", world.log());
    }
}

fn message(header: &str) -> Vec<u8> {
    [&(header.len() as u32).to_le_bytes(), header.as_bytes()].concat()
}
