//! Files to and from a node, whole or not at all.

use super::{Ask, Body, Client, Error, Progress, Reply};
use crate::hashing::Hashing;
use crate::node::keep_owner;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use unstick::digest::Digester as _;

/// Links that are followed, as on Linux.
const LINKS: usize = 40;
/// Bytes hashed at a time.
const PIECE: usize = 64 * 1024;

impl Body {
    /// A whole file; to `verify` with its digest, for which it is read once before and `progress` is told.
    ///
    /// It blocks while it reads. The file is taken from its start, whatever its position.
    pub fn of_file(
        mut file: File,
        verify: bool,
        mut progress: impl FnMut(Progress),
    ) -> io::Result<Self> {
        file.rewind()?;
        let of = file.metadata()?.len();
        if !verify {
            return Ok(Self::new(file, of));
        }
        let (mut hasher, mut size, mut piece) = (Hashing::default(), 0, vec![0; PIECE]);
        loop {
            let len = match file.read(&mut piece) {
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read?,
            };
            hasher.update(&piece[..len]);
            size += len as u64;
            progress(Progress::Hashed { bytes: size, of });
        }
        file.rewind()?;
        Ok(Self::new(file, size).md5(hasher.finish()))
    }
}

impl Client {
    /// Puts a file on the node under that name.
    ///
    /// It is read twice: for its digest, which goes before it, and to be sent; once where that is not
    /// wanted ([`ClientOptions::verify`](super::ClientOptions::verify)). The node keeps it once it is
    /// whole and verified. Returns the node's reply, whose status may be another than `ok`. An
    /// [`Error::Source`] is one of the file.
    pub async fn put_file(
        &self,
        path: impl AsRef<Path>,
        name: &str,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Reply, Error> {
        let path = path.as_ref().to_owned();
        self.put_opened(move || File::open(path), name, progress).await
    }

    /// The same, of a file that is open already, from its start.
    pub async fn put_open_file(
        &self,
        file: File,
        name: &str,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Reply, Error> {
        self.put_opened(move || Ok(file), name, progress).await
    }

    async fn put_opened(
        &self,
        file: impl FnOnce() -> io::Result<File> + Send + 'static,
        name: &str,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Reply, Error> {
        let verify = self.options.hashes();
        let read = tokio::task::spawn_blocking(move || {
            let body = Body::of_file(file()?, verify, &mut progress)?;
            Ok((body, progress))
        });
        let read = read.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let (body, progress) = read.map_err(Error::Source)?;
        self.ask(Ask::new(format!("put {name}")).body(body).progress(progress)).await
    }

    /// Gets a file from the node; `path` is a file, or a folder for a file of that name.
    ///
    /// It is written beside the file and takes its place once it is whole and its digest, if the node
    /// told one ([`Reply::integrity`]), is right; so there is never half a file, not after the call was
    /// dropped either. What it replaces passes its permissions on. Where a link leads, the file goes.
    /// Something that is no file or is open already, such as `/dev/null` or `/dev/stdout`, is written to. Returns
    /// the node's reply; with another status than `ok` nothing is written. An [`Error::Sink`] is one
    /// of the file.
    pub async fn get_file(
        &self,
        name: &str,
        path: impl AsRef<Path>,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Reply, Error> {
        let target = Target::open(path.as_ref(), name).map_err(Error::Sink)?;
        let sink = target.file().try_clone().map_err(Error::Sink)?;
        let reply = self.ask(Ask::new(format!("get {name}")).sink(sink).progress(progress)).await?;
        if reply.is_ok() {
            target.keep().map_err(Error::Sink)?;
        }
        Ok(reply)
    }
}

/// Whether this names a file by what a process has open, as `/dev/stdout` does by way of `/proc`.
fn is_open_file(path: &Path) -> bool {
    cfg!(unix) && folder_of(path).canonicalize().is_ok_and(|folder| folder.starts_with("/proc"))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Where a file from a node goes.
enum Target {
    /// Something that is no file.
    Device(File),
    /// A file beside the one it is to be; gone when this is dropped before it is kept.
    File { beside: NamedTempFile, path: PathBuf },
}

impl Target {
    fn open(path: &Path, name: &str) -> io::Result<Self> {
        let mut path = path.to_owned();
        if path.is_dir() {
            path.push(name);
        }
        // A link stays, and the file it leads to is replaced, or made if it leads nowhere.
        for _ in 0..LINKS {
            if is_open_file(&path) {
                // Of a file that is open already nothing is overwritten.
                return File::options().append(true).open(&path).map(Self::Device);
            }
            let Ok(to) = fs::read_link(&path) else { break };
            path = folder_of(&path).join(to);
        }
        match fs::metadata(&path) {
            Ok(there) if there.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => {
                return File::options().write(true).open(&path).map(Self::Device);
            }
            _ => {}
        }
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask
        let beside = builder.prefix(".unstick-").tempfile_in(folder_of(&path))?;
        Ok(Self::File { beside, path })
    }

    fn file(&self) -> &File {
        match self {
            Self::Device(device) => device,
            Self::File { beside, .. } => beside.as_file(),
        }
    }

    /// The file is whole.
    fn keep(self) -> io::Result<()> {
        if let Self::File { beside, path } = self {
            if let Ok(old) = fs::metadata(&path) {
                keep_owner(beside.as_file(), &old)?;
            }
            beside.as_file().sync_all()?;
            beside.persist(path)?;
        }
        Ok(())
    }
}
