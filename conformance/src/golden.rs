//! Wire bytes made from the description alone, without the core.

use md5::{Digest as _, Md5};

/// `struct.pack('i', len(payload)) + payload`
pub(crate) fn frame(payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let len = i32::try_from(payload.len()).expect("a golden frame is small");
    [&len.to_le_bytes()[..], payload].concat()
}

/// A header's frame, then its body.
pub(crate) fn message(header: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Vec<u8> {
    [&frame(header)[..], body.as_ref()].concat()
}

/// 32 lower-case hex digits.
pub(crate) fn md5(body: impl AsRef<[u8]>) -> String {
    Md5::digest(body.as_ref()).iter().map(|byte| format!("{byte:02x}")).collect()
}
