//! Bare requests: the frame and message services.
//!
//! A bare request is what one receive delivers, so no send here is longer than what one segment on
//! an Ethernet carries.

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
    table
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
            vec![turn("upper a\nupper b\nupper c", ["A", "B", "C"])],
        ),
        (
            ["frame-crlf", "message-crlf"],
            "B1",
            vec![turn("upper a\r\nupper b\r\n", ["A", "B"]), turn("upper c\r", ["C"])],
        ),
        (
            ["frame-blank", "message-blank"],
            "B1",
            vec![turn("\n\r\n\nupper a\n\n\r\nupper b\n\n", ["A", "B"]), turn("upper c", ["C"])],
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
            vec![turn(format!("echo {fits}\r\n"), [&fits]), turn("upper a", ["A"])],
        ),
        (
            ["frame-1025", "message-1025"],
            "B1 F4",
            vec![
                turn(
                    format!("echo {fits}y"),
                    ["a request of 1025 bytes is over the limit of 1024"],
                ),
                turn("upper a", ["A"]),
            ],
        ),
        (
            ["frame-1025-line", "message-1025-line"],
            "B1 F4",
            vec![turn(
                format!("echo {fits}y\r\nupper a"),
                ["a request of 1025 bytes is over the limit of 1024", "A"],
            )],
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
                        r"a file name has no / \ : or control character and no dot at its ends; `../unstick` will not do",
                    ],
                ),
            ],
        ),
    ]
}
