//! The directory that files are in, as it was opened: whatever becomes of its name, and whatever links
//! are put in its way, no name leads out of it.
//!
//! A name that comes here is one path component (`check_name` sees to that), and no link is followed.

pub(super) use system::Root;

use std::fs::{File, Metadata};
use std::io;

/// Gives a new file what the one that it replaces has: its permissions, and its owner where that is
/// allowed. What lets a program change its user is left out, as the content is new.
#[cfg(unix)]
pub(crate) fn keep_owner(new: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let now = new.metadata()?;
    if (now.uid(), now.gid()) != (old.uid(), old.gid()) {
        // Not allowed to most; what can be had is the group.
        let _ = fchown(new, Some(old.uid()), Some(old.gid()))
            .or_else(|_| fchown(new, None, Some(old.gid())));
    }
    new.set_permissions(std::fs::Permissions::from_mode(old.mode() & 0o777))
}

#[cfg(not(unix))]
pub(crate) fn keep_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
mod system {
    use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, renameat, statat, unlinkat};
    use std::fs::{File, Metadata};
    use std::io;
    use std::os::fd::{AsRawFd as _, OwnedFd};
    use std::path::{Path, PathBuf};

    /// The directory.
    #[derive(Debug)]
    pub(crate) struct Root {
        directory: OwnedFd,
        path: PathBuf,
    }

    impl Root {
        pub(crate) fn open(path: &Path) -> io::Result<Self> {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let directory = rustix::fs::open(path, flags, Mode::empty())?;
            let root = Self { directory, path: path.canonicalize()? };
            // It can be read, and not only be opened.
            Dir::read_from(&root.directory)?;
            Ok(root)
        }

        /// A path to it, for a program that is to run there.
        pub(crate) fn path(&self) -> PathBuf {
            if cfg!(target_os = "linux") {
                format!("/proc/self/fd/{}", self.directory.as_raw_fd()).into()
            } else {
                self.path.clone()
            }
        }

        /// Opens a regular file for reading.
        pub(crate) fn read(&self, name: &str) -> io::Result<File> {
            // A FIFO that nobody writes to would block its reader.
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let file = File::from(openat(&self.directory, name, flags, Mode::empty())?);
            if file.metadata()?.is_file() {
                Ok(file)
            } else {
                Err(io::ErrorKind::InvalidInput.into())
            }
        }

        /// What is known of a file, which need not be readable.
        pub(crate) fn metadata(&self, name: &str) -> io::Result<Metadata> {
            #[cfg(target_os = "linux")]
            let how = OFlags::PATH;
            #[cfg(not(target_os = "linux"))]
            let how = OFlags::RDONLY | OFlags::NONBLOCK;
            let flags = how | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            File::from(openat(&self.directory, name, flags, Mode::empty())?).metadata()
        }

        /// Makes a file that was not there, for reading and writing.
        pub(crate) fn create(&self, name: &str) -> io::Result<File> {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            // Less the umask.
            Ok(File::from(openat(&self.directory, name, flags, Mode::from_raw_mode(0o666))?))
        }

        /// The size of what has this name, or an error of kind `InvalidInput` if it is no regular file.
        pub(crate) fn size(&self, name: &str) -> io::Result<u64> {
            let found = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile => Ok(found.st_size.cast_unsigned()),
                _ => Err(io::ErrorKind::InvalidInput.into()),
            }
        }

        pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            Ok(renameat(&self.directory, from, &self.directory, to)?)
        }

        /// Flushes its names to the disk.
        pub(crate) fn sync(&self) -> io::Result<()> {
            Ok(rustix::fs::fsync(&self.directory)?)
        }

        /// Whether a file that is open still has a name.
        pub(crate) fn has_name(file: &File) -> io::Result<bool> {
            use std::os::unix::fs::MetadataExt as _;
            Ok(file.metadata()?.nlink() > 0)
        }

        pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
            Ok(unlinkat(&self.directory, name, AtFlags::empty())?)
        }

        /// The names in it that are UTF-8, of whatever they are.
        pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<String>>> {
            Ok(Dir::read_from(&self.directory)?.filter_map(|entry| match entry {
                Ok(entry) => entry.file_name().to_str().ok().map(|name| Ok(name.to_owned())),
                Err(error) => Some(Err(error.into())),
            }))
        }
    }
}

/// Elsewhere it is a path.
#[cfg(not(unix))]
mod system {
    use std::fs::{self, File, Metadata};
    use std::io;
    use std::path::{Path, PathBuf};

    /// The directory.
    #[derive(Debug)]
    pub(crate) struct Root(PathBuf);

    impl Root {
        pub(crate) fn open(path: &Path) -> io::Result<Self> {
            // So that it stays the same whatever becomes of the working directory.
            let path = std::path::absolute(path)?;
            fs::read_dir(&path)?;
            Ok(Self(path))
        }

        /// A path to it, for a program that is to run there.
        pub(crate) fn path(&self) -> PathBuf {
            self.0.clone()
        }

        /// Opens a regular file for reading.
        pub(crate) fn read(&self, name: &str) -> io::Result<File> {
            self.size(name)?;
            File::open(self.0.join(name))
        }

        /// What is known of a file, which need not be readable.
        pub(crate) fn metadata(&self, name: &str) -> io::Result<Metadata> {
            self.0.join(name).symlink_metadata()
        }

        /// Makes a file that was not there, for reading and writing.
        pub(crate) fn create(&self, name: &str) -> io::Result<File> {
            File::options().read(true).write(true).create_new(true).open(self.0.join(name))
        }

        /// The size of what has this name, or an error of kind `InvalidInput` if it is no regular file.
        pub(crate) fn size(&self, name: &str) -> io::Result<u64> {
            let found = self.0.join(name).symlink_metadata()?;
            if found.is_file() { Ok(found.len()) } else { Err(io::ErrorKind::InvalidInput.into()) }
        }

        pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            fs::rename(self.0.join(from), self.0.join(to))
        }

        /// Names cannot be flushed there; NTFS keeps them in its journal.
        pub(crate) fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        /// Whether a file that is open still has a name: nobody else can remove it there.
        pub(crate) fn has_name(_: &File) -> io::Result<bool> {
            Ok(true)
        }

        pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
            fs::remove_file(self.0.join(name))
        }

        /// The names in it that are UTF-8, of whatever they are.
        pub(crate) fn names(&self) -> io::Result<impl Iterator<Item = io::Result<String>>> {
            Ok(fs::read_dir(&self.0)?.filter_map(|entry| match entry {
                Ok(entry) => entry.file_name().into_string().ok().map(Ok),
                Err(error) => Some(Err(error)),
            }))
        }
    }
}
