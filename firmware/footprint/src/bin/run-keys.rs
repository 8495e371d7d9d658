//! What keys cost at run time.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use unstick_footprint::board::keys::{Costs, MORE, costs};
use unstick_footprint::board::{end, start, tell};

#[entry]
fn main() -> ! {
    start();
    let Costs { handshake, request, handshake_stack, request_stack } = costs();
    tell(format_args!("handshake"), handshake);
    tell(format_args!("keyed command"), request);
    tell(format_args!("handshake stack"), handshake_stack);
    tell(format_args!("session stack"), request_stack);
    tell(format_args!("session"), MORE);
    end()
}
