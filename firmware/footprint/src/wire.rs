//! A network device that is two buffers.

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Bytes of the longest frame.
pub const FRAME: usize = 1514;

/// A frame, if its length is not 0.
#[derive(Debug)]
pub struct Frame {
    /// Where it is.
    pub bytes: [u8; FRAME],
    /// Its length.
    pub len: usize,
}

impl Frame {
    const EMPTY: Self = Self { bytes: [0; FRAME], len: 0 };

    /// The bytes of the frame.
    #[must_use]
    pub fn get(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A device that receives one frame and keeps the last one sent.
#[derive(Debug)]
pub struct Wire {
    /// The frame to be received. Its bytes stay, so that only its length is to be set for another.
    pub received: Frame,
    /// The frame sent last.
    pub sent: Frame,
}

impl Wire {
    /// Nothing on its way.
    pub const IDLE: Self = Self { received: Frame::EMPTY, sent: Frame::EMPTY };
}

impl Device for Wire {
    type RxToken<'a> = Receive<'a>;
    type TxToken<'a> = Send<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(Receive<'_>, Send<'_>)> {
        let len = core::mem::take(&mut self.received.len);
        let frame = self.received.bytes.get(..len).filter(|frame| !frame.is_empty())?;
        Some((Receive(frame), Send(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Send<'_>> {
        Some(Send(&mut self.sent))
    }
}

/// A frame that is received.
#[derive(Debug)]
pub struct Receive<'a>(&'a [u8]);

impl phy::RxToken for Receive<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Space for a frame to be sent.
#[derive(Debug)]
pub struct Send<'a>(&'a mut Frame);

impl phy::TxToken for Send<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.0.len = len;
        f(self.0.bytes.get_mut(..len).unwrap_or_default())
    }
}
