//! Writes JSON into a slice.

use super::plain_len;
use crate::bytes::copy;
use crate::wire::digest::{self, Digest};

/// A JSON object in the making, at the start of a slice.
///
/// Every method returns `None` once something does not fit; then the slice holds nothing of use.
pub(crate) struct Object<'o> {
    output: &'o mut [u8],
    len: usize,
    /// What goes before the next key.
    before: u8,
}

impl<'o> Object<'o> {
    /// An object without members.
    pub(crate) fn new(output: &'o mut [u8]) -> Self {
        Self { output, len: 0, before: b'{' }
    }

    /// Adds a string.
    pub(crate) fn text(&mut self, key: &str, text: &str) -> Option<()> {
        self.key(key)?;
        let mut rest = text.as_bytes();
        if plain_len(rest) == rest.len() {
            copy(rest, self.quoted(rest.len())?);
            return Some(());
        }
        self.push(b"\"")?;
        loop {
            let (piece, after) = rest.split_at_checked(plain_len(rest))?;
            self.push(piece)?;
            let Some((byte, after)) = after.split_first() else { return self.push(b"\"") };
            self.escape(*byte)?;
            rest = after;
        }
    }

    /// Adds a number of bytes.
    pub(crate) fn size(&mut self, key: &str, size: u64) -> Option<()> {
        self.key(key)?;
        self.number(size)
    }

    /// Adds an exit code.
    pub(crate) fn exit(&mut self, key: &str, code: i32) -> Option<()> {
        self.key(key)?;
        if code < 0 {
            self.push(b"-")?;
        }
        self.number(code.unsigned_abs().into())
    }

    /// Adds a digest, as hex digits.
    pub(crate) fn digest(&mut self, key: &str, digest: Digest) -> Option<()> {
        self.key(key)?;
        digest.write_hex(self.quoted(2 * digest::LEN)?.first_chunk_mut()?);
        Some(())
    }

    /// Adds a value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &str) -> Option<()> {
        self.key(key)?;
        self.push(json.as_bytes())
    }

    /// Begins an object; what is added goes there until it is [closed](Self::close).
    #[cfg(any(test, feature = "commands"))]
    pub(crate) fn open(&mut self, key: &str) -> Option<()> {
        self.key(key)?;
        self.before = b'{';
        Some(())
    }

    /// Ends the object begun last. Returns the number of bytes written so far.
    pub(crate) fn close(&mut self) -> Option<usize> {
        if self.before == b'{' {
            self.push(b"{")?;
        }
        self.before = b',';
        self.push(b"}")?;
        Some(self.len)
    }

    /// Writes a key of ours, which needs no escape.
    #[inline(never)]
    fn key(&mut self, key: &str) -> Option<()> {
        let before = self.before;
        let [first, quote, rest @ ..] = self.space(key.len().checked_add(4)?)? else { return None };
        let (text, [end, colon]) = rest.split_last_chunk_mut()?;
        (*first, *quote, *end, *colon) = (before, b'"', b'"', b':');
        copy(key.as_bytes(), text);
        self.before = b',';
        Some(())
    }

    /// Two quotes, and the space for so many bytes between them.
    fn quoted(&mut self, len: usize) -> Option<&mut [u8]> {
        let [quote, rest @ ..] = self.space(len.checked_add(2)?)? else { return None };
        let (text, [end]) = rest.split_last_chunk_mut()?;
        (*quote, *end) = (b'"', b'"');
        Some(text)
    }

    fn escape(&mut self, byte: u8) -> Option<()> {
        let short = match byte {
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0C => b'f',
            b'\r' => b'r',
            0..=0x1F => {
                let low = byte & 0xF;
                let low = if low < 10 { b'0' | low } else { (b'A' - 10).wrapping_add(low) };
                return self.push(&[b'\\', b'u', b'0', b'0', b'0' | byte >> 4, low]);
            }
            _ => byte,
        };
        self.push(&[b'\\', short])
    }

    #[inline(never)]
    fn number(&mut self, mut rest: u64) -> Option<()> {
        let (mut digits, mut at) = ([0; 20], 20_usize);
        loop {
            at = at.checked_sub(1)?;
            *digits.get_mut(at)? = b'0' | (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                return self.push(digits.get(at..)?);
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        copy(bytes, self.space(bytes.len())?);
        Some(())
    }

    /// The next so many bytes of the output.
    #[inline(never)]
    fn space(&mut self, len: usize) -> Option<&mut [u8]> {
        let end = self.len.checked_add(len)?;
        let space = self.output.get_mut(self.len..end)?;
        self.len = end;
        Some(space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    /// What is written where it just fits; with a byte less it is not.
    fn written(fill: impl Fn(&mut Object<'_>) -> Option<()>) -> String {
        let write = |output: &mut [u8]| {
            let mut object = Object::new(output);
            fill(&mut object)?;
            object.close()
        };
        let mut output = [0xA5; 256];
        let len = write(&mut output).unwrap();
        assert_eq!(write(&mut [0; 256][..len]), Some(len));
        assert_eq!(write(&mut [0; 256][..len - 1]), None, "one byte too few");
        String::from_utf8(output[..len].to_vec()).unwrap()
    }

    #[test]
    fn objects() {
        assert_eq!(written(|_| Some(())), "{}");
        assert_eq!(written(|object| object.size("b", 0)), r#"{"b":0}"#);
        let nested = written(|object| {
            object.size("a", u64::MAX)?;
            object.open("b")?;
            object.exit("c", i32::MIN)?;
            object.exit("z", 0)?;
            object.close()?;
            object.open("d")?;
            object.close()?;
            object.raw("e", r#""\u00e9""#)
        });
        let json = r#"{"a":18446744073709551615,"b":{"c":-2147483648,"z":0},"d":{},"e":"\u00e9"}"#;
        assert_eq!(nested, json);
    }

    #[test]
    fn texts_are_escaped_as_rfc_8259_wants() {
        let text = "a\"\\/\u{8}\t\n\u{C}\r\u{0}\u{1A}\u{1F}\u{7F}é";
        let json = r#"{"a":"a\"\\/\b\t\n\f\r\u0000\u001A\u001F"#;
        assert_eq!(written(|object| object.text("a", text)), [json, "\u{7F}é\"}"].concat());
    }
}
