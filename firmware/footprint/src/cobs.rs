//! The same with postcard and COBS: what a header says, and a payload.

use crate::{input, output};
use core::hint::black_box;
use postcard::accumulator::{CobsAccumulator, FeedResult};
use serde::{Deserialize, Serialize};
use static_cell::StaticCell;

/// What our header says.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Header<'a> {
    /// Of a request: returned as it came.
    pub id: Option<&'a str>,
    /// Of a request: the command and its arguments.
    pub command: Option<&'a str>,
    /// Of a reply: how it went.
    pub status: Option<&'a str>,
    /// The name of the file that is the body.
    pub filename: Option<&'a str>,
    /// Bytes of the body.
    pub total_size: u64,
    /// The body's digest.
    pub md5: Option<[u8; 16]>,
    /// A program's exit code.
    pub exit: Option<i32>,
}

/// A payload. Text, because postcard would take bytes one at a time.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Payload<'a>(pub &'a str);

/// Bytes of the longest header, as ours.
pub const LIMIT: usize = 1024;

/// Headers in and out.
pub fn header() {
    static ACCUMULATOR: StaticCell<CobsAccumulator<LIMIT>> = StaticCell::new();
    let accumulator = ACCUMULATOR.init_with(CobsAccumulator::new);
    while black_box(true) {
        let mut chunk = input();
        while !chunk.is_empty() {
            chunk = match accumulator.feed_ref::<Header<'_>>(chunk) {
                FeedResult::Consumed => break,
                FeedResult::OverFull(rest) | FeedResult::DeserError(rest) => rest,
                FeedResult::Success { data, remaining } => {
                    black_box(data);
                    remaining
                }
            };
        }
        let _ = black_box(postcard::to_slice_cobs(&black_box(Header::default()), output()));
    }
}
