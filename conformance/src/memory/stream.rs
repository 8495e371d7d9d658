//! The core's drivers, over streams in memory.

use crate::fixture::{self, Node};
use crate::{Link, Played, Scenario, play};
use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::future::{pending, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use unstick::driver::{self, Buffered, blocking::Clock, nonblocking::Runtime};
use unstick::{Instant, Server};

/// Plays a scenario over the blocking driver; `None` for UDP, which has no streams,
/// and where the client waits, as here all is there at once.
///
/// The script's sends are there from the beginning, each one a read; writes take 11 bytes at most.
#[must_use]
pub fn blocking(scenario: &Scenario) -> Option<Played> {
    if scenario.is_udp() || !scenario.pauses().is_zero() {
        return None;
    }
    let mut stream = Stream::new(scenario);
    let closed = driver::blocking::run(
        &mut buffered(scenario),
        &mut fixture::node(scenario.setup),
        &mut stream,
        &mut Time::default(),
    );
    closed.expect("a stream in memory does not fail");
    Some(play(scenario, &mut Recorded(stream.output)))
}

/// Plays a scenario over the async driver, as [`blocking`] does.
///
/// No future is ready before its second poll, and at every wait the driver's future is dropped and
/// made anew: what it must not lose, it does not hold.
///
/// # Panics
///
/// When the driver waits for something that never comes.
#[must_use]
pub fn nonblocking(scenario: &Scenario) -> Option<Played> {
    if scenario.is_udp() || !scenario.pauses().is_zero() {
        return None;
    }
    let (mut buffered, mut node) = (buffered(scenario), fixture::node(scenario.setup));
    let stream = RefCell::new(Stream::new(scenario));
    let (mut reader, mut writer) = (Half::new(&stream), Half::new(&stream));
    let (time, mut waits) = (Time::default(), 0);
    loop {
        let run =
            driver::nonblocking::run(&mut buffered, &mut node, &mut reader, &mut writer, &time);
        match pin!(run).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(_)) => break,
            Poll::Ready(Err(error)) => panic!("a stream in memory does not fail: {error}"),
            Poll::Pending => waits += 1,
        }
        assert!(waits < 1_000_000, "the driver waits for ever");
    }
    let output = stream.take().output;
    Some(play(scenario, &mut Recorded(output)))
}

/// Buffers that a line of [`REQUEST`](unstick::limits::REQUEST) bytes and more fits, and that no
/// longer body does.
fn buffered(scenario: &Scenario) -> Buffered<Server<Node>, Vec<u8>> {
    let server = Server::new(scenario.endpoint.service(), scenario.setup.limits());
    Buffered::new(server, vec![0; 1500], vec![0; 700])
}

/// A connection of which everything has already been sent.
#[derive(Default)]
struct Stream {
    input: VecDeque<Vec<u8>>,
    output: Vec<u8>,
}

impl Stream {
    fn new(scenario: &Scenario) -> Self {
        Self { input: scenario.sends().map(Vec::from).collect(), output: Vec::new() }
    }

    /// What is left of the oldest send, or the end.
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let Some(send) = self.input.front_mut() else { return 0 };
        let len = send.len().min(buffer.len());
        buffer[..len].copy_from_slice(&send[..len]);
        send.drain(..len);
        if send.is_empty() {
            self.input.pop_front();
        }
        len
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let len = bytes.len().min(11);
        self.output.extend_from_slice(&bytes[..len]);
        len
    }
}

impl embedded_io::ErrorType for Stream {
    type Error = Infallible;
}

impl embedded_io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.read(buffer))
    }
}

impl embedded_io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok(self.write(bytes))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// One direction of a stream, never ready at the first poll.
struct Half<'s> {
    stream: &'s RefCell<Stream>,
    polled: bool,
}

impl<'s> Half<'s> {
    const fn new(stream: &'s RefCell<Stream>) -> Self {
        Self { stream, polled: false }
    }

    async fn second_poll(&mut self) {
        poll_fn(|_| {
            self.polled = !self.polled;
            if self.polled { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}

impl embedded_io_async::ErrorType for Half<'_> {
    type Error = Infallible;
}

impl embedded_io_async::Read for Half<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        self.second_poll().await;
        Ok(self.stream.borrow_mut().read(buffer))
    }
}

impl embedded_io_async::Write for Half<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.second_poll().await;
        Ok(self.stream.borrow_mut().write(bytes))
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        self.second_poll().await;
        Ok(())
    }
}

/// It stands still but for answers that are late.
#[derive(Default)]
struct Time {
    now: Cell<Instant>,
    polled: Cell<bool>,
}

impl Clock for Time {
    fn now(&mut self) -> Instant {
        self.now.get()
    }

    fn rest(&mut self, deadline: Option<Instant>) {
        self.now.set(deadline.expect("who waits says until when"));
    }
}

impl Runtime for Time {
    fn now(&self) -> Instant {
        self.now.get()
    }

    async fn sleep_until(&self, _: Instant) {
        pending().await
    }

    /// A signal is not there at the first poll either.
    async fn host_ready(&self) {
        poll_fn(|_| {
            self.polled.set(!self.polled.get());
            if self.polled.get() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        self.now.set(self.now.get().after(Duration::from_millis(1)));
    }
}

/// What a node has sent on a connection that is over.
struct Recorded(Vec<u8>);

impl Link for Recorded {
    fn send(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<Option<usize>> {
        let len = self.0.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.0[..len]);
        self.0.drain(..len);
        Ok((len > 0).then_some(len))
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
