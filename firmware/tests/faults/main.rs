//! Bad input never resets the board, and the next good request is answered: raw frames into the
//! emulated controller, and beside them a client on a smoltcp stack of this process.
//!
//! Skipped where QEMU or what the program is built with is missing; QEMU must be 7.2 or newer.
#![cfg(unix)]

mod frames;
mod neighbours;
mod peer;
mod peers;
mod world;

use frames::{NOBODY, datagram, ethernet, syn};
use smoltcp::wire::EthernetProtocol;
use std::process::Command;
use std::time::Instant;
use unstick_cross::{Emulated, MISSING};
use unstick_firmware::node::CONNECTIONS;
use world::{BOARD, PATIENCE, World};

#[test]
fn the_node_outlives_what_comes_over_the_wire() {
    outlives("node").into_iter().for_each(restarts);
}

#[test]
fn the_node_on_embassy_outlives_what_comes_over_the_wire() {
    outlives("embassy").into_iter().for_each(restarts);
}

#[test]
fn the_node_in_c_outlives_what_comes_over_the_wire() {
    let _ = outlives("c");
}

/// The board, if there is one, which has not started again.
fn outlives(program: &str) -> Option<World> {
    let elf = build(program)?;
    let mut world = World::new(program, &elf);
    world.expect_answers("nothing");

    for len in (1..64).chain([1500, 1514, 1515, 1518, 1522, 2000, 4000]) {
        let mut frame = vec![0xFF; len];
        world.send(&frame);
        frame.splice(..len.min(6), BOARD.0.iter().copied().take(len));
        world.send(&frame);
    }
    world.expect_answers("short and long frames");

    let mut random = Random(5);
    for _ in 0..2000 {
        let kind = [0x0800, 0x0806, 0x86DD, 0x8100, 0][random.below(5)];
        let kind = EthernetProtocol::from(kind as u16);
        let mut frame = ethernet(&NOBODY, kind, random.below(1500));
        frame[14..].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
        world.send(&frame);
    }
    world.expect_answers("noise");

    for _ in 0..5000 {
        let mut frame = match random.below(3) {
            0 => syn(8080 + random.below(10) as u16, random.below(50_000) as u16),
            1 => datagram(8092, random.below(300)),
            _ => datagram(8093, random.below(300)),
        };
        for _ in 0..random.below(4) {
            let at = 14 + random.below(frame.len() - 14);
            frame[at] ^= 1 << random.below(8);
        }
        world.send(&frame);
    }
    world.expect_answers("damaged datagrams and segments");

    let full = datagram(8092, 1472);
    (0..50_000).for_each(|_| world.send(&full));
    world.expect_answers("a flood");

    for port in 1000..2000 {
        [8080, 8086, 8087, 8088].into_iter().for_each(|service| world.send(&syn(service, port)));
    }
    world.expect_answers("connections that are never finished");

    for prefix in [-1, i32::MIN, i32::MAX, 1025] {
        let mut bytes = [0x7A; 2000];
        bytes[..4].copy_from_slice(&prefix.to_le_bytes());
        world.exchange(8088, &bytes);
    }
    world.expect_answers("prefixes over the limit");

    // Of the connections above some may still hold a socket.
    let until = Instant::now() + PATIENCE;
    while world.crowd(8088, CONNECTIONS + 4) != CONNECTIONS {
        assert!(Instant::now() < until, "other than {CONNECTIONS} clients inside");
    }
    world.expect_answers("more clients than sockets");

    neighbours::a_dozen(&mut world);
    neighbours::who_are_not_there(&mut world);
    peers::change_their_segment_size(&mut world);
    peers::open_their_window_late(&mut world);
    peers::take_the_byte_of_a_probe(&mut world);
    peers::have_little_room(&mut world);
    peers::have_room_for_a_byte(&mut world);
    peers::close_their_side_in_a_flood(&mut world);
    peers::ask_while_they_are_answered(&mut world);

    let log = world.log();
    assert_eq!(log.matches("unstick ").count(), 1, "it has started again:\n{log}");
    Some(world)
}

/// The board starts again when it is told to, and says so before.
fn restarts(mut world: World) {
    // Padded, or the answer is longer than a datagram's may be.
    let request = [b"\x40\0\0\0{\"command\":\"reboot\"".as_slice(), &[b' '; 44], b"}"].concat();
    for starts in [2, 4, 6] {
        assert!(world.datagram(8093, &request).ends_with(b"rebooting"), "over UDP");
        world.wait_for_starts(starts);
        world.expect_answers("a reboot");
        assert!(world.exchange(8088, &request).ends_with(b"rebooting"), "over TCP");
        world.wait_for_starts(starts + 1);
        world.expect_answers("a reboot");
    }
    let log = world.log();
    assert_eq!(log.matches("unstick ").count(), 7, "{log}");
}

/// The ELF file of a program; `None`, with a word, where it cannot be built or run.
fn build(program: &str) -> Option<String> {
    // The wire here has no DHCP server.
    let emulate = ["--program", program, "--minimal", "--build"];
    let built = Command::new(env!("CARGO_BIN_EXE_emulate")).args(emulate).output().unwrap();
    let told = String::from_utf8_lossy(&built.stderr);
    let missing = match Emulated::check() {
        Err(sentence) => Some(sentence),
        Ok(()) if built.status.code() == Some(i32::from(MISSING)) => {
            Some(told.trim_end().to_owned())
        }
        Ok(()) => None,
    };
    if let Some(why) = missing {
        eprintln!("SKIPPED: faults on the emulated board: {why}");
        return None;
    }
    assert!(built.status.success(), "{told}");
    Some(String::from_utf8(built.stdout).unwrap().trim_end().to_owned())
}

/// Numbers that are the same in each run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
