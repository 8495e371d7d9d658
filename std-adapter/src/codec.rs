//! Frames for tokio users: a [`tokio_util::codec`] decoder and encoder.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use core::fmt;
use std::io;
use tokio_util::codec;
use unstick::frame::{self, Decoder, EncodeError, Event, FrameError, PREFIX};

pub use unstick::frame::Oversize;

/// The most payload bytes of a frame where no other limit is given: 8 MiB.
pub const LIMIT: u32 = 8 * 1024 * 1024;

/// The most bytes reserved at once for a frame that is still coming: a length is only a claim.
const RESERVE: usize = 64 * 1024;

/// Frames of at most `limit` payload bytes, both ways; what [`Framed`](codec::Framed) and
/// [`FramedRead`](codec::FramedRead) need.
///
/// A payload is split off the read buffer without being copied. A larger frame meets the oversize
/// policy: with [`Oversize::Skip`] it is discarded as it comes, reported as [`Frame::Skipped`], and
/// the next one follows; with [`Oversize::Close`] it is an error. After an error no frame follows.
/// [`FrameCodec::default`] has a limit of [`LIMIT`] and closes upon a larger one.
///
/// Both ends of a stream speak it. It is not what a client of a node's `frame` service sends: there
/// the requests are bare text, and only the replies are frames.
///
/// ```
/// use bytes::BytesMut;
/// use tokio_util::codec::{Decoder, Encoder};
/// use unstick_std::codec::{Frame, FrameCodec, Oversize};
///
/// let mut codec = FrameCodec::new(1024, Oversize::DEFAULT);
/// let mut wire = BytesMut::new();
/// codec.encode("hello".into(), &mut wire)?;
/// assert_eq!(wire[..], *b"\x05\0\0\0hello");
/// assert_eq!(codec.decode(&mut wire)?, Some(Frame::Whole("hello".into())));
/// # Ok::<(), unstick_std::codec::CodecError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FrameCodec {
    limit: u32,
    decoder: Decoder,
    /// Payload bytes of the frame begun that have not been decoded; 0 between frames.
    missing: usize,
}

/// What the decoder returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A frame's payload.
    Whole(Bytes),
    /// A frame over the limit has been discarded.
    Skipped {
        /// Payload bytes it declared and had.
        declared: u32,
    },
}

impl AsRef<[u8]> for Frame {
    /// The payload; nothing of a frame that was skipped.
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Whole(payload) => payload,
            Self::Skipped { .. } => &[],
        }
    }
}

impl From<Bytes> for Frame {
    fn from(payload: Bytes) -> Self {
        Self::Whole(payload)
    }
}

impl From<Frame> for Bytes {
    /// The payload; nothing of a frame that was skipped.
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Whole(payload) => payload,
            Frame::Skipped { .. } => Self::new(),
        }
    }
}

impl Default for FrameCodec {
    fn default() -> Self {
        Self::new(LIMIT, Oversize::Close)
    }
}

impl FrameCodec {
    /// A codec at the start of a stream.
    #[must_use]
    pub const fn new(limit: u32, oversize: Oversize) -> Self {
        Self { limit, decoder: Decoder::new(limit, oversize), missing: 0 }
    }
}

impl codec::Decoder for FrameCodec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        if self.missing == 0 {
            if let Some(len) = self.decoder.whole(&mut &source[..]).map(<[u8]>::len) {
                source.advance(PREFIX);
                return Ok(Some(Frame::Whole(source.split_to(len).freeze())));
            }
            let Some(mut prefix) = source.get(..PREFIX) else { return Ok(None) };
            // It is not empty, for then it would be whole.
            let _ = self.decoder.decode(&mut prefix)?;
            source.advance(PREFIX);
            if let Err(FrameError::Incomplete { missing }) = self.decoder.end() {
                self.missing = usize::try_from(missing).unwrap_or(usize::MAX);
            }
            if source.len() < self.missing {
                source.reserve((self.missing - source.len()).min(RESERVE));
            }
        }
        // What is over the limit is being skipped, and need not be whole.
        if source.len() < self.missing && self.missing <= self.limit as usize {
            return Ok(None);
        }
        let piece = source.split_to(self.missing.min(source.len()));
        self.missing -= piece.len();
        Ok(match self.decoder.decode(&mut &piece[..])? {
            None => None,
            Some(Event::Skipped { declared }) => Some(Frame::Skipped { declared }),
            Some(Event::Piece(_)) => Some(Frame::Whole(piece.freeze())),
        })
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        if let Some(frame) = self.decode(source)? {
            return Ok(Some(frame));
        }
        // What is left is part of a frame: the decoder knows how much of it is missing.
        let mut rest = self.decoder.clone();
        rest.decode(&mut &source[..])?;
        rest.end()?;
        Ok(None)
    }
}

impl codec::Encoder<Bytes> for FrameCodec {
    type Error = CodecError;

    /// Appends a frame; one over the limit is an error and appends nothing.
    fn encode(&mut self, payload: Bytes, wire: &mut BytesMut) -> Result<(), CodecError> {
        let prefix = frame::prefix(payload.len())?;
        if payload.len() > self.limit as usize {
            // It fits a prefix, so it fits this.
            let declared = payload.len() as u32;
            return Err(FrameError::Oversized { declared, limit: self.limit }.into());
        }
        wire.reserve(PREFIX + payload.len());
        wire.put_slice(&prefix);
        wire.put(payload);
        Ok(())
    }
}

/// Why a codec stops.
#[derive(Debug)]
pub enum CodecError {
    /// The stream failed.
    Io(io::Error),
    /// A frame is wrong or over the limit, or the stream ended inside one.
    Frame(FrameError),
    /// A payload is longer than a prefix can say.
    Encode(EncodeError),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Frame(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for CodecError {}

impl From<io::Error> for CodecError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<FrameError> for CodecError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<EncodeError> for CodecError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_util::codec::{Decoder as _, Encoder as _};

    const STREAM: &[u8] = b"\x02\0\0\0hi\0\0\0\0\x0b\0\0\0hello world\x03\0\0\0you";

    /// Frames joined to text, a number for one skipped, and how the stream ends.
    fn run(mut codec: FrameCodec, chunks: &[&[u8]]) -> (String, Result<(), String>) {
        let mut text = String::new();
        let mut source = BytesMut::new();
        let mut tell = |frame| match frame {
            Frame::Whole(payload) => text += &format!("{}|", payload.escape_ascii()),
            Frame::Skipped { declared } => text += &format!("-{declared}|"),
        };
        for chunk in chunks {
            source.extend_from_slice(chunk);
            loop {
                match codec.decode(&mut source) {
                    Ok(Some(frame)) => tell(frame),
                    Ok(None) => break,
                    Err(error) => return (text, Err(error.to_string())),
                }
            }
        }
        let end = match codec.decode_eof(&mut source) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err("a frame at the end".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        (text, end)
    }

    #[test]
    fn every_split_gives_the_same_frames() {
        for cut in 0..=STREAM.len() {
            let (left, right) = STREAM.split_at(cut);
            let all = FrameCodec::new(11, Oversize::Close);
            assert_eq!(run(all, &[left, right]), ("hi||hello world|you|".into(), Ok(())));
            let some = FrameCodec::new(4, Oversize::DEFAULT);
            assert_eq!(run(some, &[left, right]), ("hi||-11|you|".into(), Ok(())));
        }
        let bytes: Vec<_> = STREAM.chunks(1).collect();
        let some = FrameCodec::new(4, Oversize::DEFAULT);
        assert_eq!(run(some, &bytes), ("hi||-11|you|".into(), Ok(())));
    }

    #[test]
    fn the_end_inside_a_frame_says_what_is_missing() {
        for (cut, missing) in [(1, 3), (3, 1), (4, 2), (5, 1), (14, 11), (20, 5)] {
            for limit in [5, 11] {
                let codec = FrameCodec::new(limit, Oversize::DEFAULT);
                let (_, end) = run(codec, &[&STREAM[..cut]]);
                let expected =
                    format!("the input ended inside a frame, {missing} bytes are missing");
                assert_eq!(end, Err(expected), "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_bad_prefix_ends_the_stream() {
        let (_, end) = run(FrameCodec::new(9, Oversize::DEFAULT), &[b"\xFF\xFF\xFF\xFFabcd"]);
        assert_eq!(end.unwrap_err(), "a prefix declares -1 bytes; 0 to 2147483647 are possible");
        let (seen, end) = run(FrameCodec::new(4, Oversize::Close), &[STREAM]);
        assert_eq!((seen, end.is_err()), ("hi||".into(), true));
    }

    #[test]
    fn a_claimed_length_is_not_allocated() {
        let mut codec = FrameCodec::new(frame::MAX, Oversize::Close);
        let mut source = BytesMut::from(&b"\xFF\xFF\xFF\x7Fa"[..]);
        assert_eq!(codec.decode(&mut source).unwrap(), None);
        assert!(source.capacity() <= 4 * RESERVE);
    }

    #[test]
    fn a_payload_is_not_copied() {
        let mut codec = FrameCodec::new(4, Oversize::Close);
        let mut source = BytesMut::from(&b"\x04\0\0\0abcd"[..]);
        let there = source[PREFIX..].as_ptr();
        let Some(Frame::Whole(payload)) = codec.decode(&mut source).unwrap() else { panic!() };
        assert_eq!(payload.as_ptr(), there);
    }

    #[test]
    fn what_is_over_the_limit_is_not_sent() {
        let mut wire = BytesMut::new();
        let error =
            FrameCodec::new(4, Oversize::Close).encode("hello".into(), &mut wire).unwrap_err();
        assert_eq!(error.to_string(), "a frame of 5 bytes is over the limit of 4");
        assert!(wire.is_empty());
    }
}
