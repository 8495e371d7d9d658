//! ChaCha20-Poly1305, and one direction of a connection that is sealed with it.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit as _, UniversalHash as _};
use subtle::ConstantTimeEq as _;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// Bytes of a key, of a secret, of a point and of a hash: all are of the same length.
pub(crate) const KEY: usize = 32;

/// Bytes of the tag behind what is sealed.
pub(crate) const TAG: usize = 16;

/// Something cannot be trusted: it was forged, damaged, or sealed with another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forged;

/// One direction of a connection: what is sealed here is opened there in the same order.
#[derive(zeroize::Zeroize, ZeroizeOnDrop)]
pub(crate) struct Cipher {
    key: [u8; KEY],
    /// Messages sealed or opened.
    count: u64,
}

impl Cipher {
    pub(crate) const fn new(key: [u8; KEY]) -> Self {
        Self { key, count: 0 }
    }

    /// Seals a text in place. Returns its tag; an error where all nonces are used up.
    pub(crate) fn seal(&mut self, text: &mut [u8]) -> Result<[u8; TAG], Forged> {
        let nonce = self.next_nonce()?;
        seal(&self.key, nonce, &[], text)
    }

    /// Opens a text in place if the tag is right; else nothing of it is to be used.
    pub(crate) fn open(&mut self, text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Forged> {
        let nonce = self.next_nonce()?;
        open(&self.key, nonce, &[], text, tag)
    }

    /// The nonce of 2^64 - 1 is Noise's own (revision 34, 5.1), and never used here.
    fn next_nonce(&mut self) -> Result<u64, Forged> {
        let nonce = self.count;
        self.count = nonce.checked_add(1).ok_or(Forged)?;
        Ok(nonce)
    }
}

/// RFC 8439, 2.8, of its two parts: the crate that joins them can panic as far as a linker can tell.
/// Noise makes 96 bits of a nonce of 64 (revision 34, 12.3).
#[inline(never)]
pub(crate) fn seal(
    key: &[u8; KEY],
    nonce: u64,
    header: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG], Forged> {
    let (mut cipher, mac) = begin(key, nonce)?;
    cipher.try_apply_keystream(text).map_err(|_| Forged)?;
    Ok(tag(mac, header, text))
}

#[inline(never)]
pub(crate) fn open(
    key: &[u8; KEY],
    nonce: u64,
    header: &[u8],
    text: &mut [u8],
    seen: &[u8; TAG],
) -> Result<(), Forged> {
    let (mut cipher, mac) = begin(key, nonce)?;
    if !bool::from(tag(mac, header, text).ct_eq(seen)) {
        return Err(Forged);
    }
    cipher.try_apply_keystream(text).map_err(|_| Forged)
}

/// The cipher behind its first block, and the MAC with the key that was in that.
fn begin(key: &[u8; KEY], nonce: u64) -> Result<(ChaCha20, Poly1305), Forged> {
    let [a, b, c, d, e, f, g, h] = nonce.to_le_bytes();
    let nonce = [0, 0, 0, 0, a, b, c, d, e, f, g, h];
    let mut cipher = ChaCha20::new(key.into(), &nonce.into());
    let mut block = Zeroizing::new([0; 64]);
    cipher.try_apply_keystream(&mut *block).map_err(|_| Forged)?;
    let mac = Poly1305::new(block.first_chunk::<KEY>().ok_or(Forged)?.into());
    Ok((cipher, mac))
}

fn tag(mut mac: Poly1305, header: &[u8], text: &[u8]) -> [u8; TAG] {
    mac.update_padded(header);
    mac.update_padded(text);
    let lengths = u128::from(text.len() as u64) << 64 | u128::from(header.len() as u64);
    mac.update(&[lengths.to_le_bytes().into()]);
    mac.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_that_is_flipped_anywhere_is_found() {
        let key = [7; KEY];
        let mut sealed = *b"sealed";
        let tag = seal(&key, 1, b"header", &mut sealed).unwrap();
        let opens = |nonce, header: &[u8], text: &[u8; 6], tag: &[u8; TAG]| {
            let mut text = *text;
            open(&key, nonce, header, &mut text, tag).map(|()| text)
        };
        assert_eq!(opens(1, b"header", &sealed, &tag), Ok(*b"sealed"));
        assert_eq!(opens(2, b"header", &sealed, &tag), Err(Forged));
        assert_eq!(opens(1, b"Header", &sealed, &tag), Err(Forged));
        for bit in 0..8 * (sealed.len() + TAG) {
            let (mut text, mut seen) = (sealed, tag);
            let byte = text.iter_mut().chain(&mut seen).nth(bit / 8).unwrap();
            *byte ^= 1 << (bit % 8);
            assert_eq!(opens(1, b"header", &text, &seen), Err(Forged), "bit {bit}");
        }
    }

    #[test]
    fn no_nonce_is_used_twice() {
        let mut cipher = Cipher { key: [7; KEY], count: u64::MAX - 1 };
        assert!(cipher.seal(&mut [0; 3]).is_ok());
        assert_eq!(cipher.seal(&mut [0; 3]), Err(Forged));
        assert_eq!(cipher.open(&mut [0; 3], &[0; TAG]), Err(Forged));
    }
}
