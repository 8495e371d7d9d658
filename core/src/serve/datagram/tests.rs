use super::*;
use crate::command::{Answer, Command};
use crate::host::{Identity, Node};
use crate::store::RamStore;
use std::format;
use std::vec;
use std::vec::Vec;

/// Context: how often something has been changed.
type Bench = Node<RamStore<[u8; 64], 2>, u32>;

const TABLE: &[Command<Bench>] = &[Command::new("change", |node: &mut Bench, call, text| {
    node.context += 1;
    text.write_bytes(call.args.as_bytes())?;
    Ok(Answer::Text)
})];

fn bench() -> Bench {
    Node::with(Identity::new("bench", "1"), RamStore::new([[0; 64]; 2]), TABLE, 0)
}

const STRANGER: Envelope<'_> =
    Envelope { from_port: 4000, own_ports: &[8092, 8093], broadcast: false };

/// What is answered, with so much space.
fn reply(
    node: &mut Bench,
    service: Service,
    envelope: Envelope<'_>,
    datagram: Datagram<'_>,
    space: usize,
) -> Option<Vec<u8>> {
    let mut output = vec![0xA5; space];
    let len = answer(service, Instant::ZERO, node, envelope, datagram, &mut output)?;
    output.truncate(len);
    Some(output)
}

fn message(header: &str, body: &str) -> Vec<u8> {
    let len = u32::try_from(header.len()).unwrap().to_le_bytes();
    [&len, header.as_bytes(), body.as_bytes()].concat()
}

/// The counters that are not zero, less the bytes.
fn counted(node: &Bench) -> Vec<(Counter, u64)> {
    node.counters.iter().filter(|(it, count)| *count > 0 && *it != Counter::Bytes).collect()
}

#[test]
fn an_echo_is_in_upper_case_or_does_not_fit() {
    for (text, space, answer) in
        [("abc", 3, Some("ABC")), ("", 3, Some("")), ("abcd", 3, None), ("", 0, Some(""))]
    {
        let mut node = bench();
        let came = Datagram::received(text.as_bytes(), text.len());
        let reply = reply(&mut node, Service::Echo, STRANGER, came, space);
        assert_eq!(reply.as_deref(), answer.map(str::as_bytes), "{text:?}");
        let rejected = answer.is_none().then_some((Counter::Rejected, 1));
        let due: Vec<_> = [(Counter::Frames, 1)].into_iter().chain(rejected).collect();
        assert_eq!(counted(&node), due);
        assert_eq!(node.counters.get(Counter::Bytes), text.len() as u64);
    }
}

/// Rule U5.
#[test]
fn what_would_be_answered_for_ever_is_not() {
    let came = Datagram::Whole(b"abc");
    for envelope in [
        Envelope { from_port: 0, ..STRANGER },
        Envelope { from_port: 8093, ..STRANGER },
        Envelope { broadcast: true, ..STRANGER },
    ] {
        let mut node = bench();
        assert_eq!(reply(&mut node, Service::Echo, envelope, came, 9), None);
        assert_eq!(counted(&node), [(Counter::Rejected, 1)]);
        assert_eq!(node.counters.get(Counter::Bytes), 0, "it is not even looked at");
    }
    for header in [
        r#"{"id":1,"command":"upper a","status":"ok"}"#,
        r#"{"status":7,"command":"upper a"}"#,
        r#"{"status":"ok","command"}"#,
    ] {
        let (mut node, came) = (bench(), message(header, ""));
        let reply = reply(&mut node, Service::Command, STRANGER, Datagram::Whole(&came), 999);
        assert_eq!(reply, None, "{header}");
        assert_eq!(counted(&node), [(Counter::Rejected, 1)], "{header}");
    }
}

/// Rule U3.
#[test]
fn what_was_cut_is_not_taken_for_the_whole() {
    fn cut(head: &[u8]) -> Datagram<'_> {
        Datagram::Truncated { head, len: None }
    }
    let mut node = bench();
    assert_eq!(reply(&mut node, Service::Echo, STRANGER, cut(b"abc"), 9), None);
    assert_eq!(counted(&node), [(Counter::Truncated, 1), (Counter::Rejected, 1)]);

    let whole = message(r#"{"id":7,"command":"change","total_size":99}"#, &"x".repeat(60));
    let due = format!("the datagram is over the limit of {} bytes", whole.len());
    let told = reply(&mut node, Service::Command, STRANGER, cut(&whole), 999).unwrap();
    let (header, body) = message::split::<HEADER>(&told).unwrap();
    assert_eq!((header.id.unwrap().raw(), body), ("7", due.as_bytes()));
    assert_eq!((header.status.unwrap() == "too-large", node.context), (true, 0));
    // Nobody could know whose answer it would be, or it is one itself.
    for header in
        [r#"{"command":"change","total_size":99}"#, r#"{"id":7,"status":"ok","total_size":99}"#]
    {
        let came = message(header, "");
        assert_eq!(reply(&mut node, Service::Command, STRANGER, cut(&came), 999), None);
    }
    assert_eq!(reply(&mut node, Service::Command, STRANGER, cut(&whole[..30]), 999), None);
}

/// Rule U4.
#[test]
fn a_reply_that_does_not_fit_is_told_without_its_body() {
    let args = "a".repeat(80);
    let request =
        |command: &str| message(&format!(r#"{{"id":7,"command":"{command} {args}"}}"#), "");
    for (command, told) in [
        ("echo", r#"{"id":7,"status":"truncated","total_size":80}"#),
        ("change", r#"{"id":7,"status":"ok","total_size":0}"#),
    ] {
        let (mut node, came) = (bench(), request(command));
        let mut ask =
            |space| reply(&mut node, Service::Command, STRANGER, Datagram::Whole(&came), space);
        assert_eq!(ask(100), Some(message(told, "")), "{command}");
        assert_eq!(ask(told.len() + 3), None, "{command}");
        let whole = ask(999).unwrap();
        assert_eq!(message::split::<HEADER>(&whole).unwrap().1, args.as_bytes());
        let truncated = (Counter::Truncated, 2);
        assert_eq!(counted(&node), [(Counter::Frames, 3), truncated, (Counter::Rejected, 1)]);
        assert_eq!(node.context, if command == "change" { 3 } else { 0 });
    }
    // Of one that has failed nothing has changed.
    let (mut node, came) =
        (bench(), message(r#"{"id":7,"command":"remove a file that is not there"}"#, ""));
    let told = reply(&mut node, Service::Command, STRANGER, Datagram::Whole(&came), 60);
    assert_eq!(told, Some(message(r#"{"id":7,"status":"truncated","total_size":53}"#, "")));
    // Nor is it three times as long as its request.
    let (mut node, came) = (bench(), message(r#"{"command":"help"}"#, ""));
    let told = reply(&mut node, Service::Command, STRANGER, Datagram::Whole(&came), 999).unwrap();
    assert!(told.len() <= 3 * came.len(), "{}", told.len());
}

#[test]
fn a_body_is_as_long_as_it_says() {
    for (size, body, status, text) in [
        (5, "hello", "ok", "stored a, 5 bytes"),
        (0, "", "ok", "stored a, 0 bytes"),
        (4, "hello", "bad-request", "the header declares a body of 4 bytes, there are 5"),
        (6, "hello", "bad-request", "the header declares a body of 6 bytes, there are 5"),
    ] {
        let header = format!(r#"{{"command":"put a","total_size":{size}{}}}"#, " ".repeat(60));
        let (mut node, came) = (bench(), message(&header, body));
        let told = reply(&mut node, Service::Command, STRANGER, Datagram::Whole(&came), 999);
        let told = told.unwrap();
        let (header, body) = message::split::<HEADER>(&told).unwrap();
        assert!(header.status.unwrap() == *status);
        assert_eq!(body, text.as_bytes());
    }
}

#[test]
fn what_breaks_a_rule_is_told_so() {
    for (datagram, text) in [
        (
            message(&["{\"id\":1", &" ".repeat(60)].concat(), ""),
            "the header is not JSON at byte 67",
        ),
        (message(&[" ", &" ".repeat(60)].concat(), ""), "the header is not a JSON object"),
        (vec![0xFF; 60], "a prefix declares -1 bytes; 0 to 2147483647 are possible"),
    ] {
        let mut node = bench();
        let told = reply(&mut node, Service::Command, STRANGER, Datagram::Whole(&datagram), 999);
        let told = told.unwrap();
        let (header, body) = message::split::<HEADER>(&told).unwrap();
        assert!(header.id.is_none() && header.status.unwrap() == "bad-request");
        assert_eq!(core::str::from_utf8(body), Ok(text));
    }
}
