//! An Ethernet wire in memory that loses nothing.

use core::cell::RefCell;
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use std::collections::VecDeque;
use std::rc::Rc;

type Frames = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of the wire.
pub struct End {
    incoming: Frames,
    outgoing: Frames,
    /// Frames that have been received here, and those of UDP among them.
    received: usize,
    datagrams: usize,
}

/// Both ends of a wire.
pub fn wire() -> (End, End) {
    let (there, back) = (Frames::default(), Frames::default());
    (
        End { incoming: there.clone(), outgoing: back.clone(), received: 0, datagrams: 0 },
        End { incoming: back, outgoing: there, received: 0, datagrams: 0 },
    )
}

impl End {
    /// Whether frames wait to be received here.
    pub fn has_frames(&self) -> bool {
        !self.incoming.borrow().is_empty()
    }

    /// Loses all frames that wait here.
    pub fn lose_frames(&self) {
        self.incoming.borrow_mut().clear();
    }

    /// Frames that have been received here.
    pub fn received(&self) -> usize {
        self.received
    }

    /// Frames with UDP that have been received here, whomever they were for.
    pub fn datagrams(&self) -> usize {
        self.datagrams
    }

    /// The frame that was sent last and has not been received.
    pub fn sent(&self) -> Vec<u8> {
        self.outgoing.borrow().back().cloned().unwrap_or_default()
    }

    /// Sends a frame past the stack, and before those that are on their way.
    pub fn send_before(&self, frame: Vec<u8>) {
        self.outgoing.borrow_mut().push_front(frame);
    }

    /// Sends a frame past the stack.
    pub fn send(&self, frame: Vec<u8>) {
        self.outgoing.borrow_mut().push_back(frame);
    }
}

impl Device for End {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(RxToken, TxToken)> {
        let frame = self.incoming.borrow_mut().pop_front()?;
        self.received += 1;
        self.datagrams += usize::from(frame.get(23) == Some(&17));
        Some((RxToken(frame), TxToken(self.outgoing.clone())))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken> {
        Some(TxToken(self.outgoing.clone()))
    }
}

pub struct RxToken(Vec<u8>);

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

pub struct TxToken(Frames);

impl phy::TxToken for TxToken {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.borrow_mut().push_back(frame);
        result
    }
}
