//! Frames of text, as ours and with postcard and COBS.

use super::{instructions, stack};
use crate::cobs::Payload;
use core::hint::black_box;
use postcard::accumulator::{CobsAccumulator, FeedResult};
use unstick::frame::{self, Assembler, Decoder, Event, Frame, Oversize};

/// Bytes that come at a time: a full segment.
const CHUNK: usize = 1460;

const LONGEST: usize = 1024;

const ROUNDS: u32 = 10;

/// Instructions of one frame.
#[derive(Debug)]
pub struct Costs {
    /// Written.
    pub encoded: usize,
    /// Read, its payload borrowed in pieces.
    pub decoded: usize,
    /// Read, its payload whole.
    pub assembled: usize,
    /// Bytes of stack.
    pub stack: usize,
}

/// Bytes where a device has them: aligned.
#[derive(Debug)]
#[repr(align(8))]
pub struct Aligned<const N: usize>(pub [u8; N]);

/// Ours. The stream is space for as many frames as it can hold.
pub fn ours(text: &str, stream: &mut [u8]) -> Costs {
    let payload = text.as_bytes();
    let (stream, frames) = fill(stream, |space| frame::encode(payload, space).ok());
    let mut space = Aligned([0; LONGEST + frame::PREFIX]);
    let mut encode = || {
        let _ = black_box(frame::encode(black_box(payload), black_box(&mut space.0)));
    };
    let encoded = instructions(ROUNDS, &mut encode);
    let encode_stack = stack(&mut encode);

    let mut decoder = Decoder::new(LONGEST as u32, Oversize::DEFAULT);
    let mut whole = 0;
    chunks(stream, |mut chunk| {
        while let Ok(Some(Event::Piece(piece))) = decoder.decode(&mut chunk) {
            whole += usize::from(piece.is_last());
        }
    });
    assert_eq!(whole, frames);
    let mut decode = || {
        chunks(stream, |mut chunk| {
            while let Ok(Some(event)) = decoder.decode(&mut chunk) {
                black_box(event);
            }
        });
    };
    let decoded = per_frame(stream, frames, &mut decode);
    let decode_stack = stack(&mut decode);

    let mut assembler = Assembler::<LONGEST>::new(Oversize::DEFAULT);
    let mut assemble = || {
        chunks(stream, |mut chunk| {
            while let Ok(Some(frame)) = assembler.next_frame(&mut chunk) {
                if let Frame::Whole(bytes) = frame {
                    black_box(bytes);
                }
            }
        });
    };
    let assembled = per_frame(stream, frames, &mut assemble);
    Costs { encoded, decoded, assembled, stack: encode_stack.max(decode_stack) }
}

/// With postcard and COBS, whose payload is always whole.
pub fn cobs(text: &str, stream: &mut [u8]) -> Costs {
    let (stream, frames) =
        fill(stream, |space| Some(postcard::to_slice_cobs(&Payload(text), space).ok()?.len()));
    let mut space = Aligned([0; LONGEST + 16]);
    let mut encode = || {
        let _ =
            black_box(postcard::to_slice_cobs(&Payload(black_box(text)), black_box(&mut space.0)));
    };
    let encoded = instructions(ROUNDS, &mut encode);
    let encode_stack = stack(&mut encode);

    let mut accumulator = CobsAccumulator::<LONGEST>::new();
    let mut whole = 0;
    let mut decode = || {
        chunks(stream, |mut chunk| {
            while let FeedResult::Success { data, remaining } =
                accumulator.feed_ref::<Payload<'_>>(chunk)
            {
                whole += 1;
                black_box(data);
                chunk = remaining;
            }
        });
    };
    let decode_stack = stack(&mut decode);
    let decoded = per_frame(stream, frames, &mut decode);
    assert_eq!(whole, frames * (ROUNDS as usize + 1));
    Costs { encoded, decoded, assembled: decoded, stack: encode_stack.max(decode_stack) }
}

/// Fills the stream with frames. Returns what is filled, and how many they are.
fn fill(stream: &mut [u8], mut write: impl FnMut(&mut [u8]) -> Option<usize>) -> (&[u8], usize) {
    let (mut end, mut frames) = (0, 0);
    while let Some(len) = write(&mut stream[end..]) {
        end += len;
        frames += 1;
    }
    (&stream[..end], frames)
}

/// Instructions of a frame, the loop over the chunks taken off.
fn per_frame(stream: &[u8], frames: usize, work: &mut dyn FnMut()) -> usize {
    let empty = instructions(ROUNDS, &mut || {
        chunks(stream, |chunk| {
            black_box(chunk);
        });
    });
    (instructions(ROUNDS, work) - empty) / frames
}

fn chunks<'s>(stream: &'s [u8], mut each: impl FnMut(&'s [u8])) {
    for chunk in stream.chunks(CHUNK) {
        each(black_box(chunk));
    }
}
