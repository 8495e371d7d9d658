//! JSON as the protocol uses it: a strict scan to read it, a small writer to write it.

mod escape;
mod scan;
mod write;

pub use escape::Escaped;
pub(crate) use scan::{Value, is_string, scan};
pub(crate) use write::Object;

use crate::bytes::number;
use crate::limits::{DEPTH, KEYS};
use core::fmt;

/// The number of bytes at the front that stand in a JSON string as they are.
#[inline(never)]
fn plain_len(bytes: &[u8]) -> usize {
    // One bit flipped makes the quote a space, and leaves what is less than that as little.
    let plain = bytes.iter().position(|byte| byte ^ 2 <= 0x20 || *byte == b'\\');
    plain.unwrap_or(bytes.len())
}

/// Why a text is not one JSON object within bounds. Offsets are in bytes from the text's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum JsonError {
    /// It is not a JSON object.
    NotAnObject,
    /// It is not JSON from here on.
    Syntax {
        /// Offset of the first byte that does not fit.
        at: usize,
    },
    /// An escape sequence that JSON does not have, or half a surrogate pair.
    Escape {
        /// Offset of the escape.
        at: usize,
    },
    /// Something follows the object.
    Trailing {
        /// Offset of what follows.
        at: usize,
    },
    /// More than [`DEPTH`] levels of nesting.
    TooDeep,
    /// More than [`KEYS`] keys.
    TooManyKeys,
    /// A key stands twice in one object.
    Duplicate {
        /// Offset of the second.
        at: usize,
    },
}

impl JsonError {
    /// Writes the sentence for a text that is called `what`, as in "the header".
    pub(crate) fn explain(self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => write!(f, "{what} is not a JSON object"),
            Self::Syntax { at } => write!(f, "{what} is not JSON at byte {}", number(at)),
            Self::Escape { at } => write!(f, "{what} has a bad escape at byte {}", number(at)),
            Self::Trailing { at } => {
                write!(f, "bytes follow {what}'s object at byte {}", number(at))
            }
            Self::TooDeep => write!(f, "{what} nests deeper than {} levels", number(DEPTH)),
            Self::TooManyKeys => write!(f, "{what} has more than {} keys", number(KEYS)),
            Self::Duplicate { at } => write!(f, "{what} repeats a key at byte {}", number(at)),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.explain("the text", f)
    }
}

impl core::error::Error for JsonError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_a_sentence() {
        for (why, sentence) in [
            (JsonError::NotAnObject, "the text is not a JSON object"),
            (JsonError::Syntax { at: 1 }, "the text is not JSON at byte 1"),
            (JsonError::Escape { at: 2 }, "the text has a bad escape at byte 2"),
            (JsonError::Trailing { at: 3 }, "bytes follow the text's object at byte 3"),
            (JsonError::TooDeep, "the text nests deeper than 8 levels"),
            (JsonError::TooManyKeys, "the text has more than 32 keys"),
            (JsonError::Duplicate { at: 4 }, "the text repeats a key at byte 4"),
        ] {
            assert_eq!(std::format!("{why}"), sentence);
        }
    }
}
