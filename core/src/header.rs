//! Headers: one JSON object that says what a body is.
//!
//! [`Header::parse`] reads any header of the protocol, a request's or a reply's, borrowing from the
//! bytes; [`Fields`] is what we write. serde-json-core does both, behind a scan of our own that
//! refuses what it would let through (rules H2 to H5).

mod error;
mod escape;
mod json;

pub use error::{HeaderError, SizeFault};
pub use escape::Escaped;

use crate::digest::{self, Digest};
use crate::limits::ID;
use core::str;
use heapless::String;
use serde::{Deserialize, Serialize, Serializer};

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
    /// The body's digest; `None` also for text that is no digest (rule H7).
    pub md5: Option<Digest>,
    /// Of a reply to a program run: its exit code.
    pub exit: Option<i32>,
}

impl<'a> Header<'a> {
    /// Reads the bytes of a header, without its prefix.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let text = match str::from_utf8(bytes) {
            Ok("") => return Err(HeaderError::Empty),
            Ok(text) if text.starts_with('\u{FEFF}') => return Err(HeaderError::Bom),
            Ok(text) => text,
            Err(error) => return Err(HeaderError::NotUtf8 { at: error.valid_up_to() }),
        };
        let mut id = None;
        json::scan(text, |key, value| {
            if key == *"id" && value != "null" {
                id = Some(Id::parse(value)?);
            }
            check_member(key, value)
        })?;
        // The scan has found well-formed JSON, each key once and no member of a wrong type: what is
        // left to fail is a name given twice.
        let (wire, _) =
            serde_json_core::from_slice::<Wire<'_>>(bytes).map_err(|_| HeaderError::TwoNames)?;
        let text = |raw: Option<&'a str>| raw.and_then(|raw| escape::check(raw).ok());
        Ok(Self {
            id,
            command: text(wire.command),
            status: text(wire.status),
            filename: text(wire.filename),
            total_size: wire.total_size,
            md5: text(wire.md5).and_then(|md5| {
                let mut decoded = String::<{ 2 * digest::LEN }>::new();
                Digest::parse(md5.decode(&mut decoded)?)
            }),
            exit: wire.exit,
        })
    }
}

/// The members as serde-json-core takes them out: borrowed, escapes in place.
#[derive(Deserialize)]
struct Wire<'a> {
    command: Option<&'a str>,
    status: Option<&'a str>,
    #[serde(alias = "filenema")]
    filename: Option<&'a str>,
    total_size: Option<u64>,
    md5: Option<&'a str>,
    exit: Option<i32>,
}

/// Whether a member of ours has a value of its type; `null` is as good as absent.
fn check_member(key: Escaped<'_>, value: &str) -> Result<(), HeaderError> {
    const TEXTS: [&str; 5] = ["command", "status", "filename", "filenema", "md5"];
    const KNOWN: [&str; 3] = ["id", "total_size", "exit"];
    let Some(field) = TEXTS.iter().chain(&KNOWN).find(|field| key == ***field) else {
        return Ok(());
    };
    if key.plain().is_none() {
        // serde-json-core compares keys as they stand: it would miss this one.
        return Err(HeaderError::EscapedKey { field });
    }
    match *field {
        _ if value == "null" => Ok(()),
        "total_size" => check_size(value).map_err(HeaderError::TotalSize),
        "exit" if value.parse::<i32>().is_err() => Err(HeaderError::NotExit),
        field if TEXTS.contains(&field) && !value.starts_with('"') => {
            Err(HeaderError::NotText { field })
        }
        _ => Ok(()),
    }
}

/// Whether a JSON value is a whole number from 0 to `u64::MAX`, and if not, why (rule H5).
fn check_size(value: &str) -> Result<(), SizeFault> {
    if !value.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        Err(SizeFault::NotANumber)
    } else if value.starts_with('-') {
        Err(SizeFault::Negative)
    } else if !value.bytes().all(|c| c.is_ascii_digit()) {
        Err(SizeFault::Fractional)
    } else {
        value.parse::<u64>().map(|_| ()).map_err(|_| SizeFault::TooLarge)
    }
}

/// An `id`: a JSON string of at most [`ID`] bytes, or a whole number that fits `i64` or `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Id<'a>(&'a str);

impl<'a> Id<'a> {
    /// Checks an id as it stands on the wire, a string with its quotes.
    pub fn parse(raw: &'a str) -> Result<Self, HeaderError> {
        if !json::is_string(raw) && !is_integer(raw) {
            return Err(HeaderError::NotId);
        }
        if raw.len() > ID { Err(HeaderError::LongId { len: raw.len() }) } else { Ok(Self(raw)) }
    }

    /// The id as it stands on the wire.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.0
    }
}

/// Whether a number would be written just so.
fn is_integer(raw: &str) -> bool {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    let plain = digits.starts_with(|c: char| c.is_ascii_digit());
    let padded = digits.starts_with('0') && raw != "0";
    plain && !padded && (raw.parse::<i64>().is_ok() || raw.parse::<u64>().is_ok())
}

impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(inside) = self.0.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            serde_json_core::str::EscapedStr(inside).serialize(serializer)
        } else if let Ok(number) = self.0.parse::<u64>() {
            serializer.serialize_u64(number)
        } else {
            serializer.serialize_i64(self.0.parse().unwrap_or_default())
        }
    }
}

/// A header to be written. Members that are `None` are left out; the order is the wire's.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Fields<'a> {
    /// The request's id, returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Id<'a>>,
    /// The command of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'a str>,
    /// The status of a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'a str>,
    /// The name of the file that is the body; empty for a body that is no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<&'a str>,
    /// Bytes of the body.
    pub total_size: u64,
    /// A program's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// The body's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<Digest>,
}

impl Fields<'_> {
    /// Writes the JSON to the start of `output`; gives its bytes, or `None` if they do not fit.
    pub fn write(&self, output: &mut [u8]) -> Option<usize> {
        serde_json_core::to_slice(self, output).ok()
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

#[cfg(test)]
mod tests;
