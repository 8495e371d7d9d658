//! Keys on the desktop: the file they are kept in, and those of a node.
//!
//! A key file is text, one key a line, `ID:ROLE:HEX`; lines that begin with `#` are comments. A node takes
//! all of them, a client the first.
//!
//! ```
//! use unstick::keys::Role;
//! use unstick_std::keys::{NodeKeys, generate, read};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("node.key");
//! generate(&path, 1, Role::Full)?;
//! let keys = read(&path)?;
//! assert_eq!((keys[0].id(), keys[0].role()), (1, Role::Full));
//! let node_keys = NodeKeys::new(keys)?; // for `node::Config::keys`
//! # let _ = node_keys;
//! # Ok(())
//! # }
//! ```

use crate::node::limits::{DATAGRAM_SESSIONS, HANDSHAKES_APART};
use core::fmt;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use unstick::Instant;
use unstick::keys::{DatagramSession, Ephemerals, Key, KeyError, Keyring, Keys, Role};
use zeroize::Zeroizing;

/// Bytes of a secret.
const SECRET: usize = 32;

/// Most bytes of a key file.
const LONGEST: u64 = 64 * 1024;

/// Keys that a node can have: an id is a byte.
const MOST: usize = 256;

/// The keys of a node. It is a handle: who keeps a clone can replace them while the node runs.
#[derive(Clone, Debug)]
pub struct NodeKeys(Arc<Mutex<Keyring<MOST, DATAGRAM_SESSIONS>>>);

impl NodeKeys {
    /// These keys; without any, nobody gets in. The secrets of its handshakes come from the system's source
    /// of randomness, and it fails where that does.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, Error> {
        Ok(Self::seeded(keys, *random()?))
    }

    /// The same with this source for the secrets of its handshakes: for a simulation that is to do the same each
    /// time. Who knows the seed can read every connection.
    pub fn seeded(keys: impl IntoIterator<Item = Key>, seed: [u8; SECRET]) -> Self {
        let ring = Keyring::new(Ephemerals::random(seed)).apart(HANDSHAKES_APART);
        let new = Self(Arc::new(Mutex::new(ring)));
        new.replace(keys);
        new
    }

    /// Has these keys instead. Who is connected with one that is not among them is closed upon with the
    /// next byte that comes, and hears nothing more.
    pub fn replace(&self, keys: impl IntoIterator<Item = Key>) {
        let ring = &mut *self.ring();
        (0..=u8::MAX).for_each(|id| {
            ring.remove(id);
        });
        for key in keys {
            let _ = ring.add(key); // there is room for every id
        }
    }

    fn ring(&self) -> MutexGuard<'_, Keyring<MOST, DATAGRAM_SESSIONS>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys for NodeKeys {
    fn key(&self, id: u8) -> Option<Key> {
        self.ring().key(id)
    }

    fn ephemeral(&mut self) -> Option<Zeroizing<[u8; SECRET]>> {
        self.ring().ephemeral()
    }

    fn sessions(&mut self, with: &mut dyn FnMut(&mut [Option<DatagramSession>])) {
        self.ring().sessions(with);
    }

    fn pace(&mut self, now: Instant) -> Result<(), Instant> {
        self.ring().pace(now)
    }
}

/// Reads a key file: at least one key, each with an id of its own. Refused is a file that everybody on this
/// machine may read or write, where the system tells.
pub fn read(path: &Path) -> Result<Vec<Key>, Error> {
    let unreadable = |source| Error::Read { path: path.into(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mode = others_may(&file).map_err(unreadable)?;
    if let Some(mode) = mode {
        return Err(Error::Open { path: path.into(), mode });
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(LONGEST + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LONGEST {
        return Err(unreadable(io::Error::new(ErrorKind::FileTooLarge, "it is over 64 KiB")));
    }
    let mut keys = Vec::new();
    let mut ids = HashSet::new();
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let key = core::str::from_utf8(line).map_err(|_| KeyError::Parts).and_then(str::parse);
        let key: Key = key.map_err(|why| Error::Line { path: path.into(), number, why })?;
        if !ids.insert(key.id()) {
            return Err(Error::Twice { path: path.into(), id: key.id() });
        }
        keys.push(key);
    }
    if keys.is_empty() { Err(Error::Empty { path: path.into() }) } else { Ok(keys) }
}

/// Makes a file with one key, from the system's source of randomness, that only its owner may read (mode
/// 0600 on Unix). Refused is a file that is there already.
pub fn generate(path: &Path, id: u8, role: Role) -> Result<(), Error> {
    let secret = random::<SECRET>()?;
    let mut line = Zeroizing::new(format!("{id}:{}:", role.as_str()));
    line.reserve_exact(2 * SECRET + 1); // what is left behind by growing has no digits
    for byte in *secret {
        for digit in [byte >> 4, byte & 15] {
            line.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    line.push('\n');
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let error = |source: io::Error| match source.kind() {
        ErrorKind::AlreadyExists => Error::Exists { path: path.into() },
        _ => Error::Write { path: path.into(), source },
    };
    let mut file = options.open(path).map_err(error)?;
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(|source| {
        let _ = std::fs::remove_file(path); // a part of a key is none
        error(source)
    })
}

/// Bytes that nobody can guess, from the system's source of randomness: 32 of them are the secret of
/// [`KeyedClient::offer`](unstick::keys::KeyedClient::offer).
pub fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|why| Error::Random { why: why.to_string() })?;
    Ok(bytes)
}

/// The mode of a file that others than its owner and its group may read or write.
#[cfg(unix)]
fn others_may(file: &File) -> io::Result<Option<u32>> {
    let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata()?);
    Ok((mode & 0o006 != 0).then_some(mode & 0o7777))
}

#[cfg(not(unix))]
fn others_may(_: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Why a key cannot be had; its text is one sentence that says what to do, and has nothing of the key in it.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Everybody on this machine may read or write it.
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line is no key.
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        number: u32,
        /// Why not.
        why: KeyError,
    },
    /// Two keys have the same id.
    Twice {
        /// The file.
        path: PathBuf,
        /// The id.
        id: u8,
    },
    /// There is no key in it.
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// There is a file already.
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system has no randomness.
    Random {
        /// In its own words.
        why: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => {
                let path = path.display();
                match source.kind() {
                    ErrorKind::NotFound => write!(
                        f,
                        "there is no key file `{path}`; `unstick keygen {path}` makes one"
                    ),
                    _ => write!(f, "cannot read the key file `{path}`: {source}"),
                }
            }
            Self::Open { path, mode } => {
                let path = path.display();
                write!(
                    f,
                    "the key file `{path}` is open to everybody on this machine (mode {mode:04o}); type: chmod 600 {path}"
                )
            }
            Self::Line { path, number, why } => {
                write!(f, "the key file `{}`, line {number}: {why}", path.display())
            }
            Self::Twice { path, id } => {
                let path = path.display();
                write!(f, "the key file `{path}` has two keys of the id {id}; give one another id")
            }
            Self::Empty { path } => {
                let path = path.display();
                write!(
                    f,
                    "there is no key in `{path}`; `unstick keygen FILE` makes a file with one"
                )
            }
            Self::Exists { path } => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` is there already, and a key that is lost cannot be had again; choose another name"
                )
            }
            Self::Write { path, source } => {
                write!(f, "cannot write the key file `{}`: {source}", path.display())
            }
            Self::Random { why } => write!(f, "the system has no random bytes for a key: {why}"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => Some(source),
            Self::Line { why, .. } => Some(why),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        #[cfg(not(unix))]
        let _ = mode;
        (folder, path)
    }

    fn said(text: &str, mode: u32) -> String {
        let (folder, path) = file(text, mode);
        let said = read(&path).unwrap_err().to_string();
        assert!(!said.contains('\n') && !said.contains(&SECRET[..6]), "{said}");
        said.replace(folder.path().to_str().unwrap(), "").replace('\\', "/")
    }

    #[test]
    fn a_file_of_keys_and_comments() {
        let text = format!("# of the pump\r\n1:full:{SECRET}\r\n\n#2:full:x\n255:read:{SECRET}");
        let (_folder, path) = file(&text, 0o640);
        let keys = read(&path).unwrap();
        let keys: Vec<_> = keys.iter().map(|key| (key.id(), key.role())).collect();
        assert_eq!(keys, [(1, Role::Full), (255, Role::Read)]);
    }

    #[test]
    fn what_is_no_key_file_is_refused_in_a_sentence() {
        let zeros = "0".repeat(64);
        for (text, sentence) in [
            ("", "there is no key in `/key`; `unstick keygen FILE` makes a file with one"),
            ("# none\n", "there is no key in `/key`; `unstick keygen FILE` makes a file with one"),
            (
                &format!("#\n1:full:{}\n", &SECRET[2..]),
                "the key file `/key`, line 2: the secret of a key is 64 hex digits, this one has 62",
            ),
            (
                &format!("1:full:{zeros}"),
                "the key file `/key`, line 1: the secret of a key is random; this one is all zeros",
            ),
            (
                &format!("1:full:{SECRET}\n1:read:{SECRET}"),
                "the key file `/key` has two keys of the id 1; give one another id",
            ),
        ] {
            assert_eq!(said(text, 0o600), sentence);
        }
        let long = "#\n".repeat(40_000);
        assert_eq!(said(&long, 0o600), "cannot read the key file `/key`: it is over 64 KiB");
        let none = read(Path::new("not/there")).unwrap_err().to_string();
        assert_eq!(none, "there is no key file `not/there`; `unstick keygen not/there` makes one");
    }

    #[cfg(unix)]
    #[test]
    fn what_others_may_read_or_write_is_refused() {
        let text = format!("1:full:{SECRET}");
        for mode in [0o644, 0o602, 0o666] {
            let said = said(&text, mode);
            assert_eq!(
                said,
                format!(
                    "the key file `/key` is open to everybody on this machine (mode {mode:04o}); type: chmod 600 /key"
                )
            );
        }
    }

    #[test]
    fn a_generated_key_is_new_and_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        for path in &paths {
            generate(path, 7, Role::Read).unwrap();
            let keys = read(path).unwrap();
            assert_eq!((keys[0].id(), keys[0].role(), keys.len()), (7, Role::Read, 1));
            #[cfg(unix)]
            assert_eq!(
                std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap()) & 0o777,
                0o600
            );
        }
        let texts = paths.each_ref().map(|path| std::fs::read_to_string(path).unwrap());
        assert_ne!(texts[0], texts[1]);
        let again = generate(&paths[0], 7, Role::Read).unwrap_err().to_string();
        assert!(again.contains("is there already"), "{again}");
        assert_eq!(std::fs::read_to_string(&paths[0]).unwrap(), texts[0]);
    }

    #[test]
    fn keys_are_replaced_as_a_whole() {
        let key = |id| Key::new(id, Role::Full, [id; super::SECRET]).unwrap();
        let keys = NodeKeys::new([key(1), key(2)]).unwrap();
        keys.clone().replace([key(3)]);
        let there: Vec<u8> = (0..=u8::MAX).filter(|id| keys.key(*id).is_some()).collect();
        assert_eq!(there, [3]);
    }
}
