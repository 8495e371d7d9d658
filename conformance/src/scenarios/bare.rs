//! Bare requests: the frame and message services.
//!
//! Without a newline a bare request is what one receive delivers, so no such send here is longer than
//! what one segment on an Ethernet carries, or it is too long at any split.

use super::{expect, send, tcp};
use crate::golden::{bare_reply, frame};
use crate::scenario::{Act, Scenario};
use unstick::Service::{self, Frame, Message};

pub(super) fn table() -> Vec<Scenario> {
    let mut table = vec![
        tcp(Frame, "frame-golden", "B1 B2", [send("upper hello"), expect(b"\x05\0\0\0HELLO")]),
        tcp(Frame, "frame-empty", "B2 F1", [send("echo"), expect(b"\0\0\0\0")]),
        tcp(
            Message,
            "message-golden",
            "B1 B3 M1 H7",
            [
                send("upper hello"),
                expect(
                    b"\x47\0\0\0{\"filename\":\"\",\"total_size\":5,\"md5\":\"eb61eead90e3b899c6bcbe27ac581660\"}HELLO",
                ),
            ],
        ),
        tcp(
            Message,
            "message-empty",
            "B3 M1 H7",
            [
                send("echo"),
                expect(
                    b"\x47\0\0\0{\"filename\":\"\",\"total_size\":0,\"md5\":\"d41d8cd98f00b204e9800998ecf8427e\"}",
                ),
            ],
        ),
    ];
    for (names, rules, turns) in both() {
        for (service, name) in [Frame, Message].into_iter().zip(names) {
            let mut script = Vec::new();
            for (request, answers) in &turns {
                script.push(Act::Send(request.clone()));
                script.extend(answers.iter().map(|it| Act::Expect(answer(service, it))));
            }
            table.push(tcp(service, name, rules, script));
        }
    }
    for (service, name) in
        [Frame, Message].into_iter().zip(["frame-half-close", "message-half-close"])
    {
        let answers = [expect(answer(service, b"A")), expect(answer(service, b"B"))];
        let mut script = vec![send("upper a\nupper b"), Act::Finish];
        script.extend(answers);
        script.push(Act::ExpectEnd);
        table.push(tcp(service, name, "B1 F3", script));
    }
    for (names, input, body) in foreign() {
        for (service, name) in [Frame, Message].into_iter().zip(names) {
            let mut script = vec![Act::Send(input.clone())];
            script.extend(body.iter().map(|body| expect(answer(service, body.as_bytes()))));
            script.push(Act::ExpectEnd);
            table.push(tcp(service, name, "B4", script));
        }
    }
    table
}

const TOO_LONG: &str =
    "the request is over the limit of 1024 bytes; all of it, up to a newline, is dropped";
const FOREIGN: &str = "this is no request but another protocol's: goodbye";

/// What other protocols send, each with a command behind it that must not run: the names, the input,
/// and what is answered before the connection is closed.
fn foreign() -> Vec<([&'static str; 2], Vec<u8>, Vec<&'static str>)> {
    let post = "POST / HTTP/1.1\r\nHost: 127.0.0.1:8086\r\nContent-Type: text/plain\r\n";
    let post = format!("{post}Content-Length: 16\r\n\r\nremove x\nupper a\n");
    let path = "x".repeat(2000);
    let long = format!("GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:8086\r\n\r\nupper a\n");
    let setup = "SETUP rtsp://127.0.0.1:8086/ RTSP/1.0\r\nCSeq: 1\r\n\r\nupper a\n";
    let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03\nupper a\n";
    let header = b"\x17\0\0\0{\"command\":\"upper a\"}\nupper a\n";
    let unknown = "there is no command `hello`; try help";
    vec![
        (["frame-http", "message-http"], post.into(), vec![FOREIGN]),
        (["frame-http-long", "message-http-long"], long.into(), vec![FOREIGN]),
        (["frame-http-09", "message-http-09"], b"GET /\r\n".into(), vec![FOREIGN]),
        (["frame-rtsp", "message-rtsp"], setup.into(), vec![FOREIGN]),
        (["frame-field", "message-field"], b"Host: 127.0.0.1\r\n".into(), vec![FOREIGN]),
        (["frame-mail", "message-mail"], b"EHLO there\r\nupper a\n".into(), vec![FOREIGN]),
        (["frame-ssh", "message-ssh"], b"SSH-2.0-x\r\nupper a\n".into(), vec![FOREIGN]),
        (["frame-tls", "message-tls"], hello.into(), vec![FOREIGN]),
        (["frame-framed", "message-framed"], header.into(), vec![FOREIGN]),
        (
            ["frame-unknown-more", "message-unknown-more"],
            b"upper a\nhello\r\n\r\nupper b\n".into(),
            vec!["A", unknown],
        ),
    ]
}

fn answer(service: Service, body: &[u8]) -> Vec<u8> {
    if service == Frame { frame(body) } else { bare_reply(body) }
}

/// One send, and the bodies of the answers to it.
type Turn = (Vec<u8>, Vec<Vec<u8>>);

fn turn<const N: usize>(request: impl Into<Vec<u8>>, answers: [&str; N]) -> Turn {
    (request.into(), answers.map(Vec::from).into())
}

/// What both services do alike: the names, the rules, and what is said.
fn both() -> Vec<([&'static str; 2], &'static str, Vec<Turn>)> {
    let fits = "x".repeat(1024 - "echo ".len());
    let mut not_utf8 = b"echo ok \xFF".to_vec();
    not_utf8.extend(b"x");
    vec![
        (
            ["frame-echo", "message-echo"],
            "B1",
            vec![turn("echo Hello, 文件 😀 \u{1}", ["Hello, 文件 😀 \u{1}"])],
        ),
        (
            ["frame-spaces", "message-spaces"],
            "B1",
            vec![turn("echo  two  spaces ", [" two  spaces "])],
        ),
        (
            ["frame-unknown", "message-unknown"],
            "B1 B2 B3",
            vec![turn("dir", ["there is no command `dir`; try help"]), turn("echo on", ["on"])],
        ),
        (
            ["frame-several", "message-several"],
            "B1 C1",
            vec![turn("upper a", ["A"]), turn("echo b", ["b"]), turn("upper c", ["C"])],
        ),
        (
            ["frame-lines", "message-lines"],
            "B1 C1",
            vec![turn("upper a\nupper b\nupper c\n", ["A", "B", "C"])],
        ),
        (
            ["frame-crlf", "message-crlf"],
            "B1",
            vec![turn("upper a\r\nupper b\r\n", ["A", "B"]), turn("upper c\r\n", ["C"])],
        ),
        (
            ["frame-cr", "message-cr"],
            "B1",
            vec![turn("upper a\r", ["A"]), turn("upper b\r", ["B"])],
        ),
        (
            ["frame-tail", "message-tail"],
            "B1",
            vec![
                turn("upper a\nupper b", ["A"]),
                turn("c\nupper", ["BC"]),
                turn(" d", []),
                turn("\n", ["D"]),
            ],
        ),
        (
            ["frame-blank", "message-blank"],
            "B1",
            vec![turn("\n\r\n\nupper a\n\n\r\nupper b\n\n", ["A", "B"]), turn("upper c\n", ["C"])],
        ),
        (
            ["frame-only-blank", "message-only-blank"],
            "B1",
            vec![turn("\r\n", []), turn("upper a", ["A"])],
        ),
        (
            ["frame-1024", "message-1024"],
            "B1",
            vec![turn(format!("echo {fits}"), [&fits]), turn("upper a", ["A"])],
        ),
        (
            ["frame-1024-line", "message-1024-line"],
            "B1",
            vec![turn(format!("echo {fits}\r\n"), [&fits]), turn("upper a\n", ["A"])],
        ),
        (
            ["frame-1025", "message-1025"],
            "B1",
            vec![
                turn(format!("echo {fits}y"), [TOO_LONG]),
                turn("upper z", []),
                turn("\nupper a\n", ["A"]),
            ],
        ),
        (
            ["frame-1025-line", "message-1025-line"],
            "B1",
            vec![turn(format!("echo {fits}y\r\nupper a\n"), [TOO_LONG, "A"])],
        ),
        (
            ["frame-1025-tail", "message-1025-tail"],
            "B1",
            vec![
                turn("upper a\necho ", ["A"]),
                turn(format!("{fits}y"), [TOO_LONG]),
                turn("upper z\nupper b\n", ["B"]),
            ],
        ),
        (
            ["frame-65536", "message-65536"],
            "B1",
            vec![turn("x".repeat(65_536), [TOO_LONG]), turn("upper z\nupper a\n", ["A"])],
        ),
        (
            ["frame-not-utf8", "message-not-utf8"],
            "B1",
            vec![turn(not_utf8, ["the request is not UTF-8 at byte 8"]), turn("upper a", ["A"])],
        ),
        (
            ["frame-put", "message-put"],
            "B1",
            vec![
                turn("put unstick-x", ["put needs a body: use the command service"]),
                turn("upper a", ["A"]),
            ],
        ),
        (
            ["frame-no-file", "message-no-file"],
            "S1",
            vec![
                turn("get unstick-none", ["there is no file `unstick-none`; try list"]),
                turn("get", ["get needs a NAME"]),
                turn(
                    "get ../unstick",
                    [
                        r"a file name has no / \ : or control character and no dot or space at its ends; `../unstick` will not do",
                    ],
                ),
            ],
        ),
    ]
}
