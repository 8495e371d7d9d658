//! A strict scan of a JSON object.
//!
//! It recurses nowhere and takes no memory but [`KEYS`] positions. It refuses what RFC 8259 forbids
//! and, beyond that, duplicate keys (compared decoded, so `"a"` and `"\u0061"` are one key) and more
//! than [`DEPTH`] levels. Other parsers do not: serde-json-core has no bound on nesting, accepts `\q`
//! and a raw NUL, and leaves escapes as they are.

use super::escape::{self, Escaped};
use super::{JsonError, plain_len};
use crate::limits::{DEPTH, KEYS};
use heapless::Vec;

/// Checks that `text` is one JSON object and nothing else, and passes each member of the outermost
/// object to `member`.
pub(crate) fn scan<'a, E: From<JsonError>>(
    text: &'a str,
    mut member: impl FnMut(Escaped<'a>, Value<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut scanner = Scanner { text, at: 0, keys: Vec::new(), open: Vec::new() };
    if scanner.token() != Some(b'{') {
        return Err(JsonError::NotAnObject.into());
    }
    scanner.enter(Container::Object)?;
    // The member of the outermost object whose value is being read: its key, where it starts.
    let mut outer = (Escaped::default(), 0);
    // Whether a value just ended, so that a comma or a bracket must follow; else a container has
    // just been opened, and may be closed at once.
    let mut complete = false;
    loop {
        let token = scanner.token();
        let level = scanner.open.len();
        let Some(inner) = scanner.open.last().copied() else { break };
        if token == Some(inner.container as u8) {
            scanner.leave();
            if level == 2 {
                let (key, start) = outer;
                member(key, Value { raw: scanner.slice(start), text: None })?;
            }
            complete = true;
            continue;
        }
        if complete {
            scanner.expect(token, b',')?;
            scanner.token();
        }
        if inner.container == Container::Object {
            let key = scanner.key(inner.keys)?;
            let token = scanner.token();
            scanner.expect(token, b':')?;
            scanner.token();
            if level == 1 {
                outer = (key, scanner.at);
            }
        }
        complete = match scanner.value()? {
            Some(text) if level == 1 => {
                let (key, start) = outer;
                member(key, Value { raw: scanner.slice(start), text })?;
                true
            }
            value => value.is_some(),
        };
    }
    if scanner.at == text.len() {
        Ok(())
    } else {
        Err(JsonError::Trailing { at: scanner.at }.into())
    }
}

/// Whether `text` is one JSON string and nothing else.
pub(crate) fn is_string(text: &str) -> bool {
    let mut scanner = Scanner { text, at: 0, keys: Vec::new(), open: Vec::new() };
    scanner.string().is_ok() && scanner.at == text.len()
}

/// A valid JSON value.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    /// As it stands, a string with its quotes.
    pub(crate) raw: &'a str,
    /// The text, if it is a string.
    pub(crate) text: Option<Escaped<'a>>,
}

/// A container, by the byte that closes it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Container {
    Object = b'}',
    Array = b']',
}

/// A container that is open, and how many keys of those around it precede its own.
#[derive(Clone, Copy)]
struct Open {
    container: Container,
    keys: usize,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Keys of all the open objects, the outermost object's first.
    keys: Vec<Escaped<'a>, KEYS>,
    open: Vec<Open, DEPTH>,
}

impl<'a> Scanner<'a> {
    fn syntax(&self) -> JsonError {
        JsonError::Syntax { at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn slice(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The next byte that is not white space; it stays.
    fn token(&mut self) -> Option<u8> {
        loop {
            let byte = self.peek()?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at = self.at.saturating_add(1);
        }
    }

    /// Takes the byte that is next, which must be `wanted`.
    fn expect(&mut self, next: Option<u8>, wanted: u8) -> Result<(), JsonError> {
        if next != Some(wanted) {
            return Err(self.syntax());
        }
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    /// Takes the byte that opens a container.
    fn enter(&mut self, container: Container) -> Result<(), JsonError> {
        self.at = self.at.saturating_add(1);
        let open = Open { container, keys: self.keys.len() };
        self.open.push(open).map_err(|_| JsonError::TooDeep)
    }

    /// Takes the byte that closes one.
    fn leave(&mut self) {
        self.at = self.at.saturating_add(1);
        if let Some(open) = self.open.pop() {
            self.keys.truncate(open.keys);
        }
    }

    /// A key, which no other key of the same object may equal; its first one is `first` of all.
    fn key(&mut self, first: usize) -> Result<Escaped<'a>, JsonError> {
        let at = self.at;
        let key = self.string()?;
        if self.keys.get(first..).unwrap_or_default().contains(&key) {
            return Err(JsonError::Duplicate { at });
        }
        self.keys.push(key).map_err(|_| JsonError::TooManyKeys)?;
        Ok(key)
    }

    /// A value, and its text if it is a string. A container is only entered: that is `None`.
    fn value(&mut self) -> Result<Option<Option<Escaped<'a>>>, JsonError> {
        match self.peek() {
            Some(b'"') => return self.string().map(|text| Some(Some(text))),
            Some(b'{') => return self.enter(Container::Object).map(|()| None),
            Some(b'[') => return self.enter(Container::Array).map(|()| None),
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            _ => self.number()?,
        }
        Ok(Some(None))
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.syntax());
        }
        self.at = self.at.saturating_add(word.len());
        Ok(())
    }

    /// A string without its quotes, its escapes valid.
    fn string(&mut self) -> Result<Escaped<'a>, JsonError> {
        if !self.eat(b'"') {
            return Err(self.syntax());
        }
        let (start, mut has_escapes) = (self.at, false);
        loop {
            self.at = self.at.saturating_add(plain_len(self.rest()));
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.at = self.at.saturating_add(2).min(self.text.len());
                }
                _ => return Err(self.syntax()),
            }
        }
        let raw = self.slice(start);
        self.at = self.at.saturating_add(1);
        match escape::check(raw, has_escapes) {
            Ok(escaped) => Ok(escaped),
            Err(offset) => Err(JsonError::Escape { at: start.saturating_add(offset) }),
        }
    }

    /// `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?`
    fn number(&mut self) -> Result<(), JsonError> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at = self.at.saturating_add(1);
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at = self.at.saturating_add(1);
        }
        if self.at == start { Err(self.syntax()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) -> Result<(), JsonError> {
        scan(text, |_, _| Ok(()))
    }

    fn refused(text: &str) -> JsonError {
        check(text).unwrap_err()
    }

    #[test]
    fn what_is_a_string_and_nothing_else() {
        for (text, is) in [
            (r#""""#, true),
            (r#""a\"b""#, true),
            (r#""a" "#, false),
            (r#""a"#, false),
            ("7", false),
            ("", false),
        ] {
            assert_eq!(is_string(text), is, "{text}");
        }
    }

    #[test]
    fn members_come_with_their_values_as_they_stand() {
        let mut seen = std::vec::Vec::new();
        let text = r#" { "a" : 1 , "b":{"a":[2,{}],"c":[]}, "d\n":"x\"}" } "#;
        scan(text, |key, value| {
            seen.push((key.raw(), value.raw));
            Ok::<_, JsonError>(())
        })
        .unwrap();
        assert_eq!(seen, [("a", "1"), ("b", r#"{"a":[2,{}],"c":[]}"#), (r"d\n", r#""x\"}""#)]);
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        assert_eq!(refused(""), JsonError::NotAnObject);
        assert_eq!(refused("[1]"), JsonError::NotAnObject);
        assert_eq!(refused(r#"{"a":1}x"#), JsonError::Trailing { at: 7 });
        assert_eq!(refused(r#"{"a":1}{}"#), JsonError::Trailing { at: 7 });
        for (text, at) in [
            (r#"{"a":1"#, 6),
            (r#"{"a":1,}"#, 7),
            (r#"{,}"#, 1),
            (r#"{"a"}"#, 4),
            (r#"{"a":}"#, 5),
            (r#"{"a":[1,]}"#, 8),
            (r#"{"a":[1}"#, 7),
            (r#"{"a":01}"#, 6),
            (r#"{"a":1.}"#, 7),
            (r#"{"a":1e}"#, 7),
            (r#"{"a":-}"#, 6),
            (r#"{"a":nul}"#, 5),
            ("{\"a\":\"\0\"}", 6),
            (r#"{"a":"b}"#, 8),
            (r#"{"a":"b\"#, 8),
            (r#"{"a":"b\""#, 9),
            (r#"{a:1}"#, 1),
        ] {
            assert_eq!(refused(text), JsonError::Syntax { at }, "{text}");
        }
        assert_eq!(refused(r#"{"a":"\q"}"#), JsonError::Escape { at: 6 });
    }

    #[test]
    fn duplicates_are_found_decoded_and_at_every_level() {
        assert_eq!(refused(r#"{"a":1,"a":2}"#), JsonError::Duplicate { at: 7 });
        assert_eq!(refused(r#"{"a":1,"\u0061":2}"#), JsonError::Duplicate { at: 7 });
        assert_eq!(refused(r#"{"o":{"b":1,"b":1}}"#), JsonError::Duplicate { at: 12 });
        assert_eq!(check(r#"{"a":{"a":1},"b":{"a":1}}"#), Ok(()));
    }

    #[test]
    fn nesting_and_keys_are_bounded() {
        let nested = |levels: usize| {
            let mut text = std::string::String::from(r#"{"a":"#);
            text.extend(core::iter::repeat_n('[', levels));
            text.extend(core::iter::repeat_n(']', levels));
            text.push('}');
            text
        };
        assert_eq!(check(&nested(DEPTH - 1)), Ok(()));
        assert_eq!(refused(&nested(DEPTH)), JsonError::TooDeep);
        let keys = |count: usize| {
            let members: std::vec::Vec<_> = (0..count).map(|k| std::format!("\"{k}\":0")).collect();
            std::format!("{{{}}}", members.join(","))
        };
        assert_eq!(check(&keys(KEYS)), Ok(()));
        assert_eq!(refused(&keys(KEYS + 1)), JsonError::TooManyKeys);
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_without_a_panic(text in r#"[\{\}\[\],:"\\ a0-9eu.\-]{0,64}"#) {
            let _ = check(&text);
        }
    }
}
