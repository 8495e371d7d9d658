//! One TCP connection, from accept to close.

use super::host::Host;
use crate::clock::Clock;
use core::time::Duration;
use embedded_io_adapters::tokio_1::FromTokio;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use unstick::driver::nonblocking::{Runtime, run_until};
use unstick::driver::{Buffered, Error};
use unstick::limits::HEADER;
use unstick::{Closed, Instant, Limits, Server, Service};

/// Bytes of each of a connection's two buffers, which it has for as long as it lives.
const BUFFER: usize = 64 * 1024;
/// Bytes of text that a command can answer with.
const TEXT: usize = 8 * 1024;
/// How long, and for how many bytes, a peer that still sends is listened to after the end.
const LINGER: (Duration, u64) = (Duration::from_secs(2), 16 * 1024 * 1024);

/// Serves a connection until it is over, and closes it. Once `stop` is cancelled, what was begun is
/// still finished.
pub(super) async fn serve<R, W>(
    service: Service,
    limits: Limits,
    clock: Clock,
    host: &Host,
    (reader, writer): (R, W),
    stop: CancellationToken,
) where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let ready = Arc::new(Notify::new());
    let mut host = host.waiting(Arc::clone(&ready));
    let runtime = Waiting { clock, ready };
    let session = Server::<Host, HEADER, TEXT>::with_capacity(service, limits);
    let mut buffered = Buffered::new(session, vec![0; BUFFER], vec![0; BUFFER]);
    let (mut reader, mut writer) = (FromTokio::new(reader), FromTokio::new(writer));
    let stop = stop.cancelled();
    let end = run_until(&mut buffered, &mut host, &mut reader, &mut writer, &runtime, stop).await;
    match end {
        Ok(why) => {
            debug!("{}: closed: {why}", service.as_str());
            drop(buffered);
            close(reader.into_inner(), writer.into_inner(), why).await;
        }
        Err(Error::Read(error) | Error::Write(error)) => {
            debug!("{}: lost: {error}", service.as_str());
        }
        Err(Error::WriteZero) => debug!("{}: lost: it takes no bytes", service.as_str()),
    }
}

/// Ends our side, and reads on for a little: a system that is told to close with input unread
/// resets the connection, and the peer might lose the reply it has not read yet.
async fn close(reader: impl AsyncRead + Unpin, mut writer: impl AsyncWrite + Unpin, why: Closed) {
    let _ = writer.shutdown().await;
    if why != Closed::End {
        let (time, bytes) = LINGER;
        let _ = timeout(time, discard(reader.take(bytes))).await;
    }
}

async fn discard(mut reader: impl AsyncRead + Unpin) -> io::Result<u64> {
    tokio::io::copy(&mut reader, &mut tokio::io::sink()).await
}

/// A clock, and the word of this connection's host.
struct Waiting {
    clock: Clock,
    ready: Arc<Notify>,
}

impl Runtime for Waiting {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    async fn sleep_until(&self, deadline: Instant) {
        self.clock.sleep_until(deadline).await;
    }

    async fn host_ready(&self) {
        self.ready.notified().await;
    }
}
