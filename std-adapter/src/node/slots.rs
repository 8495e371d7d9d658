//! How many connections there are at once, and which one gives way to a new one.

use crate::clock::Clock;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::task::{Context, Poll, ready};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use unstick::Instant;
use unstick::driver::nonblocking::Runtime as _;
use unstick::limits::GIVE_WAY;

/// The connections of a node, over all its services.
pub(super) struct Slots {
    most: usize,
    clock: Clock,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    guests: HashMap<u64, Arc<Guest>>,
}

/// A connection, as far as that decides whether it gives way.
struct Guest {
    /// When it last moved a byte, in microseconds of the clock.
    moved: AtomicU64,
    finish: CancellationToken,
}

/// The place of a connection, until this is dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    number: u64,
    guest: Arc<Guest>,
}

impl Slots {
    pub(super) fn new(most: usize, clock: Clock) -> Self {
        Self { most, clock, taken: Mutex::default() }
    }

    /// A place for one connection more, which is to finish with `stop`. Where all are taken, the one that
    /// has moved no byte for longest finishes, a second at least: what it has begun is still done.
    /// `None` if there is none.
    pub(super) fn enter(self: &Arc<Self>, stop: &CancellationToken) -> Option<Slot> {
        let now = self.clock.now();
        let mut taken = self.lock();
        if taken.guests.len() >= self.most {
            let idle = |guest: &Guest| now.since(Instant::from_micros(guest.moved.load(Relaxed)));
            let present = taken.guests.values().filter(|it| !it.finish.is_cancelled());
            let quiet = present.filter(|it| idle(it) >= GIVE_WAY);
            quiet.min_by_key(|it| it.moved.load(Relaxed))?.finish.cancel();
        }
        let number = taken.next;
        taken.next += 1;
        let (moved, finish) = (AtomicU64::new(now.as_micros()), stop.child_token());
        let guest = Arc::new(Guest { moved, finish });
        taken.guests.insert(number, Arc::clone(&guest));
        Some(Slot { slots: Arc::clone(self), number, guest })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Cancelled when the connection is to finish.
    pub(super) fn finish(&self) -> CancellationToken {
        self.guest.finish.clone()
    }

    /// The same stream, watched for bytes that move.
    pub(super) fn watch<T>(&self, stream: T) -> Watched<T> {
        Watched { stream, guest: Arc::clone(&self.guest), clock: self.slots.clock }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().guests.remove(&self.number);
    }
}

/// One side of a connection's stream.
pub(super) struct Watched<T> {
    stream: T,
    guest: Arc<Guest>,
    clock: Clock,
}

impl<T> Watched<T> {
    pub(super) const fn get_ref(&self) -> &T {
        &self.stream
    }

    fn moved(&self) {
        self.guest.moved.store(self.clock.now().as_micros(), Relaxed);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.moved();
        Poll::Ready(read)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.moved();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
