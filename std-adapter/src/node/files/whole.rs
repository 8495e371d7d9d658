//! A body that is in memory as a whole.

use crate::hashing::Hashing;
use std::io::{Cursor, Read as _};
use unstick::Status;
use unstick::digest::Digest;
use unstick::store::Meta;

/// A body on its way out, with its digest.
pub(in crate::node) struct Whole {
    bytes: Cursor<Vec<u8>>,
    digest: Option<Digest>,
}

impl Whole {
    pub(in crate::node) fn new(bytes: Vec<u8>) -> Self {
        Self { digest: Hashing::digest(&bytes), bytes: Cursor::new(bytes) }
    }

    pub(super) fn meta(&self) -> Meta<'_> {
        Meta {
            filename: "",
            size: self.bytes.get_ref().len() as u64,
            digest: self.digest,
            status: Status::Ok,
            exit: None,
        }
    }

    pub(super) fn read(&mut self, output: &mut [u8]) -> usize {
        self.bytes.read(output).unwrap_or_default() // memory does not fail
    }
}
