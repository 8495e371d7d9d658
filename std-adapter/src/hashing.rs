//! Digests of long bodies, which threads of their own make while the bytes move.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use unstick::digest::{Digest, Digester};

/// Bytes of a body that are hashed where they are read, before a thread is worth it.
const AT_ONCE: usize = 512 * 1024;
/// Bytes that a thread gets at a time.
const PIECE: usize = 128 * 1024;
/// Pieces that wait for a thread; with more to hash, whoever reads the body waits for it.
const WAITING: usize = 4;

/// Makes the digests of one stream's bodies. A clone is of another stream.
#[derive(Debug, Default)]
pub(crate) struct Hashing {
    md5: Md5,
    /// Bytes of the body hashed here so far.
    here: usize,
    aside: Option<Box<Aside>>,
}

impl Hashing {
    /// The digest of `bytes`.
    pub(crate) fn digest(bytes: &[u8]) -> Option<Digest> {
        let mut hashing = Self::default();
        hashing.update(bytes);
        hashing.finish()
    }
}

impl Clone for Hashing {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Digester for Hashing {
    fn update(&mut self, bytes: &[u8]) {
        if let Some(aside) = &mut self.aside {
            return aside.update(bytes);
        }
        self.md5.update(bytes);
        let before = self.here;
        self.here = before.saturating_add(bytes.len());
        // Asked once: where there is no thread for it now, the body is hashed here to its end.
        if before < AT_ONCE && self.here >= AT_ONCE {
            self.aside = Aside::start(&mut self.md5).map(Box::new);
        }
    }

    fn finish(&mut self) -> Option<Digest> {
        self.here = 0;
        let here = core::mem::take(&mut self.md5).finish();
        match self.aside.take() {
            Some(aside) => aside.finish(),
            None => Some(here),
        }
    }
}

/// The core's hasher is small; this one is fast.
struct Md5(fast_md5::Md5);

impl Default for Md5 {
    fn default() -> Self {
        Self(fast_md5::Md5::new())
    }
}

impl Md5 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> Digest {
        Digest(self.0.finalize())
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5")
    }
}

/// For bodies that nobody wants to check.
#[derive(Debug)]
pub(crate) struct Unchecked;

impl Digester for Unchecked {
    fn update(&mut self, _: &[u8]) {}

    fn finish(&mut self) -> Option<Digest> {
        None
    }
}

/// A thread that hashes the rest of a body. It ends with what is sent to it.
#[derive(Debug)]
struct Aside {
    piece: Vec<u8>,
    full: SyncSender<Vec<u8>>,
    hashed: Receiver<Vec<u8>>,
    thread: JoinHandle<Digest>,
}

impl Aside {
    /// A thread that goes on with this; none, and this stays, if all that there may be are busy.
    fn start(md5: &mut Md5) -> Option<Self> {
        let turn = Turn::take()?;
        let (begin, begun) = channel();
        let (full, pieces) = sync_channel::<Vec<u8>>(WAITING);
        let (back, hashed) = channel();
        let run = move || {
            let _turn = turn;
            let mut md5: Md5 = begun.recv().unwrap_or_default();
            for mut piece in pieces {
                md5.update(&piece);
                piece.clear();
                let _ = back.send(piece); // unless nobody needs it any more
            }
            md5.finish()
        };
        let thread = thread::Builder::new().name("digest".into()).spawn(run).ok()?;
        let _ = begin.send(core::mem::take(md5)); // it waits for that
        Some(Self { piece: Vec::with_capacity(PIECE), full, hashed, thread })
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = PIECE - self.piece.len();
            let (now, later) = bytes.split_at(bytes.len().min(space));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE {
                let next = self.hashed.try_recv().unwrap_or_else(|_| Vec::with_capacity(PIECE));
                // It takes all that it is sent: it ends after this does.
                let _ = self.full.send(core::mem::replace(&mut self.piece, next));
            }
        }
    }

    fn finish(self) -> Option<Digest> {
        let _ = self.full.send(self.piece);
        drop(self.full);
        self.thread.join().ok()
    }
}

/// The right to a thread: there are as many as the machine can run at once.
#[derive(Debug)]
struct Turn;

static BUSY: AtomicUsize = AtomicUsize::new(0);

impl Turn {
    fn take() -> Option<Self> {
        let most = thread::available_parallelism().map_or(1, usize::from);
        let more = |busy| (busy < most).then_some(busy + 1);
        BUSY.fetch_update(Relaxed, Relaxed, more).ok().map(|_| Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unstick::digest::Hasher;

    #[test]
    fn each_body_has_its_digest_however_long_and_however_it_is_cut() {
        let mut hashing = Hashing::default();
        let bytes: Vec<u8> = (0..5 * AT_ONCE).map(|at| (at % 251) as u8).collect();
        for len in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, AT_ONCE + PIECE, bytes.len()] {
            for cut in [1460, PIECE, bytes.len()] {
                bytes[..len].chunks(cut).for_each(|piece| hashing.update(piece));
                assert_eq!(hashing.finish(), Hasher::digest(&bytes[..len]), "{len} by {cut}");
            }
        }

        // Without a thread it is hashed where it is read. Here, because turns are the whole process's.
        let turns: Vec<_> = core::iter::from_fn(Turn::take).collect();
        bytes.chunks(PIECE).for_each(|piece| hashing.update(piece));
        assert!(!turns.is_empty() && hashing.aside.is_none());
        assert_eq!(hashing.finish(), Hasher::digest(&bytes));
    }
}
