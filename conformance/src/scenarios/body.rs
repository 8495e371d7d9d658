//! The command service: bodies, digests and files.
//!
//! Names begin with `unstick-`, and what is stored is removed: a live node is left as it was.

use super::command::asks;
use super::{expect, send, tcp};
use crate::golden::{frame, md5, message, reply, reply_file, request, request_with};
use crate::scenario::{Act, Scenario, Setup};
use unstick::Service::Command;

pub(super) fn table() -> Vec<Scenario> {
    let mut table = stored();
    table.extend(digests());
    table.extend(names());
    table.extend(refused());
    table.extend(limited());
    table
}

/// A request and the reply to it.
type Turn = (Vec<u8>, Vec<u8>);

fn put(id: &str, name: &str, body: &[u8]) -> Turn {
    let done = format!("stored {name}, {} bytes", body.len());
    (request_with(id, &format!("put {name}"), body), reply(id, "ok", done))
}

fn get(id: &str, name: &str, body: &[u8]) -> Turn {
    (request(id, &format!("get {name}")), reply_file(id, "ok", name, body))
}

fn remove(id: &str, name: &str) -> Turn {
    (request(id, &format!("remove {name}")), reply(id, "ok", format!("removed {name}")))
}

fn stored() -> Vec<Scenario> {
    let large: Vec<u8> = (0..40_000_u32).map(|at| (at * 31 / 7) as u8).collect();
    let gone = "there is no file `unstick-gone`; try list";
    vec![
        tcp(
            Command,
            "file-golden",
            "M1 M2 H7 S1",
            [
                send(b"\x5a\0\0\0{\"id\":2,\"command\":\"put unstick-a\",\"total_size\":5,\"md5\":\"5d41402abc4b2a76b9719d911017c592\"}hello"),
                expect(b"\x5d\0\0\0{\"id\":2,\"status\":\"ok\",\"filename\":\"\",\"total_size\":25,\"md5\":\"1f0ea223a670946cd3e3f3a62e18b55c\"}stored unstick-a, 5 bytes"),
                send(b"\x22\0\0\0{\"id\":3,\"command\":\"get unstick-a\"}"),
                expect(b"\x65\0\0\0{\"id\":3,\"status\":\"ok\",\"filename\":\"unstick-a\",\"total_size\":5,\"md5\":\"5d41402abc4b2a76b9719d911017c592\"}hello"),
                send(request("4", "remove unstick-a")),
                expect(reply("4", "ok", "removed unstick-a")),
            ],
        ),
        asks(
            "file-replaced",
            "M2 S1",
            [
                put("1", "unstick-r", b"old and longer"),
                put("2", "unstick-r", b"new"),
                get("3", "unstick-r", b"new"),
                remove("4", "unstick-r"),
            ],
        ),
        asks(
            "file-empty",
            "M1 M2",
            [put("1", "unstick-e", b""), get("2", "unstick-e", b""), remove("3", "unstick-e")],
        ),
        asks(
            "file-unsized",
            "H5 M2",
            [
                (request("1", "put unstick-u"), reply("1", "ok", "stored unstick-u, 0 bytes")),
                get("2", "unstick-u", b""),
                remove("3", "unstick-u"),
            ],
        ),
        asks(
            "file-larger-than-buffers",
            "M2 F2",
            [put("1", "unstick-l", &large), get("2", "unstick-l", &large), remove("3", "unstick-l")],
        ),
        pipelined(),
        asks(
            "file-gone",
            "S1 C3",
            [
                (request("1", "get unstick-gone"), reply("1", "failed", gone)),
                (request("2", "remove unstick-gone"), reply("2", "failed", gone)),
                (request("3", "echo on"), reply("3", "ok", "on")),
            ],
        ),
        asks(
            "file-list",
            "S1",
            [
                put("1", "unstick-a", b"hello"),
                put("2", "unstick-b", &[b'b'; 1234]),
                (
                    request("3", "list"),
                    reply("3", "ok", "       5 unstick-a\n    1234 unstick-b\n"),
                ),
                remove("4", "unstick-a"),
                (request("5", "list"), reply("5", "ok", "    1234 unstick-b\n")),
                remove("6", "unstick-b"),
                (request("7", "list"), reply("7", "ok", "")),
            ],
        )
        .on(Setup::Empty),
    ]
}

/// Put, get and remove in one send: the body ends where its header says, and nowhere else.
fn pipelined() -> Scenario {
    let body = request("9", "echo this is a body");
    let turns =
        [put("1", "unstick-p", &body), get("2", "unstick-p", &body), remove("3", "unstick-p")];
    let (requests, replies): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
    tcp(Command, "file-pipelined", "C1 M1", [send(requests.concat()), expect(replies.concat())])
}

fn digests() -> Vec<Scenario> {
    let put_as = |id: &str, name: &str, digest: &str, body: &str| {
        let size = body.len();
        let header =
            format!(r#"{{"id":{id},"command":"put {name}","total_size":{size},"md5":{digest}}}"#);
        message(header, body)
    };
    let wrong = format!("\"{}\"", md5("other"));
    let why = format!("the body's md5 is {}, the header says {}", md5("hello"), md5("other"));
    let upper = format!("\"{}\"", md5("hello").to_uppercase());
    let done = |id, name| reply(id, "ok", format!("stored {name}, 5 bytes"));
    vec![
        asks(
            "md5-wrong",
            "H7 M2 C3",
            [
                put("1", "unstick-w", b"the old one"),
                (put_as("2", "unstick-w", &wrong, "hello"), reply("2", "failed", &why)),
                get("3", "unstick-w", b"the old one"),
                remove("4", "unstick-w"),
            ],
        ),
        asks(
            "md5-placeholder",
            "H7",
            [
                (
                    put_as("1", "unstick-s", "\"sssxxxadwc123asd123\"", "hello"),
                    done("1", "unstick-s"),
                ),
                get("2", "unstick-s", b"hello"),
                remove("3", "unstick-s"),
            ],
        ),
        asks(
            "md5-escaped",
            "H3 H7",
            [
                (
                    put_as("1", "unstick-x", r#""\u0035d41402abc4b2a76b9719d911017c592""#, "hello"),
                    done("1", "unstick-x"),
                ),
                (
                    put_as("2", "unstick-x", &wrong.replace('7', r"\u0037"), "hello"),
                    reply("2", "failed", &why),
                ),
                remove("3", "unstick-x"),
            ],
        ),
        asks(
            "md5-upper-case",
            "H7",
            [
                (put_as("1", "unstick-m", &upper, "hello"), done("1", "unstick-m")),
                (put_as("2", "unstick-m", "null", "again"), done("2", "unstick-m")),
                get("3", "unstick-m", b"again"),
                remove("4", "unstick-m"),
            ],
        ),
    ]
}

fn names() -> Vec<Scenario> {
    let denied = |id: &str, name: &str| {
        let why = format!(
            r"a file name has no / \ : or control character and no dot or space at its ends; `{name}` will not do"
        );
        (
            request_with(id, &format!("put {}", name.replace('\\', r"\\")), b"body"),
            reply(id, "denied", why),
        )
    };
    let longest = format!("unstick-{}", "n".repeat(255 - 8));
    let too_long = request_with("1", &format!("put {longest}n"), b"body");
    vec![
        asks(
            "name-denied",
            "S1 C4",
            [
                denied("1", "../unstick"),
                denied("2", "unstick/x"),
                denied("3", r"unstick\x"),
                denied("4", ".unstick"),
                denied("5", ".."),
                denied("6", "c:unstick"),
                denied("10", "unstick."),
                denied("11", " unstick"),
                denied("12", "unstick "),
                (request_with("13", r"put unstick\t", b"body"), denied("13", "unstick\t").1),
                (request("7", "get /etc/passwd"), denied("7", "/etc/passwd").1),
                (request("8", "remove ../x"), denied("8", "../x").1),
                (request("9", r"get \u002e\u002e\u002fx"), denied("9", "../x").1),
            ],
        ),
        asks(
            "name-missing",
            "S1 C4",
            [
                (request_with("1", "put", b"body"), reply("1", "bad-request", "put needs a NAME")),
                (request("2", "get "), reply("2", "bad-request", "get needs a NAME")),
            ],
        ),
        asks(
            "name-256-bytes",
            "S1 C4",
            [
                (
                    too_long,
                    reply("1", "bad-request", "a name of 256 bytes is over the limit of 255"),
                ),
                (request("2", "echo on"), reply("2", "ok", "on")),
            ],
        ),
        asks(
            "name-255-bytes",
            "S1",
            [put("1", &longest, b"x"), get("2", &longest, b"x"), remove("3", &longest)],
        ),
        asks(
            "name-chinese",
            "H3 H6 S1",
            [
                (
                    request_with("1", r"put unstick-\u6587\u4ef6.txt", b"hi"),
                    reply("1", "ok", "stored unstick-文件.txt, 2 bytes"),
                ),
                (
                    request("2", r"get unstick-\u6587\u4ef6.txt"),
                    reply_file("2", "ok", "unstick-文件.txt", "hi"),
                ),
                remove("3", "unstick-文件.txt"),
            ],
        ),
        asks(
            "name-emoji-quoted",
            "H3 H6 S1",
            [
                (
                    request_with("1", r#"put unstick-\ud83d\ude00 \"a\""#, b"hi"),
                    reply("1", "ok", r#"stored unstick-😀 "a", 2 bytes"#),
                ),
                (
                    request("2", r#"get unstick-😀 \"a\""#),
                    reply_file("2", "ok", r#"unstick-😀 \"a\""#, "hi"),
                ),
                (
                    request("3", r#"remove unstick-😀 \"a\""#),
                    reply("3", "ok", r#"removed unstick-😀 "a""#),
                ),
            ],
        ),
    ]
}

/// Bodies of requests that are refused before they have come.
fn refused() -> Vec<Scenario> {
    let takes_none = |id: &str, len: usize| {
        let header = format!(r#"{{"id":{id},"command":"upper a","total_size":{len}}}"#);
        let why = format!("upper takes no body; {len} bytes came");
        (message(header, vec![b'x'; len]), reply(id, "bad-request", why))
    };
    let on = || (request("2", "echo on"), reply("2", "ok", "on"));
    let closed = |name, sent: Vec<u8>, answer: Vec<u8>| {
        tcp(Command, name, "C4 F4", [Act::Send(sent), Act::Expect(answer), Act::ExpectEnd])
    };
    // What looks like a request in a body that is skipped is none.
    let inside = request("9", "echo inside");
    let header = format!(r#"{{"id":1,"command":"nope","total_size":{}}}"#, inside.len());
    let nope = reply("1", "unknown-command", "there is no command `nope`; try help");
    let headless = message(r#"{"id":1,"total_size":5}"#, "hello");
    let (over, answer) = takes_none("1", 70_000);
    let announced = over[..over.len() - 70_000].to_vec();
    vec![
        asks("refused-skipped", "C4 F4", [takes_none("1", 10), on()]),
        asks("refused-unknown", "C4 F4", [(message(header, inside), nope), on()]),
        asks(
            "refused-no-command",
            "C4 F4",
            [(headless, reply("1", "bad-request", "the header has no `command`")), on()],
        ),
        asks("refused-at-budget", "C4 F4", [takes_none("1", 65_536), on()]),
        closed("refused-over-budget", announced, answer.clone()),
        closed("refused-over-budget-sent", over, answer),
        closed("refused-closed", takes_none("1", 10).0, takes_none("1", 10).1).on(Setup::Close),
        asks(
            "refused-close-none",
            "C4 F4",
            [
                (
                    request("1", "nope"),
                    reply("1", "unknown-command", "there is no command `nope`; try help"),
                ),
                on(),
            ],
        )
        .on(Setup::Close),
    ]
}

/// Stores with little room.
fn limited() -> Vec<Scenario> {
    let over = "a file of 17 bytes is over the limit of 16";
    let far = "a file of 18446744073709551615 bytes is over the limit of 16";
    let largest = vec![b'x'; 64 * 1024];
    let mut full: Vec<_> =
        (1..=8).map(|id| put(&id.to_string(), &format!("unstick-{id}"), b"x")).collect();
    full.extend([
        (
            request_with("9", "put unstick-9", b"y"),
            reply("9", "failed", "no room for 1 bytes: remove a file first"),
        ),
        remove("10", "unstick-8"),
        put("11", "unstick-9", b"y"),
        get("12", "unstick-9", b"y"),
    ]);
    vec![
        asks(
            "store-too-large",
            "C4 S1",
            [
                (request_with("1", "put unstick-x", &[b'x'; 17]), reply("1", "too-large", over)),
                put("2", "unstick-y", &[b'y'; 16]),
            ],
        )
        .on(Setup::Small),
        tcp(
            Command,
            "store-far-too-large",
            "C4 H5",
            [
                send(frame(
                    r#"{"id":1,"command":"put unstick-x","total_size":18446744073709551615}"#,
                )),
                expect(reply("1", "too-large", far)),
                Act::ExpectEnd,
            ],
        )
        .on(Setup::Small),
        asks(
            "store-largest",
            "M2 S1",
            [put("1", "unstick-x", &largest), get("2", "unstick-x", &largest)],
        )
        .on(Setup::Empty),
        asks("store-full", "C4 S1", full).on(Setup::Empty),
    ]
}
