//! Files in a directory.

use super::listing::{Listing, Listings};
use super::root::{Root, keep_owner};
use crate::hashing::Hashing;
use crate::node::error::Error;
use crate::node::job::{Job, Later, Promise, job};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::task::Poll;
use core::time::Duration;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Notify;
use tracing::info;
use unstick::digest::{Digest, Digester as _};
use unstick::store::{Meta, not_found};
use unstick::{Refusal, Status};

/// The digest of a file up to this long is made at once; longer ones are left to a thread.
const AT_ONCE: u64 = 1024 * 1024;
/// Digests remembered; beyond that all are forgotten.
const REMEMBERED: usize = 1024;
/// A file changed more recently than this may change again without its time showing it.
const SETTLED: Duration = Duration::from_secs(2);
/// More than a system's clock for files stands still between two of its ticks.
const TICK: Duration = Duration::from_millis(50);
/// How long a file is hashed for one who waits, which is well within what a session waits for an
/// answer: what takes longer is sent without a digest.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes hashed between two looks at whether anybody still waits.
const PIECE: usize = 64 * 1024;

/// The directory.
pub(super) struct Directory {
    root: Arc<Root>,
    /// Whether what was put or removed is on the disk before that is answered.
    sync: bool,
    digests: Arc<Digests>,
    listings: Arc<Listings>,
}

/// The digests of contents that are known.
#[derive(Default)]
struct Digests {
    known: Mutex<HashMap<Stamp, Digest>>,
    /// Held while a long file is hashed: one at a time, and each only once for all who ask.
    hashing: Mutex<()>,
}

/// A file on its way out.
pub(super) struct Outgoing {
    name: String,
    stamp: Stamp,
    left: u64,
    state: State,
}

enum State {
    /// The thread that hashes it has the file.
    Hashing(Job<(File, Option<Digest>)>),
    Ready(File, Option<Digest>),
}

/// A file on its way in, under another name until it is whole; dropped, it is gone.
pub(super) struct Incoming {
    root: Arc<Root>,
    file: File,
    /// The name that it has meanwhile.
    part: String,
    /// The name that it is to have.
    name: String,
    kept: bool,
}

/// Which content of which file: if that changes, this does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stamp {
    file: (u64, u64),
    len: u64,
    modified: SystemTime,
    /// Of its data or of what is said about it, in seconds and nanoseconds: nobody can set that, as
    /// `cp -p` sets the time above.
    changed: (i64, i64),
}

impl Directory {
    pub(super) fn new(path: PathBuf, sync: bool) -> Result<Self, Error> {
        let root = match Root::open(&path) {
            Ok(root) => Arc::new(root),
            Err(source) => return Err(Error::Directory { path, source }),
        };
        sweep(&root);
        Ok(Self { root, sync, digests: Arc::default(), listings: Arc::default() })
    }

    /// A path to it, for a program that is to run there.
    pub(super) fn path(&self) -> PathBuf {
        self.root.path()
    }

    pub(super) fn list(&self, ready: Option<&Arc<Notify>>) -> Result<Later<Listing>, Refusal> {
        self.listings.list(&self.root, ready)
    }

    /// Opens a file. Where nobody waits for a thread (`ready` is none), a long one has no digest.
    pub(super) fn open(
        &self,
        name: &str,
        ready: Option<&Arc<Notify>>,
    ) -> Result<Outgoing, Refusal> {
        let mut file = self.root.read(name).map_err(|error| refusal(name, &error))?;
        let stamp = Stamp::of(&file).map_err(|error| refusal(name, &error))?;
        let known = self.digests.get(stamp);
        let state = match (known, ready) {
            (None, None) if stamp.len > AT_ONCE => State::Ready(file, None),
            (None, Some(ready)) if stamp.len > AT_ONCE => {
                let (promise, job) = job(Arc::clone(ready));
                let digests = Arc::clone(&self.digests);
                tokio::task::spawn_blocking(move || digests.hash_aside(file, stamp, promise));
                State::Hashing(job)
            }
            (None, _) => {
                let digest = hash(&mut file, stamp, || false)?;
                self.digests.remember(stamp, digest);
                State::Ready(file, digest)
            }
            (known, _) => State::Ready(file, known),
        };
        Ok(Outgoing { name: name.into(), stamp, left: stamp.len, state })
    }

    pub(super) fn poll(file: &mut Outgoing) -> Poll<Result<Meta<'_>, Refusal>> {
        if let State::Hashing(job) = &mut file.state {
            let Poll::Ready(result) = job.poll() else { return Poll::Pending };
            match result {
                Ok((handle, digest)) => file.state = State::Ready(handle, digest),
                Err(refusal) => return Poll::Ready(Err(refusal)),
            }
        }
        let digest = match &file.state {
            State::Ready(_, digest) => *digest,
            State::Hashing(_) => None,
        };
        Poll::Ready(Ok(Meta {
            filename: &file.name,
            size: file.stamp.len,
            digest,
            status: Status::Ok,
            exit: None,
        }))
    }

    pub(super) fn create(&self, name: &str) -> Result<Incoming, Refusal> {
        static PARTS: AtomicU64 = AtomicU64::new(0);
        // Only what `get` could give may be replaced: not a directory, a link or a device.
        if let Err(error) = self.root.size(name)
            && error.kind() == io::ErrorKind::InvalidInput
        {
            return Err(not_regular(name));
        }
        loop {
            // With a dot in front `list` and `get` do not see it, even if it outlives the process.
            let number = PARTS.fetch_add(1, Relaxed);
            let part = format!("{PART}{}-{number}{PART_END}", std::process::id());
            match self.root.create(&part).and_then(hold) {
                Ok(Some(file)) => {
                    let (root, name) = (Arc::clone(&self.root), name.to_owned());
                    return Ok(Incoming { root, file, part, name, kept: false });
                }
                // A node that starts in the same directory has just swept it.
                Ok(None) => {}
                // Of another node in the same directory, in another container.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failure("the file cannot be stored", &error)),
            }
        }
    }

    /// Puts a whole file in its place, and remembers its digest, so that nobody has to read it again
    /// for that. What it replaces passes its permissions on.
    pub(super) fn commit(&self, mut file: Incoming, digest: Option<Digest>) -> Result<(), Refusal> {
        let failed = |error| failure("the file cannot be stored", &error);
        if let Ok(old) = self.root.metadata(&file.name) {
            keep_owner(&file.file, &old).map_err(failed)?;
        }
        // So that whoever writes to it from now on gives it another time.
        let before = SystemTime::now().checked_sub(TICK);
        let shows = before.is_some_and(|time| file.file.set_modified(time).is_ok());
        self.flush(|| file.file.sync_all()).map_err(failed)?;
        self.root.rename(&file.part, &file.name).map_err(failed)?;
        file.kept = true;
        self.flush(|| self.root.sync()).map_err(failed)?;
        if shows
            && let Some(digest) = digest
            && let Ok(stamp) = Stamp::of(&file.file)
        {
            self.digests.keep(stamp, digest);
        }
        Ok(())
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Refusal> {
        let found = self.root.size(name).and_then(|_| self.root.remove(name));
        found.and_then(|()| self.flush(|| self.root.sync())).map_err(|error| refusal(name, &error))
    }

    /// Waits for the disk, if it is to. Where the runtime has other threads, they go on meanwhile.
    fn flush(&self, flush: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let runtime = Handle::try_current().map(|runtime| runtime.runtime_flavor());
        match runtime {
            _ if !self.sync => Ok(()),
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(flush),
            _ => flush(),
        }
    }
}

/// What the name of a file on its way in begins and ends with.
const PART: &str = ".unstick-";
const PART_END: &str = ".part";

/// Locks a file on its way in, for as long as it is open; `None` if it was swept before.
fn hold(file: File) -> io::Result<Option<File>> {
    let _ = file.lock(); // a file system that has no locks is not swept either
    Ok(if Root::has_name(&file)? { Some(file) } else { None })
}

/// Removes files on their way in whose node is gone: nobody holds them. What cannot be removed stays.
fn sweep(root: &Root) {
    let Ok(names) = root.names() else { return };
    for name in names.flatten() {
        if name.starts_with(PART)
            && name.ends_with(PART_END)
            && let Ok(file) = root.read(&name)
            && file.try_lock().is_ok()
            && root.remove(&name).is_ok()
        {
            info!("removed {name}, which a node has left behind");
        }
    }
}

impl Digests {
    fn get(&self, stamp: Stamp) -> Option<Digest> {
        relock(&self.known).get(&stamp).copied()
    }

    /// Keeps the digest of a file that was hashed, unless it may have changed without showing it.
    fn remember(&self, stamp: Stamp, digest: Option<Digest>) {
        let (seconds, _) = stamp.changed;
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.max(0).cast_unsigned());
        let settled = |time: SystemTime| time.elapsed().is_ok_and(|age| age > SETTLED);
        if let Some(digest) = digest
            && settled(stamp.modified)
            && settled(changed)
        {
            self.keep(stamp, digest);
        }
    }

    fn keep(&self, stamp: Stamp, digest: Digest) {
        if cfg!(not(unix)) {
            return; // there a stamp does not say which file it is of
        }
        let mut known = relock(&self.known);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(stamp, digest);
    }

    fn hash_aside(&self, mut file: File, stamp: Stamp, promise: Promise<(File, Option<Digest>)>) {
        let start = Instant::now();
        let turn = relock(&self.hashing);
        let digest = match self.get(stamp) {
            Some(known) => Ok(Some(known)),
            None => hash(&mut file, stamp, || promise.is_abandoned() || start.elapsed() > PATIENCE),
        };
        if let Ok(digest) = digest {
            self.remember(stamp, digest);
        }
        drop(turn);
        promise.keep(digest.map(|digest| (file, digest)));
    }
}

/// What a thread that panicked had locked is still whole: each use leaves it so.
pub(super) fn relock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outgoing {
    /// The next bytes. What has changed since its header was made shows in its digest; without one
    /// it is not read to its end.
    pub(super) fn read(&mut self, output: &mut [u8]) -> Result<usize, Refusal> {
        let State::Ready(file, digest) = &mut self.state else { return Ok(0) };
        let len = read_some(file, output).map_err(|error| refusal(&self.name, &error))?;
        self.left = self.left.saturating_sub(len as u64);
        if self.left == 0 && digest.is_none() && Stamp::of(file).ok() != Some(self.stamp) {
            return Err(changed());
        }
        Ok(len)
    }
}

impl Incoming {
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        let written = self.file.write_all(piece);
        written.map_err(|error| failure("the file cannot be stored", &error))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.root.remove(&self.part);
        }
    }
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        #[cfg(unix)]
        let (file, changed) = {
            use std::os::unix::fs::MetadataExt as _;
            ((metadata.dev(), metadata.ino()), (metadata.ctime(), metadata.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let (file, changed) = ((0, 0), (0, 0));
        Ok(Self { file, len: metadata.len(), modified: metadata.modified()?, changed })
    }
}

/// The digest of what a file has held since it was opened; it is then at its start again. None if it
/// is to stop before; refused if the file has not only grown meanwhile.
fn hash(file: &mut File, stamp: Stamp, stop: impl Fn() -> bool) -> Result<Option<Digest>, Refusal> {
    let failed = |error| failure("the file cannot be read", &error);
    let now = |file: &File| Stamp::of(file).map_err(failed);
    let Some(digest) = hash_start(file, stamp.len, &stop)? else {
        file.rewind().map_err(failed)?;
        return Ok(None);
    };
    let more = read_some(file, &mut [0]).map_err(failed)? > 0;
    let after = now(file)?;
    if more && after.len == stamp.len {
        return Err(no_size());
    }
    file.rewind().map_err(failed)?;
    if after == stamp {
        return Ok(digest.1);
    }
    // A file that is written to at its end, such as a log, still begins the same.
    let again = if after.len < stamp.len { None } else { hash_start(file, stamp.len, &stop)? };
    file.rewind().map_err(failed)?;
    match again {
        Some(again) if again == digest => Ok(digest.1),
        _ => Err(changed()),
    }
}

/// The digest of so many bytes, and how many there were; `None` if it is to stop before.
fn hash_start(
    file: &mut File,
    len: u64,
    stop: impl Fn() -> bool,
) -> Result<Option<(u64, Option<Digest>)>, Refusal> {
    let mut hasher = Hashing::default();
    let mut piece = vec![0; PIECE];
    let mut left = len;
    while left > 0 {
        if stop() {
            return Ok(None);
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
        let read = read_some(file, &mut piece[..most]);
        let read = read.map_err(|error| failure("the file cannot be read", &error))?;
        if read == 0 {
            return Err(changed());
        }
        hasher.update(&piece[..read]);
        left = left.saturating_sub(read as u64);
    }
    Ok(Some((len, hasher.finish())))
}

fn read_some(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The system says that the file has no more bytes, and has more of them.
fn no_size() -> Refusal {
    let why = format_args!("the file's size is not what the system says, as of those in /proc");
    Refusal::new(Status::Denied, why)
}

fn changed() -> Refusal {
    Refusal::new(Status::Failed, format_args!("the file changed while it was read; try again"))
}

fn not_regular(name: &str) -> Refusal {
    Refusal::new(Status::Denied, format_args!("`{name}` is there and is no regular file"))
}

pub(super) fn failure(what: &str, error: &io::Error) -> Refusal {
    if let Some(refusal) = in_use(what, error) {
        return refusal;
    }
    // An error of the system, or one that also tells where the temporary file is, which is nothing
    // that a peer should know.
    match error.get_ref() {
        None => Refusal::new(Status::Failed, format_args!("{what}: {error}")),
        Some(_) => Refusal::new(Status::Failed, format_args!("{what}: {}", error.kind())),
    }
}

/// The refusal of a file that another program has, which only Windows knows: a sharing violation, a
/// locked part, or access denied, which is also what it says of a file that the node may not use.
fn in_use(what: &str, error: &io::Error) -> Option<Refusal> {
    let (status, why) = match error.raw_os_error().filter(|_| cfg!(windows))? {
        32 | 33 => (Status::Busy, "another program has it open; try again when it is closed"),
        5 => (Status::Failed, "somebody has it open, or the node may not use it"),
        _ => return None,
    };
    Some(Refusal::new(status, format_args!("{what}: {why}")))
}

/// The refusal of a name that cannot be opened or removed.
fn refusal(name: &str, error: &io::Error) -> Refusal {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return not_regular(name);
    }
    match error.kind() {
        io::ErrorKind::NotFound => not_found(name),
        io::ErrorKind::InvalidInput => not_regular(name),
        _ => failure("the file cannot be used", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use unstick::digest::Hasher;

    #[test]
    #[cfg(unix)]
    fn a_file_that_was_put_is_not_read_again_for_its_digest_unless_it_was_changed() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::new(root.path().to_owned(), false).unwrap();
        let known = |directory: &Directory| {
            let stamp = Stamp::of(&File::open(root.path().join("a")).unwrap()).unwrap();
            directory.digests.get(stamp)
        };
        for body in [b"first", b"other"] {
            let mut file = directory.create("a").unwrap();
            file.write(body).unwrap();
            directory.commit(file, Hasher::digest(body)).unwrap();
            assert_eq!(known(&directory), Hasher::digest(body));
        }
        // At once, and of the same length.
        fs::write(root.path().join("a"), b"third").unwrap();
        assert_eq!(known(&directory), None);
    }

    #[test]
    fn what_takes_too_long_has_no_digest_and_is_read_from_its_start() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[b'x'; 2 * PIECE]).unwrap();
        file.rewind().unwrap();
        let stamp = Stamp::of(&file).unwrap();
        let looks = core::cell::Cell::new(0);
        let second_look = || looks.replace(looks.get() + 1) == 1;
        assert_eq!(hash(&mut file, stamp, second_look).unwrap(), None);
        assert_eq!(file.stream_position().unwrap(), 0);
        assert!(hash(&mut file, stamp, || false).unwrap().is_some());
    }
}
