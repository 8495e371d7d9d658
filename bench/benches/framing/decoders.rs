//! Decoders, each as its users would drive it: what came is passed in chunks, each frame is seen once.

use crate::wire::{LARGEST, SCRATCH, Wire};
use bytes::BytesMut;
use core::convert::Infallible;
use core::fmt;
use core::hint::black_box;
use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::task::{Context, Poll, Waker};
use tokio_util::codec::LengthDelimitedCodec;
use unstick::frame::{Assembler, Decoder, Event, Oversize, PREFIX};
use wire_codec::framing::{Endian, Framer as _, LengthPrefixed, LengthWidth};

/// A decoder: reads the whole stream in chunks of that many bytes, and has some memory.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) wire: Wire,
    pub(crate) run: fn(&[u8], usize, &mut [u8]),
}

/// All of them: ours, the limits, and the neighbours.
pub(crate) const ALL: [Contestant; 12] = [
    Contestant { name: MEMCPY, wire: Wire::Prefix, run: copy },
    Contestant { name: BY_HAND, wire: Wire::Prefix, run: by_hand },
    Contestant { name: "`Decoder`", wire: Wire::Prefix, run: pieces },
    Contestant { name: COPYING, wire: Wire::Prefix, run: copying },
    Contestant { name: BORROWING, wire: Wire::Prefix, run: assembler },
    Contestant { name: "framez", wire: Wire::Prefix, run: framez },
    Contestant { name: "wire-codec", wire: Wire::Prefix, run: wire_codec },
    Contestant { name: TOKIO_UTIL, wire: Wire::Prefix, run: tokio_util },
    Contestant { name: "`FrameCodec`", wire: Wire::Prefix, run: frame_codec },
    Contestant { name: "naive `Vec`", wire: Wire::Prefix, run: naive },
    Contestant { name: "postcard", wire: Wire::Postcard, run: postcard },
    Contestant { name: "cobs", wire: Wire::Cobs, run: cobs },
];

/// It finds no frame.
const MEMCPY: &str = "memcpy";
/// What it costs to join torn frames and check nothing: the ceiling for them is measured by it.
pub(crate) const BY_HAND: &str = "by hand, borrowing";
/// Ours, which borrows what is whole.
pub(crate) const BORROWING: &str = "`Assembler`";
/// Ours, and each frame is copied out, once.
pub(crate) const COPYING: &str = "`Decoder`, copying";
/// What the times are ratios to.
pub(crate) const TOKIO_UTIL: &str = "tokio-util";

/// Panics unless each of them sees every frame, whole or torn.
pub(crate) fn check() {
    let mut scratch = vec![0; SCRATCH];
    for contestant in ALL.iter().filter(|it| it.name != MEMCPY) {
        for (size, chunk) in [(16, 1), (64, 1460), (4096, 1460), (LARGEST, LARGEST)] {
            SEEN.store(0, Relaxed);
            (contestant.run)(&contestant.wire.stream(size, 9), chunk, &mut scratch);
            assert_eq!(
                SEEN.load(Relaxed),
                9,
                "{} sees frames of {size} B in chunks of {chunk}",
                contestant.name
            );
        }
    }
}

/// Frames that were seen.
static SEEN: AtomicUsize = AtomicUsize::new(0);

fn see(frame: &[u8]) {
    black_box(frame);
    SEEN.store(SEEN.load(Relaxed) + 1, Relaxed);
}

fn copy(stream: &[u8], chunk: usize, scratch: &mut [u8]) {
    for chunk in stream.chunks(chunk) {
        let to = &mut scratch[..chunk.len()];
        to.copy_from_slice(chunk);
        see(to);
    }
}

/// By hand, and with no check: it trusts every prefix and knows no limit.
fn by_hand(stream: &[u8], chunk: usize, scratch: &mut [u8]) {
    let torn = scratch;
    let mut have = 0;
    for mut chunk in stream.chunks(chunk) {
        if have > 0 {
            if have < PREFIX {
                let take = chunk.len().min(PREFIX - have);
                torn[have..have + take].copy_from_slice(&chunk[..take]);
                (have, chunk) = (have + take, &chunk[take..]);
                if have < PREFIX {
                    continue;
                }
            }
            let end = PREFIX + length(torn);
            let take = chunk.len().min(end - have);
            torn[have..have + take].copy_from_slice(&chunk[..take]);
            (have, chunk) = (have + take, &chunk[take..]);
            if have < end {
                continue;
            }
            see(&torn[PREFIX..end]);
        }
        while chunk.len() >= PREFIX {
            let end = PREFIX + length(chunk);
            if chunk.len() < end {
                break;
            }
            see(&chunk[PREFIX..end]);
            chunk = &chunk[end..];
        }
        torn[..chunk.len()].copy_from_slice(chunk);
        have = chunk.len();
    }
}

fn length(prefix: &[u8]) -> usize {
    u32::from_le_bytes([prefix[0], prefix[1], prefix[2], prefix[3]]) as usize
}

fn pieces(stream: &[u8], chunk: usize, _: &mut [u8]) {
    let mut decoder = Decoder::new(LARGEST as u32, Oversize::Close);
    for mut chunk in stream.chunks(chunk) {
        while let Some(event) = decoder.decode(&mut chunk).expect("frames") {
            let Event::Piece(piece) = event else { unreachable!("none is too large") };
            if piece.is_last() {
                see(piece.bytes);
            }
        }
    }
}

fn assembler(stream: &[u8], chunk: usize, _: &mut [u8]) {
    let frames = &mut *Box::new(Assembler::<LARGEST>::new(Oversize::Close));
    for mut chunk in stream.chunks(chunk) {
        while let Some(frame) = frames.next_frame(&mut chunk).expect("frames") {
            see(frame.payload().expect("none is too large"));
        }
    }
}

fn copying(stream: &[u8], chunk: usize, scratch: &mut [u8]) {
    let mut decoder = Decoder::new(LARGEST as u32, Oversize::Close);
    for mut chunk in stream.chunks(chunk) {
        loop {
            while let Some(payload) = decoder.whole(&mut chunk) {
                let to = &mut scratch[..payload.len()];
                to.copy_from_slice(payload);
                see(to);
            }
            let Some(event) = decoder.decode(&mut chunk).expect("frames") else { break };
            let Event::Piece(piece) = event else { unreachable!("none is too large") };
            let offset = piece.offset as usize;
            scratch[offset..offset + piece.bytes.len()].copy_from_slice(piece.bytes);
            if piece.is_last() {
                see(&scratch[..piece.total as usize]);
            }
        }
    }
}

/// It has no codec with a length, so this is the one that its users write.
struct Prefixed;

impl framez::decode::DecodeError for Prefixed {
    type Error = Infallible;
}

impl<'b> framez::decode::Decoder<'b> for Prefixed {
    type Item = &'b [u8];

    fn decode(&mut self, source: &'b mut [u8]) -> Result<Option<(&'b [u8], usize)>, Infallible> {
        if source.len() < PREFIX {
            return Ok(None);
        }
        let end = PREFIX + length(source);
        Ok(source.get(PREFIX..end).map(|frame| (frame, end)))
    }
}

/// A stream that is there in full, and comes in chunks.
struct Chunks<'s> {
    stream: &'s [u8],
    chunk: usize,
}

impl embedded_io_async::ErrorType for Chunks<'_> {
    type Error = Infallible;
}

impl embedded_io_async::Read for Chunks<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let len = self.chunk.min(buffer.len()).min(self.stream.len());
        let (now, later) = self.stream.split_at(len);
        buffer[..len].copy_from_slice(now);
        self.stream = later;
        Ok(len)
    }
}

fn framez(stream: &[u8], chunk: usize, scratch: &mut [u8]) {
    let mut framed = framez::FramedRead::new(Prefixed, Chunks { stream, chunk }, scratch);
    let all = async {
        while let Some(frame) = framez::next!(framed) {
            see(frame.expect("frames"));
        }
    };
    let done = pin!(all).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(done, Poll::Ready(()), "the stream never waits");
}

/// It takes a slice that begins with a frame, so its users keep a buffer.
fn wire_codec(stream: &[u8], chunk: usize, scratch: &mut [u8]) {
    let framer = LengthPrefixed::bounded(LengthWidth::U32, Endian::Little);
    let buffer = scratch;
    let mut have = 0;
    for chunk in stream.chunks(chunk) {
        buffer[have..have + chunk.len()].copy_from_slice(chunk);
        have += chunk.len();
        let mut at = 0;
        while let Some(frame) = framer.next_frame(&buffer[at..have]).expect("frames") {
            see(frame.payload());
            at += frame.consumed();
        }
        buffer.copy_within(at..have, 0);
        have -= at;
    }
}

fn tokio_util(stream: &[u8], chunk: usize, _: &mut [u8]) {
    codec(LengthDelimitedCodec::builder().little_endian().new_codec(), stream, chunk);
}

/// Ours for the same users.
fn frame_codec(stream: &[u8], chunk: usize, _: &mut [u8]) {
    codec(unstick_std::codec::FrameCodec::default(), stream, chunk);
}

fn codec<C>(mut codec: C, stream: &[u8], chunk: usize)
where
    C: tokio_util::codec::Decoder<Item: AsRef<[u8]>, Error: fmt::Debug>,
{
    let mut buffer = BytesMut::with_capacity(LARGEST);
    for chunk in stream.chunks(chunk) {
        buffer.extend_from_slice(chunk);
        while let Some(frame) = codec.decode(&mut buffer).expect("frames") {
            see(frame.as_ref());
        }
    }
}

fn naive(stream: &[u8], chunk: usize, _: &mut [u8]) {
    let mut buffer = Vec::new();
    for chunk in stream.chunks(chunk) {
        buffer.extend_from_slice(chunk);
        while buffer.len() >= PREFIX && buffer.len() >= PREFIX + length(&buffer) {
            let end = PREFIX + length(&buffer);
            see(&buffer[PREFIX..end]);
            buffer.drain(..end);
        }
    }
}

fn postcard(stream: &[u8], chunk: usize, _: &mut [u8]) {
    use postcard::accumulator::{CobsAccumulator, FeedResult};
    let mut frames = Box::new(CobsAccumulator::<{ 2 * LARGEST }>::new());
    for mut chunk in stream.chunks(chunk) {
        while !chunk.is_empty() {
            match frames.feed_ref::<&[u8]>(chunk) {
                FeedResult::Consumed => break,
                FeedResult::Success { data, remaining } => {
                    see(data);
                    chunk = remaining;
                }
                FeedResult::OverFull(_) | FeedResult::DeserError(_) => unreachable!("frames"),
            }
        }
    }
}

fn cobs(stream: &[u8], chunk: usize, scratch: &mut [u8]) {
    let mut frames = ::cobs::CobsDecoder::new(scratch);
    for mut chunk in stream.chunks(chunk) {
        while let Some(report) = frames.push(chunk).expect("frames") {
            see(&frames.dest()[..report.frame_size()]);
            chunk = &chunk[report.parsed_size()..];
        }
    }
}
