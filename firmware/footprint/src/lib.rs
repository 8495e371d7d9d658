//! What each layer of Unstick costs, and what its neighbours do.
//!
//! Each program in `src/bin` links one layer and drives its public interface with values that the
//! compiler knows nothing about; its size less that of `empty` is what the layer costs. `run` runs
//! the same in QEMU and counts instructions and stack.
#![no_std]

pub mod bare;
#[cfg(feature = "board")]
pub mod board;
pub mod cobs;
pub mod layers;
#[cfg(feature = "keys")]
pub mod locked;
pub mod memory;
pub mod node;
pub mod wire;

use core::hint::black_box;

/// Any bytes.
#[must_use]
pub fn input() -> &'static [u8] {
    black_box(&[])
}

/// Space of any length.
#[must_use]
pub fn output() -> &'static mut [u8] {
    black_box(&mut [])
}

/// The start of a program that is linked for its size and never run.
#[macro_export]
macro_rules! program {
    ($($drive:expr),*) => {
        #[allow(unsafe_code, reason = "the linker looks for the start by its name")]
        // SAFETY: nothing else in the program has this name.
        #[unsafe(no_mangle)]
        extern "C" fn _start() -> ! {
            $($drive;)*
            loop {}
        }
    };
}

/// Says nothing: what panics would say is the program's to decide, and to pay for.
#[cfg(not(feature = "board"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
