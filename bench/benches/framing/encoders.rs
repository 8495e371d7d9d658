//! Encoders: a payload, into a buffer that is large enough, again and again.

use crate::wire::LARGEST;
use bytes::{Bytes, BytesMut};
use core::fmt;
use core::hint::black_box;
use tokio_util::codec::LengthDelimitedCodec;
use unstick::frame::{self, PREFIX};
use wire_codec::WriteBuf;
use wire_codec::framing::{Endian, Framer as _, LengthPrefixed, LengthWidth};

/// An encoder: encodes the payload so many times, and has some memory.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8], usize, &mut [u8]),
}

/// All of them.
pub(crate) const ALL: [Contestant; 9] = [
    Contestant { name: "memcpy", run: copy },
    Contestant { name: "`prefix`, for a vectored write", run: prefix },
    Contestant { name: ENCODE, run: encode },
    Contestant { name: "wire-codec", run: wire_codec },
    Contestant { name: TOKIO_UTIL, run: tokio_util },
    Contestant { name: "`FrameCodec`", run: frame_codec },
    Contestant { name: "naive `Vec`", run: naive },
    Contestant { name: "postcard", run: postcard },
    Contestant { name: "cobs", run: cobs },
];

/// Ours.
pub(crate) const ENCODE: &str = "`encode`";
/// What the times are ratios to.
pub(crate) const TOKIO_UTIL: &str = "tokio-util";

fn copy(payload: &[u8], count: usize, output: &mut [u8]) {
    for _ in 0..count {
        let payload = black_box(payload);
        output[..payload.len()].copy_from_slice(payload);
        black_box(&output[..payload.len()]);
    }
}

fn prefix(payload: &[u8], count: usize, _: &mut [u8]) {
    for _ in 0..count {
        let payload = black_box(payload);
        black_box((frame::prefix(payload.len()).expect("it is short"), payload));
    }
}

fn encode(payload: &[u8], count: usize, output: &mut [u8]) {
    for _ in 0..count {
        let len = frame::encode(black_box(payload), output).expect("there is space");
        black_box(&output[..len]);
    }
}

fn wire_codec(payload: &[u8], count: usize, output: &mut [u8]) {
    let framer = LengthPrefixed::bounded(LengthWidth::U32, Endian::Little);
    for _ in 0..count {
        let mut buffer = WriteBuf::new(output);
        framer.write_frame(black_box(payload), &mut buffer).expect("there is space");
        let len = buffer.position();
        black_box(&output[..len]);
    }
}

fn tokio_util(payload: &[u8], count: usize, _: &mut [u8]) {
    codec(LengthDelimitedCodec::builder().little_endian().new_codec(), payload, count);
}

/// Ours for the same users.
fn frame_codec(payload: &[u8], count: usize, _: &mut [u8]) {
    codec(unstick_std::codec::FrameCodec::default(), payload, count);
}

fn codec<C>(mut codec: C, payload: &[u8], count: usize)
where
    C: tokio_util::codec::Encoder<Bytes, Error: fmt::Debug>,
{
    let payload = Bytes::copy_from_slice(payload);
    let mut output = BytesMut::with_capacity(PREFIX + LARGEST);
    for _ in 0..count {
        output.clear();
        codec.encode(black_box(payload.clone()), &mut output).expect("it is short");
        black_box(&output[..]);
    }
}

fn naive(payload: &[u8], count: usize, _: &mut [u8]) {
    let mut output = Vec::with_capacity(PREFIX + LARGEST);
    for _ in 0..count {
        let payload = black_box(payload);
        output.clear();
        output.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        output.extend_from_slice(payload);
        black_box(&output[..]);
    }
}

fn postcard(payload: &[u8], count: usize, output: &mut [u8]) {
    for _ in 0..count {
        black_box(::postcard::to_slice_cobs(black_box(payload), output).expect("a slice"));
    }
}

fn cobs(payload: &[u8], count: usize, output: &mut [u8]) {
    for _ in 0..count {
        let len = ::cobs::encode(black_box(payload), output);
        output[len] = 0;
        black_box(&output[..=len]);
    }
}
