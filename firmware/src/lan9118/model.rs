//! A model of the controller, as its data sheet describes it. What a driver must not do panics.

use super::chip::*;
use crate::registers::Registers;
use std::collections::VecDeque;
use std::vec::Vec;

/// Reads until something that takes time is done.
const BUSY_READS: u32 = 3;

/// The controller, its PHY and the cable.
pub(crate) struct Model {
    /// The words of received frames.
    received: VecDeque<u32>,
    /// Reads of `BYTE_TEST` since the last write, and since the last read of a FIFO.
    since_write: u32,
    since_pop: u32,
    statuses: VecDeque<u32>,
    /// Frames sent.
    pub(crate) sent: Vec<Vec<u8>>,
    /// How the frames sent fared, not read yet.
    pub(super) unread: u32,
    /// Bytes free in the send FIFO.
    pub(super) room: u32,
    sending: VecDeque<u32>,
    pub(super) mac: [u32; 16],
    pub(super) phy: [u32; 32],
    mac_data: u32,
    /// Reads for which these are still busy.
    resets: u32,
    dumps: u32,
    mac_busy: u32,
    mii_busy: u32,
    pub(super) interrupts: u32,
    irq_cfg: u32,
    on: bool,
    /// What identifies another chip, or a stuck one.
    pub(super) id: u32,
    pub(super) order: u32,
    pub(super) is_stuck: bool,
}

impl Model {
    /// A chip after power-up, with the address 02:01:03:04:05:06, and its cable.
    pub(crate) fn new() -> Self {
        let mut mac = [0; 16];
        mac[ADDRL as usize] = 0x0403_0102;
        mac[ADDRH as usize] = 0x0000_0605;
        let mut phy = [0; 32];
        phy[BMSR as usize] = BMSR_LINK;
        Self {
            received: VecDeque::new(),
            since_write: 0,
            since_pop: 0,
            statuses: VecDeque::new(),
            sent: Vec::new(),
            unread: 0,
            room: 4608,
            sending: VecDeque::new(),
            mac,
            phy,
            mac_data: 0,
            resets: 0,
            dumps: 0,
            mac_busy: 0,
            mii_busy: 0,
            interrupts: u32::MAX,
            irq_cfg: 0,
            on: false,
            id: 0x0118_0001,
            order: BYTE_ORDER,
            is_stuck: false,
        }
    }

    /// A frame comes, whose checksum is right or not.
    pub(crate) fn receive(&mut self, frame: &[u8], is_good: bool) {
        let bytes = [frame, &[0xEE; CHECKSUM]].concat();
        let error = if is_good { 0 } else { RX_STATUS_ERROR };
        self.statuses.push_back((bytes.len() as u32) << 16 | error);
        for chunk in bytes.chunks(WORD) {
            let mut word = [0xEE; WORD];
            word[..chunk.len()].copy_from_slice(chunk);
            self.received.push_back(u32::from_le_bytes(word));
        }
    }

    /// Whether the interrupt line is high.
    pub(super) fn is_interrupting(&self) -> bool {
        assert_eq!(self.irq_cfg, IRQ_CFG_HIGH, "the line is not configured");
        self.interrupts & INT_RECEIVED != 0 && !self.statuses.is_empty()
    }

    /// Whether nothing is left of any frame.
    pub(super) fn is_drained(&self) -> bool {
        self.statuses.is_empty() && self.received.is_empty()
    }

    /// Checks that a register is not read before it shows what was done.
    fn check_pause(&mut self, offset: usize) {
        let (write, pop) = match offset {
            RX_FIFO_INF => (0, 3),
            TX_FIFO_INF => (3, 3),
            HW_CFG | TX_CFG | RX_CFG | E2P_CMD | MAC_CSR_CMD | MAC_CSR_DATA => (1, 0),
            _ => (0, 0),
        };
        let is_late = self.since_write >= write && self.since_pop >= pop;
        assert!(is_late, "register {offset:#x} is read too early");
        match offset {
            BYTE_TEST => {
                self.since_write += 1;
                self.since_pop += 1;
            }
            RX_DATA | RX_STATUS | TX_STATUS => self.since_pop = 0,
            _ => {}
        }
    }

    fn send(&mut self, word: u32) {
        assert!(self.on, "a frame before the sender is on");
        self.room = self.room.checked_sub(WORD as u32).expect("the send FIFO overflows");
        self.sending.push_back(word);
        let (first, second) = (self.sending[0], self.sending.get(1).copied());
        assert_eq!(first & !0x7FF, TX_WHOLE, "the first command");
        let len = (first & 0x7FF) as usize;
        assert!(
            second.is_none_or(|it| it == (len as u32) << 16 | len as u32),
            "the second command"
        );
        if self.sending.len() < 2 + len.div_ceil(WORD) {
            return;
        }
        let words = self.sending.drain(..).skip(2);
        let mut frame: Vec<_> = words.flat_map(u32::to_le_bytes).collect();
        frame.truncate(len);
        self.sent.push(frame);
        self.unread += 1;
    }

    fn mac_command(&mut self, command: u32) {
        assert_eq!(self.mac_busy, 0, "a command to a busy MAC");
        assert_ne!(command & BUSY, 0);
        self.mac_busy = BUSY_READS;
        let register = command & 0xFF;
        if command & 1 << 30 != 0 {
            self.mac_data = self.mac[register as usize];
            if register == MII_ACC {
                self.mac_data = self.mac_data & !1 | u32::from(busy(&mut self.mii_busy));
            }
            return;
        }
        self.mac[register as usize] = self.mac_data;
        if register == MII_ACC {
            assert_eq!(self.mii_busy, 0, "a command to a busy PHY");
            assert_eq!(self.mac_data >> 11, 1, "the PHY's address");
            self.mii_busy = BUSY_READS;
            let phy = &mut self.phy[(self.mac_data >> 6 & 0x1F) as usize];
            if self.mac_data & 2 != 0 {
                *phy = self.mac[MII_DATA as usize];
            } else {
                self.mac[MII_DATA as usize] = *phy;
                *phy &= !BMCR_RESET;
            }
        }
    }
}

/// Whether it is still busy, one reading later.
fn busy(reads: &mut u32) -> bool {
    let is_busy = *reads > 0;
    *reads = reads.saturating_sub(1);
    is_busy
}

impl Registers for Model {
    fn read(&mut self, offset: usize) -> u32 {
        self.check_pause(offset);
        match offset {
            RX_DATA => self.received.pop_front().expect("the receive FIFO is empty"),
            RX_STATUS => self.statuses.pop_front().expect("no frame waits"),
            TX_STATUS => {
                self.unread = self.unread.checked_sub(1).expect("no status waits");
                0
            }
            RX_FIFO_INF => {
                ((self.statuses.len() as u32) << 16) | (self.received.len() * WORD) as u32
            }
            TX_FIFO_INF => self.unread << 16 | self.room,
            ID_REV => self.id,
            BYTE_TEST => self.order,
            PMT_CTRL => u32::from(!self.is_stuck),
            HW_CFG => u32::from(busy(&mut self.resets)),
            TX_CFG => {
                if busy(&mut self.dumps) {
                    TX_CFG_DUMP
                } else {
                    0
                }
            }
            RX_CFG => {
                if busy(&mut self.dumps) {
                    RX_CFG_DUMP
                } else {
                    0
                }
            }
            E2P_CMD => u32::from(self.resets > 0) << 31,
            MAC_CSR_CMD => u32::from(busy(&mut self.mac_busy)) << 31,
            MAC_CSR_DATA => self.mac_data,
            _ => panic!("register {offset:#x} is read"),
        }
    }

    fn write(&mut self, offset: usize, value: u32) {
        assert!(self.resets == 0, "register {offset:#x} is written during a reset");
        assert!(self.dumps == 0, "register {offset:#x} is written while a FIFO is emptied");
        self.since_write = 0;
        match offset {
            TX_DATA => self.send(value),
            HW_CFG if value == HW_CFG_RESET => self.resets = BUSY_READS,
            TX_CFG if value == TX_CFG_DUMP => self.dumps = BUSY_READS,
            RX_CFG if value == RX_CFG_DUMP => self.dumps = BUSY_READS,
            TX_CFG => self.on = value == TX_CFG_ON,
            INT_EN => self.interrupts = value,
            IRQ_CFG => {
                assert_eq!(self.interrupts, 0, "the line is configured while it may be high");
                self.irq_cfg = value;
            }
            MAC_CSR_CMD => self.mac_command(value),
            MAC_CSR_DATA => self.mac_data = value,
            HW_CFG | INT_STS | FIFO_INT | AFC_CFG => {}
            _ => panic!("register {offset:#x} is written"),
        }
    }
}
