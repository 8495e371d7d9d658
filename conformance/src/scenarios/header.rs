//! Headers of the command service: what is read, and what is refused and closed upon.

use super::command::asks;
use super::{expect, send, tcp};
use crate::golden::{frame, reply, request};
use crate::scenario::{Act, Scenario};
use unstick::Service::Command;

pub(super) fn table() -> Vec<Scenario> {
    let mut table = prefixes();
    table.extend(syntax());
    table.extend(sizes());
    table.extend(read());
    table
}

/// A header that is refused, with a good request behind it that is not looked at any more.
fn bad(name: &'static str, rules: &'static str, header: impl AsRef<[u8]>, why: &str) -> Scenario {
    let sent = [frame(header), request("2", "upper late")].concat();
    let answer = expect(reply("", "bad-request", why));
    tcp(Command, name, rules, [Act::Send(sent), answer, Act::ExpectEnd])
}

fn prefixes() -> Vec<Scenario> {
    let refused = |name, rules, sent: Vec<u8>, status, why| {
        tcp(Command, name, rules, [Act::Send(sent), expect(reply("", status, why)), Act::ExpectEnd])
    };
    let padded = |len: usize| format!("{:len$}", r#"{"id":1,"command":"upper a"}"#);
    vec![
        tcp(
            Command,
            "header-empty",
            "H2",
            [
                send(b"\0\0\0\0"),
                expect(
                    b"\x5f\0\0\0{\"status\":\"bad-request\",\"filename\":\"\",\"total_size\":48,\"md5\":\"839f367e4e7b67084d60443a1db81224\"}the header is empty; a JSON object must be there",
                ),
                Act::ExpectEnd,
            ],
        ),
        refused(
            "prefix-minus-one",
            "F1",
            vec![0xFF; 4],
            "bad-request",
            "a prefix declares -1 bytes; 0 to 2147483647 are possible",
        ),
        refused(
            "prefix-minimum",
            "F1",
            vec![0, 0, 0, 0x80],
            "bad-request",
            "a prefix declares -2147483648 bytes; 0 to 2147483647 are possible",
        ),
        refused(
            "prefix-maximum",
            "F1 H1",
            vec![0xFF, 0xFF, 0xFF, 0x7F],
            "too-large",
            "a header of 2147483647 bytes is over the limit of 1024",
        ),
        refused(
            "header-1025",
            "H1 F4",
            frame(padded(1025)),
            "too-large",
            "a header of 1025 bytes is over the limit of 1024",
        ),
        asks(
            "header-1024",
            "H1",
            [
                (frame(padded(1024)), reply("1", "ok", "A")),
                (request("2", "upper b"), reply("2", "ok", "B")),
            ],
        ),
        tcp(
            Command,
            "header-after-good",
            "F1 C1",
            [
                send([&request("1", "upper a")[..], &[0xFF; 4]].concat()),
                expect(reply("1", "ok", "A")),
                expect(reply(
                    "",
                    "bad-request",
                    "a prefix declares -1 bytes; 0 to 2147483647 are possible",
                )),
                Act::ExpectEnd,
            ],
        ),
    ]
}

fn syntax() -> Vec<Scenario> {
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!(r#"{{"id":1,"command":"upper a","x":{open}{close}}}"#)
    };
    let keys = |count: usize| {
        let others: String = (2..count).map(|key| format!(r#","k{key}":{key}"#)).collect();
        format!(r#"{{"id":1,"command":"upper a"{others}}}"#)
    };
    vec![
        bad("header-text", "H2", "upper hello", "the header is not a JSON object"),
        bad("header-list", "H2", r#"["upper a"]"#, "the header is not a JSON object"),
        bad("header-spaces", "H2", "    ", "the header is not a JSON object"),
        bad("header-cut", "H2", r#"{"command":"#, "the header is not JSON at byte 11"),
        bad("header-comma", "H2", r#"{"command":"upper a",}"#, "the header is not JSON at byte 21"),
        bad("header-quotes", "H2", "{'command':'upper a'}", "the header is not JSON at byte 1"),
        bad(
            "header-control",
            "H2",
            "{\"command\":\"upper \0\"}",
            "the header is not JSON at byte 18",
        ),
        bad("header-bom", "H2", "\u{FEFF}{\"id\":1}", "the header starts with a byte order mark"),
        bad(
            "header-trailing",
            "H2",
            r#"{"command":"upper a"} x"#,
            "bytes follow the header's object at byte 22",
        ),
        bad(
            "header-not-utf8",
            "H2",
            b"{\"command\":\"upper \xFF\"}",
            "the header is not UTF-8 at byte 18",
        ),
        bad(
            "header-duplicate",
            "H4",
            r#"{"command":"upper a","command":"upper b"}"#,
            "the header repeats a key at byte 21",
        ),
        bad(
            "header-duplicate-escaped",
            "H4 H3",
            r#"{"x":1,"\u0078":2,"command":"upper a"}"#,
            "the header repeats a key at byte 7",
        ),
        asks(
            "header-key-escaped",
            "H3",
            [(frame(r#"{"id":1,"c\u006fmmand":"upper a"}"#), reply("1", "ok", "A"))],
        ),
        bad(
            "header-half-surrogate",
            "H3",
            r#"{"command":"echo \ud83d"}"#,
            "the header has a bad escape at byte 17",
        ),
        bad(
            "header-bad-escape",
            "H3",
            r#"{"command":"echo \q"}"#,
            "the header has a bad escape at byte 17",
        ),
        bad(
            "header-two-names",
            "H6",
            r#"{"filename":"a","filenema":"b","command":"upper a"}"#,
            "the header has both `filename` and `filenema`",
        ),
        bad("header-number-command", "H2", r#"{"command":5}"#, "`command` is not a string"),
        bad("header-nine-levels", "H4", deep(9), "the header nests deeper than 8 levels"),
        asks("header-eight-levels", "H4", [(frame(deep(8)), reply("1", "ok", "A"))]),
        bad("header-33-keys", "H4", keys(33), "the header has more than 32 keys"),
        asks("header-32-keys", "H4", [(frame(keys(32)), reply("1", "ok", "A"))]),
    ]
}

fn sizes() -> Vec<Scenario> {
    let sized = |name, size: &str, why: &str| {
        bad(name, "H5", format!(r#"{{"id":1,"command":"upper a","total_size":{size}}}"#), why)
    };
    let over = "`total_size` is over 18446744073709551615";
    vec![
        sized("size-51-digits", "123123123123123123123123123123123123123123123123123", over),
        sized("size-two-to-64", "18446744073709551616", over),
        sized("size-negative", "-1", "`total_size` is negative"),
        sized("size-fraction", "1.0", "`total_size` is not a whole number"),
        sized("size-exponent", "1e3", "`total_size` is not a whole number"),
        sized("size-text", r#""5""#, "`total_size` is not a number"),
        sized("size-list", "[5]", "`total_size` is not a number"),
        tcp(
            Command,
            "size-u64-max",
            "H5 C4",
            [
                send(frame(r#"{"id":1,"command":"upper a","total_size":18446744073709551615}"#)),
                expect(reply(
                    "1",
                    "bad-request",
                    "upper takes no body; 18446744073709551615 bytes came",
                )),
                Act::ExpectEnd,
            ],
        ),
    ]
}

/// Headers that are unusual and right.
fn read() -> Vec<Scenario> {
    let ignored = r#"{"id":1,"x":{"a":[1,-2.5e+3,true,false,null,"\u0000\"",{}],"b":""},"command":"upper a","é":"\\","total":-1}"#;
    vec![
        asks("header-unknown-fields", "H4", [(frame(ignored), reply("1", "ok", "A"))]),
        asks(
            "header-filenema",
            "H6",
            [
                (frame(r#"{"filenema":"a.txt","command":"upper a"}"#), reply("", "ok", "A")),
                (frame(r#"{"filename":"a.txt","command":"upper b"}"#), reply("", "ok", "B")),
            ],
        ),
        asks(
            "header-emoji",
            "H3",
            [
                (request("1", r"echo \u4f60\ud83d\ude00"), reply("1", "ok", "你😀")),
                (request("2", r"ech\u006f a\tb\\c\/d"), reply("2", "ok", "a\tb\\c/d")),
                (request("3", "echo 你😀"), reply("3", "ok", "你😀")),
            ],
        ),
    ]
}
