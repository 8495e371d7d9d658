//! Echo and command over UDP.

use super::echo::upper;
use super::{expect, send, udp};
use crate::golden::{frame, member, message, reply, reply_file, request, request_with};
use crate::scenario::{Act, Scenario, Setup};
use unstick::Service::{Command, Echo};

pub(super) fn table() -> Vec<Scenario> {
    let mut table = echo();
    table.extend(commands());
    table.extend(broken());
    table.extend(limits());
    table
}

/// A request and its reply, or `None` for silence.
type Turn = (Vec<u8>, Option<Vec<u8>>);

fn asks<const N: usize>(name: &'static str, rules: &'static str, turns: [Turn; N]) -> Scenario {
    let script = turns
        .into_iter()
        .flat_map(|(request, reply)| [Act::Send(request), reply.map_or(Act::Silence, Act::Expect)]);
    udp(Command, name, rules, script)
}

fn alive() -> Turn {
    (request("99", "upper alive"), Some(reply("99", "ok", "ALIVE")))
}

fn no_file(id: &str) -> Option<Vec<u8>> {
    Some(reply(id, "failed", "there is no file `unstick-0`; try list"))
}

/// What is sent in place of a reply that does not fit.
pub(super) fn truncated(id: &str, size: usize) -> Option<Vec<u8>> {
    Some(frame(format!(r#"{{{}"status":"truncated","total_size":{size}}}"#, member(id))))
}

/// A header padded with spaces to `len` bytes, so that there is room for the reply (rule U4).
pub(super) fn padded(id: &str, command: &str, len: usize) -> Vec<u8> {
    frame(format!("{:len$}", format!(r#"{{"id":{id},"command":"{command}"}}"#)))
}

fn echo() -> Vec<Scenario> {
    let bytes = |len: usize| (0..len).map(|at| (at * 7 / 3) as u8).collect::<Vec<_>>();
    let echoed = |name, len| {
        let bytes = bytes(len);
        udp(Echo, name, "E1 U1 U2", [send(bytes.clone()), expect(upper(&bytes))])
    };
    vec![
        udp(Echo, "udp-echo", "E1 U1", [send("hello"), expect("HELLO")]),
        echoed("udp-echo-1", 1),
        echoed("udp-echo-512", 512),
        echoed("udp-echo-1472", 1472),
        udp(
            Echo,
            "udp-echo-empty",
            "U1",
            [send(""), expect(""), send("a"), expect("A"), send(""), expect("")],
        ),
        udp(Echo, "udp-echo-binary", "E1 U1", [send(b"\0\xFFaz{`\r\n"), expect(b"\0\xFFAZ{`\r\n")]),
        udp(
            Echo,
            "udp-echo-several",
            "U1",
            [
                send("one"),
                send("two"),
                send("three"),
                expect("ONE"),
                expect("TWO"),
                expect("THREE"),
            ],
        ),
    ]
}

fn commands() -> Vec<Scenario> {
    let done = "stored unstick-d, 10 bytes";
    vec![
        udp(
            Command,
            "udp-golden",
            "U1 M1",
            [
                send(b"\x20\0\0\0{\"id\":1,\"command\":\"upper hello\"}"),
                expect(
                    b"\x5c\0\0\0{\"id\":1,\"status\":\"ok\",\"filename\":\"\",\"total_size\":5,\"md5\":\"eb61eead90e3b899c6bcbe27ac581660\"}HELLO",
                ),
            ],
        ),
        asks(
            "udp-unknown",
            "U1 C3",
            [
                (
                    padded("1", "nope", 60),
                    Some(reply("1", "unknown-command", "there is no command `nope`; try help")),
                ),
                alive(),
            ],
        ),
        asks(
            "udp-id",
            "U1 C2",
            [
                (
                    request(r#""\u00e9""#, "echo a"),
                    Some(reply(r#""\u00e9""#, "ok", "a")),
                ),
                (padded("null", "echo b", 40), Some(reply("", "ok", "b"))),
            ],
        ),
        asks(
            "udp-put-get",
            "U1 M2 S1",
            [
                (request_with("1", "put unstick-d", b"0123456789"), Some(reply("1", "ok", done))),
                (
                    padded("2", "get unstick-d", 40),
                    Some(reply_file("2", "ok", "unstick-d", "0123456789")),
                ),
                (padded("3", "remove unstick-d", 40), Some(reply("3", "ok", "removed unstick-d"))),
            ],
        ),
        asks(
            "udp-changes",
            "U4 S1",
            [
                (padded("1", "put unstick-0", 40), Some(reply("1", "ok", "stored unstick-0, 0 bytes"))),
                // It has been done, so nobody is to ask again.
                (
                    frame(r#"{"command":"remove unstick-0"}"#),
                    Some(frame(r#"{"status":"ok","total_size":0}"#)),
                ),
                (padded("3", "get unstick-0", 60), no_file("3")),
                // It has not, and has a reason that does not fit either.
                (frame(r#"{"command":"remove unstick-0"}"#), truncated("", 38)),
                alive(),
            ],
        ),
        asks(
            "udp-file-empty",
            "U1 M1 S1",
            [
                (padded("1", "put unstick-0", 40), Some(reply("1", "ok", "stored unstick-0, 0 bytes"))),
                (padded("2", "get unstick-0", 40), Some(reply_file("2", "ok", "unstick-0", ""))),
                (padded("3", "remove unstick-0", 40), Some(reply("3", "ok", "removed unstick-0"))),
            ],
        ),
        asks(
            "udp-md5-wrong",
            "U1 H7",
            [
                (
                    message(
                        r#"{"id":1,"command":"put unstick-5","total_size":5,"md5":"d41d8cd98f00b204e9800998ecf8427e"}"#,
                        "hello",
                    ),
                    Some(reply(
                        "1",
                        "failed",
                        "the body's md5 is 5d41402abc4b2a76b9719d911017c592, the header says d41d8cd98f00b204e9800998ecf8427e",
                    )),
                ),
                (
                    padded("2", "get unstick-5", 50),
                    Some(reply("2", "failed", "there is no file `unstick-5`; try list")),
                ),
            ],
        ),
        asks(
            "udp-body-refused",
            "U1 C4",
            [
                (
                    message(r#"{"id":1,"command":"upper a","total_size":3}    "#, "abc"),
                    Some(reply("1", "bad-request", "upper takes no body; 3 bytes came")),
                ),
                alive(),
            ],
        ),
        asks(
            "udp-put-too-large",
            "U1 S1",
            [
                (
                    request_with("1", "put unstick-x", &[b'x'; 17]),
                    Some(reply("1", "too-large", "a file of 17 bytes is over the limit of 16")),
                ),
                alive(),
            ],
        )
        .on(Setup::Small),
    ]
}

/// Datagrams that are no message.
fn broken() -> Vec<Scenario> {
    let sized = |size: usize, body: &str| {
        message(format!(r#"{{"id":1,"command":"put unstick-z","total_size":{size}}}"#), body)
    };
    let declares = |size: usize, seen: usize| {
        let why = format!("the header declares a body of {size} bytes, there are {seen}");
        Some(reply("1", "bad-request", why))
    };
    let cut = &padded("1", "upper a", 100)[..70];
    vec![
        asks("udp-empty", "U1", [(Vec::new(), None), alive()]),
        asks("udp-reply-unanswered", "U5", [(reply("1", "ok", "A"), None), alive()]),
        asks("udp-body-shorter", "U1 C2", [(sized(9, "four"), declares(9, 4)), alive()]),
        asks("udp-body-longer", "U1 C2", [(sized(2, "four"), declares(2, 4)), alive()]),
        asks(
            "udp-header-cut",
            "U1 F3",
            [
                (
                    cut.to_vec(),
                    Some(reply(
                        "",
                        "bad-request",
                        "the input ended inside a frame, 34 bytes are missing",
                    )),
                ),
                alive(),
            ],
        ),
        asks(
            "udp-garbage",
            "U1 F1",
            [
                (
                    vec![0xFF; 80],
                    Some(reply(
                        "",
                        "bad-request",
                        "a prefix declares -1 bytes; 0 to 2147483647 are possible",
                    )),
                ),
                alive(),
            ],
        ),
        asks(
            "udp-garbage-text",
            "U1 H1",
            [
                (
                    "GET / HTTP/1.1\r\nHost: 192.168.69.1\r\nUser-Agent: none\r\n\r\n".into(),
                    Some(reply(
                        "",
                        "too-large",
                        "a header of 542393671 bytes is over the limit of 1024",
                    )),
                ),
                alive(),
            ],
        ),
        asks("udp-garbage-short", "U4", [(b"\xFF\xFF\xFF\xFF".into(), None), alive()]),
        asks("udp-garbage-20", "U4", [(vec![0xFF; 20], truncated("", 56)), alive()]),
    ]
}

fn limits() -> Vec<Scenario> {
    let file = |len: usize| vec![b'f'; len];
    let put = |name: &str, len: usize| {
        let header = format!(r#"{{"command":"put {name}","total_size":{len}}}"#);
        (message(header, file(len)), Some(reply("", "ok", format!("stored {name}, {len} bytes"))))
    };
    let removed = |name: &str| {
        (
            padded("9", &format!("remove {name}"), 60),
            Some(reply("9", "ok", format!("removed {name}"))),
        )
    };
    let over = "the datagram is over the limit of 512 bytes";
    let mut anonymous = frame(r#"{"command":"upper a"}"#);
    anonymous.resize(600, b'x');
    let mut unfinished = padded("1", "upper a", 600);
    unfinished.truncate(604);
    vec![
        asks(
            "udp-amplification",
            "U4",
            [
                put("unstick-3", 900),
                (request("1", "get unstick-3"), truncated("1", 900)),
                (
                    padded("2", "get unstick-3", 400),
                    Some(reply_file("2", "ok", "unstick-3", file(900))),
                ),
                removed("unstick-3"),
            ],
        ),
        asks(
            "udp-three-times",
            "U4",
            [
                put("unstick-t", 300),
                // The reply has 408 bytes: one request is a third of it, the other one byte less.
                (
                    padded("1", "get unstick-t", 132),
                    Some(reply_file("1", "ok", "unstick-t", file(300))),
                ),
                (padded("2", "get unstick-t", 131), truncated("2", 300)),
                removed("unstick-t"),
            ],
        ),
        asks(
            "udp-does-not-fit",
            "U2 U4",
            [
                put("unstick-f", 430),
                (padded("1", "get unstick-f", 200), truncated("1", 430)),
                removed("unstick-f"),
            ],
        )
        .on(Setup::Classic),
        asks(
            "udp-cut-on-arrival",
            "U3",
            [
                (
                    request_with("7", "put unstick-x", &file(600)),
                    Some(reply("7", "too-large", over)),
                ),
                alive(),
            ],
        )
        .on(Setup::Classic),
        asks(
            "udp-cut-unanswered",
            "U3 U5",
            [(anonymous, None), (unfinished, None), (reply("1", "ok", file(600)), None), alive()],
        )
        .on(Setup::Classic),
        asks(
            "udp-just-fits",
            "U2 U3",
            [(padded("1", "upper a", 508), Some(reply("1", "ok", "A"))), alive()],
        )
        .on(Setup::Classic),
        udp(
            Echo,
            "udp-echo-too-large",
            "U3",
            [send(file(513)), Act::Silence, send(file(512)), expect(upper(&file(512)))],
        )
        .on(Setup::Classic),
    ]
}
