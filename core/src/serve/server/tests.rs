use super::*;
use crate::limits::Oversize;
use crate::serve::host::{Identity, Node};
use crate::serve::store::RamStore;
use crate::session::Phase;
use core::time::Duration;
use std::string::String;
use std::vec::Vec;

type Files = RamStore<[u8; 64], 3>;
type TestNode = Node<Files>;

fn node() -> TestNode {
    let identity = Identity::new("node", "1").target("test");
    Node::new(identity, RamStore::new([[0; 64]; 3]))
}

fn message(json: &str, body: &str) -> Vec<u8> {
    let mut bytes = i32::try_from(json.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(json.bytes());
    bytes.extend(body.bytes());
    bytes
}

/// The status and body of each reply in `bytes`.
fn replies(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader::<1024>::new(Kind::Reply);
    let mut seen = Vec::new();
    while let Some(event) = reader.read(&mut bytes).unwrap() {
        match event {
            message::Event::Header { header: Header { status, .. }, .. } => {
                seen.push((status.unwrap().chars().collect(), String::new()));
            }
            message::Event::Body(piece) => {
                seen.last_mut().unwrap().1.push_str(str::from_utf8(piece).unwrap());
            }
            message::Event::End(_) => {}
        }
    }
    seen
}

/// Steps with all of `input`. Returns the output and what it waits for.
fn step(server: &mut Server<TestNode>, now: Instant, input: &[u8]) -> (Vec<u8>, Step) {
    let mut output = [0xA5; 4096];
    let step = server.step(now, &mut node(), input, &mut output);
    (output[..step.written].to_vec(), step)
}

#[test]
fn all_that_one_read_brought_is_answered_in_one_step() {
    let mut server = Server::new(Service::Frame, Limits::DEFAULT);
    let input = b"upper a\r\n\n\r\necho b\nupper c\n";
    let (output, step) = step(&mut server, Instant::ZERO, input);
    assert_eq!(output, b"\x01\0\0\0A\x01\0\0\0b\x01\0\0\0C");
    assert_eq!((step.consumed, step.next), (input.len(), Next::Input));
}

/// Rule B1: without newlines a request ends where a receive ended, also if more has come before it was
/// consumed.
#[test]
fn what_comes_while_a_request_waits_is_no_part_of_it() {
    let (mut node, mut server) = (node(), Server::new(Service::Frame, Limits::DEFAULT));
    let mut output = [0; 64];
    let first = server.step(Instant::ZERO, &mut node, b"upper a", &mut output[..4]);
    assert_eq!((first.consumed, first.next), (7, Next::Output));
    let full = server.step(Instant::ZERO, &mut node, b"upper b", &mut []);
    assert_eq!((full.consumed, full.next), (0, Next::Output));
    // The driver has received more behind what is left.
    let step = server.step(Instant::ZERO, &mut node, b"upper bupper c", &mut output);
    assert_eq!(&output[..step.written], b"A\x01\0\0\0B\x01\0\0\0C");
    assert_eq!((step.consumed, step.next), (14, Next::Input));
}

/// Rule B4: nothing runs behind what is plainly another protocol's.
#[test]
fn another_protocol_ends_the_session() {
    let (mut node, mut server) = (node(), Server::new(Service::Frame, Limits::DEFAULT));
    let mut output = [0; 256];
    let input = b"POST / HTTP/1.1\r\n\r\nupper a\n";
    let step = server.step(Instant::ZERO, &mut node, input, &mut output);
    assert_eq!(step.next, Next::Closed(Closed::Foreign));
    assert_eq!(&output[4..step.written], b"this is no request but another protocol's: goodbye");
    assert_eq!(node.counters.get(Counter::Rejected), 1);
}

/// Rule B1: the start of a line is given as long as a header.
#[test]
fn a_line_must_be_whole_in_time() {
    let mut server = Server::new(Service::Frame, Limits::DEFAULT);
    let (_, torn) = step(&mut server, Instant::ZERO, b"upper a\nupper");
    let header = Instant::ZERO.after(Limits::DEFAULT.header);
    assert_eq!(torn.deadline, Some(header));
    let (_, late) = step(&mut server, header, b"b");
    assert_eq!(late.next, Next::Closed(Closed::Timeout(Phase::Header)));
}

#[test]
fn an_input_that_ends_in_empty_lines_has_ended() {
    let mut server = Server::new(Service::Frame, Limits::DEFAULT);
    Session::<TestNode>::end(&mut server);
    let (output, last) = step(&mut server, Instant::ZERO, b"upper a\n\r\n\n");
    assert_eq!((&output[..], last.next), (&b"\x01\0\0\0A"[..], Next::Closed(Closed::End)));
}

#[test]
fn stats_are_the_same_however_the_requests_were_cut() {
    let input = [message(r#"{"command":"upper a"}"#, ""), message(r#"{"command":"stats"}"#, "")];
    let input = input.concat();
    let told = |size: usize| {
        let (mut node, mut server) = (node(), Server::new(Service::Command, Limits::DEFAULT));
        let mut told = Vec::new();
        for piece in input.chunks(size) {
            let mut output = [0; 512];
            let step = server.step(Instant::ZERO, &mut node, piece, &mut output);
            told.extend_from_slice(&output[..step.written]);
        }
        replies(&told).pop().unwrap().1
    };
    assert!(told(1).contains(&std::format!("\nbytes      {}\n", input.len())), "{}", told(1));
    (2..=input.len()).for_each(|size| assert_eq!(told(size), told(1)));
}

#[test]
fn input_is_not_taken_while_output_is_full() {
    let (mut node, mut server) = (node(), Server::new(Service::Frame, Limits::DEFAULT));
    let input = b"upper ab\nupper cd\n";
    let mut output = [0; 5];
    let first = server.step(Instant::ZERO, &mut node, input, &mut output);
    assert_eq!((first.consumed, first.written, first.next), (9, 5, Next::Output));
    assert_eq!(&output, b"\x02\0\0\0A");
    let second = server.step(Instant::ZERO, &mut node, &input[9..], &mut output);
    assert_eq!((second.consumed, second.written, second.next), (9, 5, Next::Output));
    assert_eq!(&output, b"B\x02\0\0\0");
    let third = server.step(Instant::ZERO, &mut node, &[], &mut output);
    assert_eq!((third.written, third.next), (2, Next::Input));
}

#[test]
fn a_refused_body_is_skipped_or_closed_upon() {
    let request = message(r#"{"command":"upper a","total_size":5}"#, "hello");
    let next = message(r#"{"command":"upper b"}"#, "");
    let input = [request, next].concat();
    let refusal =
        ("bad-request".into(), "upper takes no body; its request announces 5 bytes".into());

    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    let (output, _) = step(&mut server, Instant::ZERO, &input);
    assert_eq!(replies(&output), [refusal.clone(), ("ok".into(), "B".into())]);

    let limits = Limits::DEFAULT.with_oversize(Oversize::Close);
    let mut server = Server::new(Service::Command, limits);
    let (output, step) = step(&mut server, Instant::ZERO, &input);
    assert_eq!(replies(&output), [refusal]);
    assert_eq!(step.next, Next::Closed(Closed::Oversized { declared: 5 }));
}

#[test]
fn a_header_must_be_whole_in_time_however_its_bytes_drip() {
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    let header = Limits::DEFAULT.header;
    let bytes = message(r#"{"command":"upper a"}"#, "");
    for (second, byte) in bytes.iter().take(9).enumerate() {
        let now = Instant::from_millis(second as u64 * 1000);
        let (_, step) = step(&mut server, now, &[*byte]);
        assert_eq!(step.deadline, Some(Instant::ZERO.after(header)), "not renewed");
    }
    let (_, late) = step(&mut server, Instant::ZERO.after(header), b"");
    assert_eq!(late.next, Next::Closed(Closed::Timeout(Phase::Header)));
}

#[test]
fn deadlines_of_idle_and_stalled_peers() {
    let mut server = Server::new(Service::Frame, Limits::DEFAULT);
    let (_, first) = step(&mut server, Instant::from_millis(5), b"");
    let idle = Instant::from_millis(5).after(Limits::DEFAULT.idle);
    assert_eq!(first.deadline, Some(idle));
    let (_, busy) = step(&mut server, Instant::from_millis(1000), b"upper a\n");
    assert!(busy.deadline > Some(idle), "a request renews it");
    let (_, last) = step(&mut server, busy.deadline.unwrap(), b"");
    assert_eq!(last.next, Next::Closed(Closed::Timeout(Phase::Idle)));

    let mut server = Server::new(Service::Frame, Limits::DEFAULT);
    let stalled = server.step(Instant::ZERO, &mut node(), b"upper a\n", &mut []);
    assert_eq!(stalled.next, Next::Output);
    assert_eq!(stalled.deadline, Some(Instant::ZERO.after(Duration::from_secs(30))));
    let late = server.step(stalled.deadline.unwrap(), &mut node(), b"", &mut []);
    assert_eq!(late.next, Next::Closed(Closed::Timeout(Phase::Output)));
}

#[test]
fn a_connection_lost_in_a_put_leaves_the_store_as_it_was() {
    let (mut node, mut server) = (node(), Server::new(Service::Command, Limits::DEFAULT));
    let mut input = message(r#"{"command":"put a","total_size":5}"#, "hell");
    server.step(Instant::ZERO, &mut node, &input, &mut []);
    server.abort(&mut node);
    assert_eq!(node.counters.get(Counter::Resets), 1);

    // All three buffers are free again.
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    input.push(b'o');
    for name in ["a", "b", "c"] {
        let json = std::format!("{{\"command\":\"put {name}\",\"total_size\":5}}");
        let mut output = [0; 256];
        let step = server.step(Instant::ZERO, &mut node, &message(&json, "hello"), &mut output);
        let stored = std::format!("stored {name}, 5 bytes");
        assert_eq!(replies(&output[..step.written]), [("ok".into(), stored)]);
    }
}

#[test]
fn finish_waits_for_what_was_begun() {
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    let input = message(r#"{"command":"upper a"}"#, "");
    step(&mut server, Instant::ZERO, &input[..9]);
    server.finish();
    let (output, last) = step(&mut server, Instant::ZERO, &input[9..]);
    assert_eq!(replies(&output), [("ok".into(), "A".into())]);
    assert_eq!(last.next, Next::Closed(Closed::Finished));
}

#[test]
fn a_file_is_got_and_its_source_given_back() {
    let (mut node, mut server) = (node(), Server::new(Service::Command, Limits::DEFAULT));
    let mut output = [0; 1024];
    // As large as a file can be.
    let full = message(r#"{"command":"put full","total_size":64}"#, &"x".repeat(64));
    let step = server.step(Instant::ZERO, &mut node, &full, &mut output);
    assert_eq!(replies(&output[..step.written]), [("ok".into(), "stored full, 64 bytes".into())]);
    let remove = message(r#"{"command":"remove full"}"#, "");
    server.step(Instant::ZERO, &mut node, &remove, &mut output);
    let put = message(r#"{"command":"put a","total_size":5}"#, "hello");
    let step = server.step(Instant::ZERO, &mut node, &put, &mut output);
    assert_eq!(replies(&output[..step.written]), [("ok".into(), "stored a, 5 bytes".into())]);
    for _ in 0..4 {
        let get = message(r#"{"command":"get a"}"#, "");
        let step = server.step(Instant::ZERO, &mut node, &get, &mut output);
        assert_eq!(replies(&output[..step.written]), [("ok".into(), "hello".into())]);
    }
    // Nobody reads it any more, so its buffer is free once it is removed.
    let remove = message(r#"{"command":"remove a"}"#, "");
    server.step(Instant::ZERO, &mut node, &remove, &mut output);
    for _ in 0..3 {
        use crate::serve::store::Store as _;
        assert!(node.store.create("b", 64).is_ok());
    }
}

#[test]
fn finish_takes_no_request_that_was_received_already() {
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    let request = message(r#"{"command":"upper a"}"#, "");
    let input = [&request[..], &request[..]].concat();
    step(&mut server, Instant::ZERO, &input[..4]);
    server.finish();
    let (output, last) = step(&mut server, Instant::ZERO, &input[4..]);
    assert_eq!(replies(&output).len(), 1);
    assert_eq!(last.next, Next::Closed(Closed::Finished));
}

#[test]
fn a_closed_session_is_given_up_at_the_same_time_however_often_it_is_stepped() {
    let (mut node, mut server) = (node(), Server::new(Service::Frame, Limits::DEFAULT));
    server.end();
    let stepped = [0, 1, 2].map(|second| {
        let now = Instant::from_millis(second * 1000);
        server.step(now, &mut node, b"", &mut []).deadline
    });
    assert_eq!(stepped, [Some(Instant::ZERO.after(Limits::DEFAULT.stall)); 3]);
}

#[test]
fn nothing_happens_after_the_end() {
    for service in Service::ALL {
        let (mut node, mut server) = (node(), Server::new(service, Limits::DEFAULT));
        server.abort(&mut node);
        let mut output = [0; 64];
        let step = server.step(Instant::ZERO, &mut node, b"upper a\n", &mut output);
        assert_eq!((step.consumed, step.written), (0, 0));
        assert_eq!(step.next, Next::Closed(Closed::Aborted));
    }
}

/// The crate doc's table of memory says what is so.
#[test]
#[cfg(all(target_pointer_width = "64", feature = "md5"))]
fn the_documented_sizes_of_sessions() {
    fn row<T>(name: &str) {
        let row = std::format!("| {name} | {} |", size_of::<T>());
        assert!(include_str!("../../lib.rs").contains(&row), "the crate doc must say: {row}");
    }
    row::<frame::Decoder>("`frame::Decoder`");
    row::<frame::Assembler<64>>("`frame::Assembler<64>`");
    row::<Server<TestNode>>("`Server`, headers and texts of 1024");
    row::<Server<TestNode, 256, 128>>("`Server`, headers of 256, texts of 128");
    row::<crate::Client>("`Client`, headers of 1024");
    row::<crate::Client<256>>("`Client`, headers of 256");
}

/// Rule B4: what begins with a command is one, whatever follows.
#[test]
fn a_command_about_another_protocol_is_a_command() {
    let mut server = Server::new(Service::Frame, Limits::DEFAULT);
    let (output, step) = step(&mut server, Instant::ZERO, b"echo GET / HTTP/1.1\nupper b\n");
    assert_eq!(output, b"\x0e\0\0\0GET / HTTP/1.1\x01\0\0\0B");
    assert_eq!(step.next, Next::Input);
}

/// Rule B4: an unknown command is answered, and what is behind it is not looked at.
#[test]
fn an_unknown_command_is_the_last_unless_it_is_alone() {
    for (rest, next) in
        [("", Next::Input), ("\r\n\n", Next::Input), ("upper a\n", Next::Closed(Closed::Foreign))]
    {
        let mut server = Server::new(Service::Frame, Limits::DEFAULT);
        let input = ["nonsense\n", rest].concat();
        let (output, step) = step(&mut server, Instant::ZERO, input.as_bytes());
        assert_eq!(&output[4..], b"there is no command `nonsense`; try help", "{rest:?}");
        assert_eq!(step.next, next, "{rest:?}");
    }
}

#[test]
fn each_byte_of_a_body_renews_its_time_and_so_does_each_that_is_taken() {
    let at = |second: u64| Instant::from_millis(second * 1000);
    let (mut node, mut server) = (node(), Server::new(Service::Command, Limits::DEFAULT));
    let put = message(r#"{"command":"put a","total_size":3}"#, "");
    let mut step = |second, input: &[u8], space: &mut [u8]| {
        let step = server.step(at(second), &mut node, input, space);
        (step.next, step.deadline)
    };
    assert_eq!(step(0, &put, &mut []), (Next::Input, Some(at(30))));
    assert_eq!(step(10, b"a", &mut []), (Next::Input, Some(at(40))));
    assert_eq!(step(20, b"", &mut []), (Next::Input, Some(at(40))));
    assert_eq!(step(30, b"bc", &mut []), (Next::Output, Some(at(60))));
    assert_eq!(step(40, b"", &mut [0; 5]), (Next::Output, Some(at(70))));
    assert_eq!(step(50, b"", &mut []), (Next::Output, Some(at(70))));
    assert_eq!(step(60, b"", &mut [0; 512]), (Next::Input, Some(at(360))));
}

#[test]
fn what_breaks_off_says_whose_it_was() {
    // Inside of a body the request is known, inside of a header it is not.
    let put = message(r#"{"id":7,"command":"put a","total_size":3}"#, "a");
    for (input, id, why) in [
        (&put[..], Some("7"), "the input ended inside a body, 2 bytes are missing"),
        (&put[..9], None, "the input ended inside a frame, 36 bytes are missing"),
    ] {
        let mut server = Server::new(Service::Command, Limits::DEFAULT);
        Session::<TestNode>::end(&mut server);
        let (output, step) = step(&mut server, Instant::ZERO, input);
        let (header, body) = message::split::<1024>(&output).unwrap();
        assert_eq!((header.id.map(crate::header::Id::raw), body), (id, why.as_bytes()));
        assert!(matches!(step.next, Next::Closed(Closed::Protocol(_))));
    }
    // Nobody asks for more of a body that was refused.
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    let refused = message(r#"{"command":"upper a","total_size":5}"#, "he");
    let (output, _) = step(&mut server, Instant::ZERO, &refused);
    assert_eq!(replies(&output).len(), 1);
    Session::<TestNode>::end(&mut server);
    let (output, last) = step(&mut server, Instant::ZERO, b"l");
    assert_eq!((output.len(), last.next), (0, Next::Closed(Closed::End)));
}

#[test]
fn refusals_are_counted_by_their_reason() {
    let mut node = node();
    let long = std::format!(r#"{{"command":"{}"}}"#, "x".repeat(1024));
    for (json, counter) in [
        (r#"{"command":"nonsense"}"#, Counter::Rejected),
        (r#"{"command":"get"}"#, Counter::Rejected),
        (r#"{"command":"put a","total_size":65}"#, Counter::Oversized),
        (r#"{"command":"get a/b"}"#, Counter::Denied),
        (r#"{"command":"get a"}"#, Counter::Failed),
        (&long, Counter::Oversized),
    ] {
        let before = node.counters;
        let mut server = Server::new(Service::Command, Limits::DEFAULT);
        server.step(Instant::ZERO, &mut node, &message(json, ""), &mut [0; 512]);
        for (it, count) in node.counters.iter() {
            let begun = it == Counter::Frames && json != long;
            let moved = u64::from(it == counter || begun);
            let is_size = it == Counter::Bytes;
            assert!(is_size || count - before.get(it) == moved, "{it:?} of {json}");
        }
    }
}

/// The replies of two services to the same command, byte for byte.
#[test]
#[cfg(feature = "md5")]
fn a_text_has_its_digest_where_there_is_a_header() {
    let mut server = Server::new(Service::Message, Limits::DEFAULT);
    let (output, _) = step(&mut server, Instant::ZERO, b"upper hello\n");
    let header = br#"{"filename":"","total_size":5,"md5":"eb61eead90e3b899c6bcbe27ac581660"}"#;
    assert_eq!(output, [&[71, 0, 0, 0], &header[..], b"HELLO"].concat());
    let mut server = Server::new(Service::Frame, Limits::DEFAULT);
    assert_eq!(step(&mut server, Instant::ZERO, b"upper hello\n").0, b"\x05\0\0\0HELLO");
}

#[test]
fn what_cannot_be_read_has_not_the_id_of_what_came_before() {
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    let input = [message(r#"{"id":7,"command":"upper a"}"#, ""), message("nonsense", "")].concat();
    let (output, _) = step(&mut server, Instant::ZERO, &input);
    let ids = output.windows(6).filter(|piece| piece == br#""id":7"#).count();
    assert_eq!((replies(&output).len(), ids), (2, 1));
}

/// The policy is about bodies: a request without one is never closed upon.
#[test]
fn no_body_is_never_too_long() {
    let limits = Limits::DEFAULT.with_oversize(Oversize::Close);
    let mut server = Server::new(Service::Command, limits);
    let nonsense = message(r#"{"command":"nonsense"}"#, "");
    let (output, step) = step(&mut server, Instant::ZERO, &[&nonsense[..], &nonsense].concat());
    assert_eq!((replies(&output).len(), step.next), (2, Next::Input));
}
