//! A node's store: files in memory or in a directory, and what programs put out.

mod directory;
mod listing;
pub(crate) mod root;
mod whole;

use super::config::Storage;
use super::error::Error;
use super::job::Later;
use super::limits::MEMORY_FILES;
use super::program::Run;
use core::task::Poll;
use directory::{Directory, Incoming, Outgoing};
use listing::Listing;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use unstick::digest::Digest;
use unstick::store::{Meta, RamSink, RamSource, RamStore, Store};
use unstick::{Refusal, Status, Text};
pub(super) use whole::Whole;

/// Where the bodies of a desktop node come from and go to. Clones share the files.
#[derive(Clone)]
pub struct Files {
    backend: Backend,
    /// Notified when a source is ready; without it nobody waits.
    ready: Option<Arc<Notify>>,
}

#[derive(Clone)]
enum Backend {
    Memory(Arc<Mutex<Memory>>),
    Directory(Arc<Directory>),
}

type Memory = RamStore<Vec<u8>, MEMORY_FILES>;

/// A body on its way out.
pub struct Source(Out);

enum Out {
    Memory { source: RamSource, name: String },
    File(Outgoing),
    Listing(Later<Listing>),
    Whole(Later<Whole>),
    Program(Run),
}

/// A file on its way in.
pub struct Sink(In);

enum In {
    Memory(RamSink),
    File(Incoming),
}

impl From<Run> for Source {
    fn from(run: Run) -> Self {
        Self(Out::Program(run))
    }
}

impl From<Later<Whole>> for Source {
    fn from(whole: Later<Whole>) -> Self {
        Self(Out::Whole(whole))
    }
}

impl Files {
    /// Files for which nobody waits; on the disk they are when a `put` is answered, if they are to be.
    pub(super) fn new(storage: Storage, sync: bool) -> Result<Self, Error> {
        let backend = match storage {
            Storage::Memory { largest } => {
                let buffers = core::array::from_fn(|_| vec![0; largest]);
                Backend::Memory(Arc::new(Mutex::new(RamStore::new(buffers))))
            }
            Storage::Directory(path) => Backend::Directory(Arc::new(Directory::new(path, sync)?)),
        };
        Ok(Self { backend, ready: None })
    }

    /// They are for a session that waits for `ready`.
    pub(super) fn wait_for(&mut self, ready: Arc<Notify>) {
        self.ready = Some(ready);
    }

    pub(super) fn ready(&self) -> Option<&Arc<Notify>> {
        self.ready.as_ref()
    }

    /// The directory they are in.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        match &self.backend {
            Backend::Memory(_) => None,
            Backend::Directory(directory) => Some(directory.path()),
        }
    }
}

/// A store whose user panicked is still whole: each of its calls leaves it so.
fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The refusal of a source or sink that belongs to another store.
fn foreign() -> Refusal {
    Refusal::new(Status::Failed, format_args!("the file is gone"))
}

impl Store for Files {
    type Source = Source;
    type Sink = Sink;

    fn largest(&self) -> u64 {
        match &self.backend {
            Backend::Memory(memory) => lock(memory).largest(),
            // What a file's length can be.
            Backend::Directory(_) => i64::MAX as u64,
        }
    }

    fn most_files(&self) -> Option<usize> {
        match &self.backend {
            Backend::Memory(memory) => lock(memory).most_files(),
            Backend::Directory(_) => None,
        }
    }

    fn list(&mut self, text: &mut Text<'_>) -> Result<Option<Source>, Refusal> {
        match &self.backend {
            Backend::Memory(memory) => {
                lock(memory).list(text)?;
                Ok(None)
            }
            Backend::Directory(directory) => {
                Ok(Some(Source(Out::Listing(directory.list(self.ready.as_ref())?))))
            }
        }
    }

    fn open(&mut self, name: &str) -> Result<Source, Refusal> {
        Ok(Source(match &self.backend {
            Backend::Memory(memory) => {
                Out::Memory { source: lock(memory).open(name)?, name: name.into() }
            }
            Backend::Directory(directory) => Out::File(directory.open(name, self.ready.as_ref())?),
        }))
    }

    fn create(&mut self, name: &str, size: u64) -> Result<Sink, Refusal> {
        Ok(Sink(match &self.backend {
            Backend::Memory(memory) => In::Memory(lock(memory).create(name, size)?),
            Backend::Directory(directory) => In::File(directory.create(name)?),
        }))
    }

    fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        match &self.backend {
            Backend::Memory(memory) => lock(memory).remove(name),
            Backend::Directory(directory) => directory.remove(name),
        }
    }

    fn poll<'a>(&'a mut self, source: &'a mut Source) -> Poll<Result<Meta<'a>, Refusal>> {
        match (&mut source.0, &self.backend) {
            (Out::Memory { source, name }, Backend::Memory(memory)) => {
                lock(memory).poll(source).map_ok(|meta| Meta {
                    filename: name,
                    size: meta.size,
                    digest: meta.digest,
                    status: meta.status,
                    exit: meta.exit,
                })
            }
            (Out::File(file), _) => Directory::poll(file),
            (Out::Listing(listing), _) => listing.poll().map_ok(|listing| listing.meta()),
            (Out::Whole(whole), _) => whole.poll().map_ok(|whole| whole.meta()),
            (Out::Program(run), _) => run.poll(),
            _ => Poll::Ready(Err(foreign())),
        }
    }

    fn read(&mut self, source: &mut Source, output: &mut [u8]) -> Result<usize, Refusal> {
        match (&mut source.0, &self.backend) {
            (Out::Memory { source, .. }, Backend::Memory(memory)) => {
                lock(memory).read(source, output)
            }
            (Out::File(file), _) => file.read(output),
            (Out::Listing(listing), _) => listing.here().map_or(Ok(0), |it| it.read(output)),
            (Out::Whole(whole), _) => Ok(whole.here().map_or(0, |it| it.read(output))),
            (Out::Program(run), _) => run.read(output),
            _ => Err(foreign()),
        }
    }

    fn close(&mut self, source: Source) {
        // What is not in memory ends by being dropped: a file, a digest, a program.
        if let (Out::Memory { source, .. }, Backend::Memory(memory)) = (source.0, &self.backend) {
            lock(memory).close(source);
        }
    }

    fn write(&mut self, sink: &mut Sink, piece: &[u8]) -> Result<(), Refusal> {
        match (&mut sink.0, &self.backend) {
            (In::Memory(sink), Backend::Memory(memory)) => lock(memory).write(sink, piece),
            (In::File(file), _) => file.write(piece),
            _ => Err(foreign()),
        }
    }

    fn commit(&mut self, sink: Sink, digest: Option<Digest>) -> Result<(), Refusal> {
        match (sink.0, &self.backend) {
            (In::Memory(sink), Backend::Memory(memory)) => lock(memory).commit(sink, digest),
            (In::File(file), Backend::Directory(directory)) => directory.commit(file, digest),
            _ => Err(foreign()),
        }
    }

    fn discard(&mut self, sink: Sink) {
        // An incoming file's temporary one goes when it is dropped.
        if let (In::Memory(sink), Backend::Memory(memory)) = (sink.0, &self.backend) {
            lock(memory).discard(sink);
        }
    }
}
