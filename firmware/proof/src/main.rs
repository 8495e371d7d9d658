//! A program that cannot be linked if any panic of the core can be reached.
//!
//! Its panic handler calls a function that does not exist. The compiler drops the handler, and so
//! the call, only where it can show that nothing ever panics; else the link fails. The program
//! calls every public function of the core with values that the compiler knows nothing about.
#![no_std]
#![no_main]

mod bytes;
mod errors;
mod keys;
mod lent;
#[cfg(feature = "async-driver")]
mod nonblocking;
mod sessions;
mod streams;

use core::hint::black_box;
use core::panic::PanicInfo;

unsafe extern "C" {
    /// Exists nowhere.
    safe fn a_panic_can_be_reached() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    a_panic_can_be_reached()
}

/// Where the program starts. It is linked, never run.
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    bytes::drive();
    errors::drive();
    keys::drive();
    sessions::drive();
    streams::drive();
    #[cfg(feature = "async-driver")]
    nonblocking::drive();
    loop {}
}

/// A panic, in the builds that are to show that one is found.
///
/// It stands in what is lent to a session, to a client and to a driver. So where it is found, the
/// code that calls those is part of the program, deep inside.
#[inline(always)] // so that each has a place of its own
fn planted() {
    #[cfg(feature = "planted-panic")]
    black_box(input().first().copied().unwrap());
}

/// Any bytes.
fn input() -> &'static [u8] {
    black_box(&[])
}

/// Any text.
fn text() -> &'static str {
    black_box("")
}

/// Space of any length.
fn output() -> &'static mut [u8] {
    black_box(&mut [])
}
