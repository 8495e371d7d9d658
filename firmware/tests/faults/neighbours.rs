//! Many honest neighbours, and strangers who are not there: none holds up another.

use crate::frames::{Neighbour, arp_reply, datagram_of};
use crate::world::{CLIENT, World};
use core::time::Duration;
use smoltcp::wire::{EthernetAddress, EthernetFrame, EthernetProtocol, Ipv4Address, Ipv4Packet};
use std::thread::sleep;
use std::time::Instant;

/// The echo service.
const ECHO: u16 = 8092;

/// A stack that asks for their addresses, one a second, takes longer for a dozen.
const LONG: Duration = Duration::from_secs(6);

fn neighbour(last: u8) -> Neighbour {
    Neighbour {
        hardware: EthernetAddress([2, 0, 0, 0, 1, last]),
        address: Ipv4Address::new(10, 0, 2, last),
    }
}

/// A dozen hosts that are there, each with one datagram a second, from their first one on.
pub(crate) fn a_dozen(world: &mut World) {
    let all: Vec<_> = (100..112).map(neighbour).collect();
    for round in 0..3 {
        let mut answered = Vec::new();
        for it in &all {
            world.wire.send(&datagram_of(it, ECHO, 32));
            let soon = Instant::now() + Duration::from_millis(5);
            hear(world, &all, soon, &mut answered);
        }
        hear(world, &all, Instant::now() + LONG, &mut answered);
        answered.sort_unstable();
        let expected: Vec<_> = all.iter().map(|it| it.address).collect();
        assert_eq!(answered, expected, "round {round}");
        sleep(Duration::from_secs(1));
    }
    world.expect_answers("a dozen neighbours");
}

/// Once a second a datagram from somebody who is not there; the others are answered all the same.
pub(crate) fn who_are_not_there(world: &mut World) {
    let off_link = Neighbour { hardware: CLIENT.hardware, address: Ipv4Address::new(192, 0, 2, 1) };
    for round in 0..5 {
        world.send(&datagram_of(&neighbour(200 + round), ECHO, 32));
        world.send(&datagram_of(&off_link, ECHO, 32));
        assert_eq!(world.datagram(ECHO, b"abc"), b"ABC", "round {round}");
        sleep(Duration::from_secs(1));
    }
    world.expect_answers("strangers who are not there");
}

/// Hears who of them is answered, until all are or it is too late; each says where it is when asked.
fn hear(world: &World, all: &[Neighbour], until: Instant, answered: &mut Vec<Ipv4Address>) {
    while answered.len() < all.len() && Instant::now() < until {
        let Some(frame) = world.wire.receive_frame() else {
            sleep(Duration::from_millis(1));
            continue;
        };
        let ethernet = EthernetFrame::new_unchecked(&frame);
        match ethernet.ethertype() {
            EthernetProtocol::Arp => {
                let asked = |it: &&Neighbour| frame[38..42] == it.address.octets();
                if let Some(it) = all.iter().find(asked) {
                    world.wire.send(&arp_reply(it));
                }
            }
            EthernetProtocol::Ipv4 => {
                let to = Ipv4Packet::new_unchecked(ethernet.payload()).dst_addr();
                answered.extend(all.iter().map(|it| it.address).filter(|address| *address == to));
            }
            _ => {}
        }
    }
}
