//! The echo service over TCP.

use super::{expect, send, tcp};
use crate::scenario::{Act, Scenario};
use unstick::Service::Echo;

pub(super) fn table() -> Vec<Scenario> {
    let every_byte: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..100_000_u32).map(|at| (at * 7 / 3) as u8).collect();
    let mut many = Vec::new();
    for turn in 0..50 {
        many.push(send(format!("turn {turn};")));
        many.push(expect(format!("TURN {turn};")));
    }
    vec![
        tcp(Echo, "echo-lower", "E1", [send("hello"), expect("HELLO")]),
        tcp(Echo, "echo-mixed", "E1", [send("Hello, World 123!"), expect("HELLO, WORLD 123!")]),
        tcp(Echo, "echo-lines", "E1", [send("a\r\nb\n\0c"), expect("A\r\nB\n\0C")]),
        tcp(Echo, "echo-utf8", "E1", [send("grüße, 文件 😀, ÿ"), expect("GRüßE, 文件 😀, ÿ")]),
        tcp(Echo, "echo-bytes", "E1", [send(every_byte.clone()), expect(upper(&every_byte))]),
        tcp(Echo, "echo-nothing", "E1 F3", [Act::Finish, Act::ExpectEnd]),
        tcp(Echo, "echo-large", "E1 F2", [send(large.clone()), expect(upper(&large))]),
        tcp(Echo, "echo-many", "E1 F2", many),
        tcp(
            Echo,
            "echo-stuck",
            "E1 F2",
            [send("one "), send("two "), send("three"), expect("ONE TWO THREE")],
        ),
        tcp(
            Echo,
            "echo-half-close",
            "E1 F3",
            [send("what is left"), Act::Finish, expect("WHAT IS LEFT"), Act::ExpectEnd],
        ),
    ]
}

/// Python's `bytes.upper()`.
pub(super) fn upper(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if (97..=122).contains(byte) { byte - 32 } else { *byte }).collect()
}
