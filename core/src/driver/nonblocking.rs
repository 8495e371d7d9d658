//! The driver over [`embedded_io_async`] streams.

use super::{Buffered, Error};
use crate::session::{Closed, Next, Phase, Session, Step};
use crate::time::Instant;
use core::future::pending;
use core::pin::pin;
use embassy_futures::select::{Either, Either4, select, select4};
use embedded_io_async::{Read, Write};

/// What an async driver needs besides a stream.
#[allow(async_fn_in_trait, reason = "whether it is Send is for each runtime to know")]
pub trait Runtime {
    /// The time.
    fn now(&self) -> Instant;

    /// Waits until that time.
    async fn sleep_until(&self, deadline: Instant);

    /// Waits until the host may have become ready, or a caller may have another request. Too early is
    /// no harm, but at once is a busy loop: it must be a signal, and not a mere yield. It is waited
    /// for while the session waits for input, too.
    async fn host_ready(&self);
}

/// Drives a session until it is closed. Returns why.
///
/// All it wrote has then been sent and flushed, unless the peer would not take it in time; to close
/// the stream is the caller's.
///
/// - A read of 0 bytes is the end of input: what came is still answered.
/// - Reading and writing go on side by side, so the streams' futures must lose nothing when they are
///   dropped before they are ready, as those of tokio and embassy-net do.
/// - This future may be dropped, too: the session goes on where it was when it is driven again. Who
///   drops it for good calls [`Session::abort`].
/// - Upon a failed read or write the session is aborted, unless a write failed and the peer's last
///   words, a refusal perhaps, are still there to be read.
///
/// # Errors
///
/// [`Error`], with what the stream says; [`Error::WriteZero`] if a write accepts no byte.
pub async fn run<S, H, I, O, R, W, T>(
    buffered: &mut Buffered<S, I, O>,
    host: &mut H,
    reader: &mut R,
    writer: &mut W,
    runtime: &T,
) -> Result<Closed, Error<R::Error, W::Error>>
where
    S: Session<H>,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
    R: Read,
    W: Write,
    T: Runtime,
{
    run_until(buffered, host, reader, writer, runtime, pending()).await
}

/// Drives a session as [`run`] does, and [finishes](Session::finish) it once `stop` is ready: what
/// was begun is done, and no more is begun.
pub async fn run_until<S, H, I, O, R, W, T>(
    buffered: &mut Buffered<S, I, O>,
    host: &mut H,
    reader: &mut R,
    writer: &mut W,
    runtime: &T,
    stop: impl Future<Output = ()>,
) -> Result<Closed, Error<R::Error, W::Error>>
where
    S: Session<H>,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
    R: Read,
    W: Write,
    T: Runtime,
{
    let mut stop = pin!(stop);
    let mut stopped = false;
    loop {
        let step = buffered.step(runtime.now(), host);
        let sent_all = buffered.unsent().is_empty();
        let waited = if stopped {
            wait(buffered, step, reader, writer, runtime).await
        } else {
            match select(wait(buffered, step, reader, writer, runtime), stop.as_mut()).await {
                Either::First(waited) => waited,
                Either::Second(()) => {
                    stopped = true;
                    buffered.session.finish();
                    continue;
                }
            }
        };
        let error = match (waited, step.next) {
            (Ok(true), Next::Closed(why)) if sent_all => return Ok(why),
            (Ok(true), _) => continue,
            (Ok(false), Next::Closed(_)) => return Ok(Closed::Timeout(Phase::Output)),
            (Ok(false), _) => continue,
            (Err(error), _) => error,
        };
        if let Error::Write(_) = error
            && let Some(why) = last_words(buffered, host, reader, runtime).await
        {
            return Ok(why);
        }
        buffered.session.abort(host);
        return Err(error);
    }
}

/// Waits for the first of what the session can wait for after this step: bytes to come, bytes to
/// leave, the host, or the deadline. Of one that is closed bytes leave, and once all have it is flushed.
///
/// Returns `false` if the deadline passed. For those who look at each [`Buffered::step`]. The session is
/// not aborted upon an error. Dropped, it loses nothing.
pub async fn wait<S, H, I, O, R, W, T>(
    buffered: &mut Buffered<S, I, O>,
    step: Step,
    reader: &mut R,
    writer: &mut W,
    runtime: &T,
) -> Result<bool, Error<R::Error, W::Error>>
where
    S: Session<H>,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
    R: Read,
    W: Write,
    T: Runtime,
{
    let late = until(runtime, step.deadline);
    if let Next::Closed(_) = step.next {
        let send = async {
            if buffered.unsent().is_empty() {
                return writer.flush().await.map_err(Error::Write);
            }
            let count = writer.write(buffered.unsent()).await.map_err(Error::Write)?;
            sent(buffered, count)
        };
        return match select(send, late).await {
            Either::First(done) => done.map(|()| true),
            Either::Second(()) => Ok(false),
        };
    }
    let wants_input = buffered.wants_input();
    let (space, unsent) = buffered.parts();
    let read = async { if wants_input { reader.read(space).await } else { pending().await } };
    let write =
        async { if unsent.is_empty() { pending().await } else { writer.write(unsent).await } };
    let ready = async {
        if step.next == Next::Output { pending().await } else { runtime.host_ready().await }
    };
    match select4(read, write, ready, late).await {
        Either4::First(count) => buffered.received(count.map_err(Error::Read)?),
        Either4::Second(count) => sent(buffered, count.map_err(Error::Write)?)?,
        Either4::Third(()) => {}
        Either4::Fourth(()) => return Ok(false),
    }
    Ok(true)
}

/// The peer takes no more. What it said before, a refusal perhaps, may still be there to be read.
/// Returns how the session ends by that.
async fn last_words<S, H, I, O, R, T>(
    buffered: &mut Buffered<S, I, O>,
    host: &mut H,
    reader: &mut R,
    runtime: &T,
) -> Option<Closed>
where
    S: Session<H>,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
    R: Read,
    T: Runtime,
{
    loop {
        buffered.discard_unsent();
        let step = buffered.step(runtime.now(), host);
        if let Next::Closed(why) = step.next {
            return Some(why);
        }
        if !buffered.wants_input() {
            return None;
        }
        match select(reader.read(buffered.space()), until(runtime, step.deadline)).await {
            Either::First(Ok(count)) if count > 0 => buffered.received(count),
            _ => return None,
        }
    }
}

async fn until<T: Runtime>(runtime: &T, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => runtime.sleep_until(deadline).await,
        None => pending().await,
    }
}

fn sent<S, I, O, R, W>(buffered: &mut Buffered<S, I, O>, count: usize) -> Result<(), Error<R, W>>
where
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
{
    if count == 0 {
        return Err(Error::WriteZero);
    }
    buffered.sent(count);
    Ok(())
}
