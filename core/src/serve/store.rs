//! Where bodies come from and where they go.

mod ram;

pub use ram::{RamSink, RamSource, RamStore};

use super::reply::{Refusal, Status};
use super::text::Text;
use crate::bytes::number;
use crate::limits::NAME;
use crate::wire::digest::Digest;
use core::task::Poll;

/// A node's files, and every other body that is too large to be written at once.
///
/// Each source or sink that a session got is returned to the store, by [`Store::close`],
/// [`Store::commit`] or [`Store::discard`], also when the connection dies.
///
/// A store whose only file is made up as it is read:
///
/// ```
/// use core::fmt::Write as _;
/// use core::task::Poll;
/// use unstick::digest::Digest;
/// use unstick::store::{Meta, Store, not_found};
/// use unstick::{Refusal, Status, Text};
///
/// /// A megabyte of zeros.
/// struct Zeros;
///
/// const SIZE: u64 = 1 << 20;
///
/// fn read_only<T>() -> Result<T, Refusal> {
///     Err(Refusal::new(Status::Denied, format_args!("the files of this node cannot be changed")))
/// }
///
/// impl Store for Zeros {
///     type Source = ();
///     type Sink = core::convert::Infallible;
///
///     fn largest(&self) -> u64 {
///         0
///     }
///     fn list(&mut self, text: &mut Text<'_>) -> Result<Option<()>, Refusal> {
///         write!(text, "{SIZE} zeros")?;
///         Ok(None)
///     }
///     fn open(&mut self, name: &str) -> Result<(), Refusal> {
///         if name == "zeros" { Ok(()) } else { Err(not_found(name)) }
///     }
///     fn poll<'a>(&'a mut self, _: &'a mut ()) -> Poll<Result<Meta<'a>, Refusal>> {
///         let (filename, status) = ("zeros", Status::Ok);
///         Poll::Ready(Ok(Meta { filename, size: SIZE, digest: None, status, exit: None }))
///     }
///     fn read(&mut self, _: &mut (), output: &mut [u8]) -> Result<usize, Refusal> {
///         output.fill(0);
///         Ok(output.len())
///     }
///     fn close(&mut self, _: ()) {}
///     fn create(&mut self, _: &str, _: u64) -> Result<Self::Sink, Refusal> {
///         read_only()
///     }
///     fn remove(&mut self, _: &str) -> Result<(), Refusal> {
///         read_only()
///     }
///     fn write(&mut self, sink: &mut Self::Sink, _: &[u8]) -> Result<(), Refusal> {
///         match *sink {}
///     }
///     fn commit(&mut self, sink: Self::Sink, _: Option<Digest>) -> Result<(), Refusal> {
///         match sink {}
///     }
///     fn discard(&mut self, sink: Self::Sink) {
///         match sink {}
///     }
/// }
/// ```
pub trait Store {
    /// A body on its way out.
    type Source;
    /// A file on its way in.
    type Sink;

    /// The most bytes a file can have.
    fn largest(&self) -> u64;

    /// The most files it holds, if there is such a limit; by default `None`.
    fn most_files(&self) -> Option<usize> {
        None
    }

    /// Writes a line for each file to `text`, in the order of the bytes of their names: spaces, its size
    /// in bytes, a space, its name. Or returns a source of these lines where they may be longer than any
    /// text.
    fn list(&mut self, text: &mut Text<'_>) -> Result<Option<Self::Source>, Refusal>;

    /// Opens a file for reading. `name` has passed [`check_name`], here and below.
    fn open(&mut self, name: &str) -> Result<Self::Source, Refusal>;

    /// Makes room for a file of `size` bytes, which replaces one of that name once it is whole.
    fn create(&mut self, name: &str, size: u64) -> Result<Self::Sink, Refusal>;

    /// Removes a file.
    fn remove(&mut self, name: &str) -> Result<(), Refusal>;

    /// What there is to know before a source's first byte is read; pending while that is not known.
    /// Once ready it stays so, and returns the same until the source is closed.
    fn poll<'a>(&'a mut self, source: &'a mut Self::Source) -> Poll<Result<Meta<'a>, Refusal>>;

    /// Copies the next bytes of a source that is ready to `output`, which is not empty. Returns how
    /// many. Fewer than there is space for means nothing; none at all, or a refusal, before
    /// [`Meta::size`] bytes have come breaks the body off, and so the connection.
    fn read(&mut self, source: &mut Self::Source, output: &mut [u8]) -> Result<usize, Refusal>;

    /// Takes a source back, read to its end or not.
    fn close(&mut self, source: Self::Source);

    /// Adds the next bytes to a file, all of them.
    fn write(&mut self, sink: &mut Self::Sink, piece: &[u8]) -> Result<(), Refusal>;

    /// Puts a whole and verified file in its place. `digest` is the file's, computed on its way in, so
    /// that nobody need hash it again; `None` without feature `md5`.
    fn commit(&mut self, sink: Self::Sink, digest: Option<Digest>) -> Result<(), Refusal>;

    /// Takes a sink back; nothing of its file stays.
    fn discard(&mut self, sink: Self::Sink);
}

/// What is known of a source before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta<'a> {
    /// The file's name; empty if the body is not a file.
    pub filename: &'a str,
    /// Bytes of the body.
    pub size: u64,
    /// The body's digest, if it is known.
    pub digest: Option<Digest>,
    /// The status of the reply.
    pub status: Status,
    /// A program's exit code.
    pub exit: Option<i32>,
}

/// Returns `name` if it can name a file (rule S1), on any system: 1 to [`NAME`] bytes without control
/// characters and without `/ \ : " * < > ? |`, no dot or space at either end, and no device of Windows.
/// So it leads nowhere else, and what one node keeps every other can.
///
/// ```
/// use unstick::store::check_name;
///
/// assert!(check_name("log 2026-11-27.txt").is_ok());
/// for name in ["../log", "a:b", "what?", ".log", "log.", "nul.txt", ""] {
///     assert!(check_name(name).is_err(), "{name}");
/// }
/// ```
pub fn check_name(name: &str) -> Result<&str, Refusal> {
    if name.len() > NAME {
        let (len, most) = (number(name.len()), number(NAME));
        let why = format_args!("a name of {len} bytes is over the limit of {most}");
        return Err(Refusal::new(Status::BadRequest, why));
    }
    let bytes = name.as_bytes();
    let forbidden = |c: char| {
        let byte = u8::try_from(c).ok()?;
        FORBIDDEN.iter().find(|shown| shown.as_bytes().get(1) == Some(&byte))
    };
    let ends = |byte: Option<&u8>| matches!(byte, None | Some(b'.' | b' '));
    let found = name.chars().find_map(|c| {
        if c.is_control() { Some("a control character") } else { forbidden(c).copied() }
    });
    let what = match found {
        Some(what) => what,
        None if ends(bytes.first()) || ends(bytes.last()) => "a dot or space at an end, or no byte",
        None if is_device(bytes) => "the name of a device on Windows",
        None => return Ok(name),
    };
    let why = format_args!("no file name has {what}; `{name}` will not do");
    Err(Refusal::new(Status::Denied, why))
}

/// What is not in a name, as it is shown.
const FORBIDDEN: [&str; 9] = ["`/`", "`\\`", "`:`", "`\"`", "`*`", "`<`", "`>`", "`?`", "`|`"];

/// Whether Windows takes a name for a device, whatever extension it has ("Naming Files, Paths, and
/// Namespaces" of its documentation).
fn is_device(name: &[u8]) -> bool {
    let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default().trim_ascii_end();
    let (kind, port) = stem.split_at_checked(3).unwrap_or_default();
    let is = |names: &[&[u8; 3]]| names.iter().any(|name| kind.eq_ignore_ascii_case(*name));
    match port {
        b"" => is(&[b"CON", b"PRN", b"AUX", b"NUL"]),
        [b'1'..=b'9'] | [0xC2, 0xB2 | 0xB3 | 0xB9] => is(&[b"COM", b"LPT"]), // ² ³ ¹
        port => {
            let is_end = port.eq_ignore_ascii_case(b"IN$") || port.eq_ignore_ascii_case(b"OUT$");
            is_end && is(&[b"CON"])
        }
    }
}

/// The refusal of a name that no file has.
#[must_use]
pub fn not_found(name: &str) -> Refusal {
    Refusal::new(Status::Failed, format_args!("there is no file `{name}`; try list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status and the reason of a refusal.
    fn refused(name: &str) -> (Status, heapless::String<{ crate::limits::REASON }>) {
        let Refusal { status, reason } = check_name(name).unwrap_err();
        (status, reason)
    }

    #[test]
    fn names_that_files_have() {
        let longest = "x".repeat(NAME);
        for name in [
            "a",
            "a b",
            "a.b",
            "log 2026-11-27.txt",
            "é",
            "COM",
            "COM0",
            "COM10",
            "con1",
            "CONIN",
            "console",
            "nuls.txt",
            "LPT",
            "lpt\u{b9}x",
            &longest,
        ] {
            assert_eq!(check_name(name), Ok(name));
        }
    }

    #[test]
    fn names_that_no_file_has() {
        let long = "x".repeat(NAME + 1);
        let (status, reason) = refused(&long);
        assert_eq!(
            (status, &*reason),
            (Status::BadRequest, "a name of 256 bytes is over the limit of 255")
        );
        for (names, what) in [
            (
                &["", ".", "..", ".a", "a.", " a", "a ", "\u{20}"][..],
                "a dot or space at an end, or no byte",
            ),
            (&["a/b", "/"], "`/`"),
            (&["a\\b"], "`\\`"),
            (&["a:b"], "`:`"),
            (&["\"a\""], "`\"`"),
            (&["*"], "`*`"),
            (&["<"], "`<`"),
            (&[">"], "`>`"),
            (&["what?"], "`?`"),
            (&["a|b"], "`|`"),
            (&["a\nb", "\u{7f}", "\u{85}"], "a control character"),
            (
                &[
                    "con",
                    "NUL.txt",
                    "aux .a.b",
                    "PRN",
                    "com1",
                    "LPT9.log",
                    "COM\u{b2}",
                    "conin$",
                    "CONOUT$.x",
                ],
                "the name of a device on Windows",
            ),
        ] {
            for name in names {
                let (status, reason) = refused(name);
                assert_eq!(status, Status::Denied, "{name:?}");
                let due = std::format!("no file name has {what}; `{name}` will not do");
                assert_eq!(&*reason, due, "{name:?}");
            }
        }
    }
}
