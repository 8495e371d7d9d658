//! The LAN9118 Ethernet controller of SMSC (now Microchip), for smoltcp and for embassy-net.
//!
//! For smoltcp it is a [`phy::Device`](smoltcp::phy::Device), for embassy-net it goes into a
//! [`Driver`]. No heap, no interrupt handler of its own, nothing of this project: over
//! [`Registers`], so it can be lifted out together with that trait. Frames go through the chip's
//! FIFOs with 32-bit accesses.
//!
//! The LAN9115 to LAN9118, LAN9215 to LAN9218, LAN9220 and LAN9221 have the same registers; this was
//! run on the LAN9118 that QEMU emulates.
//!
//! # Resting between frames, without embassy
//!
//! 1. With interrupts masked in the processor, poll the interface until it has nothing more to do.
//! 2. Call [`Lan9118::enable_interrupt`]. If it says that a frame waits, go to 1.
//! 3. Sleep (`wfi` wakes for a masked interrupt as well).
//! 4. Call [`Lan9118::disable_interrupt`], which drops the interrupt line, and go to 1.

mod chip;
mod device;
mod driver;
#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod tests;

pub use driver::Driver;

use crate::registers::Registers;
use chip::*;
use core::fmt;
use smoltcp::wire::EthernetAddress;

/// Bytes of the longest frame, without its checksum: 1500 of payload behind a header of 14.
pub const FRAME: usize = 1514;

/// Bytes of received frames and their checksums that the chip holds; what comes beyond is lost.
pub const RECEIVE_FIFO: usize = 10_560;

/// Frames of full length that the chip holds.
const BURST: usize = RECEIVE_FIFO / (FRAME + CHECKSUM);

/// Bytes of the shortest frame that has a whole header.
const HEADER: usize = 14;

/// Reads of a register before its chip is given up, about 0.1 s on a slow bus.
const ATTEMPTS: u32 = 1_000_000;

/// The controller, set up, with room for one frame in each direction: about 3 KiB.
pub struct Lan9118<R> {
    pub(crate) registers: R,
    address: EthernetAddress,
    dropped: u32,
    received: [u8; FRAME],
    sent: [u8; FRAME],
}

impl<R: Registers> Lan9118<R> {
    /// Resets the controller, starts the negotiation of the link and switches both directions on.
    ///
    /// The address is the one given, else the one that the chip has loaded from its EEPROM. It takes full duplex only, as its MAC is set. Its interrupt line is configured and low:
    /// unmask it in the interrupt controller after this, not before.
    pub fn new(mut registers: R, address: Option<EthernetAddress>) -> Result<Self, SetupError> {
        let chip = &mut registers;
        wait(chip, PMT_CTRL, READY, READY)?;
        let order = chip.read(BYTE_TEST);
        if order != BYTE_ORDER {
            return Err(SetupError::NoChip { register: BYTE_TEST, value: order });
        }
        let revision = chip.read(ID_REV);
        if !CHIPS.contains(&(revision >> 16)) {
            return Err(SetupError::NoChip { register: ID_REV, value: revision });
        }
        chip.write(HW_CFG, HW_CFG_RESET);
        wait(chip, HW_CFG, HW_CFG_RESET, 0)?;
        wait(chip, E2P_CMD, BUSY, 0)?;

        chip.write(INT_EN, 0);
        chip.write(INT_STS, u32::MAX);
        chip.write(HW_CFG, HW_CFG_FIFOS);
        chip.write(AFC_CFG, AFC_CFG_LEVELS);
        chip.write(TX_CFG, TX_CFG_DUMP);
        wait(chip, TX_CFG, TX_CFG_DUMP, 0)?;
        chip.write(RX_CFG, RX_CFG_DUMP);
        wait(chip, RX_CFG, RX_CFG_DUMP, 0)?;
        // Any frame waiting raises the line, which is driven high.
        chip.write(FIFO_INT, FIFO_INT_LEVELS);
        chip.write(IRQ_CFG, IRQ_CFG_HIGH);

        phy_write(chip, BMCR, BMCR_RESET)?;
        phy_wait(chip, BMCR, BMCR_RESET, 0)?;
        phy_write(chip, ANAR, ANAR_FULL_DUPLEX)?;
        phy_write(chip, BMCR, BMCR_NEGOTIATE)?;

        if let Some(EthernetAddress([a, b, c, d, e, f])) = address {
            mac_write(chip, ADDRL, u32::from_le_bytes([a, b, c, d]))?;
            mac_write(chip, ADDRH, u32::from_le_bytes([e, f, 0, 0]))?;
        }
        let low = mac_read(chip, ADDRL)?.to_le_bytes();
        let high = mac_read(chip, ADDRH)?.to_le_bytes();
        let address = EthernetAddress([low[0], low[1], low[2], low[3], high[0], high[1]]);
        if !address.is_unicast() {
            return Err(SetupError::NoAddress { found: address });
        }
        mac_write(chip, MAC_CR, MAC_CR_ON)?;
        chip.write(TX_CFG, TX_CFG_ON);
        Ok(Self { registers, address, dropped: 0, received: [0; FRAME], sent: [0; FRAME] })
    }

    /// The hardware address.
    pub const fn address(&self) -> EthernetAddress {
        self.address
    }

    /// Whether there is a link now. What is sent without one is lost.
    pub fn is_linked(&mut self) -> bool {
        // The bit stays low after a loss until it is read, so the second reading counts.
        let _ = phy_read(&mut self.registers, BMSR);
        phy_read(&mut self.registers, BMSR).is_ok_and(|status| status & BMSR_LINK != 0)
    }

    /// Lets the next frame raise the interrupt line. Returns whether one waits already.
    pub fn enable_interrupt(&mut self) -> bool {
        self.registers.write(INT_STS, INT_RECEIVED);
        self.registers.write(INT_EN, INT_RECEIVED);
        self.waiting() > 0
    }

    /// Drops the interrupt line, until [`Lan9118::enable_interrupt`].
    pub fn disable_interrupt(&mut self) {
        self.registers.write(INT_EN, 0);
    }

    /// Frames dropped because the chip marked them as damaged, or because they were too short or
    /// too long for Ethernet. It stops at its end rather than start over.
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Frames in the receive FIFO.
    fn waiting(&mut self) -> u32 {
        read(&mut self.registers, RX_FIFO_INF) >> 16 & 0xFF
    }

    /// The frame that was [fetched](Self::fetch), and room for an answer.
    fn received(&mut self, len: usize) -> (Received<'_>, Sending<'_, R>) {
        let Self { registers, received, sent, .. } = self;
        (Received(&mut received[..len]), Sending { registers, frame: sent })
    }

    /// The [room](Self::has_room) for a frame.
    fn sending(&mut self) -> Sending<'_, R> {
        Sending { registers: &mut self.registers, frame: &mut self.sent }
    }

    /// Takes the next good frame out of the FIFO. Returns its length. What was dropped before it is
    /// bounded by what the FIFO held. A frame is left where it is until it can be answered.
    fn fetch(&mut self) -> Option<usize> {
        if !self.has_room() {
            return None;
        }
        for _ in 0..self.waiting() {
            let status = self.registers.read(RX_STATUS);
            let len = (status >> 16 & 0x3FFF) as usize;
            let mut words = len.div_ceil(WORD);
            // The checksum comes with the frame.
            let frame = len.saturating_sub(CHECKSUM);
            let good = status & RX_STATUS_ERROR == 0 && (HEADER..=FRAME).contains(&frame);
            if good {
                for bytes in self.received[..frame].chunks_mut(WORD) {
                    let word = self.registers.read(RX_DATA).to_le_bytes();
                    bytes.copy_from_slice(&word[..bytes.len()]);
                    words -= 1;
                }
            }
            for _ in 0..words {
                self.registers.read(RX_DATA);
            }
            if good {
                return Some(frame);
            }
            self.dropped = self.dropped.saturating_add(1);
        }
        None
    }

    /// Whether a frame of any length can be sent now.
    fn has_room(&mut self) -> bool {
        let info = read(&mut self.registers, TX_FIFO_INF);
        // The chip stops sending once nobody reads how the last frames fared.
        for _ in 0..info >> 16 & 0xFF {
            self.registers.read(TX_STATUS);
        }
        (info & 0xFFFF) as usize >= COMMANDS + FRAME.next_multiple_of(WORD)
    }
}

/// A frame that was received.
#[derive(Debug)]
pub struct Received<'a>(&'a mut [u8]);

/// Room for a frame in the send FIFO.
pub struct Sending<'a, R> {
    registers: &'a mut R,
    frame: &'a mut [u8; FRAME],
}

impl<R: Registers> Sending<'_, R> {
    /// Sends a frame of `len` bytes that `fill` writes.
    fn send<T>(self, len: usize, fill: impl FnOnce(&mut [u8]) -> T) -> T {
        let frame = &mut self.frame[..len];
        let result = fill(frame);
        self.registers.write(TX_DATA, TX_WHOLE | len as u32);
        self.registers.write(TX_DATA, (len as u32) << 16 | len as u32);
        for bytes in frame.chunks(WORD) {
            let mut word = [0; WORD];
            word[..bytes.len()].copy_from_slice(bytes);
            self.registers.write(TX_DATA, u32::from_le_bytes(word));
        }
        result
    }
}

/// Why the controller could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// The chip at the address is not a LAN9118.
    NoChip {
        /// Offset of the register that shows it.
        register: usize,
        /// What was read from it.
        value: u32,
    },
    /// The chip does not come to an end with something.
    Stuck {
        /// Offset of the register that does not change.
        register: usize,
        /// What was read from it last.
        value: u32,
    },
    /// No address was given, and the chip has none of its own.
    NoAddress {
        /// What it has instead; all ones without an EEPROM.
        found: EthernetAddress,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChip { register, value } => write!(
                f,
                "no LAN9118 answers: register {register:#x} is {value:#010x}; check the address and the bus width"
            ),
            Self::Stuck { register, value } => write!(
                f,
                "the LAN9118 is stuck: register {register:#x} stays {value:#010x}; check its power and clock"
            ),
            Self::NoAddress { found } => {
                write!(f, "the LAN9118 has {found} for an address: program its EEPROM or give one")
            }
        }
    }
}

impl core::error::Error for SetupError {}
