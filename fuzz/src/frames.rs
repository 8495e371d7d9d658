//! Any bytes as a stream of frames, in any pieces, with any limit: the borrowing decoder, the
//! assembler and the codec for tokio find what a reader finds that has all of it at once, and so does
//! tokio-util's own codec, as far as it goes.

use crate::sizes::Sizes;
use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Encoder as _, LengthDelimitedCodec};
use unstick::frame::{Assembler, Decoder, Event, Frame, FrameError, Oversize, PREFIX, encode};
use unstick_std::codec::{self, CodecError, FrameCodec};

/// The limit of the assembler, which is part of its type.
const LIMIT: u32 = 40;

/// The limit (255 is the assembler's), the most that is skipped (255 closes), and the stream.
pub fn run(bytes: &[u8]) {
    let [limit, budget, stream @ ..] = bytes else { return };
    let limit = if *limit == 255 { LIMIT } else { u32::from(*limit) };
    let oversize = match *budget {
        255 => Oversize::Close,
        budget => Oversize::Skip { budget: u64::from(budget) * 4 },
    };
    let (frames, end) = read(stream, limit, oversize);
    let pieces = Sizes::of(bytes).cut(stream);

    assert_eq!(decode(&pieces, limit, oversize), (frames.clone(), end));
    if limit == LIMIT {
        assert_eq!(assemble(&pieces, oversize), (frames.clone(), end));
    }
    let mut ours = FrameCodec::new(limit, oversize);
    let (found, error) = decode_all(&mut ours, &pieces);
    let found: Vec<_> = found.into_iter().map(Found::from).collect();
    assert_eq!(found, frames);
    match error {
        None => assert_eq!(end, Ok(())),
        Some(CodecError::Frame(error)) => assert_eq!(end, Err(error)),
        Some(error) => panic!("{error}"),
    }
    if oversize == Oversize::Close {
        let mut theirs = LengthDelimitedCodec::builder()
            .little_endian()
            .length_field_length(PREFIX)
            .max_frame_length(limit as usize)
            .new_codec();
        let (found, error) = decode_all(&mut theirs, &pieces);
        let found: Vec<_> = found.into_iter().map(|it| Found::Whole(it.into())).collect();
        assert_eq!(found, frames);
        // It says nothing of a frame that ends behind its prefix.
        if !matches!(end, Err(FrameError::Incomplete { .. })) {
            assert_eq!(error.is_some(), end.is_err());
        }
    }
    assert_encodes(stream, &frames, ours);
}

/// A frame of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Whole(Vec<u8>),
    Skipped(u32),
}

impl From<codec::Frame> for Found {
    fn from(frame: codec::Frame) -> Self {
        match frame {
            codec::Frame::Whole(payload) => Self::Whole(payload.into()),
            codec::Frame::Skipped { declared } => Self::Skipped(declared),
        }
    }
}

/// All frames of a stream, and what is wrong with it then.
type Outcome = (Vec<Found>, Result<(), FrameError>);

/// The rules, for a reader that has the whole stream.
fn read(mut stream: &[u8], limit: u32, oversize: Oversize) -> Outcome {
    let mut frames = Vec::new();
    loop {
        let Some((prefix, rest)) = stream.split_first_chunk::<PREFIX>() else {
            let missing = (PREFIX - stream.len()) as u64;
            let torn = Err(FrameError::Incomplete { missing });
            return (frames, if stream.is_empty() { Ok(()) } else { torn });
        };
        let declared = i32::from_le_bytes(*prefix);
        let Ok(total) = u32::try_from(declared) else {
            return (frames, Err(FrameError::Negative { declared }));
        };
        let skips = matches!(oversize, Oversize::Skip { budget } if u64::from(total) <= budget);
        if total > limit && !skips {
            return (frames, Err(FrameError::Oversized { declared: total, limit }));
        }
        let Some((payload, rest)) = rest.split_at_checked(total as usize) else {
            let missing = u64::from(total) - rest.len() as u64;
            return (frames, Err(FrameError::Incomplete { missing }));
        };
        let whole = total <= limit;
        frames.push(if whole { Found::Whole(payload.into()) } else { Found::Skipped(total) });
        stream = rest;
    }
}

fn decode(pieces: &[&[u8]], limit: u32, oversize: Oversize) -> Outcome {
    let mut decoder = Decoder::new(limit, oversize);
    let (mut frames, mut payload) = (Vec::new(), Vec::new());
    for mut chunk in pieces.iter().copied() {
        loop {
            let before = chunk.len();
            match decoder.decode(&mut chunk) {
                Ok(Some(Event::Piece(piece))) => {
                    assert_eq!(piece.offset as usize, payload.len());
                    assert!(!piece.bytes.is_empty() || piece.total == 0);
                    payload.extend_from_slice(piece.bytes);
                    if piece.is_last() {
                        assert_eq!(payload.len(), piece.total as usize);
                        frames.push(Found::Whole(core::mem::take(&mut payload)));
                    }
                }
                Ok(Some(Event::Skipped { declared })) => frames.push(Found::Skipped(declared)),
                Ok(None) => break assert!(chunk.is_empty(), "it returns None with input left"),
                Err(error) => {
                    assert_eq!(decoder.end(), Err(error));
                    assert_eq!(decoder.decode(&mut &b"\0\0\0\0"[..]), Err(error), "for ever");
                    return (frames, Err(error));
                }
            }
            assert!(chunk.len() < before, "it returns something for nothing");
        }
    }
    (frames, decoder.end())
}

fn assemble(pieces: &[&[u8]], oversize: Oversize) -> Outcome {
    let mut assembler = Assembler::<{ LIMIT as usize }>::new(oversize);
    let mut frames = Vec::new();
    for mut chunk in pieces.iter().copied() {
        loop {
            match assembler.next_frame(&mut chunk) {
                Ok(Some(Frame::Whole(payload))) => frames.push(Found::Whole(payload.into())),
                Ok(Some(Frame::Skipped { declared })) => frames.push(Found::Skipped(declared)),
                Ok(None) => break assert!(chunk.is_empty(), "it returns None with input left"),
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, assembler.end())
}

/// What a codec finds in a buffer that grows by these pieces, and then no more.
fn decode_all<C: tokio_util::codec::Decoder>(
    codec: &mut C,
    pieces: &[&[u8]],
) -> (Vec<C::Item>, Option<C::Error>) {
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    let mut pieces = pieces.iter();
    loop {
        let piece = pieces.next();
        buffer.extend_from_slice(piece.copied().unwrap_or_default());
        loop {
            let decoded = match piece {
                Some(_) => codec.decode(&mut buffer),
                None => codec.decode_eof(&mut buffer),
            };
            match decoded {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        if piece.is_none() {
            return (frames, None);
        }
    }
}

/// What was read, written again, is the stream as far as no frame was skipped.
fn assert_encodes(stream: &[u8], frames: &[Found], mut codec: FrameCodec) {
    let (mut wire, mut buffer) = (Vec::new(), BytesMut::new());
    for frame in frames {
        let Found::Whole(payload) = frame else { break };
        let mut output = vec![0xA5; payload.len() + PREFIX];
        assert_eq!(encode(payload, &mut output), Ok(output.len()));
        wire.extend_from_slice(&output);
        codec.encode(Bytes::copy_from_slice(payload), &mut buffer).expect("within the limit");
    }
    assert!(stream.starts_with(&wire));
    assert_eq!(buffer, wire);
}
