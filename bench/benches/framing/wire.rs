//! The same payloads, as each family of contestants sends them.

use unstick::frame;

/// The largest payload.
pub(crate) const LARGEST: usize = 64 * 1024;

/// Bytes of memory that each contestant may use.
pub(crate) const SCRATCH: usize = 4 * LARGEST;

/// How frames are told apart.
#[derive(Clone, Copy)]
pub(crate) enum Wire {
    /// By a length of four bytes, little-endian.
    Prefix,
    /// By COBS.
    Cobs,
    /// By COBS, around a slice that postcard has serialised.
    Postcard,
}

impl Wire {
    /// A payload, framed.
    pub(crate) fn frame(self, payload: &[u8]) -> Vec<u8> {
        match self {
            Self::Prefix => {
                let prefix = frame::prefix(payload.len()).expect("it is short");
                [&prefix[..], payload].concat()
            }
            Self::Cobs => {
                let mut frame = cobs::encode_vec(payload);
                frame.push(0);
                frame
            }
            Self::Postcard => postcard::to_allocvec_cobs(payload).expect("it is a slice"),
        }
    }

    /// So many frames of so many bytes of payload each.
    pub(crate) fn stream(self, size: usize, count: usize) -> Vec<u8> {
        self.frame(&payload(size)).repeat(count)
    }
}

/// Bytes of every value, in no order.
pub(crate) fn payload(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8).collect()
}
