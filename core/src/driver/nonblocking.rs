//! The driver over [`embedded_io_async`] streams.

use super::{Error, Pump};
use crate::session::{Closed, Next, Phase, Session};
use crate::time::Instant;
use core::future::pending;
use embassy_futures::select::{Either, Either4, select, select4};
use embedded_io_async::{Read, Write};

/// What an async driver needs besides a stream.
#[allow(async_fn_in_trait, reason = "whether it is Send is for each runtime to know")]
pub trait Runtime {
    /// The time.
    fn now(&self) -> Instant;

    /// Waits until that time.
    async fn sleep_until(&self, deadline: Instant);

    /// Waits until the host may have become ready. Too early is no harm, but at once is a busy loop.
    async fn host_ready(&self);
}

/// Drives a session until it is over; gives why. All it gave has then been sent and flushed, unless
/// the peer would not take it in time; to close the stream is the caller's.
///
/// Reading and writing go on side by side, so the streams' futures must lose nothing when they are
/// dropped before they are ready, as those of tokio and embassy-net do. So may this one be: it goes
/// on where it was when it is called again; who drops it for good calls [`Session::abort`]. Upon a
/// failed read or write the session is aborted.
pub async fn run<S, H, B, R, W, T>(
    pump: &mut Pump<S, B>,
    host: &mut H,
    reader: &mut R,
    writer: &mut W,
    runtime: &T,
) -> Result<Closed, Error<R::Error, W::Error>>
where
    S: Session<H>,
    B: AsRef<[u8]> + AsMut<[u8]>,
    R: Read,
    W: Write,
    T: Runtime,
{
    loop {
        match advance(pump, host, reader, writer, runtime).await {
            Ok(Next::Closed(why)) => return Ok(why),
            Ok(_) => {}
            Err(error) => {
                pump.session.abort(host);
                return Err(error);
            }
        }
    }
}

/// One round: steps the session, then waits for the first of what it can wait for.
///
/// Gives what the session waited for. A client uses this instead of [`run`], until its caller has
/// all it wants. The session is not aborted upon an error.
pub async fn advance<S, H, B, R, W, T>(
    pump: &mut Pump<S, B>,
    host: &mut H,
    reader: &mut R,
    writer: &mut W,
    runtime: &T,
) -> Result<Next, Error<R::Error, W::Error>>
where
    S: Session<H>,
    B: AsRef<[u8]> + AsMut<[u8]>,
    R: Read,
    W: Write,
    T: Runtime,
{
    let step = pump.step(runtime.now(), host);
    if let Next::Closed(_) = step.next {
        let flushed = select(flush(pump, writer), until(runtime, step.deadline)).await;
        return match flushed {
            Either::First(result) => result.map(|()| step.next),
            Either::Second(()) => Ok(Next::Closed(Closed::Timeout(Phase::Output))),
        };
    }
    let wants_input = pump.wants_input();
    let (space, unsent) = pump.parts();
    let read = async { if wants_input { reader.read(space).await } else { pending().await } };
    let write =
        async { if unsent.is_empty() { pending().await } else { writer.write(unsent).await } };
    let ready = async {
        if step.next == Next::Host { runtime.host_ready().await } else { pending().await }
    };
    let late = until(runtime, step.deadline);
    match select4(read, write, ready, late).await {
        Either4::First(count) => pump.received(count.map_err(Error::Read)?),
        Either4::Second(Ok(count)) => sent(pump, count)?,
        Either4::Second(Err(error)) => {
            return last_words(pump, host, reader, runtime).await.ok_or(Error::Write(error));
        }
        Either4::Third(()) | Either4::Fourth(()) => {}
    }
    Ok(step.next)
}

/// The peer takes no more. What it said before, a refusal perhaps, may still be there to be read:
/// gives how the session ends by that.
async fn last_words<S, H, B, R, T>(
    pump: &mut Pump<S, B>,
    host: &mut H,
    reader: &mut R,
    runtime: &T,
) -> Option<Next>
where
    S: Session<H>,
    B: AsRef<[u8]> + AsMut<[u8]>,
    R: Read,
    T: Runtime,
{
    loop {
        pump.discard_unsent();
        let step = pump.step(runtime.now(), host);
        if let Next::Closed(_) = step.next {
            return Some(step.next);
        }
        let late = until(runtime, step.deadline);
        if !pump.wants_input() {
            return None;
        }
        match select(reader.read(pump.space()), late).await {
            Either::First(Ok(count)) if count > 0 => pump.received(count),
            _ => return None,
        }
    }
}

/// Sends what is left.
async fn flush<S, B, R, W>(pump: &mut Pump<S, B>, writer: &mut W) -> Result<(), Error<R, W::Error>>
where
    B: AsRef<[u8]> + AsMut<[u8]>,
    W: Write,
{
    while !pump.unsent().is_empty() {
        let count = writer.write(pump.unsent()).await.map_err(Error::Write)?;
        sent(pump, count)?;
    }
    writer.flush().await.map_err(Error::Write)
}

async fn until<T: Runtime>(runtime: &T, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => runtime.sleep_until(deadline).await,
        None => pending().await,
    }
}

fn sent<S, B, R, W>(pump: &mut Pump<S, B>, count: usize) -> Result<(), Error<R, W>>
where
    B: AsRef<[u8]> + AsMut<[u8]>,
{
    if count == 0 {
        return Err(Error::WriteZero);
    }
    pump.sent(count);
    Ok(())
}
