//! Files in a directory that no name leads out of.
//!
//! A name that comes here is one path component (`check_name` sees to that), so only a symbolic
//! link could lead elsewhere, and none is followed.

use crate::node::error::Error;
use crate::node::job::{Job, Promise, job};
use core::task::Poll;
use core::time::Duration;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};
use tempfile::NamedTempFile;
use tokio::sync::Notify;
use unstick::digest::{Digest, Hasher};
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
    path: PathBuf,
    digests: Mutex<HashMap<Stamp, Digest>>,
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
    file: NamedTempFile,
    path: PathBuf,
}

/// Which content of which file: if that changes, this does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stamp {
    file: (u64, u64),
    len: u64,
    modified: SystemTime,
}

impl Directory {
    pub(super) fn new(path: PathBuf) -> Result<Self, Error> {
        // Absolute, so that it stays the same whatever becomes of the working directory.
        let usable = path.canonicalize().and_then(|path| fs::read_dir(&path).map(|_| path));
        match usable {
            Ok(path) => Ok(Self { path, digests: Mutex::default() }),
            Err(source) => Err(Error::Directory { path, source }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file. Where nobody waits for a thread (`ready` is none), a long one has no digest.
    pub(super) fn open(
        &self,
        name: &str,
        ready: Option<&Arc<Notify>>,
    ) -> Result<Outgoing, Refusal> {
        let mut file =
            open_regular(&self.path.join(name)).map_err(|error| refusal(name, &error))?;
        let stamp = Stamp::of(&file).map_err(|error| refusal(name, &error))?;
        let known =
            self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(&stamp).copied();
        let state = match (known, ready) {
            (None, None) if stamp.len > AT_ONCE => State::Ready(file, None),
            (None, Some(ready)) if stamp.len > AT_ONCE => {
                let (promise, job) = job(Arc::clone(ready));
                tokio::task::spawn_blocking(move || hash_aside(file, stamp, promise));
                State::Hashing(job)
            }
            (None, _) => {
                let digest = hash(&mut file, stamp, || false)?;
                self.remember(stamp, digest);
                State::Ready(file, digest)
            }
            (known, _) => State::Ready(file, known),
        };
        Ok(Outgoing { name: name.into(), stamp, left: stamp.len, state })
    }

    pub(super) fn poll<'a>(&self, file: &'a mut Outgoing) -> Poll<Result<Meta<'a>, Refusal>> {
        if let State::Hashing(job) = &mut file.state {
            let Poll::Ready(result) = job.poll() else { return Poll::Pending };
            match result {
                Ok((handle, digest)) => {
                    self.remember(file.stamp, digest);
                    file.state = State::Ready(handle, digest);
                }
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

    /// Keeps the digest of a file that was hashed, unless it may have changed without showing it.
    fn remember(&self, stamp: Stamp, digest: Option<Digest>) {
        if let Some(digest) = digest
            && stamp.modified.elapsed().is_ok_and(|age| age > SETTLED)
        {
            self.keep(stamp, digest);
        }
    }

    fn keep(&self, stamp: Stamp, digest: Digest) {
        if cfg!(not(unix)) {
            return; // there a stamp does not say which file it is of
        }
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if digests.len() >= REMEMBERED {
            digests.clear();
        }
        digests.insert(stamp, digest);
    }

    pub(super) fn create(&self, name: &str) -> Result<Incoming, Refusal> {
        let path = self.path.join(name);
        // Only what `get` could give may be replaced: not a directory, a link or a device.
        if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(not_regular(name));
        }
        let mut builder = tempfile::Builder::new();
        // With a dot in front `list` and `get` do not see it, even if it outlives the process.
        builder.prefix(".unstick-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask
        let file = builder.tempfile_in(&self.path);
        let file = file.map_err(|error| failure("the file cannot be stored", &error))?;
        Ok(Incoming { file, path })
    }

    /// Puts a whole file in its place, and remembers its digest, so that nobody has to read it again
    /// for that.
    pub(super) fn commit(&self, file: Incoming, digest: Option<Digest>) -> Result<(), Refusal> {
        // So that whoever writes to it from now on gives it another time.
        let before = SystemTime::now().checked_sub(TICK);
        let shows = before.is_some_and(|time| file.file.as_file().set_modified(time).is_ok());
        let kept = file.file.persist(file.path);
        let kept = kept.map_err(|error| failure("the file cannot be stored", &error.error))?;
        if shows
            && let Some(digest) = digest
            && let Ok(stamp) = Stamp::of(&kept)
        {
            self.keep(stamp, digest);
        }
        Ok(())
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Refusal> {
        let path = self.path.join(name);
        let metadata = path.symlink_metadata().map_err(|error| refusal(name, &error))?;
        if !metadata.is_file() {
            return Err(not_regular(name));
        }
        fs::remove_file(path).map_err(|error| refusal(name, &error))
    }
}

impl Outgoing {
    /// The next bytes; a file that is no longer what its header said is not read to its end.
    pub(super) fn read(&mut self, output: &mut [u8]) -> Result<usize, Refusal> {
        let State::Ready(file, _) = &mut self.state else { return Ok(0) };
        let len = loop {
            match file.read(output) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result.map_err(|error| refusal(&self.name, &error))?,
            }
        };
        self.left = self.left.saturating_sub(len as u64);
        if self.left == 0 && Stamp::of(file).ok() != Some(self.stamp) {
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

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        #[cfg(unix)]
        let file = {
            use std::os::unix::fs::MetadataExt as _;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let file = (0, 0);
        Ok(Self { file, len: metadata.len(), modified: metadata.modified()? })
    }
}

fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // A FIFO that nobody writes to would block its reader.
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    #[cfg(not(unix))]
    if !path.symlink_metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn hash_aside(mut file: File, stamp: Stamp, promise: Promise<(File, Option<Digest>)>) {
    let start = Instant::now();
    let digest = hash(&mut file, stamp, || promise.is_abandoned() || start.elapsed() > PATIENCE);
    promise.keep(digest.map(|digest| (file, digest)));
}

/// The digest of a file that is then at its start again, none if it is to stop before; refused if
/// the file is not what it was.
fn hash(file: &mut File, stamp: Stamp, stop: impl Fn() -> bool) -> Result<Option<Digest>, Refusal> {
    let failed = |error| failure("the file cannot be read", &error);
    let mut hasher = Hasher::default();
    let mut piece = vec![0; PIECE];
    let mut left = stamp.len;
    while left > 0 {
        if stop() {
            file.rewind().map_err(failed)?;
            return Ok(None);
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
        let len = match file.read(&mut piece[..most]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result.map_err(failed)?,
        };
        if len == 0 {
            break;
        }
        hasher.update(&piece[..len]);
        left = left.saturating_sub(len as u64);
    }
    if Stamp::of(file).map_err(failed)? != stamp || left > 0 {
        return Err(changed());
    }
    file.rewind().map_err(failed)?;
    Ok(hasher.finish())
}

fn changed() -> Refusal {
    Refusal::new(Status::Failed, format_args!("the file changed while it was read; try again"))
}

fn not_regular(name: &str) -> Refusal {
    Refusal::new(Status::Denied, format_args!("`{name}` is there and is no regular file"))
}

pub(super) fn failure(what: &str, error: &io::Error) -> Refusal {
    // An error of the system, or one that also tells where the temporary file is, which is nothing
    // that a peer should know.
    match error.get_ref() {
        None => Refusal::new(Status::Failed, format_args!("{what}: {error}")),
        Some(_) => Refusal::new(Status::Failed, format_args!("{what}: {}", error.kind())),
    }
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

    #[test]
    #[cfg(unix)]
    fn a_file_that_was_put_is_not_read_again_for_its_digest_unless_it_was_changed() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::new(root.path().to_owned()).unwrap();
        let known = |directory: &Directory| {
            let stamp = Stamp::of(&File::open(root.path().join("a")).unwrap()).unwrap();
            directory.digests.lock().unwrap().get(&stamp).copied()
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
