//! Writes JSON into a slice.

use crate::bytes::copy;
use crate::wire::header::Id;

/// A JSON object to be written, without its members that are `None`.
///
/// Its values have one type, so that there is one copy of the code that writes a member.
pub(crate) struct Members<'a>(pub(crate) &'a [(&'static str, Option<Member<'a>>)]);

/// A value of a member.
#[derive(Clone, Copy)]
pub(crate) enum Member<'a> {
    Text(&'a str),
    Size(u64),
    Exit(i32),
    Id(Id<'a>),
    #[cfg(feature = "commands")]
    Members(&'a Members<'a>),
}

impl Members<'_> {
    /// Writes the object to the start of `output`. Returns the number of bytes written, or `None`
    /// if it does not fit.
    pub(crate) fn write(&self, output: &mut [u8]) -> Option<usize> {
        let mut writer = Writer { output, len: 0 };
        writer.object(self)?;
        Some(writer.len)
    }
}

/// Every method returns `None` once something does not fit.
struct Writer<'o> {
    output: &'o mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn object(&mut self, Members(members): &Members<'_>) -> Option<()> {
        let mut before = b'{';
        for (key, value) in *members {
            let Some(value) = value else { continue };
            self.byte(before)?;
            before = b',';
            self.text(key)?;
            self.byte(b':')?;
            match value {
                Member::Text(text) => self.text(text)?,
                Member::Size(size) => self.number(*size)?,
                Member::Exit(code) => {
                    if *code < 0 {
                        self.byte(b'-')?;
                    }
                    self.number(code.unsigned_abs().into())?;
                }
                Member::Id(id) => self.push(id.raw().as_bytes())?,
                #[cfg(feature = "commands")]
                Member::Members(members) => self.object(members)?,
            }
        }
        if before == b'{' {
            self.byte(before)?;
        }
        self.byte(b'}')
    }

    #[inline(never)]
    fn text(&mut self, text: &str) -> Option<()> {
        self.byte(b'"')?;
        let mut rest = text.as_bytes();
        loop {
            // What needs no escape goes in one piece.
            let plain = rest.iter().position(|byte| matches!(byte, 0..=0x1F | b'"' | b'\\'));
            let (piece, after) = rest.split_at_checked(plain.unwrap_or(rest.len()))?;
            self.push(piece)?;
            let Some((byte, after)) = after.split_first() else { return self.byte(b'"') };
            self.escape(*byte)?;
            rest = after;
        }
    }

    fn escape(&mut self, byte: u8) -> Option<()> {
        self.byte(b'\\')?;
        self.byte(match byte {
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0C => b'f',
            b'\r' => b'r',
            0..=0x1F => {
                let low = byte & 0xF;
                let low = if low < 10 { b'0' | low } else { (b'A' - 10).wrapping_add(low) };
                return self.push(&[b'u', b'0', b'0', b'0' | byte >> 4, low]);
            }
            _ => byte,
        })
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

    #[inline(never)]
    fn byte(&mut self, byte: u8) -> Option<()> {
        *self.output.get_mut(self.len)? = byte;
        self.len = self.len.saturating_add(1);
        Some(())
    }

    #[inline(never)]
    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let copied = copy(bytes, self.output.get_mut(self.len..)?);
        self.len = self.len.saturating_add(copied);
        (copied == bytes.len()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn written(members: &[(&'static str, Option<Member<'_>>)]) -> String {
        let mut output = [0xA5; 256];
        let len = Members(members).write(&mut output).unwrap();
        assert_eq!(Members(members).write(&mut output[..len - 1]), None, "one byte too few");
        String::from_utf8(output[..len].to_vec()).unwrap()
    }

    #[test]
    fn objects() {
        assert_eq!(written(&[]), "{}");
        assert_eq!(written(&[("a", None), ("b", Some(Member::Size(0)))]), r#"{"b":0}"#);
        let inner = Members(&[("c", Some(Member::Exit(i32::MIN)))]);
        let outer = [
            ("a", Some(Member::Size(u64::MAX))),
            ("b", Some(Member::Members(&inner))),
            ("d", Some(Member::Id(Id::parse(r#""\u00e9""#).unwrap()))),
        ];
        let json = r#"{"a":18446744073709551615,"b":{"c":-2147483648},"d":"\u00e9"}"#;
        assert_eq!(written(&outer), json);
    }

    #[test]
    fn texts_are_escaped_as_rfc_8259_wants() {
        let text = "a\"\\/\u{8}\t\n\u{C}\r\u{0}\u{1F}\u{7F}é";
        let json = r#"{"a":"a\"\\/\b\t\n\f\r\u0000\u001F"#;
        assert_eq!(written(&[("a", Some(Member::Text(text)))]), [json, "\u{7F}é\"}"].concat());
    }
}
