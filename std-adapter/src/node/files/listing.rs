//! The lines of `list`, which may be many.

use super::directory::{failure, relock};
use super::root::Root;
use crate::hashing::Hashing;
use crate::node::job::{Later, job};
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;
use tokio::sync::Notify;
use unstick::digest::{Digest, Digester as _};
use unstick::store::{Meta, check_name};
use unstick::{Refusal, Status};

/// Entries of a directory that are looked at where nobody waits.
const AT_ONCE: usize = 1000;

/// Makes listings, one at a time, each for all who have asked before it was begun.
///
/// The lines are in a temporary file: a client that does not read costs a position in it, and no
/// memory.
#[derive(Debug, Default)]
pub(super) struct Listings(Mutex<Option<(Instant, Weak<Lines>)>>);

/// All lines of a listing.
#[derive(Debug)]
struct Lines {
    file: Mutex<File>,
    len: u64,
    digest: Option<Digest>,
}

/// A listing on its way out.
#[derive(Debug)]
pub(in crate::node) struct Listing {
    lines: Arc<Lines>,
    at: u64,
}

impl Listings {
    /// A line for each file of a directory that can be asked for, by name.
    ///
    /// It is left to a thread, because every file is looked at. Where nobody waits for that (`ready`
    /// is none), only a small directory is listed.
    pub(super) fn list(
        self: &Arc<Self>,
        root: &Arc<Root>,
        ready: Option<&Arc<Notify>>,
    ) -> Result<Later<Listing>, Refusal> {
        let Some(ready) = ready else {
            return make(root, |seen| seen > AT_ONCE).map(Listing::of).map(Later::Here);
        };
        let (promise, job) = job(Arc::clone(ready));
        let (listings, root, asked) = (Arc::clone(self), Arc::clone(root), Instant::now());
        tokio::task::spawn_blocking(move || {
            let lines = listings.get(&root, asked, |_| promise.is_abandoned());
            promise.keep(lines.map(Listing::of));
        });
        Ok(Later::Coming(job))
    }

    fn get(
        &self,
        root: &Root,
        asked: Instant,
        stop: impl Fn(usize) -> bool,
    ) -> Result<Arc<Lines>, Refusal> {
        let mut last = relock(&self.0);
        // An older one may lack what this client has just put there.
        let good = last.as_ref().filter(|(begun, _)| *begun > asked);
        if let Some(lines) = good.and_then(|(_, lines)| lines.upgrade()) {
            return Ok(lines);
        }
        let begun = Instant::now();
        let lines = make(root, stop)?;
        *last = Some((begun, Arc::downgrade(&lines)));
        Ok(lines)
    }
}

/// Stopped as soon as it is to `stop` after so many entries.
fn make(root: &Root, stop: impl Fn(usize) -> bool) -> Result<Arc<Lines>, Refusal> {
    let failed = |error| failure("the files cannot be listed", &error);
    let mut files = Vec::new();
    for (seen, name) in root.names().map_err(failed)?.enumerate() {
        if stop(seen) {
            let why = format_args!("there are many files, which takes a while: ask over TCP");
            return Err(Refusal::new(Status::Busy, why));
        }
        let name = name.map_err(failed)?;
        // It may be gone by now, which is no failure.
        if check_name(&name).is_ok()
            && let Ok(size) = root.size(&name)
        {
            files.push((name, size));
        }
    }
    files.sort_unstable();
    let (mut hasher, mut len) = (Hashing::default(), 0);
    let mut write = || {
        let mut file = BufWriter::new(tempfile::tempfile()?);
        for (name, size) in &files {
            let line = format!("{size:>8} {name}\n");
            hasher.update(line.as_bytes());
            len += line.len() as u64;
            file.write_all(line.as_bytes())?;
        }
        file.into_inner().map_err(|error| io::Error::from(error.error().kind()))
    };
    let file = Mutex::new(write().map_err(failed)?);
    Ok(Arc::new(Lines { file, len, digest: hasher.finish() }))
}

impl Listing {
    const fn of(lines: Arc<Lines>) -> Self {
        Self { lines, at: 0 }
    }

    pub(super) fn meta(&self) -> Meta<'_> {
        let Lines { len, digest, .. } = *self.lines;
        Meta { filename: "", size: len, digest, status: Status::Ok, exit: None }
    }

    pub(super) fn read(&mut self, output: &mut [u8]) -> Result<usize, Refusal> {
        let mut file = relock(&self.lines.file);
        let read =
            file.seek(SeekFrom::Start(self.at)).and_then(|_| io::Read::read(&mut *file, output));
        let len = read.map_err(|error| failure("the files cannot be listed", &error))?;
        self.at += len as u64;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_for_those_who_asked_before_it_was_begun() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        let (listings, before) = (Listings::default(), Instant::now());
        std::thread::sleep(core::time::Duration::from_millis(1));
        let first = listings.get(&root, before, |_| false).unwrap();
        let same = listings.get(&root, before, |_| false).unwrap();
        assert!(Arc::ptr_eq(&first, &same));
        // Somebody still reads the first one.
        std::fs::write(folder.path().join("a"), "new").unwrap();
        let next = listings.get(&root, Instant::now(), |_| false).unwrap();
        assert_eq!((first.len, next.len), (0, 11));
    }
}
