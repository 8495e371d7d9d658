//! What can be wrong with a call from C.

use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;

/// How a function was called wrongly. It then has done nothing, but for what its own comment says.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_error {
    /// All is well.
    None,
    /// A pointer is NULL that must not be.
    Null,
    /// A pointer to one of the opaque objects or to a table is not aligned, a buffer is longer than the
    /// address space, or input, output and the objects overlap.
    Memory,
    /// The object has not been started.
    NotStarted,
    /// The object is in use: a command called back into the node or session that runs it, or a call
    /// was cut off and never came back; or a session is started that is not over.
    InUse,
    /// A number is none of its enum, a service is not served this way, or a datagram is shorter than
    /// what is here of it.
    Value,
    /// A text is not UTF-8.
    Text,
    /// A command has no name or no function, its name has a space or control character in it or is that of another or of
    /// one every node has; or there are more than `UNSTICK_MAX_COMMANDS`.
    Command,
    /// There are more than `UNSTICK_MAX_FILES` files.
    Files,
    /// The text does not fit: nothing of it was written.
    Full,
    /// The payload is longer than a frame can be.
    TooLong,
}

impl unstick_error {
    const fn text(self) -> &'static CStr {
        match self {
            Self::None => c"no error",
            Self::Null => c"a pointer is NULL that must not be",
            Self::Memory => c"memory is misaligned, too long, or overlaps what it must not",
            Self::NotStarted => c"the object has not been started",
            Self::InUse => c"the object is in use: a command called back, a call was cut off, or a session is not over",
            Self::Value => c"a number is none of those that are allowed, or the service is not served this way",
            Self::Text => c"a text is not UTF-8",
            Self::Command => c"a command has a bad name or no function, or there are too many",
            Self::Files => c"there are more files than the node has room for",
            Self::Full => c"the text does not fit",
            Self::TooLong => c"the payload is longer than a frame can be",
        }
    }

    pub(crate) const ALL: [Self; 11] = [
        Self::None,
        Self::Null,
        Self::Memory,
        Self::NotStarted,
        Self::InUse,
        Self::Value,
        Self::Text,
        Self::Command,
        Self::Files,
        Self::Full,
        Self::TooLong,
    ];
}

/// One sentence about an error, NUL-terminated and constant; it is never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn unstick_strerror(error: MaybeUninit<unstick_error>) -> *const c_char {
    let number = crate::memory::number(error);
    let known = unstick_error::ALL.into_iter().find(|known| *known as u8 == number);
    known.unwrap_or(unstick_error::Value).text().as_ptr()
}

/// The outcome of a function, as C sees it.
pub(crate) fn code(result: Result<(), unstick_error>) -> unstick_error {
    result.err().unwrap_or(unstick_error::None)
}
