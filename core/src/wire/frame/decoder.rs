//! The borrowing decoder.

use super::{FrameError, MAX, Oversize, PREFIX, PrefixReader, check};

/// Decodes frames into pieces of the chunks it is given; holds a position and no payload.
///
/// [`Decoder::decode`] consumes bytes at the front of a chunk until it has something to return; call it
/// until it returns `None`, then bring the next chunk. After an error it returns that error for ever:
/// a stream without a known boundary cannot be resumed.
#[derive(Clone, Debug)]
pub struct Decoder {
    limit: u32,
    oversize: Oversize,
    state: State,
}

/// What a decoder found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The next bytes of a frame within the limit.
    Piece(Piece<'a>),
    /// A frame over the limit has been read to its end and discarded.
    Skipped {
        /// Payload bytes it declared and had.
        declared: u32,
    },
}

/// Consecutive bytes of one frame. A frame that lies whole in one chunk is one piece, a torn one is
/// several; only an empty frame has an empty piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The bytes, borrowed from the chunk.
    pub bytes: &'a [u8],
    /// Payload bytes of the whole frame.
    pub total: u32,
    /// Payload bytes that came before these; 0 in a frame's first piece.
    pub offset: u32,
}

impl Piece<'_> {
    /// Whether this is the frame's last piece.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.left() == 0
    }

    /// Payload bytes still to come after this piece.
    #[must_use]
    pub fn left(&self) -> u32 {
        // A piece is never longer than what was left of its frame, so this is exact.
        self.total.saturating_sub(self.offset).saturating_sub(self.bytes.len() as u32)
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Between,
    Prefix(PrefixReader),
    Payload { total: u32, left: u32 },
    Skipping { total: u32, left: u32 },
    Failed(FrameError),
}

impl Decoder {
    /// A decoder of frames of at most `limit` payload bytes, or [`MAX`]; larger ones meet `oversize`.
    #[must_use]
    pub const fn new(limit: u32, oversize: Oversize) -> Self {
        let limit = if limit > MAX { MAX } else { limit };
        Self { limit, oversize, state: State::Between }
    }

    /// Takes bytes off `chunk` up to and including the next event; `None` when the chunk is used up.
    #[inline]
    pub fn decode<'a>(&mut self, chunk: &mut &'a [u8]) -> Result<Option<Event<'a>>, FrameError> {
        if let Some(bytes) = self.whole(chunk) {
            let total = bytes.len() as u32; // as a prefix declared it
            return Ok(Some(Event::Piece(Piece { bytes, total, offset: 0 })));
        }
        self.resume(chunk)
    }

    /// Takes the next frame off `chunk` if it begins and ends there, and returns its payload. If not,
    /// nothing is taken: [`decode`](Self::decode) says why, or takes what there is of it.
    #[inline]
    #[must_use]
    pub fn whole<'a>(&self, chunk: &mut &'a [u8]) -> Option<&'a [u8]> {
        if !self.is_between() {
            return None;
        }
        let (prefix, rest) = chunk.split_first_chunk::<PREFIX>()?;
        let total = u32::from_le_bytes(*prefix);
        if total > self.limit {
            return None; // or negative
        }
        let (bytes, rest) = rest.split_at_checked(total as usize)?;
        *chunk = rest;
        Some(bytes)
    }

    /// End of input: an error if it falls inside a frame.
    pub fn end(&self) -> Result<(), FrameError> {
        let missing = match self.state {
            State::Between => 0,
            State::Prefix(reader) => reader.missing() as u64,
            State::Payload { left, .. } | State::Skipping { left, .. } => u64::from(left),
            State::Failed(error) => return Err(error),
        };
        if missing == 0 { Ok(()) } else { Err(FrameError::Incomplete { missing }) }
    }

    /// Takes what the chunk has of a frame that is torn, over the limit or wrong.
    #[inline]
    pub(super) fn resume<'a>(
        &mut self,
        chunk: &mut &'a [u8],
    ) -> Result<Option<Event<'a>>, FrameError> {
        if let State::Between = self.state {
            if let Some((prefix, rest)) = chunk.split_first_chunk::<PREFIX>() {
                *chunk = rest;
                self.start(i32::from_le_bytes(*prefix))?;
            } else if chunk.is_empty() {
                return Ok(None);
            } else {
                self.state = State::Prefix(PrefixReader::default());
            }
        }
        if let State::Prefix(reader) = &mut self.state {
            let Some(declared) = reader.read(chunk) else { return Ok(None) };
            self.start(declared)?;
        }
        let (total, left, skips) = match self.state {
            State::Payload { total, left } => (total, left, false),
            State::Skipping { total, left } => (total, left, true),
            _ => return self.end().map(|()| None), // it has failed
        };
        // What is left is part of the total.
        let offset = total.wrapping_sub(left);
        if let Some((bytes, rest)) = chunk.split_at_checked(left as usize) {
            *chunk = rest;
            self.state = State::Between;
            let piece = Piece { bytes, total, offset };
            let skipped = Event::Skipped { declared: total };
            return Ok(Some(if skips { skipped } else { Event::Piece(piece) }));
        }
        let bytes = core::mem::take(chunk);
        if let State::Payload { left, .. } | State::Skipping { left, .. } = &mut self.state {
            *left = left.wrapping_sub(bytes.len() as u32); // which is less
        }
        let there = !skips && !bytes.is_empty();
        Ok(there.then_some(Event::Piece(Piece { bytes, total, offset })))
    }

    /// A prefix is whole.
    #[inline]
    fn start(&mut self, declared: i32) -> Result<(), FrameError> {
        self.state = match check(declared, self.limit) {
            Ok(total) => State::Payload { total, left: total },
            Err(error) => self.refuse(error)?,
        };
        Ok(())
    }

    /// A prefix is over the limit or negative.
    #[cold]
    fn refuse(&mut self, error: FrameError) -> Result<State, FrameError> {
        match error {
            FrameError::Oversized { declared: total, .. }
                if self.oversize.skips(u64::from(total)) =>
            {
                Ok(State::Skipping { total, left: total })
            }
            _ => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    /// Whether the last byte that came was a frame's last, or none has come.
    #[inline]
    pub(super) fn is_between(&self) -> bool {
        matches!(self.state, State::Between)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"\x02\0\0\0hi\0\0\0\0\x05\0\0\0hello\x03\0\0\0you";

    /// Frames joined to text, `-` for one skipped: what no split may change.
    fn run(decoder: &mut Decoder, chunks: &[&[u8]]) -> Result<std::string::String, FrameError> {
        let mut seen = std::string::String::new();
        for mut chunk in chunks.iter().copied() {
            while let Some(event) = decoder.decode(&mut chunk)? {
                match event {
                    Event::Piece(piece) => {
                        seen.push_str(core::str::from_utf8(piece.bytes).unwrap());
                        if piece.is_last() {
                            seen.push('|');
                        }
                    }
                    Event::Skipped { declared } => seen.push_str(&std::format!("-{declared}|")),
                }
            }
        }
        decoder.end().map(|()| seen)
    }

    #[test]
    fn every_split_gives_the_same_frames() {
        for cut in 0..=STREAM.len() {
            let (left, right) = STREAM.split_at(cut);
            let mut decoder = Decoder::new(5, Oversize::Close);
            assert_eq!(run(&mut decoder, &[left, right]).as_deref(), Ok("hi||hello|you|"));
            let mut decoder = Decoder::new(4, Oversize::DEFAULT);
            assert_eq!(run(&mut decoder, &[left, right]).as_deref(), Ok("hi||-5|you|"));
        }
    }

    #[test]
    fn the_end_says_what_is_missing() {
        for (cut, missing) in [(1, 3), (3, 1), (4, 2), (5, 1)] {
            let mut decoder = Decoder::new(5, Oversize::Close);
            let end = run(&mut decoder, &[&STREAM[..cut]]);
            assert_eq!(end, Err(FrameError::Incomplete { missing }), "cut at {cut}");
        }
    }

    #[test]
    fn a_bad_prefix_is_refused_at_its_fourth_byte_and_for_ever() {
        let mut decoder = Decoder::new(5, Oversize::Skip { budget: 6 });
        let error = FrameError::Oversized { declared: 7, limit: 5 };
        assert_eq!(run(&mut decoder, &[b"\x07\0\0\0"]), Err(error));
        assert_eq!(run(&mut decoder, &[b"\x01\0\0\0a"]), Err(error));
        let mut decoder = Decoder::new(5, Oversize::DEFAULT);
        let error = FrameError::Negative { declared: -1 };
        assert_eq!(run(&mut decoder, &[b"\xFF\xFF\xFF", b"\xFF"]), Err(error));
    }

    #[test]
    fn a_whole_frame_is_taken_or_nothing() {
        let mut decoder = Decoder::new(2, Oversize::Close);
        let mut chunk = &b"\x02\0\0\0hi\x03\0\0\0you"[..];
        assert_eq!(decoder.whole(&mut chunk), Some(&b"hi"[..]), "it is at the limit");
        assert_eq!(decoder.whole(&mut chunk), None, "it is over the limit");
        assert_eq!(chunk, b"\x03\0\0\0you");
        for mut torn in [&b"\x02\0\0"[..], b"\x02\0\0\0h"] {
            let before = torn;
            assert_eq!(decoder.whole(&mut torn), None);
            assert_eq!(torn, before);
        }
        // Inside of a frame no other begins.
        assert!(decoder.decode(&mut &b"\x02\0\0\0"[..]).unwrap().is_none());
        assert_eq!(decoder.whole(&mut &b"\0\0\0\0"[..]), None);
    }
}
