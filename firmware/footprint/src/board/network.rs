//! Work over the network, the same for any node.

use super::peer::{self, Connection};
use super::{instructions, stack};
use crate::bare::Echo;
use crate::node::Whole;
use crate::wire::Wire;
use smoltcp::time::Instant;

const ROUNDS: u32 = 200;

/// A node on a wire.
pub trait Network {
    /// Receives, answers and sends.
    fn poll(&mut self);

    /// Its device.
    fn wire(&mut self) -> &mut Wire;

    /// Hands it the frame that is on the wire.
    fn answer(&mut self) {
        self.wire().sent.len = 0;
        self.poll();
    }
}

/// The node learns the asker's address.
pub fn introduce(node: &mut impl Network) {
    peer::ask(&mut node.wire().received);
    node.answer();
    assert!(node.wire().sent.len > 0, "the node answers no ARP");
}

/// Instructions and stack of a datagram there and back.
pub fn datagram(
    node: &mut impl Network,
    port: u16,
    payload: &[u8],
    reply: &[u8],
) -> (usize, usize) {
    peer::datagram(&mut node.wire().received, port, payload);
    let len = node.wire().received.len;
    // The frame's bytes stay in the device, so its length is all that another takes.
    let mut work = || {
        node.wire().received.len = len;
        node.answer();
    };
    let result = (instructions(ROUNDS, &mut work), stack(&mut work));
    assert_eq!(peer::datagram_payload(&node.wire().sent), Some(reply));
    result
}

/// Instructions and stack of a request and its reply over a connection, one segment each.
pub fn round_trip(
    node: &mut impl Network,
    port: u16,
    request: &[u8],
    reply: &[u8],
) -> (usize, usize) {
    let mut connection = Connection::new(port);
    connection.open(&mut node.wire().received);
    node.answer();
    assert!(connection.opened(&node.wire().sent).is_some(), "nobody listens on {port}");
    // What our end does for its segments.
    let mut not_sent = connection.clone();
    let ours = instructions(ROUNDS, &mut || {
        not_sent.say(&mut node.wire().received, request, reply.len());
    });
    connection.say(&mut node.wire().received, request, 0);
    let stack = stack(&mut || node.answer());
    let all = instructions(ROUNDS, &mut || {
        connection.say(&mut node.wire().received, request, reply.len());
        node.answer();
    });
    assert_eq!(peer::said(&node.wire().sent), Some(reply));
    connection.say(&mut node.wire().received, &[], reply.len());
    connection.reset(&mut node.wire().received);
    node.answer();
    (all - ours, stack)
}

impl Network for Whole {
    fn poll(&mut self) {
        self.poll(Instant::ZERO);
    }

    fn wire(&mut self) -> &mut Wire {
        self.wire
    }
}

impl Network for Echo {
    fn poll(&mut self) {
        self.poll(Instant::ZERO);
    }

    fn wire(&mut self) -> &mut Wire {
        self.wire
    }
}
