//! Frames alone: for firmware with a protocol of its own inside them.

use crate::error::{code, unstick_error};
use crate::memory::{Kind, Slot, bytes, fits, space, write_text};
use core::ffi::c_char;
use core::mem::MaybeUninit;
use core::ptr;
use unstick::frame::{Decoder, Event, FrameError, Oversize, prefix};

/// Bytes before a frame's payload: its length, signed, the lowest byte first.
pub const UNSTICK_PREFIX_SIZE: usize = 4;

/// Bytes of an `unstick_decoder`.
pub const UNSTICK_DECODER_SIZE: usize = 72;
/// The same in `uint64_t`, for the alignment.
pub const UNSTICK_DECODER_WORDS: usize = UNSTICK_DECODER_SIZE / 8;

/// Decodes a stream of frames, in memory of yours; nothing of it is for you to read.
#[repr(C)]
pub struct unstick_decoder {
    opaque: [MaybeUninit<u64>; UNSTICK_DECODER_WORDS],
}

fits!(unstick_decoder, Slot<Frames>);

impl Kind for Frames {
    const READY: u32 = 0x6465_636F;
}

pub(crate) struct Frames {
    decoder: Decoder,
    error: Option<FrameError>,
}

/// Writes the prefix of a payload of `len` bytes, to be sent before it, to the
/// `UNSTICK_PREFIX_SIZE` bytes of the output. Errors: `NULL`, and `TOO_LONG` for more than
/// 2147483647 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_frame_prefix(len: usize, output: *mut u8) -> unstick_error {
    // SAFETY: the output is as the header documents it.
    let output = unsafe { space(output, UNSTICK_PREFIX_SIZE) };
    code(output.and_then(|output| {
        output.copy_from_slice(&prefix(len).map_err(|_| unstick_error::TooLong)?);
        Ok(())
    }))
}

/// Starts a decoder of frames of at most `limit` bytes. A longer one is read and discarded if it
/// has at most `skip` bytes, else it is an error. Errors: `NULL`, `MEMORY` or `IN_USE` for the
/// decoder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_decoder_start(
    decoder: *mut unstick_decoder,
    limit: u32,
    skip: u64,
) -> unstick_error {
    let oversize = Oversize::Skip { budget: skip };
    let make = || Frames { decoder: Decoder::new(limit, oversize), error: None };
    // SAFETY: the decoder is NULL or memory of its size.
    code(unsafe { Slot::start(decoder.cast(), make) })
}

/// What a decoder found.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_found {
    /// Nothing more: all input was consumed.
    Nothing,
    /// The next bytes of a frame.
    Piece,
    /// A frame over the limit, which was discarded.
    Skipped,
    /// A bad prefix, or the end of input inside a frame: the stream has no known boundary any more.
    Damaged,
    /// The call was wrong, see `error`.
    Misuse,
}

/// Consecutive bytes of a frame. A frame that lies whole in the input is one piece, a torn one is
/// several; only an empty frame has an empty piece.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct unstick_piece {
    /// What it is.
    pub found: unstick_found,
    /// How the call was wrong.
    pub error: unstick_error,
    /// Payload bytes of the whole frame.
    pub total: u32,
    /// Payload bytes that came before these. A frame is whole once `offset + len == total`.
    pub offset: u32,
    /// The bytes, inside the input.
    pub bytes: *const u8,
    /// How many.
    pub len: usize,
    /// Bytes consumed from the front of the input.
    pub consumed: usize,
}

impl unstick_piece {
    const fn new(found: unstick_found, error: unstick_error) -> Self {
        Self { found, error, total: 0, offset: 0, bytes: ptr::null(), len: 0, consumed: 0 }
    }
}

/// Consumes bytes from the front of the input, up to and including the next thing found. Call it with
/// what is left until it finds `UNSTICK_FOUND_NOTHING`; then bring the next input.
/// `UNSTICK_FOUND_DAMAGED` and `UNSTICK_FOUND_MISUSE` are final: nothing is consumed any more, the next
/// call finds the same, so close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_decoder_next(
    decoder: *mut unstick_decoder,
    input: *const u8,
    input_len: usize,
) -> unstick_piece {
    // SAFETY: the decoder is NULL, zeroed or started, the input as the header documents it.
    let both = unsafe {
        Slot::<Frames>::borrow(decoder.cast())
            .and_then(|decoder| Ok((decoder, bytes(input, input_len)?)))
    };
    let (mut frames, input) = match both {
        Ok(both) => both,
        Err(error) => return unstick_piece::new(unstick_found::Misuse, error),
    };
    let mut rest = input;
    let event = frames.decoder.decode(&mut rest);
    let consumed = input.len().saturating_sub(rest.len());
    let none = unstick_piece::new(unstick_found::Nothing, unstick_error::None);
    let found = match event {
        Ok(None) => none,
        Ok(Some(Event::Skipped { declared })) => {
            unstick_piece { found: unstick_found::Skipped, total: declared, ..none }
        }
        Ok(Some(Event::Piece(piece))) => unstick_piece {
            found: unstick_found::Piece,
            total: piece.total,
            offset: piece.offset,
            bytes: piece.bytes.as_ptr(),
            len: piece.bytes.len(),
            ..none
        },
        Err(error) => {
            frames.error = Some(error);
            unstick_piece { found: unstick_found::Damaged, ..none }
        }
    };
    unstick_piece { consumed, ..found }
}

/// The input has ended: `UNSTICK_FOUND_NOTHING` between frames, `UNSTICK_FOUND_DAMAGED` inside one,
/// `UNSTICK_FOUND_MISUSE` where the call is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_decoder_end(decoder: *mut unstick_decoder) -> unstick_found {
    // SAFETY: the decoder is NULL, zeroed or started.
    let Ok(mut frames) = (unsafe { Slot::<Frames>::borrow(decoder.cast()) }) else {
        return unstick_found::Misuse;
    };
    frames.error = frames.decoder.end().err();
    if frames.error.is_none() { unstick_found::Nothing } else { unstick_found::Damaged }
}

/// Writes one sentence on what is wrong with the stream, cut to `size` bytes with its NUL. Returns
/// its bytes without the NUL. Nothing is written where `size` is 0 or the call is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_decoder_reason(
    decoder: *mut unstick_decoder,
    text: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: the decoder is NULL, zeroed or started, the text as the header documents it.
    let both = unsafe { (Slot::<Frames>::borrow(decoder.cast()), space(text.cast(), size)) };
    match both {
        (Ok(frames), Ok(text)) => match frames.error {
            Some(error) => write_text(text, error),
            None => write_text(text, "nothing is wrong with the stream"),
        },
        _ => 0,
    }
}
