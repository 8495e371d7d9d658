//! A stand-in for serde-json-core that writes nothing, and gives every result the real one could
//! give: it fails anywhere or nowhere, and claims any length; the compiler cannot tell which. What is
//! linked with it is proved for all of them.
#![no_std]

pub mod ser;
pub mod str;

pub use ser::to_slice;

use core::fmt;
use core::hint::black_box;

/// What goes wrong, without saying what.
#[derive(Debug)]
pub struct Error;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opaque")
    }
}

impl core::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Fails, or does not.
pub(crate) fn perhaps() -> Result<(), Error> {
    if black_box(true) { Ok(()) } else { Err(Error) }
}
