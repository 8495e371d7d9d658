//! Strings that are escaped already.

use serde::{Serialize, Serializer};

/// A string that is written as it is.
pub struct EscapedStr<'a>(pub &'a str);

impl Serialize for EscapedStr<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("EscapedStr", self.0)
    }
}
