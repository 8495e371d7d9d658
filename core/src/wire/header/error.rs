//! What can be wrong with a header.

use crate::bytes::number;
use crate::limits::ID;
use crate::wire::json::JsonError;
use core::fmt;

/// Why a header is refused. Offsets are in bytes from the header's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HeaderError {
    /// It has no bytes at all.
    Empty,
    /// It is not UTF-8 from here on.
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// It starts with a byte order mark.
    Bom,
    /// It is not one JSON object within bounds.
    Json(JsonError),
    /// It has both `filename` and `filenema`.
    TwoNames,
    /// A member that must be a string is not.
    NotText {
        /// Its key.
        field: &'static str,
    },
    /// `total_size` is not a valid size.
    TotalSize(SizeFault),
    /// `exit` is not a 32-bit number.
    NotExit,
    /// `id` is neither a string nor a whole number of 64 bits.
    NotId,
    /// `id` is too long to be kept.
    LongId {
        /// Its bytes on the wire.
        len: usize,
    },
    /// It has a `status`, and so is a reply's, where a request's must be.
    Reply,
    /// A member that must be there is not.
    Missing {
        /// Its key.
        field: &'static str,
    },
}

/// Why a `total_size` is not a valid size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SizeFault {
    /// A string, a list, a word.
    NotANumber,
    /// Less than zero.
    Negative,
    /// Has a fraction or an exponent.
    Fractional,
    /// Beyond `u64::MAX`.
    TooLarge,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => write!(f, "the header is empty; a JSON object must be there"),
            Self::NotUtf8 { at } => write!(f, "the header is not UTF-8 at byte {}", number(at)),
            Self::Bom => write!(f, "the header starts with a byte order mark"),
            Self::Json(error) => error.explain("the header", f),
            Self::TwoNames => write!(f, "the header has both `filename` and `filenema`"),
            Self::NotText { field } => write!(f, "`{field}` is not a string"),
            Self::TotalSize(fault) => {
                let max = u64::MAX;
                match fault {
                    SizeFault::NotANumber => write!(f, "`total_size` is not a number"),
                    SizeFault::Negative => write!(f, "`total_size` is negative"),
                    SizeFault::Fractional => write!(f, "`total_size` is not a whole number"),
                    SizeFault::TooLarge => write!(f, "`total_size` is over {max}"),
                }
            }
            Self::NotExit => write!(f, "`exit` is not a 32-bit number"),
            Self::NotId => write!(f, "`id` is neither a string nor a 64-bit whole number"),
            Self::LongId { len } => {
                let (len, most) = (number(len), number(ID));
                write!(f, "an `id` of {len} bytes is over the limit of {most}")
            }
            Self::Reply => write!(f, "a header with a `status` is a reply's, and no request's"),
            Self::Missing { field } => write!(f, "the header has no `{field}`"),
        }
    }
}

impl core::error::Error for HeaderError {}

impl From<JsonError> for HeaderError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}
