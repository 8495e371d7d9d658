//! Frames: a 4-byte prefix and that many bytes of payload.
//!
//! The prefix is a little-endian two's-complement `i32`, what Python's `struct.pack('i', n)` makes
//! on a PC, so a payload has at most [`MAX`] bytes and four bytes on the wire can be negative.
//!
//! [`Decoder`] borrows: it returns pieces of the caller's chunk and keeps nothing but the
//! position. [`Assembler`] returns whole frames and copies only those that a chunk tore.
//!
//! ```
//! use unstick::frame::{Assembler, Oversize};
//!
//! let mut frames = Assembler::<64>::new(Oversize::Close);
//! let mut seen = 0;
//! for mut chunk in [&b"\x02\x00\x00\x00hi\x03\x00"[..], &b"\x00\x00you"[..]] {
//!     while let Some(frame) = frames.next_frame(&mut chunk)? {
//!         assert!(frame.payload() == Some(b"hi") || frame.payload() == Some(b"you"));
//!         seen += 1;
//!     }
//! }
//! assert_eq!(seen, 2);
//! frames.end()?; // the end of input falls between frames
//! # Ok::<(), unstick::frame::FrameError>(())
//! ```

mod assembler;
mod decoder;

pub use crate::limits::Oversize;
pub use assembler::{Assembler, Frame};
pub use decoder::{Decoder, Event, Piece};

use crate::bytes::number;
use core::fmt;

/// Bytes of a prefix.
pub const PREFIX: usize = 4;

/// The most payload bytes a prefix can declare: `i32::MAX`.
pub const MAX: u32 = i32::MAX as u32;

/// The prefix of a payload of `len` bytes, or [`EncodeError::TooLong`].
#[inline]
pub fn prefix(len: usize) -> Result<[u8; PREFIX], EncodeError> {
    match i32::try_from(len) {
        Ok(declared) => Ok(declared.to_le_bytes()),
        Err(_) => Err(EncodeError::TooLong { len: len as u64 }),
    }
}

/// Writes a whole frame to the start of `output`. Returns the number of bytes written, prefix
/// included.
///
/// With too little space nothing is written and the error says how much is needed. For a vectored
/// write, send [`prefix`] and the payload as they are instead.
#[inline]
pub fn encode(payload: &[u8], output: &mut [u8]) -> Result<usize, EncodeError> {
    let head = prefix(payload.len())?;
    let needed = payload.len().saturating_add(PREFIX);
    let space = output.len();
    let (Some(frame), true) = (output.get_mut(..needed), needed <= space) else {
        return Err(EncodeError::NoSpace { needed, space });
    };
    let (to_head, to_payload) = frame.split_at_mut(PREFIX);
    to_head.copy_from_slice(&head);
    to_payload.copy_from_slice(payload);
    Ok(needed)
}

/// Why a frame could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum EncodeError {
    /// The payload is longer than a prefix can say.
    TooLong {
        /// Bytes of the payload.
        len: u64,
    },
    /// The output is too small; nothing was written.
    NoSpace {
        /// Bytes the frame needs.
        needed: usize,
        /// Bytes there were.
        space: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { len } => {
                let most = u64::from(MAX);
                write!(f, "a payload of {len} bytes is over the {most} a prefix can declare")
            }
            Self::NoSpace { needed, space } => {
                let (needed, space) = (number(*needed), number(*space));
                write!(f, "the frame needs {needed} bytes of output, there are {space}")
            }
        }
    }
}

impl core::error::Error for EncodeError {}

/// What is wrong with a stream of frames. After one of these the stream has no known boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FrameError {
    /// The prefix is negative.
    Negative {
        /// What it declared.
        declared: i32,
    },
    /// The prefix is over the limit, and the policy does not skip it.
    Oversized {
        /// Bytes it declared.
        declared: u32,
        /// Bytes allowed.
        limit: u32,
    },
    /// The input ended inside a frame.
    Incomplete {
        /// Bytes that were still to come, as far as was declared (of a prefix cut short: its own).
        missing: u64,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Negative { declared } => {
                let (declared, most) = (u64::from(declared.unsigned_abs()), u64::from(MAX));
                write!(f, "a prefix declares -{declared} bytes; 0 to {most} are possible")
            }
            Self::Oversized { declared, limit } => {
                let (declared, limit) = (u64::from(declared), u64::from(limit));
                write!(f, "a frame of {declared} bytes is over the limit of {limit}")
            }
            Self::Incomplete { missing } => {
                write!(f, "the input ended inside a frame, {missing} bytes are missing")
            }
        }
    }
}

impl core::error::Error for FrameError {}

/// Collects the four bytes of a prefix, however they are cut.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PrefixReader {
    bytes: [u8; PREFIX],
    got: usize,
}

impl PrefixReader {
    /// Takes prefix bytes off `input`. Returns the declared length once it is whole, and starts over.
    #[inline]
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Option<i32> {
        if self.got == 0
            && let Some((head, rest)) = input.split_first_chunk::<PREFIX>()
        {
            *input = rest;
            return Some(i32::from_le_bytes(*head));
        }
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            if let Some(slot) = self.bytes.get_mut(self.got) {
                *slot = byte;
            }
            self.got = self.got.saturating_add(1);
            if self.got >= PREFIX {
                self.got = 0;
                return Some(i32::from_le_bytes(self.bytes));
            }
        }
        None
    }

    /// How many bytes of a prefix begun are missing; 0 between prefixes.
    pub(crate) fn missing(&self) -> usize {
        if self.got == 0 { 0 } else { PREFIX.saturating_sub(self.got) }
    }
}

/// The declared length as a size, if it is neither negative nor over `limit`.
#[inline]
pub(crate) fn check(declared: i32, limit: u32) -> Result<u32, FrameError> {
    match u32::try_from(declared) {
        Err(_) => Err(FrameError::Negative { declared }),
        Ok(len) if len > limit => Err(FrameError::Oversized { declared: len, limit }),
        Ok(len) => Ok(len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_frames() {
        // docs/protocol.md F1: what `struct.pack('i', n)` makes on a PC
        assert_eq!(prefix(0), Ok([0, 0, 0, 0]));
        assert_eq!(prefix(1024), Ok([0, 4, 0, 0]));
        let mut output = [0xA5; 8];
        assert_eq!(encode(b"hi", &mut output), Ok(6));
        assert_eq!(output, *b"\x02\0\0\0hi\xA5\xA5");
    }

    #[test]
    fn an_encode_without_space_writes_nothing() {
        let mut output = [0xA5; 5];
        let error = EncodeError::NoSpace { needed: 6, space: 5 };
        assert_eq!(encode(b"hi", &mut output), Err(error));
        assert_eq!(output, [0xA5; 5]);
    }

    #[test]
    fn a_prefix_is_read_at_every_split() {
        for cut in 0..=PREFIX {
            let mut reader = PrefixReader::default();
            let (mut left, mut right) = (&b"\xFF\xFF\xFF\x7F"[..cut], &b"\xFF\xFF\xFF\x7F"[cut..]);
            let first = reader.read(&mut left);
            assert_eq!(first.or_else(|| reader.read(&mut right)), Some(i32::MAX), "cut at {cut}");
            assert_eq!(reader.missing(), 0);
        }
    }

    #[test]
    fn what_is_wrong_is_a_sentence() {
        let sentences = [
            std::format!("{}", EncodeError::TooLong { len: 1 << 31 }),
            std::format!("{}", EncodeError::NoSpace { needed: 6, space: 5 }),
            std::format!("{}", FrameError::Negative { declared: i32::MIN }),
            std::format!("{}", FrameError::Oversized { declared: 9, limit: 8 }),
            std::format!("{}", FrameError::Incomplete { missing: 3 }),
        ];
        assert_eq!(
            sentences,
            [
                "a payload of 2147483648 bytes is over the 2147483647 a prefix can declare",
                "the frame needs 6 bytes of output, there are 5",
                "a prefix declares -2147483648 bytes; 0 to 2147483647 are possible",
                "a frame of 9 bytes is over the limit of 8",
                "the input ended inside a frame, 3 bytes are missing",
            ]
        );
    }
}
