//! The controller for embassy-net.

use super::{BURST, FRAME, Lan9118, Received, Sending};
use crate::registers::Registers;
use core::task::{Context, Waker};
use embassy_net_driver::{Capabilities, HardwareAddress, LinkState, RxToken, TxToken};

/// Most frames given in one poll.
const TURN: usize = 2;

/// The controller as an embassy-net driver, which raises the interrupt line only while it waits.
///
/// Whoever sees the interrupt, a handler or the loop around the executor, wakes the waker that was
/// registered last. The line stays high until the next poll: a handler masks the interrupt as well,
/// or it runs for ever, and `register` unmasks it.
///
/// The stack takes in all it is given before a task can answer, and loses what its sockets cannot
/// hold. So this gives it only two frames a poll, and then lets the tasks run.
pub struct Driver<R> {
    nic: Lan9118<R>,
    register: fn(&Waker),
    link_up: fn(&mut Lan9118<R>),
    is_up: bool,
    /// Frames given since there was none.
    given: usize,
}

impl<R: Registers> Driver<R> {
    /// A driver that has `register` keep the waker for the interrupt, and that calls `link_up` when
    /// it sees that the link has come up, to announce itself.
    ///
    /// The chip is asked for its link at each poll and does not interrupt for it: until it is up,
    /// and wherever a loss between two polls must not be missed, wake the stack now and then.
    pub const fn new(nic: Lan9118<R>, register: fn(&Waker), link_up: fn(&mut Lan9118<R>)) -> Self {
        Self { nic, register, link_up, is_up: false, given: 0 }
    }

    /// Has the next frame wake the task; at once, if one waits already.
    fn wait(&mut self, context: &Context<'_>) {
        self.given = 0;
        (self.register)(context.waker());
        if self.nic.enable_interrupt() {
            context.waker().wake_by_ref();
        }
    }
}

impl<R: Registers> embassy_net_driver::Driver for Driver<R> {
    type RxToken<'a>
        = Received<'a>
    where
        R: 'a;
    type TxToken<'a>
        = Sending<'a, R>
    where
        R: 'a;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Sending<'_, R>)> {
        self.nic.disable_interrupt();
        let len = if self.given < TURN { self.nic.fetch() } else { None };
        let Some(len) = len else {
            self.wait(context);
            return None;
        };
        self.given += 1;
        Some(self.nic.received(len))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Sending<'_, R>> {
        if !self.nic.has_room() {
            // It comes soon, and without an interrupt.
            context.waker().wake_by_ref();
            return None;
        }
        Some(self.nic.sending())
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        let was_up = core::mem::replace(&mut self.is_up, self.nic.is_linked());
        if self.is_up && !was_up {
            (self.link_up)(&mut self.nic);
        }
        if self.is_up { LinkState::Up } else { LinkState::Down }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(BURST);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.nic.address().0)
    }
}

impl RxToken for Received<'_> {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, f: F) -> T {
        f(self.0)
    }
}

impl<R: Registers> TxToken for Sending<'_, R> {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, len: usize, f: F) -> T {
        self.send(len, f)
    }
}

#[cfg(test)]
mod tests;
