//! A device, seen as its registers.

/// A block of 32-bit registers.
///
/// The drivers here are written over this, so that the same code runs on a board and against a
/// model of the device in a test. Reads may have side effects, and both happen in program order.
pub trait Registers {
    /// Reads the register `offset` bytes into the block; `offset` is a multiple of 4.
    fn read(&mut self, offset: usize) -> u32;

    /// Writes the register `offset` bytes into the block; `offset` is a multiple of 4.
    fn write(&mut self, offset: usize, value: u32);
}
