//! All services on smoltcp.
#![no_std]
#![no_main]

use core::hint::black_box;
use smoltcp::time::Instant;
use unstick_footprint::node::Whole;

unstick_footprint::program!(drive());

fn drive() {
    let Ok(mut node) = Whole::start() else { return };
    while black_box(true) {
        node.wire.received.len = black_box(0);
        black_box(node.poll(black_box(Instant::ZERO)));
    }
}
