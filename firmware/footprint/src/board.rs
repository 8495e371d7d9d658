//! What runs on the emulated board: counting instructions and stack.

pub mod commands;
pub mod frames;
#[cfg(feature = "keys")]
pub mod keys;
pub mod network;
pub mod peer;

use core::hint::black_box;
use core::panic::PanicInfo;
use cortex_m::register::msp;
use cortex_m_semihosting::{debug, hprintln};

/// Instructions in a tick of the timer, which runs at 25 MHz, where QEMU executes one instruction
/// in a nanosecond (`-icount shift=0`).
const INSTRUCTIONS: u32 = 40;

/// Bytes below the stack pointer that are looked at.
const STACK: usize = 64 * 1024;

/// What no program leaves on its stack by chance.
const PAINT: u32 = 0xA5C3_5A3C;

/// Instructions of one of `rounds` calls, the loop around them taken off.
pub fn instructions(rounds: u32, work: &mut dyn FnMut()) -> usize {
    let empty = ticks(rounds, &mut || ());
    ((ticks(rounds, work) - empty) * INSTRUCTIONS / rounds) as usize
}

/// Never inlined, so that the loop is the same for all work.
#[inline(never)]
fn ticks(rounds: u32, work: &mut dyn FnMut()) -> u32 {
    let start = timer();
    for _ in 0..rounds {
        black_box(&mut *work)();
    }
    start - timer()
}

/// Bytes of stack below the caller that the work needs.
#[inline(never)]
pub fn stack(work: &mut dyn FnMut()) -> usize {
    let top = msp::read() as usize;
    let words = (top - STACK..top).step_by(size_of::<u32>());
    paint(words.clone());
    black_box(work)();
    let untouched = words.take_while(|address| word(*address) == PAINT).count();
    assert!(untouched > 0, "the work needs more stack than was painted");
    STACK - untouched * size_of::<u32>()
}

/// Tells the host a figure.
pub fn tell(name: core::fmt::Arguments<'_>, figure: usize) {
    hprintln!("{name}: {figure}");
}

/// Ends QEMU, all being well.
pub fn end() -> ! {
    exit(debug::EXIT_SUCCESS)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{info}");
    exit(debug::EXIT_FAILURE)
}

fn exit(status: debug::ExitStatus) -> ! {
    loop {
        debug::exit(status);
    }
}

/// Starts the timer, which counts down and comes around after 171 seconds.
pub fn start() {
    hardware::write(0x4000_0008, u32::MAX);
    hardware::write(0x4000_0004, u32::MAX);
    hardware::write(0x4000_0000, 1);
}

fn timer() -> u32 {
    hardware::read(0x4000_0004)
}

#[inline(always)]
fn paint(words: impl Iterator<Item = usize>) {
    for address in words {
        hardware::write(address, PAINT);
    }
}

fn word(address: usize) -> u32 {
    hardware::read(address)
}

/// Words at addresses, which only unsafe code can name.
mod hardware {
    #![allow(unsafe_code, reason = "registers and the unused stack are at addresses")]

    use core::ptr;

    #[inline(always)]
    pub(super) fn read(address: usize) -> u32 {
        // SAFETY: callers name registers of timer 0 or words of the stack's region, all aligned.
        unsafe { ptr::with_exposed_provenance::<u32>(address).read_volatile() }
    }

    #[inline(always)]
    pub(super) fn write(address: usize, value: u32) {
        // SAFETY: callers name registers of timer 0, or words below the stack pointer, where no
        // interrupt puts anything; all aligned.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(value) }
    }
}
