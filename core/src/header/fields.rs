//! Headers as we write them, through serde-json-core.

use super::{Id, integer};
use crate::digest::Digest;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json_core::str::EscapedStr;

/// A header to be written. Members that are `None` are left out; the order is the wire's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    /// The request's id, returned.
    pub id: Option<Id<'a>>,
    /// The command of a request.
    pub command: Option<&'a str>,
    /// The status of a reply.
    pub status: Option<&'a str>,
    /// The name of the file that is the body; empty for a body that is no file.
    pub filename: Option<&'a str>,
    /// Bytes of the body.
    pub total_size: u64,
    /// A program's exit code.
    pub exit: Option<i32>,
    /// The body's digest.
    pub md5: Option<Digest>,
}

impl Fields<'_> {
    /// Writes the JSON to the start of `output`; gives its bytes, or `None` if they do not fit.
    pub fn write(&self, output: &mut [u8]) -> Option<usize> {
        let digest = self.md5.map(Digest::hex);
        let members = Members(&[
            ("id", self.id.map(Member::Id)),
            ("command", self.command.map(Member::Text)),
            ("status", self.status.map(Member::Text)),
            ("filename", self.filename.map(Member::Text)),
            ("total_size", Some(Member::Size(self.total_size))),
            ("exit", self.exit.map(Member::Exit)),
            ("md5", digest.as_deref().map(Member::Text)),
        ]);
        members.write(output)
    }
}

/// A JSON object to be written, without its members that are `None`.
///
/// Its values have one type, so that there is one copy of what writes a member; serde's derive would
/// make one for each type of a field.
pub(crate) struct Members<'a>(pub(crate) &'a [(&'static str, Option<Member<'a>>)]);

/// A value of a member.
#[derive(Clone, Copy)]
pub(crate) enum Member<'a> {
    Text(&'a str),
    Size(u64),
    Exit(i32),
    Id(Id<'a>),
    #[cfg(feature = "commands")]
    Members(&'a Members<'a>),
}

impl Members<'_> {
    /// Writes it to the start of `output`; gives its bytes, or `None` if they do not fit.
    pub(crate) fn write(&self, output: &mut [u8]) -> Option<usize> {
        serde_json_core::to_slice(self, output).ok()
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("", self.0.len())?;
        for (key, value) in self.0 {
            if let Some(value) = value {
                object.serialize_field(key, value)?;
            }
        }
        object.end()
    }
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Size(size) => serializer.serialize_u64(*size),
            Self::Exit(code) => serializer.serialize_i32(*code),
            Self::Id(id) => id.serialize(serializer),
            #[cfg(feature = "commands")]
            Self::Members(members) => members.serialize(serializer),
        }
    }
}

impl Serialize for Id<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match integer(self.raw()) {
            Some((false, magnitude)) => serializer.serialize_u64(magnitude),
            Some((true, magnitude)) => {
                serializer.serialize_i64(magnitude.wrapping_neg().cast_signed())
            }
            None => {
                let inside = self.raw().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                EscapedStr(inside.unwrap_or_default()).serialize(serializer)
            }
        }
    }
}
