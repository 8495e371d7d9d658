//! Drivers: they move bytes between a stream and a session, and know nothing of either.
//!
//! [`Buffered`] is a session between two buffers. [`blocking`] and [`nonblocking`] each add the few
//! lines that wait: `run` and `run_until` drive a session to its end, `wait` is one wait between two
//! steps, for those who look at each step. For any other stream the same lines are written by hand
//! over its methods. Because it keeps the positions, a driver that is cut short, its future dropped,
//! goes on later where it was. Where several tasks share one host, each session is [`Shared`].

#[cfg(feature = "embedded-io")]
pub mod blocking;
#[cfg(feature = "embedded-io-async")]
pub mod nonblocking;
mod shared;

pub use shared::Shared;

use crate::session::{Closed, Next, Session, Step};
use crate::time::Instant;
use core::time::Duration;

/// A session between an input and an output buffer.
///
/// A buffer is an array, a `Vec<u8>`, a `&'static mut [u8]`. The input buffer bounds what one receive
/// delivers, the output buffer what one write carries; neither may be empty. For a server of bare
/// requests give the input more than [`REQUEST`](crate::limits::REQUEST) + 2 bytes, or it cannot
/// tell a request that is too long; for a client of them give the output as many as a request has, so
/// that one write carries it: a peer may take two writes for two requests (rule B1).
///
/// One round by hand is: [`step`](Self::step), send the [`unsent`](Self::unsent) bytes and say how
/// many were [`sent`](Self::sent), and if it [wants input](Self::wants_input) receive into the
/// [`space`](Self::space) and say how many bytes were [`received`](Self::received).
///
/// ```
/// use unstick::driver::Buffered;
/// use unstick::host::{Identity, Node};
/// use unstick::store::RamStore;
/// use unstick::{Instant, Limits, Next, Server, Service};
///
/// let mut node = Node::new(Identity::new("pump-7", "1.0"), RamStore::new([[0; 64]; 2]));
/// let server = Server::new(Service::Frame, Limits::DEFAULT);
/// let mut buffered = Buffered::new(server, [0; 2048], vec![0; 512]);
/// assert_eq!(buffered.step(Instant::ZERO, &mut node).next, Next::Input);
///
/// let line = b"upper hello\n"; // what a stream delivers
/// buffered.space()[..line.len()].copy_from_slice(line);
/// buffered.received(line.len());
/// buffered.step(Instant::ZERO, &mut node);
/// assert_eq!(buffered.unsent(), b"\x05\0\0\0HELLO");
/// buffered.sent(9);
/// ```
#[derive(Debug)]
pub struct Buffered<S, I, O = I> {
    /// The session.
    pub session: S,
    input: Buffer<I>,
    output: Buffer<O>,
    ended: bool,
    /// Whether the session knows of the end.
    told: bool,
    /// Whether bytes have been sent since the last step.
    moved: bool,
    closing: Option<Closing>,
}

/// The session is closed, and what it wrote is still to be sent.
#[derive(Debug)]
struct Closing {
    /// How long the peer may take none of it, and since when it has not.
    patience: Duration,
    since: Instant,
}

/// Bytes `start..end` of a buffer are in use.
#[derive(Debug)]
struct Buffer<B> {
    bytes: B,
    start: usize,
    end: usize,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Buffer<B> {
    const fn new(bytes: B) -> Self {
        Self { bytes, start: 0, end: 0 }
    }

    fn used(&self) -> &[u8] {
        self.bytes.as_ref().get(self.start..self.end).unwrap_or_default()
    }

    fn space(&mut self) -> &mut [u8] {
        self.bytes.as_mut().get_mut(self.end..).unwrap_or_default()
    }

    fn fill(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.bytes.as_ref().len());
    }

    /// Makes space of what has been drained, if there is no other.
    fn compact(&mut self) {
        if self.space().is_empty() && self.start > 0 {
            let Self { bytes, start, end } = self;
            // It always is; the compiler is to see it as well.
            if let Some(used) = bytes.as_mut().get_mut(..*end)
                && *start <= used.len()
            {
                used.rotate_left(*start);
            }
            (self.start, self.end) = (0, end.saturating_sub(*start));
        }
    }

    fn drain(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }
}

impl<S, I, O> Buffered<S, I, O>
where
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
{
    /// A session at the start of a connection, between two buffers.
    pub const fn new(session: S, input: I, output: O) -> Self {
        Self {
            session,
            input: Buffer::new(input),
            output: Buffer::new(output),
            ended: false,
            told: false,
            moved: false,
            closing: None,
        }
    }

    /// Steps the session with all the input there is and all the space there is.
    ///
    /// A byte that was [sent](Self::sent) makes space for another, so a peer that reads slowly is not
    /// taken for one that does not. Once the session is closed each byte sent renews the deadline.
    pub fn step<H>(&mut self, now: Instant, host: &mut H) -> Step
    where
        S: Session<H>,
    {
        if self.ended && !self.told {
            self.session.end();
            self.told = true;
        }
        self.output.compact();
        let mut step = self.session.step(now, host, self.input.used(), self.output.space());
        self.input.drain(step.consumed);
        self.output.fill(step.written);
        if let Next::Closed(Closed::Refused | Closed::Timeout(_)) = step.next {
            self.discard_unsent();
        }
        let moved = core::mem::take(&mut self.moved);
        if let (Next::Closed(_), Some(deadline)) = (step.next, step.deadline) {
            let new = Closing { patience: deadline.since(now), since: now };
            let closing = self.closing.get_or_insert(new);
            if moved {
                closing.since = now;
            }
            step.deadline = Some(closing.since.after(closing.patience));
        }
        step
    }

    /// The bytes that are to be sent.
    pub fn unsent(&self) -> &[u8] {
        self.output.used()
    }

    /// Says that so many bytes of [`Buffered::unsent`] have been sent.
    pub fn sent(&mut self, count: usize) {
        self.output.drain(count);
        self.moved |= count > 0;
    }

    /// Whether to receive: the session has consumed all input, and more may come.
    pub fn wants_input(&self) -> bool {
        self.input.used().is_empty() && !self.ended
    }

    /// Where to receive; not empty while it [wants input](Buffered::wants_input).
    pub fn space(&mut self) -> &mut [u8] {
        self.input.space()
    }

    /// Says that so many bytes have been received into [`Buffered::space`]; 0 is the end of input.
    pub fn received(&mut self, count: usize) {
        self.input.fill(count);
        self.ended |= count == 0;
    }

    /// Where to receive, and what to send, to be lent at the same time.
    pub fn parts(&mut self) -> (&mut [u8], &[u8]) {
        (self.input.space(), self.output.used())
    }

    /// The peer reads no more of what is left to send.
    fn discard_unsent(&mut self) {
        self.output.drain(usize::MAX);
    }
}

/// Why a stream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error<R, W> {
    /// A read failed.
    Read(R),
    /// A write failed.
    Write(W),
    /// A write accepted no byte.
    WriteZero,
}

impl<R: core::fmt::Display, W: core::fmt::Display> core::fmt::Display for Error<R, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot read: {error}"),
            Self::Write(error) => write!(f, "cannot write: {error}"),
            Self::WriteZero => write!(f, "cannot write: the stream takes no bytes"),
        }
    }
}

impl<R: core::error::Error, W: core::error::Error> core::error::Error for Error<R, W> {}

#[cfg(all(test, feature = "embedded-io", feature = "embedded-io-async"))]
mod tests;
