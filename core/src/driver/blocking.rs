//! The driver over blocking [`embedded_io`] streams.

use super::{Error, Pump};
use crate::session::{Closed, Next, Session};
use crate::time::Instant;
use embedded_io::{Error as _, ErrorKind, Read, Write};

/// What a blocking driver needs besides a stream.
pub trait Clock {
    /// The time.
    fn now(&mut self) -> Instant;

    /// The host is not ready: rest a little, or until it is, but not beyond `deadline`.
    fn rest(&mut self, deadline: Option<Instant>);
}

/// Drives a session until it is over; gives why. All it gave has then been sent and flushed; to
/// close the stream is the caller's.
///
/// A read that fails with [`ErrorKind::TimedOut`] only lets the session look at the time. So give the
/// stream a read timeout and a write timeout, or deadlines pass unseen. (A `std` socket's read
/// timeout is `WouldBlock` on Unix, which `embedded-io` calls [`ErrorKind::Other`]: wrap it.) While
/// the session has something to send nothing is read. Upon a failed read or write the session is
/// aborted; an interrupted one is tried again.
pub fn run<S, H, B, T, C>(
    pump: &mut Pump<S, B>,
    host: &mut H,
    stream: &mut T,
    clock: &mut C,
) -> Result<Closed, Error<T::Error, T::Error>>
where
    S: Session<H>,
    B: AsRef<[u8]> + AsMut<[u8]>,
    T: Read + Write,
    C: Clock,
{
    loop {
        match advance(pump, host, stream, clock) {
            Ok(Next::Closed(why)) => return Ok(why),
            Ok(_) => {}
            Err(error) => {
                pump.session.abort(host);
                return Err(error);
            }
        }
    }
}

/// One round: steps the session, sends what it gave, and does what it waits for.
///
/// A client uses this instead of [`run`], until its caller has all it wants. The session is not
/// aborted upon an error.
pub fn advance<S, H, B, T, C>(
    pump: &mut Pump<S, B>,
    host: &mut H,
    stream: &mut T,
    clock: &mut C,
) -> Result<Next, Error<T::Error, T::Error>>
where
    S: Session<H>,
    B: AsRef<[u8]> + AsMut<[u8]>,
    T: Read + Write,
    C: Clock,
{
    let step = pump.step(clock.now(), host);
    while !pump.unsent().is_empty() {
        match stream.write(pump.unsent()) {
            Ok(0) => return Err(Error::WriteZero),
            Ok(count) => pump.sent(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                return last_words(pump, host, stream, clock).ok_or(Error::Write(error));
            }
        }
    }
    match step.next {
        Next::Closed(_) => stream.flush().map_err(Error::Write)?,
        Next::Output => {}
        Next::Host => clock.rest(step.deadline),
        Next::Input if pump.wants_input() => match stream.read(pump.space()) {
            Ok(count) => pump.received(count),
            Err(error) => match error.kind() {
                ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => return Err(Error::Read(error)),
            },
        },
        Next::Input => {}
    }
    Ok(step.next)
}

/// The peer takes no more. What it said before, a refusal perhaps, may still be there to be read:
/// gives how the session ends by that.
fn last_words<S, H, B, T, C>(
    pump: &mut Pump<S, B>,
    host: &mut H,
    stream: &mut T,
    clock: &mut C,
) -> Option<Next>
where
    S: Session<H>,
    B: AsRef<[u8]> + AsMut<[u8]>,
    T: Read,
    C: Clock,
{
    loop {
        pump.discard_unsent();
        if let next @ Next::Closed(_) = pump.step(clock.now(), host).next {
            return Some(next);
        }
        if !pump.wants_input() {
            return None;
        }
        match stream.read(pump.space()) {
            Ok(count) if count > 0 => pump.received(count),
            _ => return None,
        }
    }
}
