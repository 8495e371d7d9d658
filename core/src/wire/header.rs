//! Headers: one JSON object that says what a body is.
//!
//! [`Header::parse`] reads any header of the protocol, a request's or a reply's, borrowing from the
//! bytes: a strict scan that returns the members one by one (rules H2 to H5). [`Fields`] is
//! what we write.
//!
//! ```
//! use unstick::header::{Fields, Header, HeaderError, SizeFault};
//!
//! let mut bytes = [0; 64];
//! let fields = Fields { command: Some("put a.txt"), total_size: 5, ..Fields::default() };
//! let len = fields.write(&mut bytes).expect("64 bytes are enough");
//! assert_eq!(&bytes[..len], br#"{"command":"put a.txt","total_size":5}"#);
//!
//! let header = Header::parse(&bytes[..len])?;
//! assert_eq!(header.command.unwrap(), "put a.txt");
//! let refused = Header::parse(br#"{"total_size":-1}"#);
//! assert_eq!(refused, Err(HeaderError::TotalSize(SizeFault::Negative)));
//! # Ok::<(), HeaderError>(())
//! ```

mod error;
mod fields;

pub use super::json::{Escaped, JsonError};
pub use error::{HeaderError, SizeFault};
pub use fields::Fields;

use super::digest::{self, Digest};
use super::json::{self, Value};
use crate::limits::ID;
use core::str;
use heapless::String;

/// A header as it came; every text still has its escapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header<'a> {
    /// Of a request: returned as it came. `None` where it is absent or null.
    pub id: Option<Id<'a>>,
    /// Of a request: the command and its arguments.
    pub command: Option<Escaped<'a>>,
    /// Of a reply: `ok`, or the kind of failure.
    pub status: Option<Escaped<'a>>,
    /// The name of the file that is the body; the tutorials' `filenema` counts as this.
    pub filename: Option<Escaped<'a>>,
    /// Bytes of the body.
    pub total_size: Option<u64>,
    /// The body's digest; `None` also for text that is not a digest (rule H7).
    pub md5: Option<Digest>,
    /// Of a reply to a program run: its exit code.
    pub exit: Option<i32>,
}

impl<'a> Header<'a> {
    /// Reads the bytes of a header, without its prefix.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let mut header = Self::default();
        header.read(bytes)?;
        Ok(header)
    }

    /// Takes the members that there are, up to what is wrong.
    pub(super) fn read(&mut self, bytes: &'a [u8]) -> Result<(), HeaderError> {
        let text = match str::from_utf8(bytes) {
            Ok("") => return Err(HeaderError::Empty),
            Ok(text) if text.starts_with('\u{FEFF}') => return Err(HeaderError::Bom),
            Ok(text) => text,
            Err(error) => return Err(HeaderError::NotUtf8 { at: error.valid_up_to() }),
        };
        json::scan(text, |key, value| self.set(key, value))
    }

    /// Takes a member that is ours; `null` is as good as absent.
    fn set(&mut self, key: Escaped<'a>, value: Value<'a>) -> Result<(), HeaderError> {
        let text = |field| value.text.ok_or(HeaderError::NotText { field });
        let mut decoded = String::<KEY>::new();
        match key.decode(&mut decoded).unwrap_or_default() {
            _ if value.raw == "null" => {}
            "id" => self.id = Some(Id::of(value)?),
            "command" => self.command = Some(text("command")?),
            "status" => {
                self.status = Some(value.text.unwrap_or_default()); // it has one, whatever it is
                text("status")?;
            }
            "filename" => self.name(text("filename")?)?,
            "filenema" => self.name(text("filenema")?)?,
            "total_size" => self.total_size = Some(size(value.raw)?),
            "exit" => self.exit = Some(exit(value.raw)?),
            "md5" => self.md5 = digest(text("md5")?),
            _ => {}
        }
        Ok(())
    }

    /// Takes the name, in either spelling. No key stands twice: the scan has refused that.
    fn name(&mut self, name: Escaped<'a>) -> Result<(), HeaderError> {
        match self.filename.replace(name) {
            None => Ok(()),
            Some(_) => Err(HeaderError::TwoNames),
        }
    }
}

/// Whether bytes that may be no header have a `status` all the same, before whatever is wrong with
/// them: then they are no request (rule U5).
#[cfg(feature = "commands")]
pub(crate) fn has_status(bytes: &[u8]) -> bool {
    let mut header = Header::default();
    if let Err(HeaderError::NotUtf8 { at }) = header.read(bytes) {
        let _ = header.read(bytes.get(..at).unwrap_or_default());
    }
    header.status.is_some()
}

/// Bytes of the longest key of the protocol.
const KEY: usize = "total_size".len();

/// A JSON value that must be a whole number from 0 to `u64::MAX` (rule H5).
fn size(value: &str) -> Result<u64, HeaderError> {
    Err(HeaderError::TotalSize(match (integer(value), value.as_bytes().first()) {
        (Some((false, size)), _) => return Ok(size),
        (_, Some(b'-')) => SizeFault::Negative,
        (_, Some(b'0'..=b'9')) if value.contains(['.', 'e', 'E']) => SizeFault::Fractional,
        (_, Some(b'0'..=b'9')) => SizeFault::TooLarge,
        _ => SizeFault::NotANumber,
    }))
}

/// A JSON value that must be a whole number that fits `i32`.
fn exit(value: &str) -> Result<i32, HeaderError> {
    let code = integer(value).and_then(|(negative, magnitude)| {
        let magnitude = i64::try_from(magnitude).ok()?;
        i32::try_from(if negative { magnitude.wrapping_neg() } else { magnitude }).ok()
    });
    code.ok_or(HeaderError::NotExit)
}

/// The digest that a text is, if it is one (rule H7).
fn digest(text: Escaped<'_>) -> Option<Digest> {
    Digest::parse(text.decode(&mut String::<{ 2 * digest::LEN }>::new())?)
}

/// A whole number as JSON writes it: whether a minus is before it, and its magnitude.
fn integer(raw: &str) -> Option<(bool, u64)> {
    let (negative, digits) = match raw.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if let [] | [b'0', _, ..] = digits {
        return None;
    }
    let mut magnitude = 0_u64;
    for byte in digits {
        let digit = char::from(*byte).to_digit(10)?;
        magnitude = magnitude.checked_mul(10)?.checked_add(digit.into())?;
    }
    Some((negative, magnitude))
}

/// An `id`: a JSON string of at most [`ID`] bytes, or a whole number that fits `i64` or `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Id<'a>(&'a str);

impl<'a> Id<'a> {
    /// Checks an id as it stands on the wire, a string with its quotes.
    pub fn parse(raw: &'a str) -> Result<Self, HeaderError> {
        Self::checked(raw, json::is_string(raw))
    }

    /// The id that a member is.
    fn of(value: Value<'a>) -> Result<Self, HeaderError> {
        Self::checked(value.raw, value.text.is_some())
    }

    fn checked(raw: &'a str, is_string: bool) -> Result<Self, HeaderError> {
        if !is_string && !is_integer(raw) {
            return Err(HeaderError::NotId);
        }
        if raw.len() > ID { Err(HeaderError::LongId { len: raw.len() }) } else { Ok(Self(raw)) }
    }

    /// An id that was checked before it was kept.
    #[cfg(feature = "commands")]
    pub(crate) fn kept(raw: &'a str) -> Self {
        Self(raw)
    }

    /// The id as it stands on the wire.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.0
    }
}

/// Whether a number fits `i64` or `u64`, and would be written just so.
fn is_integer(raw: &str) -> bool {
    integer(raw).is_some_and(|(negative, magnitude)| {
        !negative || (1..=i64::MIN.unsigned_abs()).contains(&magnitude)
    })
}

#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;
