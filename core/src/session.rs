//! The drive contract: a session is a filter.

mod watch;

pub(crate) use watch::Watch;

use crate::message::MessageError;
use crate::time::Instant;
use core::fmt;

/// One side of one connection, without the connection.
///
/// `H` is what the session works on: a [`Host`](crate::Host) for a server, a
/// [`Caller`](crate::Caller) for a client. A session holds no input and no output, only what a
/// split can tear, so whoever drives it keeps both and never loses its place.
///
/// The driver's side of the contract:
///
/// 1. It passes all the input it has that was not taken, and as much space as it likes; both may be
///    empty. Then it drops the bytes taken and sends the bytes given, in that order or together.
/// 2. It does what [`Step::next`] asks for, and steps again; at [`Step::deadline`] it steps again
///    in any case. A step too many does no harm.
/// 3. While input is left that was not taken, it receives no more: so what one receive delivered is
///    what a session sees (rule B1 needs that).
/// 4. It says once, by [`Session::end`], that no more input will come; or, by [`Session::abort`],
///    that the connection is gone. After [`Next::Closed`] it sends what was given, shuts its
///    sending side, discards for a moment what still comes (or a reset overtakes the last reply),
///    closes, and drops the session.
pub trait Session<H> {
    /// Takes from `input`, gives to `output`, and says what it waits for.
    fn step(&mut self, now: Instant, host: &mut H, input: &[u8], output: &mut [u8]) -> Step;

    /// No more input will come. What came is still answered.
    fn end(&mut self);

    /// Take no new request, received already or not; close once what was begun is done.
    fn finish(&mut self);

    /// The connection is gone: gives back to the host what the session had of it.
    fn abort(&mut self, host: &mut H);
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Step {
    /// Bytes taken off the front of the input.
    pub taken: usize,
    /// Bytes written to the front of the output.
    pub given: usize,
    /// What the session waits for.
    pub next: Next,
    /// When it stops waiting; once closed, when to give up sending what was given, the same in each
    /// further step. `None` where nothing has a limit.
    pub deadline: Option<Instant>,
}

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Next {
    /// More input; all there was has been taken.
    Input,
    /// Space in the output.
    Output,
    /// The host: an answer that is not ready, or a caller without a request.
    Host,
    /// Nothing: it is over.
    Closed(Closed),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Closed {
    /// The input ended where it may.
    End,
    /// [`Session::finish`] was called, and all that was begun is done.
    Finished,
    /// The peer broke a rule.
    Protocol(MessageError),
    /// The peer announced more than the oversize policy skips.
    Oversized {
        /// Bytes of body it announced.
        declared: u64,
    },
    /// A body ended before its announced size, on our side.
    Broken,
    /// The peer sent a reply that belongs to no request, or to another.
    Mismatched,
    /// The peer closed before it had answered.
    Unanswered,
    /// A request does not follow the rules of its service, so it was not sent.
    Unsendable,
    /// The peer answered before it had all of the request, and takes no more.
    Refused,
    /// A deadline passed.
    Timeout(Phase),
    /// The connection was lost.
    Aborted,
}

/// What a session is doing, as far as deadlines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// Between requests.
    Idle,
    /// Inside a prefix or header.
    Header,
    /// Inside a body.
    Body,
    /// Waiting for an answer: the server for its host, the client for the server.
    Answer,
    /// Output is not taken.
    Output,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => write!(f, "end of input"),
            Self::Finished => write!(f, "finished"),
            Self::Protocol(error) => error.fmt(f),
            Self::Oversized { declared } => {
                write!(f, "a refused body of {declared} bytes is too long to be skipped")
            }
            Self::Broken => write!(f, "a body could not be read to its end"),
            Self::Mismatched => write!(f, "the reply does not belong to the request"),
            Self::Unanswered => write!(f, "the peer closed before it had answered"),
            Self::Unsendable => {
                write!(
                    f,
                    "the request cannot be sent: it is empty, too long, or more than one line"
                )
            }
            Self::Refused => write!(f, "the request was refused before it was sent"),
            Self::Timeout(phase) => match phase {
                Phase::Idle => write!(f, "no request came in time"),
                Phase::Header => write!(f, "a header did not come in time"),
                Phase::Body => write!(f, "a body stopped coming"),
                Phase::Answer => write!(f, "no answer came in time"),
                Phase::Output => write!(f, "the peer stopped reading"),
            },
            Self::Aborted => write!(f, "the connection was lost"),
        }
    }
}

impl core::error::Error for Closed {}
