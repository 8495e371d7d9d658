//! The driver over blocking [`embedded_io`] streams.

use super::{Buffered, Error};
use crate::session::{Closed, Next, Session, Step};
use crate::time::Instant;
use embedded_io::{Error as _, ErrorKind, Read, Write};

/// What a blocking driver needs besides a stream.
pub trait Clock {
    /// The time.
    fn now(&mut self) -> Instant;

    /// Rests a little because the host is not ready: until it is, but not beyond `deadline`.
    fn rest(&mut self, deadline: Option<Instant>);
}

/// Drives a session until it is closed. Returns why.
///
/// All it wrote has then been sent and flushed; to close the stream is the caller's.
///
/// - A read that fails with [`ErrorKind::TimedOut`] only lets the session look at the time. So give
///   the stream a read timeout and a write timeout, or deadlines pass unseen. (A `std` socket's read
///   timeout is `WouldBlock` on Unix, which `embedded-io` calls [`ErrorKind::Other`]: wrap it.)
/// - A read of 0 bytes is the end of input: what came is still answered.
/// - While the session has something to send nothing is read.
/// - An interrupted read or write is tried again. Any other that fails aborts the session, unless a
///   write failed and the peer's last words, a refusal perhaps, are still there to be read.
///
/// # Errors
///
/// [`Error`], with what the stream says; [`Error::WriteZero`] if a write accepts no byte.
pub fn run<S, H, I, O, T, C>(
    buffered: &mut Buffered<S, I, O>,
    host: &mut H,
    stream: &mut T,
    clock: &mut C,
) -> Result<Closed, Error<T::Error, T::Error>>
where
    S: Session<H>,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
    T: Read + Write,
    C: Clock,
{
    run_until(buffered, host, stream, clock, |_| false)
}

/// Drives a session as [`run`] does, and [finishes](Session::finish) it once `stop`, which looks at
/// the host after every wait, returns `true`: what was begun is done, and no more is begun.
///
/// A client stops when its caller has all the answers it wants.
pub fn run_until<S, H, I, O, T, C>(
    buffered: &mut Buffered<S, I, O>,
    host: &mut H,
    stream: &mut T,
    clock: &mut C,
    mut stop: impl FnMut(&H) -> bool,
) -> Result<Closed, Error<T::Error, T::Error>>
where
    S: Session<H>,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
    T: Read + Write,
    C: Clock,
{
    loop {
        if stop(host) {
            buffered.session.finish();
        }
        let step = buffered.step(clock.now(), host);
        let error = match (wait(buffered, step, stream, clock), step.next) {
            (Ok(()), Next::Closed(why)) => return Ok(why),
            (Ok(()), _) => continue,
            (Err(error), _) => error,
        };
        if let Error::Write(_) = error
            && let Some(why) = last_words(buffered, host, stream, clock)
        {
            return Ok(why);
        }
        buffered.session.abort(host);
        return Err(error);
    }
}

/// Sends what the session wrote, then does what it waits for after this step: reads once, rests, or
/// flushes the stream because it is closed.
///
/// For those who look at each [`Buffered::step`]. The session is not aborted upon an error.
pub fn wait<S, H, I, O, T, C>(
    buffered: &mut Buffered<S, I, O>,
    step: Step,
    stream: &mut T,
    clock: &mut C,
) -> Result<(), Error<T::Error, T::Error>>
where
    S: Session<H>,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
    T: Read + Write,
    C: Clock,
{
    while !buffered.unsent().is_empty() {
        match stream.write(buffered.unsent()) {
            Ok(0) => return Err(Error::WriteZero),
            Ok(count) => buffered.sent(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Write(error)),
        }
    }
    match step.next {
        Next::Closed(_) => stream.flush().map_err(Error::Write)?,
        Next::Wait => clock.rest(step.deadline),
        Next::Input if buffered.wants_input() => match stream.read(buffered.space()) {
            Ok(count) => buffered.received(count),
            Err(error) => match error.kind() {
                ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => return Err(Error::Read(error)),
            },
        },
        Next::Input | Next::Output => {}
    }
    Ok(())
}

/// The peer takes no more. What it said before, a refusal perhaps, may still be there to be read.
/// Returns how the session ends by that.
fn last_words<S, H, I, O, T, C>(
    buffered: &mut Buffered<S, I, O>,
    host: &mut H,
    stream: &mut T,
    clock: &mut C,
) -> Option<Closed>
where
    S: Session<H>,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
    T: Read,
    C: Clock,
{
    loop {
        buffered.discard_unsent();
        if let Next::Closed(why) = buffered.step(clock.now(), host).next {
            return Some(why);
        }
        if !buffered.wants_input() {
            return None;
        }
        match stream.read(buffered.space()) {
            Ok(count) if count > 0 => buffered.received(count),
            _ => return None,
        }
    }
}
