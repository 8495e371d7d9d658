//! Registers of the chip, and how its MAC and PHY are reached through them.

use super::{ATTEMPTS, SetupError};
use crate::registers::Registers;

/// Bytes of an access.
pub(super) const WORD: usize = 4;
/// Bytes of a frame's checksum.
pub(super) const CHECKSUM: usize = 4;
/// Bytes of the two commands before a frame in the send FIFO.
pub(super) const COMMANDS: usize = 8;

pub(super) const RX_DATA: usize = 0x00;
pub(super) const TX_DATA: usize = 0x20;
pub(super) const RX_STATUS: usize = 0x40;
pub(super) const TX_STATUS: usize = 0x48;
pub(super) const ID_REV: usize = 0x50;
pub(super) const IRQ_CFG: usize = 0x54;
pub(super) const INT_STS: usize = 0x58;
pub(super) const INT_EN: usize = 0x5C;
pub(super) const BYTE_TEST: usize = 0x64;
pub(super) const FIFO_INT: usize = 0x68;
pub(super) const RX_CFG: usize = 0x6C;
pub(super) const TX_CFG: usize = 0x70;
pub(super) const HW_CFG: usize = 0x74;
pub(super) const RX_FIFO_INF: usize = 0x7C;
pub(super) const TX_FIFO_INF: usize = 0x80;
pub(super) const PMT_CTRL: usize = 0x84;
pub(super) const MAC_CSR_CMD: usize = 0xA4;
pub(super) const MAC_CSR_DATA: usize = 0xA8;
pub(super) const AFC_CFG: usize = 0xAC;
pub(super) const E2P_CMD: usize = 0xB0;

/// What `BYTE_TEST` reads if the bus is wired as this driver takes it.
pub(super) const BYTE_ORDER: u32 = 0x8765_4321;
/// The upper half of `ID_REV`.
pub(super) const CHIPS: [u32; 10] =
    [0x0115, 0x0116, 0x0117, 0x0118, 0x115A, 0x116A, 0x117A, 0x118A, 0x9220, 0x9221];
/// Of `PMT_CTRL`: the chip can be used.
pub(super) const READY: u32 = 1;
/// Of `MAC_CSR_CMD` and `E2P_CMD`: not done yet.
pub(super) const BUSY: u32 = 1 << 31;
pub(super) const HW_CFG_RESET: u32 = 1;
/// Whole frames are stored before they are sent; 5 KiB of the 16 in the FIFOs are for sending.
pub(super) const HW_CFG_FIFOS: u32 = 0x0015_0000;
/// Levels of flow control, which stays off.
pub(super) const AFC_CFG_LEVELS: u32 = 0x006E_3740;
/// Discards status and data.
pub(super) const TX_CFG_DUMP: u32 = 0xC000;
pub(super) const TX_CFG_ON: u32 = 1 << 1;
pub(super) const RX_CFG_DUMP: u32 = 1 << 15;
/// The receive level is 0: more than no frame. The send level is not used.
pub(super) const FIFO_INT_LEVELS: u32 = 0x4800_0000;
/// Enabled, active high, push-pull.
pub(super) const IRQ_CFG_HIGH: u32 = 0x111;
/// Of `INT_STS` and `INT_EN`: frames are over the receive level.
pub(super) const INT_RECEIVED: u32 = 1 << 3;
pub(super) const RX_STATUS_ERROR: u32 = 1 << 15;
/// Of the first command: first and last piece of its frame.
pub(super) const TX_WHOLE: u32 = 0x3000;

// Registers of the MAC.
pub(super) const MAC_CR: u32 = 1;
pub(super) const ADDRH: u32 = 2;
pub(super) const ADDRL: u32 = 3;
pub(super) const MII_ACC: u32 = 6;
pub(super) const MII_DATA: u32 = 7;

/// Full duplex, sender and receiver on.
pub(super) const MAC_CR_ON: u32 = 0x0010_000C;

// Registers of the PHY.
pub(super) const BMCR: u32 = 0;
pub(super) const BMSR: u32 = 1;
pub(super) const ANAR: u32 = 4;

pub(super) const BMCR_RESET: u32 = 1 << 15;
/// Negotiates, and starts to do so now.
pub(super) const BMCR_NEGOTIATE: u32 = 0x1200;
pub(super) const BMSR_LINK: u32 = 1 << 2;
/// 100 and 10 Mbit/s, both full duplex, of IEEE 802.3.
pub(super) const ANAR_FULL_DUPLEX: u32 = 0x0141;

const MAC_READ: u32 = 1 << 30;
/// The PHY inside the chip, at address 1.
const MII_PHY: u32 = 1 << 11;
const MII_WRITE: u32 = 1 << 1;
const MII_BUSY: u32 = 1;

/// Reads a register once it shows what the accesses before it did. The chip takes up to 135 ns for
/// that, and no longer than for so many reads of `BYTE_TEST` (data sheet, restrictions on
/// back-to-back cycles).
pub(super) fn read<R: Registers>(chip: &mut R, register: usize) -> u32 {
    let dummies = match register {
        RX_FIFO_INF | TX_FIFO_INF => 3,
        _ => 1,
    };
    for _ in 0..dummies {
        chip.read(BYTE_TEST);
    }
    chip.read(register)
}

/// Waits until the bits of `mask` are those of `value`.
pub(super) fn wait<R: Registers>(
    chip: &mut R,
    register: usize,
    mask: u32,
    value: u32,
) -> Result<(), SetupError> {
    let mut read = 0;
    for _ in 0..ATTEMPTS {
        read = self::read(chip, register);
        if read & mask == value {
            return Ok(());
        }
    }
    Err(SetupError::Stuck { register, value: read })
}

pub(super) fn mac_read<R: Registers>(chip: &mut R, register: u32) -> Result<u32, SetupError> {
    wait(chip, MAC_CSR_CMD, BUSY, 0)?;
    chip.write(MAC_CSR_CMD, BUSY | MAC_READ | register);
    wait(chip, MAC_CSR_CMD, BUSY, 0)?;
    Ok(read(chip, MAC_CSR_DATA))
}

pub(super) fn mac_write<R: Registers>(
    chip: &mut R,
    register: u32,
    value: u32,
) -> Result<(), SetupError> {
    wait(chip, MAC_CSR_CMD, BUSY, 0)?;
    chip.write(MAC_CSR_DATA, value);
    chip.write(MAC_CSR_CMD, BUSY | register);
    wait(chip, MAC_CSR_CMD, BUSY, 0)
}

pub(super) fn phy_read<R: Registers>(chip: &mut R, register: u32) -> Result<u32, SetupError> {
    mii_wait(chip)?;
    mac_write(chip, MII_ACC, MII_PHY | register << 6 | MII_BUSY)?;
    mii_wait(chip)?;
    mac_read(chip, MII_DATA)
}

pub(super) fn phy_write<R: Registers>(
    chip: &mut R,
    register: u32,
    value: u32,
) -> Result<(), SetupError> {
    mii_wait(chip)?;
    mac_write(chip, MII_DATA, value)?;
    mac_write(chip, MII_ACC, MII_PHY | register << 6 | MII_WRITE | MII_BUSY)?;
    mii_wait(chip)
}

/// Waits until the bits of `mask` in a register of the PHY are those of `value`.
pub(super) fn phy_wait<R: Registers>(
    chip: &mut R,
    register: u32,
    mask: u32,
    value: u32,
) -> Result<(), SetupError> {
    let mut read = 0;
    for _ in 0..PHY_ATTEMPTS {
        read = phy_read(chip, register)?;
        if read & mask == value {
            return Ok(());
        }
    }
    Err(SetupError::Stuck { register: MAC_CSR_DATA, value: read })
}

fn mii_wait<R: Registers>(chip: &mut R) -> Result<(), SetupError> {
    for _ in 0..PHY_ATTEMPTS {
        if mac_read(chip, MII_ACC)? & MII_BUSY == 0 {
            return Ok(());
        }
    }
    Err(SetupError::Stuck { register: MAC_CSR_CMD, value: MII_ACC })
}

/// Each takes several accesses, and the PHY's reset up to half a second.
const PHY_ATTEMPTS: u32 = ATTEMPTS / 4;
