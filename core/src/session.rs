//! The drive contract: a session is a filter.

mod head;
mod timer;

pub(crate) use head::HeadWriter;
pub(crate) use timer::Timer;

use crate::ask::RequestError;
use crate::time::Instant;
use crate::wire::message::MessageError;
use core::fmt;

/// One side of one connection, without the connection.
///
/// `H` is what the session works on: a [`Host`](crate::Host) for a server, a
/// [`Caller`](crate::Caller) for a client. A session holds no input and no output, only what a
/// split can tear, so whoever drives it keeps both and never loses its place.
///
/// The driver's side of the contract:
///
/// 1. It passes all the input it has that was not consumed, and as much space as it likes; both may
///    be empty. Then it drops the bytes consumed and sends the bytes written, in either order.
/// 2. It does what [`Step::next`] asks for, and steps again; at [`Step::deadline`] it steps again
///    in any case. A step too many does no harm.
/// 3. It passes what one receive delivered in one step, if nothing else is left over: where a
///    receive ends, a bare request may end (rule B1). More may be received while input is left that
///    was not consumed; the session remembers where a receive ended.
/// 4. It says once, by [`Session::end`], that no more input will come; or, by [`Session::abort`],
///    that the connection is gone. After [`Next::Closed`] it sends what was written, shuts its
///    sending side, discards for a moment what still comes (or a reset overtakes the last reply),
///    closes, and drops the session.
///
/// [`driver`](crate::driver) has drivers over streams; the example in the crate's documentation
/// drives two sessions by hand.
pub trait Session<H> {
    /// Consumes from the front of `input`, writes to the front of `output`, and says what it waits
    /// for.
    ///
    /// - `now` is the time on the driver's clock, never earlier than in the step before.
    /// - An empty `input` means that nothing has come, not that nothing will: that is
    ///   [`end`](Self::end). A session that waits for [`Next::Input`] has consumed all of it.
    /// - An empty `output` is a step in which nothing can be written; a session that has something
    ///   to send then waits for [`Next::Output`].
    /// - A step never blocks and never panics, whatever the peer sent, and takes time in proportion
    ///   to the bytes that it moves.
    /// - Nothing is lost between steps: a driver may be interrupted after any of them, and a future
    ///   that drives may be dropped.
    /// - After [`Next::Closed`] each further step moves nothing and returns the same.
    fn step(&mut self, now: Instant, host: &mut H, input: &[u8], output: &mut [u8]) -> Step;

    /// Says that no more input will come: the peer has shut its sending side. What came is still
    /// answered, so step on until it is [`Closed`](Next::Closed). It may be said more than once.
    fn end(&mut self);

    /// Asks it to begin no new request, received already or not, and to close once what was begun is
    /// done. Step on until it is [`Closed`](Next::Closed).
    fn finish(&mut self);

    /// Says that the connection is gone, and returns to the host what the session had of it. A
    /// session that is dropped before it is closed returns nothing by itself: abort it.
    fn abort(&mut self, host: &mut H);
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Step {
    /// The number of bytes consumed from the front of the input.
    pub consumed: usize,
    /// The number of bytes written to the front of the output.
    pub written: usize,
    /// What the session waits for.
    pub next: Next,
    /// When it stops waiting; once closed, when to give up sending what was written, the same in
    /// each further step. `None` where nothing has a limit.
    pub deadline: Option<Instant>,
}

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Next {
    /// More input; all there was has been consumed.
    Input,
    /// Space in the output.
    Output,
    /// The host: an answer that is not ready, or a caller without a request.
    Wait,
    /// Nothing: it is over.
    Closed(Closed),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Closed {
    /// The input ended where it may.
    End,
    /// [`Session::finish`] was called, and every request that had begun is done.
    Finished,
    /// The peer broke a rule.
    Protocol(MessageError),
    /// The peer announced more than the oversize policy skips.
    Oversized {
        /// Bytes of body it announced.
        declared: u64,
    },
    /// The peer speaks another protocol, or sent more behind an unknown command (rule B4).
    Foreign,
    /// A body ended before its announced size, on our side.
    BodyFailed,
    /// The peer sent a reply that belongs to no request, or to another.
    WrongReply,
    /// The peer closed before it had answered.
    Unanswered,
    /// The service cannot carry a request, so it was not sent.
    Unsendable(RequestError),
    /// The peer answered before it had all of the request, and takes no more.
    Refused,
    /// A deadline passed.
    Timeout(Phase),
    /// The connection was lost.
    Aborted,
    /// The peer has no key, or another, or what it says was damaged on its way; or its key has been
    /// removed.
    Forged,
    /// The node closed without a word, as it does to who has not one of its keys.
    Unwelcome,
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
            Self::Foreign => write!(f, "what came belongs to another protocol"),
            Self::BodyFailed => write!(f, "a body could not be read to its end"),
            Self::WrongReply => write!(f, "the reply does not belong to the request"),
            Self::Unanswered => write!(f, "the peer closed before it had answered"),
            Self::Unsendable(error) => error.fmt(f),
            Self::Refused => write!(f, "the request was refused before it was sent"),
            Self::Timeout(phase) => match phase {
                Phase::Idle => write!(f, "no request came in time"),
                Phase::Header => write!(f, "a header did not come in time"),
                Phase::Body => write!(f, "a body stopped coming"),
                Phase::Answer => write!(f, "no answer came in time"),
                Phase::Output => write!(f, "the peer stopped reading"),
            },
            Self::Aborted => write!(f, "the connection was lost"),
            Self::Forged => write!(f, "what came was not sealed with the connection's key"),
            Self::Unwelcome => write!(f, "the node closed without a word: is it the right key?"),
        }
    }
}

impl core::error::Error for Closed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_a_sentence() {
        let header = MessageError::Incomplete { missing: 3 };
        for (why, sentence) in [
            (Closed::End, "end of input"),
            (Closed::Finished, "finished"),
            (Closed::Protocol(header), "the input ended inside a body, 3 bytes are missing"),
            (
                Closed::Oversized { declared: 9 },
                "a refused body of 9 bytes is too long to be skipped",
            ),
            (Closed::Foreign, "what came belongs to another protocol"),
            (Closed::BodyFailed, "a body could not be read to its end"),
            (Closed::WrongReply, "the reply does not belong to the request"),
            (Closed::Unanswered, "the peer closed before it had answered"),
            (Closed::Unsendable(RequestError::NotUtf8), "the command is not UTF-8"),
            (Closed::Refused, "the request was refused before it was sent"),
            (Closed::Timeout(Phase::Idle), "no request came in time"),
            (Closed::Timeout(Phase::Header), "a header did not come in time"),
            (Closed::Timeout(Phase::Body), "a body stopped coming"),
            (Closed::Timeout(Phase::Answer), "no answer came in time"),
            (Closed::Timeout(Phase::Output), "the peer stopped reading"),
            (Closed::Aborted, "the connection was lost"),
        ] {
            assert_eq!(std::format!("{why}"), sentence);
        }
    }
}
