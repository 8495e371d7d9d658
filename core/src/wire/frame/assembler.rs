//! Whole frames through a fixed buffer.

use super::{Decoder, Event, FrameError, Oversize};
use heapless::Vec;

/// Decodes whole frames of at most `N` payload bytes.
///
/// A frame that lies whole in a chunk is borrowed from it; only one that a chunk tore is copied,
/// into the `N` bytes this holds. The frame limit is `N`.
#[derive(Clone, Debug)]
pub struct Assembler<const N: usize> {
    decoder: Decoder,
    torn: Vec<u8, N>,
}

/// What an assembler found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A frame's whole payload.
    Whole(&'a [u8]),
    /// A frame over the limit has been read to its end and discarded.
    Skipped {
        /// Payload bytes it declared and had.
        declared: u32,
    },
}

impl<'a> Frame<'a> {
    /// The payload, if the frame was not skipped.
    #[must_use]
    pub fn payload(self) -> Option<&'a [u8]> {
        match self {
            Self::Whole(payload) => Some(payload),
            Self::Skipped { .. } => None,
        }
    }
}

impl<const N: usize> Assembler<N> {
    const LIMIT: u32 = {
        assert!(N <= super::MAX as usize, "a prefix cannot declare that many bytes");
        N as u32
    };

    /// An assembler without any input yet.
    #[must_use]
    pub const fn new(oversize: Oversize) -> Self {
        Self { decoder: Decoder::new(Self::LIMIT, oversize), torn: Vec::new() }
    }

    /// Takes bytes off `chunk` up to the end of the next frame; `None` when the chunk is used up.
    #[inline]
    pub fn next_frame<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Frame<'a>>, FrameError> {
        if let Some(payload) = self.decoder.whole(chunk) {
            return Ok(Some(Frame::Whole(payload)));
        }
        self.join(chunk)
    }

    /// Takes what the chunk has of a frame that is torn, over the limit or wrong.
    #[inline]
    fn join<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Frame<'a>>, FrameError> {
        if self.decoder.is_between() {
            self.torn.clear();
        }
        let piece = match self.decoder.resume(chunk)? {
            None => return Ok(None),
            Some(Event::Skipped { declared }) => return Ok(Some(Frame::Skipped { declared })),
            Some(Event::Piece(piece)) => piece,
        };
        // It fits: the decoder's limit is the buffer's size.
        let _ = match piece.bytes {
            &[byte] => self.torn.push(byte).is_ok(), // as a UART brings them: not worth a call
            bytes => self.torn.extend_from_slice(bytes).is_ok(),
        };
        // Else the chunk is used up.
        Ok(if self.decoder.is_between() { Some(Frame::Whole(&self.torn)) } else { None })
    }

    /// End of input: an error if it falls inside a frame.
    pub fn end(&self) -> Result<(), FrameError> {
        self.decoder.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        /// Whatever the frames and however the stream is cut, the same frames come out (rule F2).
        #[test]
        fn any_split_gives_the_same_frames(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6),
            cuts in proptest::collection::vec(1_usize..12, 1..8),
        ) {
            let mut stream = Vec::new();
            for payload in &payloads {
                stream.extend(super::super::prefix(payload.len()).unwrap());
                stream.extend(payload);
            }
            let mut assembler = Assembler::<32>::new(Oversize::DEFAULT);
            let mut seen: Vec<Option<Vec<u8>>> = Vec::new();
            let (mut rest, mut cut) = (&stream[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (mut chunk, after) = rest.split_at(rest.len().min(*cut.next().unwrap()));
                rest = after;
                while let Some(frame) = assembler.next_frame(&mut chunk).unwrap() {
                    seen.push(frame.payload().map(<[u8]>::to_vec));
                }
            }
            prop_assert_eq!(assembler.end(), Ok(()));
            let expected: Vec<_> =
                payloads.into_iter().map(|payload| (payload.len() <= 32).then_some(payload)).collect();
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn the_end_of_input_may_not_fall_inside_a_frame() {
        let mut assembler = Assembler::<8>::new(Oversize::Close);
        assert_eq!(assembler.end(), Ok(()));
        assert_eq!(assembler.next_frame(&mut &b"\x05\0\0\0he"[..]), Ok(None));
        assert_eq!(assembler.end(), Err(FrameError::Incomplete { missing: 3 }));
    }
}
