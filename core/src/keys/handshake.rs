//! `Noise_NNpsk0_25519_ChaChaPoly_SHA256` (the Noise Protocol Framework, revision 34): two messages,
//! each an ephemeral key and a sealed payload, and a cipher for each direction.

use super::cipher::{self, Cipher, Forged, KEY, TAG};
use curve25519_dalek::constants::X25519_BASEPOINT;
use curve25519_dalek::montgomery::MontgomeryPoint;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const NAME: &[u8] = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256";

/// Bytes that SHA-256 takes at a time (RFC 2104 calls them B).
const BLOCK: usize = 64;

/// What is known before a message: Noise's `SymmetricState` behind the token `psk`.
///
/// In this pattern each key seals one payload at most, so there is no nonce to count.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Symmetric {
    hash: [u8; KEY],
    chain: [u8; KEY],
    key: [u8; KEY],
}

impl Symmetric {
    fn new(prologue: &[u8], psk: &[u8; KEY]) -> Self {
        let name = hash(&[NAME]); // it is longer than a hash
        let mut new = Self { hash: name, chain: name, key: [0; KEY] };
        new.mix_hash(prologue);
        let [chain, hash, key] = hkdf(&new.chain, psk);
        (new.chain, new.key) = (chain, key);
        new.mix_hash(&hash);
        new
    }

    fn mix_hash(&mut self, data: &[u8]) {
        self.hash = hash(&[&self.hash, data]);
    }

    fn mix_key(&mut self, material: &[u8; KEY]) {
        let [chain, key] = hkdf(&self.chain, material);
        (self.chain, self.key) = (chain, key);
    }

    /// Token `e`, which in a pattern with a pre-shared key is mixed twice (9.2).
    fn mix_ephemeral(&mut self, public: &[u8; KEY]) {
        self.mix_hash(public);
        self.mix_key(public);
    }

    /// Token `ee`.
    fn mix_shared(&mut self, theirs: &[u8; KEY], secret: &[u8; KEY]) {
        let shared = Zeroizing::new(multiply(&MontgomeryPoint(*theirs), secret));
        self.mix_key(&shared);
    }

    fn seal(&mut self, payload: &mut [u8]) -> Result<[u8; TAG], Forged> {
        let tag = cipher::seal(&self.key, 0, &self.hash, payload)?;
        self.hash = hash(&[&self.hash, payload, &tag]);
        Ok(tag)
    }

    fn open(&mut self, payload: &mut [u8], tag: &[u8; TAG]) -> Result<(), Forged> {
        let after = hash(&[&self.hash, payload, tag]);
        cipher::open(&self.key, 0, &self.hash, payload, tag)?;
        self.hash = after;
        Ok(())
    }

    /// What the initiator and what the responder sends.
    fn split(&self) -> [Cipher; 2] {
        let [initiator, responder] = hkdf(&self.chain, &[]);
        [initiator, responder].map(Cipher::new)
    }
}

/// Both directions of a connection, as one of its ends has them.
pub(crate) struct Ciphers {
    pub(crate) send: Cipher,
    pub(crate) receive: Cipher,
}

/// A handshake message less its prologue: `payload` is sealed in place.
pub(crate) struct Message<'p> {
    pub(crate) public: [u8; KEY],
    pub(crate) payload: &'p mut [u8],
    pub(crate) tag: [u8; TAG],
}

/// Who has sent the first message and waits for the second.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Initiator {
    symmetric: Symmetric,
    secret: [u8; KEY],
}

impl Initiator {
    /// Writes the first message. `secret` is fresh, and known to nobody else.
    pub(crate) fn new<'p>(
        prologue: &[u8],
        psk: &[u8; KEY],
        secret: [u8; KEY],
        payload: &'p mut [u8],
    ) -> Result<(Self, Message<'p>), Forged> {
        let mut new = Self { symmetric: Symmetric::new(prologue, psk), secret };
        let public = multiply(&X25519_BASEPOINT, &new.secret);
        new.symmetric.mix_ephemeral(&public);
        let tag = new.symmetric.seal(payload)?;
        Ok((new, Message { public, payload, tag }))
    }

    /// Reads the second message, whose payload is opened in place.
    pub(crate) fn finish(mut self, answer: Message<'_>) -> Result<Ciphers, Forged> {
        self.symmetric.mix_ephemeral(&answer.public);
        self.symmetric.mix_shared(&answer.public, &self.secret);
        self.symmetric.open(answer.payload, &answer.tag)?;
        let [send, receive] = self.symmetric.split();
        Ok(Ciphers { send, receive })
    }
}

/// Who has read the first message.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Responder {
    symmetric: Symmetric,
    theirs: [u8; KEY],
}

impl Responder {
    /// Reads the first message, whose payload is opened in place. For who has no key there is no curve
    /// arithmetic.
    pub(crate) fn new(
        prologue: &[u8],
        psk: &[u8; KEY],
        first: Message<'_>,
    ) -> Result<Self, Forged> {
        let mut symmetric = Symmetric::new(prologue, psk);
        symmetric.mix_ephemeral(&first.public);
        symmetric.open(first.payload, &first.tag)?;
        Ok(Self { symmetric, theirs: first.public })
    }

    /// Writes the second message. `secret` is fresh, and known to nobody else.
    pub(crate) fn finish<'p>(
        mut self,
        secret: &[u8; KEY],
        payload: &'p mut [u8],
    ) -> Result<(Ciphers, Message<'p>), Forged> {
        let public = multiply(&X25519_BASEPOINT, secret);
        self.symmetric.mix_ephemeral(&public);
        self.symmetric.mix_shared(&self.theirs, secret);
        let tag = self.symmetric.seal(payload)?;
        let [receive, send] = self.symmetric.split();
        Ok((Ciphers { send, receive }, Message { public, payload, tag }))
    }
}

/// X25519 (RFC 7748, 5) with a secret that is clamped here: the crate's own way to do so indexes bits,
/// which may panic as far as a linker can tell.
#[inline(never)]
fn multiply(point: &MontgomeryPoint, secret: &[u8; KEY]) -> [u8; KEY] {
    let mut clamped = Zeroizing::new(*secret);
    let [lowest, .., highest] = &mut *clamped;
    *lowest &= 0b1111_1000;
    *highest = *highest & 0b0111_1111 | 0b0100_0000;
    let bits =
        clamped.iter().rev().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1));
    point.mul_bits_be(bits.skip(1)).to_bytes()
}

fn hash(parts: &[&[u8]]) -> [u8; KEY] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// HMAC-SHA256 (RFC 2104) of two parts, with a key that is no longer than a block.
fn hmac(key: &[u8; KEY], parts: [&[u8]; 2]) -> [u8; KEY] {
    let pad = |with: u8| {
        let mut block = Zeroizing::new([with; BLOCK]);
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let [first, second] = parts;
    let inner = Zeroizing::new(hash(&[&*pad(0x36), first, second]));
    hash(&[&*pad(0x5c), &*inner])
}

/// Noise's HKDF (4.3), which is that of RFC 5869 without info: so many outputs.
pub(crate) fn hkdf<const N: usize>(chain: &[u8; KEY], material: &[u8]) -> [[u8; KEY]; N] {
    let mut outputs = [[0; KEY]; N];
    expand(chain, material, &mut outputs);
    outputs
}

#[inline(never)]
fn expand(chain: &[u8; KEY], material: &[u8], outputs: &mut [[u8; KEY]]) {
    let key = Zeroizing::new(hmac(chain, [material, &[]]));
    let mut before: &[u8] = &[];
    for (output, number) in outputs.iter_mut().zip(1_u8..) {
        *output = hmac(&key, [before, &[number]]);
        before = output;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::hex;
    use std::vec::Vec;

    fn key(text: &str) -> [u8; KEY] {
        *hex(text).first_chunk().unwrap()
    }

    fn bytes(message: &Message<'_>) -> Vec<u8> {
        [&message.public[..], message.payload, &message.tag].concat()
    }

    /// The vector of this pattern in cacophony, the Noise library in Haskell.
    #[test]
    fn the_vector_of_cacophony() {
        let prologue = hex("4a6f686e2047616c74");
        let psk = key("54686973206973206d7920417573747269616e20706572737065637469766521");
        let ours = key("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a");
        let theirs = key("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b");

        let mut payload = hex("4c756477696720766f6e204d69736573");
        let (initiator, first) = Initiator::new(&prologue, &psk, ours, &mut payload).unwrap();
        assert_eq!(
            bytes(&first),
            hex(
                "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c794479b962b8aff8485742ac32f905ba45369e2465fb59e138a93d67a0d1266b6a54"
            )
        );
        let responder = Responder::new(&prologue, &psk, first).unwrap();
        assert_eq!(payload, b"Ludwig von Mises");

        let mut payload = hex("4d757272617920526f746862617264");
        let (mut there, second) = responder.finish(&theirs, &mut payload).unwrap();
        assert_eq!(
            bytes(&second),
            hex(
                "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843d6062704d5a9c422a8e834423f8c1feada7e8d0d910a1a2cd030fb584221e3"
            )
        );
        let mut here = initiator.finish(second).unwrap();
        assert_eq!(payload, b"Murray Rothbard");

        for (index, (text, sealed)) in [
            ("462e20412e20486179656b", "e632c3763d7669067383433197a3baddf146e9e70ad4b4e9e59e0f"),
            ("4361726c204d656e676572", "64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e"),
            (
                "4a65616e2d426170746973746520536179",
                "e2fa0bed0603b62d3ccac2ecabbf3fe33f3e86514909b323361626266cb2471cc8",
            ),
            (
                "457567656e2042f6686d20766f6e2042617765726b",
                "0c01dc9cec1fe4ddd692e8dd32188aa351088dc91183639a53b57aa4692b5ebdef8b8ca111",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let (from, to) = match index % 2 {
                0 => (&mut here, &mut there),
                _ => (&mut there, &mut here),
            };
            let mut message = hex(text);
            let tag = from.send.seal(&mut message).unwrap();
            assert_eq!([&message[..], &tag].concat(), hex(sealed));
            to.receive.open(&mut message, &tag).unwrap();
            assert_eq!(message, hex(text));
        }
    }

    /// RFC 7748, 6.1.
    #[test]
    fn keys_of_alice_and_bob() {
        let alice = key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob = key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let public = multiply(&X25519_BASEPOINT, &alice);
        assert_eq!(public, key("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
        let shared = multiply(&MontgomeryPoint(public), &bob);
        assert_eq!(shared, key("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"));
    }

    #[test]
    fn who_has_another_key_or_another_prologue_is_found() {
        let (psk, secret) = ([7; KEY], [1; KEY]);
        for (prologue, other) in [(&b"UK\x01\x02"[..], psk), (b"UK\x01\x01", [8; KEY])] {
            let mut payload = [0; 4];
            let (_, first) = Initiator::new(b"UK\x01\x01", &psk, secret, &mut payload).unwrap();
            assert!(Responder::new(prologue, &other, first).is_err());
        }
    }
}
