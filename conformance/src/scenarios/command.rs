//! The command service: requests, their order, their ids, and what every node answers.

use super::{expect, send, tcp};
use crate::golden::{frame, message, reply, request};
use crate::scenario::{Act, Scenario, Setup};
use unstick::Service::Command;

pub(super) fn table() -> Vec<Scenario> {
    let mut table = vec![
        tcp(
            Command,
            "command-golden",
            "M1 C1 C2",
            [
                send(b"\x20\0\0\0{\"id\":1,\"command\":\"upper hello\"}"),
                expect(
                    b"\x5c\0\0\0{\"id\":1,\"status\":\"ok\",\"filename\":\"\",\"total_size\":5,\"md5\":\"eb61eead90e3b899c6bcbe27ac581660\"}HELLO",
                ),
            ],
        ),
        asks("command-echo", "C1", [(request("1", "echo Hello"), reply("1", "ok", "Hello"))]),
        asks("command-no-text", "C1", [(request("1", "upper"), reply("1", "ok", ""))]),
        asks(
            "command-several",
            "C1",
            [
                (request("1", "upper a"), reply("1", "ok", "A")),
                (request("2", "echo b"), reply("2", "ok", "b")),
                (request("3", "upper c"), reply("3", "ok", "C")),
            ],
        ),
        asks(
            "command-unknown",
            "C3",
            [
                (
                    request("1", "frobnicate all"),
                    reply("1", "unknown-command", "there is no command `frobnicate`; try help"),
                ),
                (
                    request("2", "Upper a"),
                    reply("2", "unknown-command", "there is no command `Upper`; try help"),
                ),
                (request("3", "upper a"), reply("3", "ok", "A")),
            ],
        ),
        asks(
            "command-empty",
            "C3",
            [(request("1", ""), reply("1", "unknown-command", "there is no command ``; try help"))],
        ),
        asks(
            "command-missing",
            "C3",
            [
                (frame(r#"{"id":7}"#), reply("7", "bad-request", "the header has no `command`")),
                (frame("{}"), reply("", "bad-request", "the header has no `command`")),
                (
                    frame(r#"{"id":8,"command":null}"#),
                    reply("8", "bad-request", "the header has no `command`"),
                ),
                (request("9", "upper a"), reply("9", "ok", "A")),
            ],
        ),
        long_reason(),
        asks(
            "command-exactly-sized",
            "H5",
            [
                (frame(r#"{"command":"upper a","total_size":0}"#), reply("", "ok", "A")),
                (frame(r#"{"command":"upper b","total_size":null}"#), reply("", "ok", "B")),
                (frame(r#"{"command":"upper c"}"#), reply("", "ok", "C")),
            ],
        ),
        pipelined(),
        pipelined_deep(),
        tcp(
            Command,
            "command-half-close",
            "C1 F3",
            [
                send([request("1", "upper a"), request("2", "echo b")].concat()),
                Act::Finish,
                expect(reply("1", "ok", "A")),
                expect(reply("2", "ok", "b")),
                Act::ExpectEnd,
            ],
        ),
        tcp(Command, "command-nothing", "F3", [Act::Finish, Act::ExpectEnd]),
    ];
    table.extend(ids());
    table.extend(ends());
    table.extend(told());
    table
}

/// Requests, each sent when the last is answered.
pub(super) fn asks(
    name: &'static str,
    rules: &'static str,
    turns: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
) -> Scenario {
    let script = turns.into_iter().flat_map(|(request, reply)| [send(request), expect(reply)]);
    tcp(Command, name, rules, script)
}

/// Refusals are cut at 160 bytes, between two characters.
fn long_reason() -> Scenario {
    let (latin, han) = ("a".repeat(200), "文".repeat(100));
    let cut = |name: &str| format!("there is no command `{name}");
    asks(
        "command-long-reason",
        "C3",
        [
            (request("1", &latin), reply("1", "unknown-command", cut(&"a".repeat(160 - 21)))),
            (request("2", &han), reply("2", "unknown-command", cut(&"文".repeat((160 - 21) / 3)))),
        ],
    )
}

fn pipelined() -> Scenario {
    let requests = [
        request("1", "upper a"),
        request("2", "nothing"),
        frame(r#"{"id":3}"#),
        message(r#"{"id":4,"command":"echo four","total_size":3}"#, "abc"),
        request("5", "echo five"),
    ];
    let replies = [
        reply("1", "ok", "A"),
        reply("2", "unknown-command", "there is no command `nothing`; try help"),
        reply("3", "bad-request", "the header has no `command`"),
        reply("4", "bad-request", "echo takes no body; 3 bytes came"),
        reply("5", "ok", "five"),
    ];
    tcp(
        Command,
        "command-pipelined",
        "C1 C2 C4",
        [send(requests.concat()), expect(replies.concat())],
    )
}

fn pipelined_deep() -> Scenario {
    let turns = 0..64;
    let requests = turns.clone().map(|id| request(&id.to_string(), &format!("upper turn {id}")));
    let replies = turns.map(|id| reply(&id.to_string(), "ok", format!("TURN {id}")));
    let (requests, replies): (Vec<_>, Vec<_>) = (requests.collect(), replies.collect());
    tcp(
        Command,
        "command-pipelined-deep",
        "C1 F2",
        [send(requests.concat()), expect(replies.concat())],
    )
}

/// Ids come back as they came.
fn ids() -> Vec<Scenario> {
    let long = format!("\"{}\"", "i".repeat(62));
    let returned = |name, id: &str| {
        let asked = frame(format!(r#"{{"id":{id},"command":"upper a"}}"#));
        asks(
            name,
            "C2",
            [(asked, reply(id, "ok", "A")), (request("2", "echo"), reply("2", "ok", ""))],
        )
    };
    let refused = |name, id: &str, why: &str| {
        let asked = frame(format!(r#"{{"id":{id},"command":"upper a"}}"#));
        let answer = reply("", "bad-request", why);
        tcp(Command, name, "C2", [send(asked), expect(answer), Act::ExpectEnd])
    };
    let neither = "`id` is neither a string nor a 64-bit whole number";
    vec![
        returned("id-zero", "0"),
        returned("id-negative", "-9223372036854775808"),
        returned("id-u64-max", "18446744073709551615"),
        returned("id-text", r#""req-1""#),
        returned("id-empty-text", r#""""#),
        returned("id-utf8", r#""文件 é""#),
        returned("id-escapes", r#""\u00e9\"\\\/\n\ud83d\ude00""#),
        returned("id-64-bytes", &long),
        asks("id-none", "C2", [(frame(r#"{"command":"upper a"}"#), reply("", "ok", "A"))]),
        asks(
            "id-null",
            "C2",
            [(frame(r#"{"id":null,"command":"upper a"}"#), reply("", "ok", "A"))],
        ),
        asks(
            "id-spaced",
            "C2 H2",
            [(frame("{ \"command\" : \"upper a\" ,\r\n\t\"id\" : 5 }"), reply("5", "ok", "A"))],
        ),
        refused("id-fraction", "1.5", neither),
        refused("id-minus-zero", "-0", neither),
        refused("id-true", "true", neither),
        refused("id-list", "[1]", neither),
        refused("id-over-u64", "18446744073709551616", neither),
        refused(
            "id-65-bytes",
            &format!("\"{}\"", "i".repeat(63)),
            "an `id` of 65 bytes is over the limit of 64",
        ),
    ]
}

/// The input ends inside something: the reply says what is missing, then the peer closes.
fn ends() -> Vec<Scenario> {
    let cut = |name, sent: Vec<u8>, answer: Vec<u8>| {
        let acts = [Act::Send(sent), Act::Finish, Act::Expect(answer), Act::ExpectEnd];
        tcp(Command, name, "F3", acts)
    };
    let bad = |id: &str, why: &str| reply(id, "bad-request", why);
    let whole = request("1", "upper a");
    let put = message(r#"{"id":1,"command":"put unstick-cut","total_size":10}"#, "four");
    let dropped = message(r#"{"id":2,"command":"echo","total_size":10}"#, "seven..");
    vec![
        cut(
            "end-in-prefix",
            whole[..2].to_vec(),
            bad("", "the input ended inside a frame, 2 bytes are missing"),
        ),
        cut(
            "end-after-prefix",
            whole[..4].to_vec(),
            bad("", "the input ended inside a frame, 28 bytes are missing"),
        ),
        cut(
            "end-in-header",
            whole[..10].to_vec(),
            bad("", "the input ended inside a frame, 22 bytes are missing"),
        ),
        cut("end-in-body", put, bad("1", "the input ended inside a body, 6 bytes are missing")),
        cut(
            "end-in-refused-body",
            dropped,
            bad("2", "the input ended inside a body, 3 bytes are missing"),
        ),
        tcp(
            Command,
            "end-after-answers",
            "F3 C1",
            [
                send([&whole[..], &request("2", "upper b")[..9]].concat()),
                Act::Finish,
                expect(reply("1", "ok", "A")),
                expect(bad("", "the input ended inside a frame, 23 bytes are missing")),
                Act::ExpectEnd,
            ],
        ),
    ]
}

/// What differs from node to node: only its shape is compared.
fn told() -> Vec<Scenario> {
    let tells = |name, command, body| {
        let header = r##"{"id":1,"status":"ok","filename":"","total_size":#,"md5":"#"}"##;
        let like = Act::ExpectLike { header, body };
        tcp(Command, name, "C3", [Act::Send(request("1", command)), like])
    };
    vec![
        tells("tell-help", "help", &["echo TEXT", "upper TEXT", "put NAME", "help [COMMAND]"]),
        tells(
            "tell-info",
            "info",
            &["\"name\":\"", "\"version\":\"", "\"limits\":{\"request\":1024"],
        ),
        tells("tell-stats", "stats", &["frames ", "bytes ", "oversized ", "timeouts "]),
        tells("tell-uptime", "uptime", &["."]),
        asks(
            "tell-help-one",
            "C3",
            [
                (
                    request("1", "help upper"),
                    reply("1", "ok", "upper TEXT           TEXT with a-z in upper case\n"),
                ),
                (
                    request("2", "help me"),
                    reply("2", "unknown-command", "there is no command `me`; try help"),
                ),
            ],
        ),
        asks("tell-no-files", "S1", [(request("1", "list"), reply("1", "ok", ""))])
            .on(Setup::Empty),
    ]
}
