//! Commands of a node's own: from a body, late, streamed, typed ([`crate::commands`]).

use super::command::asks;
use super::datagram::{padded, truncated};
use super::{expect, send, tcp, udp};
use crate::golden::{frame, md5, member, message, reply, request, request_with};
use crate::scenario::{Act, Scenario, Setup};
use unstick::Service::{Command, Frame, Message};

pub(super) fn table() -> Vec<Scenario> {
    let untyped = [bodies(), streamed(), late(), datagrams()].into_iter().flatten();
    let typed = typed().into_iter().map(|scenario| scenario.on(Setup::Json));
    untyped.map(|scenario| scenario.on(Setup::Commands)).chain(typed).collect()
}

/// A refusal whose sentence has a number that differs from node to node.
fn refused(status: &str, body: &'static [&'static str]) -> Act {
    let header = match status {
        "too-large" => r##"{"id":1,"status":"too-large","filename":"","total_size":#,"md5":"#"}"##,
        _ => r##"{"id":1,"status":"bad-request","filename":"","total_size":#,"md5":"#"}"##,
    };
    Act::ExpectLike { header, body }
}

fn sum(id: &str, body: &[u8]) -> Vec<u8> {
    request_with(id, "sum", body)
}

fn bodies() -> Vec<Scenario> {
    let header =
        r#"{"id":1,"command":"sum","total_size":2,"md5":"00000000000000000000000000000000"}"#;
    let damaged = format!(
        "the body's md5 is {}, the header says 00000000000000000000000000000000",
        md5("1\n")
    );
    vec![
        asks("own-sum", "C1 M2", [(sum("1", b"1\n20\n-300\n"), reply("1", "ok", "-279"))]),
        asks(
            "own-sum-nothing",
            "C1",
            [
                (request("1", "sum"), reply("1", "ok", "0")),
                (sum("2", b""), reply("2", "ok", "0")),
                (sum("3", b"7"), reply("3", "ok", "7")),
            ],
        ),
        asks(
            "own-sum-no-number",
            "C3",
            [
                (sum("1", b"1\ntwo\n"), reply("1", "bad-request", "`two` is no whole number")),
                (
                    sum("2", b"9223372036854775807\n1\n"),
                    reply("2", "bad-request", "`1` is no whole number"),
                ),
                (sum("3", b"1\n2\n"), reply("3", "ok", "3")),
            ],
        ),
        asks(
            "own-sum-not-utf8",
            "C3",
            [(
                sum("1", b"1\n\xFF\n"),
                reply("1", "bad-request", "the body is not UTF-8 at byte 2"),
            )],
        ),
        tcp(
            Command,
            "own-sum-too-long",
            "C3 C4",
            [
                send([sum("1", &[b'1'; 8000]), sum("2", b"5")].concat()),
                refused("too-large", &["a body of 8000 bytes is over the limit of "]),
                expect(reply("2", "ok", "5")),
            ],
        ),
        asks(
            "own-sum-damaged",
            "M2",
            [
                (message(header, "1\n"), reply("1", "failed", damaged)),
                (sum("2", b"2"), reply("2", "ok", "2")),
            ],
        ),
        tcp(
            Frame,
            "own-sum-bare",
            "B2",
            [send("sum\n"), expect(frame("sum needs a body: use the command service"))],
        ),
    ]
}

/// The numbers from 1 to `last`.
fn numbers(last: u32) -> String {
    (1..=last).map(|number| format!("{number}\n")).collect()
}

/// The reply to a `count`: its digest is not known before it is sent.
fn counted(id: &str, last: u32) -> Vec<u8> {
    let (body, id) = (numbers(last), member(id));
    let size = body.len();
    message(format!(r#"{{{id}"status":"ok","filename":"","total_size":{size}}}"#), body)
}

fn streamed() -> Vec<Scenario> {
    let bare = |last| {
        let body = numbers(last);
        message(format!(r#"{{"filename":"","total_size":{}}}"#, body.len()), body)
    };
    vec![
        asks(
            "own-count",
            "C1 C3",
            [
                (request("1", "count 11"), counted("1", 11)),
                (request("2", "count 0"), counted("2", 0)),
                (request("3", "count 1"), counted("3", 1)),
            ],
        ),
        asks(
            "own-count-longer-than-buffers",
            "M2",
            [
                (request("1", "count 20000"), counted("1", 20_000)),
                (request("2", "upper a"), reply("2", "ok", "A")),
            ],
        ),
        tcp(
            Command,
            "own-count-pipelined",
            "C1",
            [
                send([request("1", "count 1000"), request("2", "count 5")].concat()),
                expect([counted("1", 1000), counted("2", 5)].concat()),
            ],
        ),
        asks(
            "own-count-wrong",
            "C3",
            [
                (
                    request("1", "count ten"),
                    reply("1", "bad-request", "count needs N; `ten` will not do"),
                ),
                (
                    request("2", "count 10000001"),
                    reply("2", "too-large", "10000001 is over the limit of 10000000"),
                ),
                (
                    request("3", "count -1"),
                    reply("3", "bad-request", "count needs N; `-1` will not do"),
                ),
            ],
        ),
        tcp(
            Frame,
            "own-count-frame",
            "B2",
            [
                send("count 300\n"),
                expect(frame(numbers(300))),
                send("count 0\n"),
                expect(frame("")),
            ],
        ),
        tcp(Message, "own-count-message", "B3", [send("count 300\n"), expect(bare(300))]),
    ]
}

fn late() -> Vec<Scenario> {
    vec![
        asks(
            "own-wait",
            "C1",
            [
                (request("1", "wait 30"), reply("1", "ok", "waited")),
                (request("2", "wait 0"), reply("2", "ok", "waited")),
                (request("3", "wait"), reply("3", "bad-request", "wait needs MS; `` will not do")),
                (
                    request("4", "wait 60001"),
                    reply("4", "too-large", "60001 is over the limit of 60000"),
                ),
            ],
        ),
        tcp(
            Command,
            "own-wait-pipelined",
            "C1",
            [
                send([request("1", "wait 30"), request("2", "upper a")].concat()),
                expect([reply("1", "ok", "waited"), reply("2", "ok", "A")].concat()),
            ],
        ),
        tcp(
            Command,
            "own-wait-half-close",
            "C1 F3",
            [
                send(request("1", "wait 30")),
                Act::Finish,
                expect(reply("1", "ok", "waited")),
                Act::ExpectEnd,
            ],
        ),
        tcp(
            Frame,
            "own-wait-frame",
            "B2",
            [send("wait 30\nupper a\n"), expect([frame("waited"), frame("A")].concat())],
        ),
    ]
}

const FIRST: &str = r#"{"rate":1,"name":""}"#;

fn config(id: &str, json: &str) -> Vec<u8> {
    let escaped = json.replace('\\', r"\\").replace('"', r#"\""#);
    request(id, format!("config {escaped}").trim_end())
}

/// Back to what every node starts with.
fn reset() -> (Vec<u8>, Vec<u8>) {
    (config("99", FIRST), reply("99", "ok", FIRST))
}

fn typed() -> Vec<Scenario> {
    let second = r#"{"rate":5,"name":"pump"}"#;
    let deep = format!(r#"{{"rate":{}1{}}}"#, "[".repeat(8), "]".repeat(8));
    let bad = |id: &str, json: &str, why: &str| (config(id, json), reply(id, "bad-request", why));
    vec![
        asks(
            "own-config",
            "C1",
            [
                (config("1", ""), reply("1", "ok", FIRST)),
                (config("2", second), reply("2", "ok", second)),
                (config("3", ""), reply("3", "ok", second)),
                reset(),
            ],
        ),
        asks(
            "own-config-body",
            "C1 M2",
            [
                (
                    request_with("1", "config", br#" {"name":"pump", "other":[1,{}], "rate":5} "#),
                    reply("1", "ok", second),
                ),
                reset(),
            ],
        ),
        asks(
            "own-config-escapes",
            "H3",
            [
                (
                    request_with("1", "config", br#"{"rate":5,"name":"\"\u00e9\t\u0001"}"#),
                    reply("1", "ok", r#"{"rate":5,"name":"\"é\t\u0001"}"#),
                ),
                reset(),
            ],
        ),
        asks(
            "own-config-no-json",
            "H2 H4",
            [
                bad("1", "rate", "the argument is not a JSON object"),
                bad("2", r#"{"rate":5"#, "the argument is not JSON at byte 9"),
                bad("3", r#"{"rate":1,"rate":2}"#, "the argument repeats a key at byte 10"),
                bad("4", &deep, "the argument nests deeper than 8 levels"),
                bad("5", r#"{"rate":5,"name":"\q"}"#, "the argument has a bad escape at byte 18"),
                (
                    request_with("6", "config", b"{} {}"),
                    reply("6", "bad-request", "bytes follow the body's object at byte 3"),
                ),
                (
                    request_with("7", "config", b"{\"rate\":5,\"name\":\"\xFF\"}"),
                    reply("7", "bad-request", "the body is not UTF-8 at byte 18"),
                ),
                (config("8", ""), reply("8", "ok", FIRST)),
            ],
        ),
        wrong("own-config-no-rate", r#"{"name":"pump"}"#),
        wrong("own-config-wrong-type", r#"{"rate":"5","name":"pump"}"#),
        wrong("own-config-negative", r#"{"rate":-5,"name":"pump"}"#),
        wrong("own-config-over-32-bits", r#"{"rate":4294967296,"name":"pump"}"#),
        wrong("own-config-name-too-long", r#"{"rate":5,"name":"12345678901234567"}"#),
        udp(
            Command,
            "udp-own-config",
            "U1",
            [send(padded("1", "config", 200)), expect(reply("1", "ok", FIRST))],
        ),
        tcp(
            Frame,
            "own-config-frame",
            "B2",
            [
                send(format!("config {second}\nconfig {FIRST}\n")),
                expect([frame(second), frame(FIRST)].concat()),
            ],
        ),
    ]
}

/// JSON that is no settings: they stay as they were.
fn wrong(name: &'static str, json: &str) -> Scenario {
    tcp(
        Command,
        name,
        "C3",
        [
            send(config("1", json)),
            refused("bad-request", &["the argument does not fit config"]),
            send(config("2", "")),
            expect(reply("2", "ok", FIRST)),
        ],
    )
}

fn datagrams() -> Vec<Scenario> {
    let busy = "a datagram does not wait for this answer: ask again over TCP";
    let turn = |name, command: &str, reply: Vec<u8>| {
        udp(Command, name, "U1", [send(padded("1", command, 200)), expect(reply)])
    };
    let size = numbers(1000).len();
    vec![
        turn("udp-own-count", "count 11", counted("1", 11)),
        turn("udp-own-count-too-long", "count 1000", truncated("1", size).expect("it is told")),
        turn("udp-own-wait", "wait 30", reply("1", "busy", busy)),
        turn("udp-own-wait-not", "wait 0", reply("1", "ok", "waited")),
        udp(
            Command,
            "udp-own-sum",
            "U1 M2",
            [send(sum("1", b"1\n20\n-300\n")), expect(reply("1", "ok", "-279"))],
        ),
    ]
}
