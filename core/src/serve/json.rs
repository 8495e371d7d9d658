//! Typed JSON in commands, through serde-json-core.
//!
//! serde-json-core bounds no nesting and accepts what RFC 8259 forbids, so the core's own scan goes
//! first. It has places that can panic on a 32-bit machine as far as a linker can tell, so this
//! feature is outside the proof at link time.

use super::command::Call;
use super::reply::{Refusal, Status};
use super::text::Text;
use crate::wire::json::{self, JsonError};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Bytes of the longest string with escapes.
const ESCAPED: usize = 256;

impl<'a> Call<'a> {
    /// Reads a value from the arguments or, where there are none, from the [body](Call::body).
    ///
    /// It must be a JSON object within the bounds of a header (rule H4); unknown members are
    /// skipped. A string with escapes fits an owned type such as `heapless::String`, and has at most
    /// 256 bytes. Anything else is refused with a sentence.
    pub fn json<T: Deserialize<'a>>(&self) -> Result<T, Refusal> {
        let (what, text) = match self.args.trim_ascii() {
            "" => ("the body", self.body_text()?),
            _ => ("the argument", self.args),
        };
        let bad = |why: fmt::Arguments<'_>| Refusal::new(Status::BadRequest, why);
        json::scan(text, |_, _| Ok(()))
            .map_err(|error| bad(format_args!("{}", Explained(what, error))))?;
        let mut unescaped = [0; ESCAPED];
        let value = serde_json_core::from_str_escaped(text, &mut unescaped);
        let value =
            value.map_err(|error| bad(format_args!("{what} does not fit {}: {error}", self.name)));
        value.map(|(value, _)| value)
    }
}

struct Explained(&'static str, JsonError);

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.explain(self.0, f)
    }
}

impl Text<'_> {
    /// Adds a value as JSON, all of it or nothing.
    pub fn write_json(&mut self, value: &impl Serialize) -> fmt::Result {
        self.write_with(|space| serde_json_core::to_slice(value, space).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Setting<'a> {
        rate: u8,
        name: &'a str,
    }

    fn read<'a>(args: &'a str, body: &'a [u8]) -> Result<Setting<'a>, Refusal> {
        Call::new("config", args, body, Instant::ZERO).json()
    }

    #[test]
    fn a_value_is_the_argument_or_else_the_body() {
        let text = r#" {"rate":7,"more":[{}],"name":"a"} "#;
        let setting = Setting { rate: 7, name: "a" };
        assert_eq!(read(text, b"").as_ref(), Ok(&setting));
        assert_eq!(read(" ", text.as_bytes()), Ok(setting));
    }

    #[test]
    fn what_is_none_is_refused_by_its_place() {
        for (args, body, why) in [
            ("", &b""[..], "the body is not a JSON object"),
            ("[]", b"{}", "the argument is not a JSON object"),
            (r#"{"rate":7,"rate":8}"#, b"", "the argument repeats a key at byte 10"),
            ("", b"\xFF", "the body is not UTF-8 at byte 0"),
        ] {
            let refusal = read(args, body).unwrap_err();
            assert_eq!((refusal.status, &*refusal.reason), (Status::BadRequest, why));
        }
        let refusal = read(r#"{"rate":256,"name":"a"}"#, b"").unwrap_err();
        assert!(refusal.reason.starts_with("the argument does not fit config: "), "{refusal}");
    }

    #[test]
    fn a_value_is_written_whole_or_not_at_all() {
        let mut memory = [0; 21];
        let mut text = Text::new(&mut memory);
        assert!(text.write_json(&Setting { rate: 7, name: "abc" }).is_err());
        assert!(text.is_empty());
        text.write_json(&Setting { rate: 7, name: "a" }).unwrap();
        assert_eq!(text.as_bytes(), br#"{"rate":7,"name":"a"}"#);
    }
}
