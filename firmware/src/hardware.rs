//! All that is unsafe: where the registers are, and what only the processor can do.
#![allow(unsafe_code, reason = "registers are at addresses, which only unsafe code can name")]

use core::ptr::NonNull;
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::{ExceptionFrame, exception};
use safe_mmio::{UniqueMmioPointer, fields::ReadWrite};
use unstick_firmware::Registers;

/// The blocks of registers, each once.
pub(crate) struct Hardware {
    pub(crate) timer0: Block,
    pub(crate) timer1: Block,
    pub(crate) uart0: Block,
    pub(crate) fpga: Block,
    pub(crate) ethernet: Block,
}

impl Hardware {
    /// The registers of the board, from who had them before.
    ///
    /// Call it once at the start, and once more where nothing of before will run again.
    pub(crate) fn take() -> Self {
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
pub(crate) struct Block(UniqueMmioPointer<'static, [ReadWrite<u32>; WORDS]>);

impl Block {
    fn at(address: usize) -> Self {
        let address = NonNull::new(core::ptr::with_exposed_provenance_mut(address));
        let address = address.unwrap_or(NonNull::dangling());
        // SAFETY: `Hardware::take` alone calls this, with addresses at which the memory maps of
        // AN385 and AN386 have a device with at least 256 bytes of its own, aligned, that can be
        // read and written in words; and it gives each address out once.
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

/// The interrupts that wake the node.
#[derive(Clone, Copy)]
pub(crate) enum Interrupt {
    Timer1 = 9,
    Ethernet = 13,
}

// SAFETY: the number is that of the variant, it does not change and no two are the same.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Lets an interrupt wake the processor. Its handler never runs: interrupts stay masked.
pub(crate) fn unmask(interrupt: Interrupt) {
    // SAFETY: no code here relies on interrupts being masked in the NVIC.
    unsafe { NVIC::unmask(interrupt) }
}

/// A fault of the processor, which none of our code should cause, is told as a panic is.
// SAFETY: cortex-m-rt calls it as the handler it is; it never returns to what has failed.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!("hard fault at {:#010x}", frame.pc())
}
