//! A driver that shows its stack who the senders are.

use crate::services::now;
use core::task::Context;
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken};
use unstick::neighbor::{ARP, Neighbors};

/// An Ethernet driver that shows its stack the hardware address of each sender on the link, as if that
/// had been told by ARP.
///
/// Put it between a driver and [`embassy_net::new`]. Without it the stack asks every sender for the
/// address that its frame has just shown, one a second: the first answers to a dozen neighbours take
/// seconds, and one who does not answer the question holds up all others.
///
/// ```
/// # use embassy_net::driver::Driver;
/// use embassy_net::{Config, Runner, Stack, StackResources};
/// use unstick_embassy::Hearing;
///
/// fn network<D: Driver>(
///     nic: D,
///     sockets: &'static mut StackResources<7>,
///     seed: u64,
/// ) -> (Stack<'static>, Runner<'static, Hearing<D>>) {
///     embassy_net::new(Hearing::new(nic), Config::default(), sockets, seed)
/// }
/// ```
#[derive(Debug)]
pub struct Hearing<D> {
    driver: D,
    neighbors: Neighbors,
    /// What is shown next.
    shown: Option<[u8; ARP]>,
}

impl<D> Hearing<D> {
    /// The same driver, and who is heard by it.
    pub const fn new(driver: D) -> Self {
        Self { driver, neighbors: Neighbors::new(), shown: None }
    }
}

impl<D: Driver> Driver for Hearing<D> {
    type RxToken<'a>
        = Heard<'a, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Self::RxToken<'_>, D::TxToken<'_>)> {
        if let Some(frame) = self.shown.take() {
            let answer = self.driver.transmit(cx)?;
            return Some((Heard(Frame::Shown(frame)), answer));
        }
        let (token, answer) = self.driver.receive(cx)?;
        let (neighbors, shown) = (&mut self.neighbors, &mut self.shown);
        Some((Heard(Frame::Received { token, neighbors, shown }), answer))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<D::TxToken<'_>> {
        self.driver.transmit(cx)
    }

    fn link_state(&mut self, cx: &mut Context<'_>) -> LinkState {
        self.driver.link_state(cx)
    }

    fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    fn hardware_address(&self) -> HardwareAddress {
        self.driver.hardware_address()
    }
}

/// A frame of a [`Hearing`] driver.
#[derive(Debug)]
pub struct Heard<'a, T>(Frame<'a, T>);

#[derive(Debug)]
enum Frame<'a, T> {
    Received { token: T, neighbors: &'a mut Neighbors, shown: &'a mut Option<[u8; ARP]> },
    Shown([u8; ARP]),
}

impl<T: RxToken> RxToken for Heard<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        match self.0 {
            Frame::Shown(mut frame) => f(&mut frame),
            Frame::Received { token, neighbors, shown } => token.consume(|frame| {
                if !neighbors.knows(now(), frame) {
                    // Of a sender that is not on the link the stack takes no notice.
                    *shown = neighbors.heard(now(), frame, Some);
                }
                f(frame)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::task::Waker;
    use embassy_net_driver::TxToken;
    use std::collections::VecDeque;
    use std::vec::Vec;

    struct Nic(VecDeque<Vec<u8>>);
    struct Token(Vec<u8>);

    impl RxToken for Token {
        fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, f: F) -> R {
            f(&mut self.0)
        }
    }

    impl TxToken for Token {
        fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, len: usize, f: F) -> R {
            self.0.resize(len, 0);
            f(&mut self.0)
        }
    }

    impl Driver for Nic {
        type RxToken<'a> = Token;
        type TxToken<'a> = Token;

        fn receive(&mut self, _: &mut Context<'_>) -> Option<(Token, Token)> {
            Some((Token(self.0.pop_front()?), Token(Vec::new())))
        }

        fn transmit(&mut self, _: &mut Context<'_>) -> Option<Token> {
            Some(Token(Vec::new()))
        }

        fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
            LinkState::Up
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::default()
        }

        fn hardware_address(&self) -> HardwareAddress {
            HardwareAddress::Ethernet([2, 0, 0, 0, 0, 1])
        }
    }

    #[test]
    fn behind_a_frame_comes_who_its_sender_is_once() {
        let node = [2, 0, 0, 0, 0, 1];
        let frame = |last| {
            let packet = [&[0x45; 12][..], &[10, 0, 0, last], &[10, 0, 0, 1], b"hello"].concat();
            [&node[..], &[2, 0, 0, 0, 0, last], &[0x08, 0x00], &packet].concat()
        };
        let mut nic = Hearing::new(Nic([frame(9), frame(9), frame(8)].into()));
        let mut cx = Context::from_waker(Waker::noop());
        let mut seen = Vec::new();
        while let Some((token, _)) = nic.receive(&mut cx) {
            seen.push(token.consume(|frame| (frame[12..14].to_vec(), frame[11])));
        }
        let ipv4 = |last| (std::vec![0x08, 0x00], last);
        let arp = |last| (std::vec![0x08, 0x06], last);
        assert_eq!(seen, [ipv4(9), arp(9), ipv4(9), ipv4(8), arp(8)]);
    }
}
