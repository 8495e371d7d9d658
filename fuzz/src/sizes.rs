//! Sizes of pieces and windows.

/// Sizes from 0 to 127, most of them small. They hang on every byte of the input, so that each
/// mutation of it tries new ones.
#[derive(Clone)]
pub(crate) struct Sizes(u64);

impl Sizes {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut sizes = Self(0);
        for byte in bytes {
            sizes.0 ^= u64::from(*byte);
            sizes.draw();
        }
        sizes
    }

    /// A linear congruential generator, Knuth's constants.
    pub(crate) fn draw(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let [size, bits, ..] = self.0.to_be_bytes();
        usize::from(size >> (1 + bits % 8).min(7))
    }

    /// The bytes in pieces, some of them longer than any request may be.
    pub(crate) fn cut<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(bytes.len().min(1 + self.draw() * self.draw()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}
