//! MD5 digests of bodies (RFC 1321): a check against damage, no protection against a forger.

use core::fmt;

/// Bytes of a digest.
pub const LEN: usize = 16;

/// The digits of a digest.
const HEX: &[u8; 16] = b"0123456789abcdef";

/// An MD5 digest; shown, and written to the wire, as 32 lower-case hex digits.
///
/// ```
/// use unstick::digest::Digest;
///
/// let digest = Digest::parse("5D41402ABC4B2A76B9719D911017C592").unwrap(); // of `hello`
/// assert_eq!(digest.to_string(), "5d41402abc4b2a76b9719d911017c592");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(align(4))] // a small processor copies it in words
pub struct Digest(pub [u8; LEN]);

impl Digest {
    /// Reads 32 hex digits of either case; `None` for anything else, such as the tutorials'
    /// placeholder `sssxxxadwc123asd123` (rule H7).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; LEN];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != LEN || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            let nibble = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
            *byte = (nibble(*high)? << 4) | nibble(*low)?;
        }
        Some(Self(digest))
    }

    /// The 32 lower-case hex digits.
    #[must_use]
    pub fn hex(self) -> heapless::String<{ 2 * LEN }> {
        let mut digits = [0; 2 * LEN];
        self.write_hex(&mut digits);
        let mut hex = heapless::String::new();
        // Always text, and always space for it.
        let _ = hex.push_str(core::str::from_utf8(&digits).unwrap_or_default());
        hex
    }

    /// Writes them.
    pub(crate) fn write_hex(self, digits: &mut [u8; 2 * LEN]) {
        let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or_default();
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 0xF)];
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

/// A digest in the making. Without feature `md5` it takes bytes and never returns a digest.
#[derive(Clone, Default)]
pub struct Hasher {
    #[cfg(feature = "md5")]
    md5: md5::Md5,
}

impl Hasher {
    /// Adds the next bytes.
    #[cfg_attr(not(feature = "md5"), expect(unused_variables))]
    pub fn update(&mut self, bytes: &[u8]) {
        #[cfg(feature = "md5")]
        md5::Digest::update(&mut self.md5, bytes);
    }

    /// The digest of all bytes added, and a fresh start.
    pub fn finish(&mut self) -> Option<Digest> {
        #[cfg(feature = "md5")]
        return {
            let mut digest = Digest([0; LEN]);
            md5::Digest::finalize_into_reset(&mut self.md5, (&mut digest.0).into());
            Some(digest)
        };
        #[cfg(not(feature = "md5"))]
        None
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn digest(bytes: &[u8]) -> Option<Digest> {
        let mut hasher = Self::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Makes the digests of bodies in place of the session that reads them: in hardware, or on a thread of
/// its own. The bytes of one body come after those of another, never between them.
pub trait Digester {
    /// Adds the next bytes of a body.
    fn update(&mut self, bytes: &[u8]);

    /// The digest of all bytes added since the last one, and a fresh start.
    fn finish(&mut self) -> Option<Digest>;
}

impl Digester for Hasher {
    fn update(&mut self, bytes: &[u8]) {
        Self::update(self, bytes);
    }

    fn finish(&mut self) -> Option<Digest> {
        Self::finish(self)
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

#[cfg(all(test, feature = "md5"))]
mod tests {
    use super::*;

    #[test]
    fn digests_of_rfc_1321() {
        for (text, hex) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ] {
            let digest = Hasher::digest(text.as_bytes()).unwrap();
            assert_eq!(digest.hex(), hex);
            assert_eq!(Digest::parse(&hex.to_uppercase()), Some(digest));
        }
    }

    #[test]
    fn what_is_no_digest_is_none() {
        assert_eq!(Digest::parse("sssxxxadwc123asd123"), None);
        assert_eq!(Digest::parse("d41d8cd98f00b204e9800998ecf8427"), None);
        assert_eq!(Digest::parse("+41d8cd98f00b204e9800998ecf8427e"), None);
    }

    #[test]
    fn a_digest_is_shown_in_hex_and_a_hasher_by_its_name() {
        let hex = "900150983cd24fb0d6963f7d28e17f72";
        assert_eq!(std::format!("{}", Hasher::digest(b"abc").unwrap()), hex);
        assert_eq!(std::format!("{:?}", Hasher::default()), "Hasher");
        for more in ["0", "00"] {
            assert_eq!(Digest::parse(&std::format!("{hex}{more}")), None);
        }
    }
}
