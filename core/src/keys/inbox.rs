//! One message on its way in, then what was in it.

use super::cipher::{Forged, TAG};
use super::handshake::Ciphers;
use crate::bytes::copy;
use crate::wire::frame::PrefixReader;
use zeroize::Zeroize as _;

/// A transport message has a byte at least, and its tag.
const LEAST: usize = TAG + 1;

/// Collects a frame of up to `M` bytes, which is opened in place.
pub(super) struct Inbox<const M: usize> {
    prefix: PrefixReader,
    bytes: [u8; M],
    /// Bytes of the frame that is coming; `None` while its prefix is.
    len: Option<usize>,
    /// Bytes of it that have come.
    got: usize,
    /// Bytes of plaintext that are here, `start..end`.
    start: usize,
    end: usize,
}

impl<const M: usize> Inbox<M> {
    pub(super) fn new() -> Self {
        let prefix = PrefixReader::default();
        Self { prefix, bytes: [0; M], len: None, got: 0, start: 0, end: 0 }
    }

    /// Takes bytes of a frame, which may have `least..=most`. Returns it once it is whole; the next one may
    /// begin then.
    pub(super) fn frame(
        &mut self,
        input: &mut &[u8],
        least: usize,
        most: usize,
    ) -> Result<Option<&mut [u8]>, Forged> {
        let len = match self.len {
            Some(len) => len,
            None => {
                let Some(declared) = self.prefix.read(input) else { return Ok(None) };
                let len = usize::try_from(declared).map_err(|_| Forged)?;
                if len < least || len > most.min(M) {
                    return Err(Forged);
                }
                (self.len, self.got) = (Some(len), 0);
                len
            }
        };
        let (piece, rest) =
            input.split_at_checked(len.saturating_sub(self.got)).unwrap_or((*input, &[]));
        let space = self.bytes.get_mut(self.got..).unwrap_or_default();
        self.got = self.got.saturating_add(copy(piece, space));
        *input = rest;
        if self.got < len {
            return Ok(None);
        }
        self.len = None;
        Ok(self.bytes.get_mut(..len))
    }

    /// Opens the next transport message, if nothing of the last one is left. Returns whether it did.
    pub(super) fn open(
        &mut self,
        ciphers: &mut Ciphers,
        input: &mut &[u8],
    ) -> Result<bool, Forged> {
        if !self.plaintext().is_empty() {
            return Ok(false);
        }
        let Some(message) = self.frame(input, LEAST, M)? else { return Ok(false) };
        let (text, tag) = message.split_last_chunk_mut::<TAG>().ok_or(Forged)?;
        ciphers.receive.open(text, tag)?;
        (self.start, self.end) = (0, text.len());
        Ok(true)
    }

    /// What has been opened and not consumed.
    pub(super) fn plaintext(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Whether a frame has begun that is not whole.
    pub(super) fn is_torn(&self) -> bool {
        self.len.is_some() || self.prefix.missing() > 0
    }

    /// Whether nothing is here, and nothing has begun to come.
    pub(super) fn is_between(&self) -> bool {
        self.plaintext().is_empty() && !self.is_torn()
    }

    /// Forgets everything.
    pub(super) fn wipe(&mut self) {
        self.bytes.zeroize();
        (self.start, self.end) = (0, 0);
    }
}
