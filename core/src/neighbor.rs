//! Neighbours on an Ethernet: whose hardware address a frame has shown.
//!
//! A frame that brings a request shows where its answer has to go. A stack that asks for that address
//! all the same (RFC 826) makes the answer wait, and with it whatever is behind it; a sender who does
//! not answer such questions then holds up everybody else. So an adapter shows its stack the address
//! of each sender, as if that had been told by ARP.

use crate::time::Instant;
use core::net::Ipv4Addr;
use core::time::Duration;

/// Bytes of an ARP packet in an Ethernet frame.
pub const ARP: usize = 42;

/// Neighbours that are remembered: fewer than a stack has room for.
const KNOWN: usize = 4;
/// How long one is, which is less than a stack does.
const FRESH: Duration = Duration::from_secs(20);

const IPV4: [u8; 2] = [0x08, 0x00];

/// The neighbours whose addresses the stack has been shown lately.
#[derive(Clone, Debug, Default)]
pub struct Neighbors {
    known: [Neighbor; KNOWN],
    /// The place of the next one.
    next: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Neighbor {
    sender: Sender,
    /// Until when it is remembered; the start of the clock for none.
    until: Instant,
}

/// Whose packet is in a frame, and whom it was sent to: what is shown of a packet to another host a stack
/// does not heed. In words, which are quickly compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sender {
    /// The hardware addresses: of whom it was sent to, and of the sender or the router that forwarded it.
    hardware: (u32, u32, u32),
    /// The sender's own.
    address: u32,
    destination: u32,
}

impl Sender {
    /// Of a frame with an IPv4 packet to this node alone.
    #[inline]
    fn of(frame: &[u8]) -> Option<Self> {
        let (ethernet, packet) = frame.split_first_chunk::<14>()?;
        let [first, .., high, low] = *ethernet;
        if is_group(first) || [high, low] != IPV4 {
            return None;
        }
        let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, ..] = *ethernet;
        let hardware = (
            u32::from_ne_bytes([a0, a1, a2, a3]),
            u32::from_ne_bytes([b0, b1, b2, b3]),
            u32::from_ne_bytes([c0, c1, c2, c3]),
        );
        let [a0, a1, a2, a3, b0, b1, b2, b3] = *packet.get(12..)?.first_chunk()?;
        let address = u32::from_ne_bytes([a0, a1, a2, a3]);
        let destination = u32::from_ne_bytes([b0, b1, b2, b3]);
        Some(Self { hardware, address, destination })
    }
}

impl Neighbors {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        const SENDER: Sender = Sender { hardware: (0, 0, 0), address: 0, destination: 0 };
        const NONE: Neighbor = Neighbor { sender: SENDER, until: Instant::ZERO };
        Self { known: [NONE; KNOWN], next: 0 }
    }

    /// Whether the stack has been shown the sender of a frame lately.
    #[must_use]
    pub fn knows(&self, now: Instant, frame: &[u8]) -> bool {
        let Some(sender) = Sender::of(frame) else { return false };
        self.known.iter().any(|it| it.sender == sender && now < it.until)
    }

    /// Takes notice of a frame that came, an Ethernet frame without its check sequence. Returns the
    /// frame to show the stack before it answers: an ARP reply from the sender of the packet in it,
    /// or from the router that has forwarded it. `None` if the frame has no IPv4 packet that was sent
    /// to this node alone.
    ///
    /// `next_hop` says which address on the link leads to that of the sender; `None` if none does.
    pub fn heard(
        &mut self,
        now: Instant,
        frame: &[u8],
        next_hop: impl FnOnce(Ipv4Addr) -> Option<Ipv4Addr>,
    ) -> Option<[u8; ARP]> {
        let sender = Sender::of(frame)?;
        let (to, rest) = frame.split_first_chunk::<6>()?;
        let from = rest.first_chunk::<6>()?;
        let [first, ..] = *from;
        if is_group(first) {
            return None;
        }
        let hop = next_hop(Ipv4Addr::from(sender.address.to_ne_bytes()))?.octets();
        // In the place of what was known of it, or else of the one that was shown first.
        let same = self.known.iter().position(|it| it.sender.address == sender.address);
        let place = same.unwrap_or(self.next);
        if same.is_none() {
            self.next = if place.saturating_add(1) < KNOWN { place.saturating_add(1) } else { 0 };
        }
        if let Some(it) = self.known.get_mut(place) {
            *it = Neighbor { sender, until: now.after(FRESH) };
        }
        Some(reply(*to, *from, hop, sender.destination.to_ne_bytes()))
    }
}

/// Whether a hardware address that begins so is that of several.
const fn is_group(first: u8) -> bool {
    first & 1 != 0
}

/// An ARP reply in a frame: `address` is at `from`.
fn reply(to: [u8; 6], from: [u8; 6], address: [u8; 4], asked_by: [u8; 4]) -> [u8; ARP] {
    /// Ethernet and IPv4, their lengths, a reply.
    const HEAD: [u8; 10] = [0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 2];
    let mut frame = [0; ARP];
    let parts: [&[u8]; 7] = [&to, &from, &HEAD, &from, &address, &to, &asked_by];
    let mut bytes = parts.into_iter().flatten();
    for place in &mut frame {
        *place = bytes.next().copied().unwrap_or_default();
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const NODE: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 9];

    fn frame(to: [u8; 6], from: [u8; 6], kind: [u8; 2], source: [u8; 4]) -> Vec<u8> {
        [&to[..], &from, &kind, &[0x45; 12], &source, &[10, 0, 0, 1], b"payload"].concat()
    }

    fn heard(neighbors: &mut Neighbors, seconds: u64, frame: &[u8]) -> Option<[u8; ARP]> {
        let now = Instant::from_millis(seconds * 1000);
        if neighbors.knows(now, frame) { None } else { neighbors.heard(now, frame, Some) }
    }

    #[test]
    fn a_senders_address_is_shown_as_arp_shows_it() {
        let mut neighbors = Neighbors::new();
        let came = frame(NODE, SENDER, IPV4, [10, 0, 0, 9]);
        let shown = heard(&mut neighbors, 1, &came).unwrap();
        let golden = [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 6, // Ethernet
            0, 1, 8, 0, 6, 4, 0, 2, // a reply
            2, 0, 0, 0, 0, 9, 10, 0, 0, 9, // by whom
            2, 0, 0, 0, 0, 1, 10, 0, 0, 1, // to whom
        ];
        assert_eq!(shown, golden);
    }

    #[test]
    fn it_is_shown_once_in_a_while_and_when_it_changes() {
        let mut neighbors = Neighbors::new();
        let came = frame(NODE, SENDER, IPV4, [10, 0, 0, 9]);
        let moved = frame(NODE, [2, 0, 0, 0, 0, 8], IPV4, [10, 0, 0, 9]);
        for (seconds, frame, shown) in
            [(1, &came, true), (20, &came, false), (21, &came, true), (22, &moved, true)]
        {
            assert_eq!(heard(&mut neighbors, seconds, frame).is_some(), shown, "{seconds}");
        }
        // So many are remembered.
        for shown in [true, false] {
            for last in 0..KNOWN as u8 {
                let came = frame(NODE, SENDER, IPV4, [10, 0, 2, last]);
                assert_eq!(heard(&mut neighbors, 25, &came).is_some(), shown, "{last}");
            }
        }
        // More than that take each other's place.
        for round in 0..2 {
            for last in 0..=KNOWN as u8 {
                let came = frame(NODE, SENDER, IPV4, [10, 0, 1, last]);
                assert!(heard(&mut neighbors, 30 + round, &came).is_some());
            }
        }
    }

    #[test]
    fn what_another_host_was_sent_is_not_what_this_one_was_shown() {
        let mut neighbors = Neighbors::new();
        let flooded = frame([2, 0, 0, 0, 0, 7], SENDER, IPV4, [10, 0, 0, 9]);
        let came = frame(NODE, SENDER, IPV4, [10, 0, 0, 9]);
        let mut routed = came.clone();
        routed[33] = 7; // to 10.0.0.7
        for (seconds, frame) in [(1, &flooded), (2, &came), (3, &routed), (4, &came)] {
            assert!(heard(&mut neighbors, seconds, frame).is_some(), "{seconds}");
        }
        assert_eq!(heard(&mut neighbors, 5, &came), None);
    }

    #[test]
    fn what_shows_no_neighbour() {
        let mut neighbors = Neighbors::new();
        let all = [0xFF; 6];
        for came in [
            frame(all, SENDER, IPV4, [10, 0, 0, 9]),
            frame(NODE, all, IPV4, [10, 0, 0, 9]),
            frame(NODE, SENDER, [0x86, 0xDD], [10, 0, 0, 9]),
            frame(NODE, SENDER, IPV4, [10, 0, 0, 9])[..33].to_vec(),
            Vec::new(),
        ] {
            assert_eq!(heard(&mut neighbors, 1, &came), None);
        }
        let came = frame(NODE, SENDER, IPV4, [192, 0, 2, 1]);
        assert_eq!(neighbors.heard(Instant::ZERO, &came, |_| None), None, "no way leads there");
        let router = Ipv4Addr::new(10, 0, 0, 254);
        let shown = neighbors.heard(Instant::ZERO, &came, |_| Some(router)).unwrap();
        assert_eq!(shown[28..32], [10, 0, 0, 254], "the router has forwarded it");
    }
}
