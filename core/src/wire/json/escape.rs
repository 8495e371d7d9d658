//! JSON strings as they stand on the wire, and what they mean (RFC 8259 section 7).

use core::str::Chars;
use heapless::string::StringView;

/// The inside of a JSON string, its escapes valid and still in place.
///
/// Text without escapes is borrowed unchanged ([`Escaped::plain`]); any text is read character by
/// character ([`Escaped::chars`]), surrogate pairs joined.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Escaped<'a> {
    raw: &'a str,
    has_escapes: bool,
}

impl<'a> Escaped<'a> {
    /// The text as it stands, escapes and all.
    #[must_use]
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// The text, if it has no escapes.
    #[must_use]
    pub fn plain(self) -> Option<&'a str> {
        if self.has_escapes { None } else { Some(self.raw) }
    }

    /// The text's characters.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        Decode(self.raw.chars()).map_while(Result::ok)
    }

    /// The text, borrowed where it has no escapes, else decoded into `buffer`; `None` if that is
    /// too small.
    pub fn decode<'b>(self, buffer: &'b mut StringView) -> Option<&'b str>
    where
        'a: 'b,
    {
        if let Some(plain) = self.plain() {
            return Some(plain);
        }
        buffer.clear();
        self.chars().try_for_each(|c| buffer.push(c)).ok()?;
        Some(buffer)
    }
}

impl PartialEq for Escaped<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.plain(), other.plain()) {
            (Some(text), Some(other)) => text == other,
            _ => self.chars().eq(other.chars()),
        }
    }
}

impl Eq for Escaped<'_> {}

impl PartialEq<str> for Escaped<'_> {
    fn eq(&self, other: &str) -> bool {
        self.plain().map_or_else(|| self.chars().eq(other.chars()), |text| text == other)
    }
}

impl PartialEq<&str> for Escaped<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

/// The text, of which is known whether it has escapes, if they are all valid; else the offset in bytes
/// of the first that is not.
pub(super) fn check(raw: &str, has_escapes: bool) -> Result<Escaped<'_>, usize> {
    if has_escapes {
        let mut decode = Decode(raw.chars());
        loop {
            let offset = raw.len().saturating_sub(decode.0.as_str().len());
            match decode.next() {
                None => break,
                Some(Ok(_)) => {}
                Some(Err(BadEscape)) => return Err(offset),
            }
        }
    }
    Ok(Escaped { raw, has_escapes })
}

struct BadEscape;

struct Decode<'a>(Chars<'a>);

impl Decode<'_> {
    fn hex(&mut self) -> Result<u32, BadEscape> {
        let mut unit = 0_u32;
        for _ in 0..4 {
            let digit = self.0.next().and_then(|c| c.to_digit(16)).ok_or(BadEscape)?;
            unit = (unit << 4) | digit;
        }
        Ok(unit)
    }

    fn escape(&mut self) -> Result<char, BadEscape> {
        Ok(match self.0.next() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{C}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let mut code = self.hex()?;
                if (0xD800..0xDC00).contains(&code) {
                    let escaped = self.0.next() == Some('\\') && self.0.next() == Some('u');
                    let low = if escaped { self.hex()? } else { 0 };
                    let low = low.checked_sub(0xDC00).filter(|low| *low < 0x400);
                    let pair = ((code & 0x3FF) << 10) | low.ok_or(BadEscape)?;
                    code = pair.saturating_add(0x1_0000);
                }
                char::from_u32(code).ok_or(BadEscape)?
            }
            _ => return Err(BadEscape),
        })
    }
}

impl Iterator for Decode<'_> {
    type Item = Result<char, BadEscape>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.next()? {
            '\\' => Some(self.escape()),
            c => Some(Ok(c)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str) -> Result<Escaped<'_>, usize> {
        super::check(raw, raw.contains('\\'))
    }

    fn decoded(raw: &str) -> Result<std::string::String, usize> {
        check(raw).map(|escaped| escaped.chars().collect())
    }

    #[test]
    fn escapes_are_decoded() {
        let text = r#"a\n\"\\\/\b\f\r\t"#;
        assert_eq!(decoded(text).as_deref(), Ok("a\n\"\\/\u{8}\u{C}\r\t"));
        assert_eq!(decoded(r"\u6587\u4ef6.txt").as_deref(), Ok("文件.txt"));
        assert_eq!(decoded(r"\ud83d\ude00\udbff\udfff").as_deref(), Ok("😀\u{10FFFF}"));
    }

    #[test]
    fn a_bad_escape_is_named_by_its_offset() {
        for (raw, offset) in [
            (r"ab\q", 2),
            (r"\u12", 0),
            (r"\u12g4", 0),
            (r"é\ud83d", 2),
            (r"\ud83dx", 0),
            (r"\ud83d\u0041", 0),
            (r"\ude00", 0),
            (r"\ud83d\ue000", 0),
        ] {
            assert_eq!(decoded(raw), Err(offset), "{raw}");
        }
    }

    #[test]
    fn text_is_compared_by_what_it_means() {
        assert_eq!(check(r"\u0069d"), check("id"));
        assert!(check("id").unwrap() == *"id");
        assert!(check(r"i\u0064").unwrap() == *"id");
        assert!(check("id").unwrap() == "id" && check("id").unwrap() != "it");
        assert!(check("id") != check("it"));
    }

    #[test]
    fn only_escaped_text_needs_the_buffer() {
        let mut buffer = heapless::String::<2>::new();
        assert_eq!(check("longer").unwrap().decode(&mut buffer), Some("longer"));
        assert_eq!(check(r"\u0061b").unwrap().decode(&mut buffer), Some("ab"));
        assert_eq!(check(r"\u0061bc").unwrap().decode(&mut buffer), None);
    }
}
