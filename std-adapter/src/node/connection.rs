//! One TCP connection, from accept to close.

use super::host::Host;
use super::limits::{LINGER, MESSAGE, TEXT};
use super::slots::Slot;
use crate::clock::{Alarm, Clock};
use core::net::SocketAddr;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::task::{Context, Poll};
use core::time::Duration;
use embedded_io_adapters::tokio_1::FromTokio;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::{debug, trace};
use unstick::driver::nonblocking::{Runtime, run_until};
use unstick::driver::{Buffered, Error};
use unstick::keys::KeyedServer;
use unstick::limits::{HEADER, LINGER_BYTES};
use unstick::{
    Closed, Endpoint, Host as _, Instant, Limits, Next, Serve, Server, Service, Session, Step,
};

/// Bytes of each of a connection's two buffers, which it has while there are bytes in them.
const BUFFER: usize = 64 * 1024;

type NodeServer = Server<Host, HEADER, TEXT>;

/// As above, in messages of a desktop's size.
type KeyedNodeServer = KeyedServer<NodeServer, MESSAGE>;

/// Serves a connection until it is over, and closes it. Once its slot is to be given up, what was begun
/// is still finished.
pub(super) async fn serve(
    service: Service,
    peer: SocketAddr,
    limits: Limits,
    clock: Clock,
    mut host: Host,
    streams: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    slot: Slot,
) {
    let has_keys = host.keys().is_some();
    if has_keys {
        // In memory of its own, because of the message that it has room for.
        let server = KeyedNodeServer::begin(service, limits);
        Box::pin(drive(service, peer, server, clock, host, streams, slot)).await;
    } else {
        let server = NodeServer::begin(service, limits);
        drive(service, peer, server, clock, host, streams, slot).await;
    }
}

async fn drive<S: Serve<Host>>(
    service: Service,
    peer: SocketAddr,
    mut server: S,
    clock: Clock,
    mut host: Host,
    (reader, writer): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    slot: Slot,
) {
    let ready = Arc::new(Notify::new());
    host.wait_for(Arc::clone(&ready));
    host.visited(Endpoint::tcp(service), peer);
    let runtime = Waiting { clock, ready, alarm: Alarm::new() };
    let stop = slot.finish();
    let mut reader = FromTokio::new(Looking { stream: reader, seen: None, failed: None });
    let mut writer = FromTokio::new(writer);
    let end = loop {
        // While there are no bytes it waits without buffers.
        let idle = server.step(clock.now(), &mut host, &[], &mut []);
        if let Next::Closed(why) = idle.next {
            break Ok(why);
        }
        let deadline = async {
            match idle.deadline {
                Some(deadline) => runtime.sleep_until(deadline).await,
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // A look at the bytes: that there may be some is said of every new stream.
            seen = reader.inner_mut().look() => {
                if let Err(error) = seen {
                    server.abort(&mut host);
                    break Err(error);
                }
            }
            () = stop.cancelled() => {
                server.finish();
                continue;
            }
            () = deadline => continue,
        }
        let busy = Busy {
            server: &mut server,
            slot: &slot,
            moved: false,
            warm: Warm::take(),
            quiet: None,
            paused: None,
        };
        let mut buffered = Buffered::new(busy, Memory::get(), Memory::get());
        let stopped = stop.cancelled();
        let run = run_until(&mut buffered, &mut host, &mut reader, &mut writer, &runtime, stopped);
        // In memory of its own, which an idle connection does not have.
        match Box::pin(run).await {
            Ok(_) if buffered.session.paused.is_some() => {}
            Ok(why) => break Ok(why),
            Err(Error::Read(error) | Error::Write(error)) => break Err(error),
            Err(Error::WriteZero) => break Err(io::ErrorKind::WriteZero.into()),
        }
    };
    match end {
        Ok(why) => {
            debug!("{peer} {}: closed: {why}", service.as_str());
            close(reader.into_inner(), writer.into_inner(), why).await;
        }
        Err(error) => debug!("{peer} {}: lost: {error}", service.as_str()),
    }
}

/// A stream that can be looked at without a buffer: one byte is taken, and comes with the next read, as if
/// the system still had it.
struct Looking<R> {
    stream: R,
    seen: Option<u8>,
    /// What went wrong behind that byte.
    failed: Option<io::Error>,
}

impl<R: AsyncRead + Unpin> Looking<R> {
    /// Waits until there is something to read, the end of input included.
    async fn look(&mut self) -> io::Result<()> {
        let mut byte = [0];
        if self.seen.is_none() && self.stream.read(&mut byte).await? > 0 {
            self.seen = Some(byte[0]);
        }
        Ok(())
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Looking<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        let Some(seen) = self.seen.take() else {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        };
        buffer.put_slice(&[seen]);
        // What came with it, so that one receive stays one (rule B1).
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            self.failed = Some(error);
        }
        Poll::Ready(Ok(()))
    }
}

/// A session that is driven until there is nothing to do, and a little longer where that is not asked of too
/// many: then it says that it is closed, so that the driver sends what is left and returns, and the buffers
/// go back.
struct Busy<'s, S> {
    server: &'s mut S,
    slot: &'s Slot,
    /// Whether it has had something to do.
    moved: bool,
    warm: Option<Warm>,
    /// Until when it waits for more, while there is nothing to do.
    quiet: Option<Instant>,
    /// The step in which there was nothing more to do.
    paused: Option<Step>,
}

impl<S: Serve<Host>> Session<Host> for Busy<'_, S> {
    fn step(&mut self, now: Instant, host: &mut Host, input: &[u8], output: &mut [u8]) -> Step {
        if let Some(paused) = self.paused {
            return Step { consumed: 0, written: 0, ..paused };
        }
        let step = self.server.step(now, host, input, output);
        let (taken, said) = (&input[..step.consumed], &output[..step.written]);
        if !taken.is_empty() {
            trace!("came {}", shown(taken));
        }
        if !said.is_empty() {
            trace!("said {}", shown(said));
        }
        let moved = step.consumed > 0 || step.written > 0;
        if moved {
            self.slot.moved(now);
            self.moved = true;
        }
        // A whole buffer of space means that all has been sent.
        let is_done = step.next == Next::Input && !moved && output.len() == BUFFER;
        if !self.moved || !is_done || !self.server.is_idle() {
            self.quiet = None;
            return step;
        }
        if self.warm.is_some() {
            let until = *self.quiet.get_or_insert_with(|| now.after(Warm::TIME));
            if now < until {
                let deadline = step.deadline.map_or(until, |deadline| deadline.min(until));
                return Step { deadline: Some(deadline), ..step };
            }
        }
        let next = Next::Closed(Closed::Finished);
        *self.paused.insert(Step { next, ..step })
    }

    fn end(&mut self) {
        self.server.end();
    }

    fn finish(&mut self) {
        self.server.finish();
    }

    fn abort(&mut self, host: &mut Host) {
        self.server.abort(host);
    }
}

/// The right to keep the buffers for a little when there is nothing to do: who asks one thing after the
/// other does not pay for taking them each time.
struct Warm;

impl Warm {
    /// Connections that may.
    const MOST: usize = 128;
    /// For how long.
    const TIME: Duration = Duration::from_millis(100);

    fn take() -> Option<Self> {
        let more = |warm| (warm < Self::MOST).then_some(warm + 1);
        WARM.fetch_update(Relaxed, Relaxed, more).ok().map(|_| Self)
    }
}

static WARM: AtomicUsize = AtomicUsize::new(0);

impl Drop for Warm {
    fn drop(&mut self) {
        WARM.fetch_sub(1, Relaxed);
    }
}

/// Bytes of a step that are logged.
const LOGGED: usize = 256;

fn shown(bytes: &[u8]) -> String {
    let head = bytes.get(..LOGGED).unwrap_or(bytes);
    let more = if head.len() < bytes.len() { "..." } else { "" };
    format!("{} bytes \"{}\"{more}", bytes.len(), head.escape_ascii())
}

/// A buffer, which other connections have when this one does not need it.
struct Memory(Vec<u8>);

impl Memory {
    /// Buffers that are kept for the next connection with something to do.
    const KEPT: usize = 128;

    fn get() -> Self {
        let kept = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self(kept.unwrap_or_else(|| vec![0; BUFFER]))
    }
}

static FREE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

impl Drop for Memory {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < Self::KEPT {
            free.push(core::mem::take(&mut self.0));
        }
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Ends our side, and reads on for a little: a system that is told to close with input unread
/// resets the connection, and the peer might lose the reply it has not read yet.
async fn close(reader: impl AsyncRead + Unpin, mut writer: impl AsyncWrite + Unpin, why: Closed) {
    let _ = writer.shutdown().await;
    if why != Closed::End {
        let mut reader = reader.take(LINGER_BYTES);
        let _ = timeout(LINGER, tokio::io::copy(&mut reader, &mut tokio::io::sink())).await;
    }
}

/// A clock, and the word of this connection's host.
struct Waiting {
    clock: Clock,
    ready: Arc<Notify>,
    alarm: Alarm,
}

impl Runtime for Waiting {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    async fn sleep_until(&self, deadline: Instant) {
        self.alarm.wait(self.clock, deadline).await;
    }

    async fn host_ready(&self) {
        self.ready.notified().await;
    }
}
