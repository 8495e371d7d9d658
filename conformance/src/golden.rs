//! Wire bytes made from the description alone, without the core.

use md5::{Digest as _, Md5};

/// Bytes of a prefix.
pub(crate) const PREFIX: usize = 4;

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

/// A request of the command service without a body; `id` as it stands in the JSON.
pub(crate) fn request(id: &str, command: &str) -> Vec<u8> {
    frame(format!(r#"{{"id":{id},"command":"{command}"}}"#))
}

/// A request with a body and its digest.
pub(crate) fn request_with(id: &str, command: &str, body: &[u8]) -> Vec<u8> {
    let (size, md5) = (body.len(), md5(body));
    let header =
        format!(r#"{{"id":{id},"command":"{command}","total_size":{size},"md5":"{md5}"}}"#);
    message(header, body)
}

/// A reply of the command service; without an `id` where that is empty.
pub(crate) fn reply(id: &str, status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    reply_file(id, status, "", body)
}

/// A reply whose body is a file.
pub(crate) fn reply_file(id: &str, status: &str, name: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let (body, id) = (body.as_ref(), member(id));
    let (size, md5) = (body.len(), md5(body));
    let header = format!(
        r#"{{{id}"status":"{status}","filename":"{name}","total_size":{size},"md5":"{md5}"}}"#
    );
    message(header, body)
}

/// A reply of the message service.
pub(crate) fn bare_reply(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let (size, md5) = (body.len(), md5(body));
    message(format!(r#"{{"filename":"","total_size":{size},"md5":"{md5}"}}"#), body)
}

/// The `id` member of a header, with the comma after it.
pub(crate) fn member(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!(r#""id":{id},"#) }
}

/// The header and body of the message at the start of `bytes`, once all of it is there.
pub(crate) fn split_message(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
    let (header, rest) =
        rest.split_at_checked(usize::try_from(i32::from_le_bytes(*prefix)).ok()?)?;
    let header = core::str::from_utf8(header).ok()?;
    Some((header, rest.get(..number_in(header)?)?))
}

/// A header with `#` in place of a size and a digest that are those of `body`.
pub(crate) fn mask(header: &str, body: &[u8]) -> String {
    header
        .replace(&format!("\"total_size\":{}", body.len()), "\"total_size\":#")
        .replace(&md5(body), "#")
}

fn number_in(header: &str) -> Option<usize> {
    let (_, after) = header.split_once("\"total_size\":")?;
    after.split([',', '}']).next()?.parse().ok()
}
