//! All that is unsafe: where the registers are, and what only the processor can do.
#![allow(unsafe_code, reason = "registers are at addresses, which only unsafe code can name")]

use crate::board::{Clock, Uart};
use crate::registers::Registers;
use core::fmt::{Display, Write as _};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::{NVIC, SCB};
use cortex_m_rt::{ExceptionFrame, exception};
use safe_mmio::{UniqueMmioPointer, fields::ReadWrite};
use unstick::Instant;

/// The blocks of registers, each once.
pub struct Hardware {
    /// For the [clock](Clock).
    pub timer0: Block,
    /// For the [alarm](crate::board::Alarm).
    pub timer1: Block,
    /// For the [log](Uart).
    pub uart0: Block,
    /// For the node's [commands](crate::commands::Board).
    pub fpga: Block,
    /// The [Ethernet controller](crate::lan9118::Lan9118).
    pub ethernet: Block,
}

impl Hardware {
    /// The registers of the board; `None` for who comes second.
    pub fn take() -> Option<Self> {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        (!TAKEN.swap(true, Ordering::Relaxed)).then(Self::at_addresses)
    }

    fn at_addresses() -> Self {
        Self {
            timer0: Block::at(0x4000_0000),
            timer1: Block::at(0x4000_1000),
            uart0: Block::at(0x4000_4000),
            fpga: Block::at(0x4002_8000),
            ethernet: Block::at(0x4020_0000),
        }
    }
}

/// Words of a block: the largest, that of the Ethernet controller, ends before 0x100.
const WORDS: usize = 64;

/// A block of registers of a device.
pub struct Block(UniqueMmioPointer<'static, [ReadWrite<u32>; WORDS]>);

impl Block {
    fn at(address: usize) -> Self {
        let address = NonNull::new(core::ptr::with_exposed_provenance_mut(address));
        let address = address.unwrap_or(NonNull::dangling());
        // SAFETY: only `Hardware` calls this, with addresses at which the memory maps of AN385 and
        // AN386 have a device with at least 256 bytes of its own, aligned, that can be read and
        // written in words. It gives each address out once, and once more to `restart`, after which
        // nothing else runs.
        Self(unsafe { UniqueMmioPointer::new(address) })
    }
}

impl Registers for Block {
    fn read(&mut self, offset: usize) -> u32 {
        self.0.get(offset / 4).map_or(0, |mut register| register.read())
    }

    fn write(&mut self, offset: usize, value: u32) {
        if let Some(mut register) = self.0.get(offset / 4) {
            register.write(value);
        }
    }
}

/// The interrupts that wake a node.
#[derive(Clone, Copy, Debug)]
pub enum Interrupt {
    /// The alarm is due.
    Timer1 = 9,
    /// A frame waits.
    Ethernet = 13,
}

// SAFETY: the number is that of the variant, it does not change and no two are the same.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Lets the interrupts wake the processor, but never a handler run: they are masked, for good.
///
/// A masked interrupt ends a sleep as well. So there is nothing that a handler would have to share
/// with the program.
pub fn wake_on_interrupts() {
    cortex_m::interrupt::disable();
    for interrupt in [Interrupt::Ethernet, Interrupt::Timer1] {
        // SAFETY: no code here relies on interrupts being masked in the NVIC.
        unsafe { NVIC::unmask(interrupt) }
    }
}

/// Tells the log why, and starts the board again; after a pause, in case it comes back here at once.
pub fn restart(why: impl Display) -> ! {
    const PAUSE: Instant = Instant::from_millis(1000);
    cortex_m::interrupt::disable();
    let Hardware { uart0, timer0, .. } = Hardware::at_addresses();
    let _ = writeln!(Uart::new(uart0), "\n{why}\nreboot");
    let mut clock = Clock::new(timer0);
    while clock.now() < PAUSE {}
    SCB::sys_reset()
}

/// A fault of the processor, which none of our code should cause, is reported as a panic is.
// SAFETY: cortex-m-rt calls it as the handler it is; it never returns to what has failed.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!("hard fault at {:#010x}", frame.pc())
}
