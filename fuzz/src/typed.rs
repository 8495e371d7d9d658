//! Any text as typed JSON, argument or body of a command: what a command is given is what serde_json
//! reads in it too, no key twice; what is written comes back the same.

use crate::json::Read;
use heapless::{String, Vec};
use serde::{Deserialize, Serialize};
use unstick::{Call, Instant, Text};

/// A bit of everything that a command may want.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Value {
    name: String<24>,
    rate: u32,
    offset: Option<i16>,
    #[serde(default)]
    on: bool,
    #[serde(default)]
    steps: Vec<u8, 4>,
    mode: Option<Mode>,
    inner: Option<Inner>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Slow,
    FastForward,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    at: (u64, i64),
    text: Option<String<8>>,
}

/// Whether it is a body (1), and the text.
pub fn run(bytes: &[u8]) {
    let [kind, text @ ..] = bytes else { return };
    let Ok(args) = core::str::from_utf8(text) else {
        let refusal = Call::new("set", "", text, Instant::ZERO).json::<Value>();
        assert!(refusal.is_err(), "it is not UTF-8");
        return;
    };
    let (args, body) = if kind & 1 == 0 { (args, &b""[..]) } else { ("", text) };
    let Ok(value) = Call::new("set", args, body, Instant::ZERO).json::<Value>() else { return };
    assert!(!Read::of(text).expect("JSON").repeats, "no key stands twice");
    // Which serde_json takes for a float.
    let minus_zero = text.windows(2).any(|it| it == b"-0");
    assert!(minus_zero || serde_json::from_slice::<Value>(text).expect("the same") == value);

    let mut memory = [0; 512];
    let mut written = Text::new(&mut memory);
    written.write_json(&value).expect("it has room");
    let again = Call::new("set", "", written.as_bytes(), Instant::ZERO).json::<Value>();
    assert_eq!(again.expect("what was written can be read"), value);
    assert_eq!(serde_json::from_slice::<Value>(written.as_bytes()).expect("JSON"), value);
    // What does not fit is not begun.
    let len = written.len();
    let mut memory = vec![0xA5; len - 1];
    let mut short = Text::new(&mut memory);
    assert!(short.write_json(&value).is_err() && short.is_empty());
}
