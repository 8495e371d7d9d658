//! The controller for smoltcp.

use super::{BURST, FRAME, Lan9118, Received, Sending};
use crate::registers::Registers;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

impl<R: Registers> Device for Lan9118<R> {
    type RxToken<'a>
        = Received<'a>
    where
        R: 'a;
    type TxToken<'a>
        = Sending<'a, R>
    where
        R: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_, R>)> {
        let len = self.fetch()?;
        Some(self.received(len))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_, R>> {
        self.has_room().then(|| self.sending())
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(BURST);
        capabilities
    }
}

impl RxToken for Received<'_> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        f(self.0)
    }
}

impl<R: Registers> TxToken for Sending<'_, R> {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, len: usize, f: F) -> T {
        self.send(len, f)
    }
}
