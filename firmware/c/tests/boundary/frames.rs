//! Frames alone.

use crate::{OK, zeroed};
use core::ptr::null_mut;
use unstick_c::error::unstick_error;
use unstick_c::frame::*;

#[test]
fn frames_go_round() {
    let mut prefix = [0; UNSTICK_PREFIX_SIZE];
    assert_eq!(c!(unstick_frame_prefix(5, prefix.as_mut_ptr())), OK);
    assert_eq!(c!(unstick_frame_prefix(5, null_mut())), unstick_error::Null);
    let too_long = c!(unstick_frame_prefix(1 << 31, prefix.as_mut_ptr()));
    assert_eq!((too_long, prefix), (unstick_error::TooLong, [5, 0, 0, 0]));

    let stream = b"\x05\0\0\0hello\0\0\0\0\x09\0\0\0too large\x02\0\0\0hi";
    for cut in 0..=stream.len() {
        let mut memory = zeroed::<unstick_decoder>();
        let decoder = memory.as_mut_ptr();
        assert_eq!(c!(unstick_decoder_start(decoder, 5, 9)), OK);
        let mut seen = Vec::new();
        let (left, right) = stream.split_at(cut);
        for mut input in [left, right] {
            loop {
                let piece = c!(unstick_decoder_next(decoder, input.as_ptr(), input.len()));
                input = &input[piece.consumed..];
                match piece.found {
                    unstick_found::Nothing => break,
                    unstick_found::Skipped => seen.extend(format!("-{}|", piece.total).bytes()),
                    unstick_found::Piece => {
                        let bytes = c!(core::slice::from_raw_parts(piece.bytes, piece.len));
                        seen.extend(bytes);
                        if piece.offset as usize + piece.len == piece.total as usize {
                            seen.push(b'|');
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert!(input.is_empty());
        }
        assert_eq!(String::from_utf8_lossy(&seen), "hello||-9|hi|", "cut at {cut}");
        assert_eq!(c!(unstick_decoder_end(decoder)), unstick_found::Nothing);
    }
}

#[test]
fn a_damaged_stream_says_why() {
    let mut memory = zeroed::<unstick_decoder>();
    let decoder = memory.as_mut_ptr();
    let next = |input: &[u8]| c!(unstick_decoder_next(decoder, input.as_ptr(), input.len()));
    let misuse = next(b"");
    assert_eq!((misuse.found, misuse.error), (unstick_found::Misuse, unstick_error::NotStarted));
    assert_eq!(c!(unstick_decoder_end(decoder)), unstick_found::Misuse);
    assert_eq!(c!(unstick_decoder_start(decoder, 5, 0)), OK);
    assert_eq!(next(b"\x05\0\0\0he").len, 2);
    assert_eq!(c!(unstick_decoder_end(decoder)), unstick_found::Damaged);
    let mut text = [0; 100];
    let len = c!(unstick_decoder_reason(decoder, text.as_mut_ptr().cast(), text.len()));
    assert_eq!(&text[..len], b"the input ended inside a frame, 3 bytes are missing");
    assert_eq!(next(b"llo").len, 3);
    let damaged = next(b"\x06\0\0\0more");
    assert_eq!((damaged.found, damaged.consumed), (unstick_found::Damaged, 4));
    let damaged = next(b"more");
    assert_eq!((damaged.found, damaged.consumed), (unstick_found::Damaged, 0), "for ever");
    let len = c!(unstick_decoder_reason(decoder, text.as_mut_ptr().cast(), text.len()));
    assert_eq!(&text[..len], b"a frame of 6 bytes is over the limit of 5");
}
