//! What an echo on smoltcp costs without us.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use unstick_footprint::bare::{Echo, PORT, UDP_PORTS};
use unstick_footprint::board::network::{datagram, introduce, round_trip};
use unstick_footprint::board::{end, start, tell};

#[entry]
fn main() -> ! {
    start();
    let mut echo = Echo::start();
    echo.poll(smoltcp::time::Instant::ZERO);
    introduce(&mut echo);
    let mut deepest = 0;
    for size in [1, 1472] {
        let (instructions, stack) =
            datagram(&mut echo, UDP_PORTS[0], &[b'a'; 1472][..size], &[b'A'; 1472][..size]);
        tell(format_args!("UDP echo {size}"), instructions);
        deepest = stack.max(deepest);
    }
    for size in [1, 64, 1280] {
        let (instructions, stack) =
            round_trip(&mut echo, PORT, &[b'a'; 1280][..size], &[b'A'; 1280][..size]);
        tell(format_args!("TCP echo {size}"), instructions);
        deepest = stack.max(deepest);
    }
    tell(format_args!("stack"), deepest);
    end()
}
