//! The echo without us.
#![no_std]
#![no_main]

use core::hint::black_box;
use smoltcp::time::Instant;
use unstick_footprint::bare::Echo;

unstick_footprint::program!(drive());

fn drive() {
    let mut echo = Echo::start();
    while black_box(true) {
        echo.wire.received.len = black_box(0);
        black_box(echo.poll(black_box(Instant::ZERO)));
    }
}
