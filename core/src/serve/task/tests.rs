use super::*;
use crate::command::{Answer, Body, Command};
use crate::datagram::{self, Datagram, Envelope};
use crate::host::{Identity, Node};
use crate::limits::TEXT;
use crate::session::Phase;
use crate::store::RamStore;
use crate::{Closed, Limits, Next, Server, Service, Session as _};
use core::fmt::Write as _;
use core::time::Duration;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// Context: how many tasks are open.
type Bench = Node<RamStore<[u8; 8], 0>, i32, Tasks>;

crate::tasks! {
    enum Tasks for Bench { Late(Late), Count(Count), Pieces(Pieces) }
}

struct Late(Instant);

impl Task<Bench> for Late {
    fn body(&mut self, _: &mut Bench, piece: &[u8], _: &mut Text<'_>) -> Result<(), Refusal> {
        let why = format_args!("no x here");
        if piece.contains(&b'x') { Err(Refusal::new(Status::Denied, why)) } else { Ok(()) }
    }

    fn poll(&mut self, _: &mut Bench, now: Instant, _: &mut Text<'_>) -> Result<Progress, Refusal> {
        Ok(if now < self.0 { Progress::WaitUntil(self.0) } else { Progress::Text })
    }

    fn close(&mut self, host: &mut Bench) {
        host.context -= 1;
    }
}

/// Digits, one after the other, with a second between them.
struct Count {
    next: Instant,
    left: u8,
}

impl Task<Bench> for Count {
    fn poll(&mut self, _: &mut Bench, _: Instant, _: &mut Text<'_>) -> Result<Progress, Refusal> {
        Ok(Progress::Body(self.left.into()))
    }

    fn read(
        &mut self,
        _: &mut Bench,
        now: Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        if now < self.next {
            return Ok(Progress::WaitUntil(self.next));
        }
        self.next = now.after(Duration::from_secs(1));
        self.left -= 1;
        write!(text, "{}", self.left % 10)?;
        Ok(Progress::Text)
    }

    fn close(&mut self, host: &mut Bench) {
        host.context -= 1;
    }
}

/// A body of three bytes, in pieces of these sizes; it waits where one has none.
struct Pieces(Vec<Option<usize>>);

impl Task<Bench> for Pieces {
    fn poll(&mut self, _: &mut Bench, _: Instant, _: &mut Text<'_>) -> Result<Progress, Refusal> {
        Ok(Progress::Body(3))
    }

    fn read(
        &mut self,
        _: &mut Bench,
        _: Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        let Some(len) = self.0.remove(0) else { return Ok(Progress::Wait) };
        text.write_bytes(&b"abcdef"[..len])?;
        Ok(Progress::Text)
    }
}

const TABLE: &[Command<Bench>] = &[
    Command::new("pieces", |_: &mut Bench, call, _| {
        let piece = |word: &str| word.parse().ok();
        Ok(Answer::task(Pieces(call.args.split(' ').map(piece).collect())))
    }),
    Command::new("late", |node: &mut Bench, call, text| {
        node.context += 1;
        text.write_bytes(b"late")?;
        Ok(Answer::task(Late(call.now.after(Duration::from_secs(120)))))
    })
    .body(Body::Streamed),
    Command::new("count", |node: &mut Bench, call, _| {
        node.context += 1;
        Ok(Answer::task(Count { next: call.now, left: call.arg("N")? }))
    }),
    Command::new("size", |_: &mut Bench, call, text| {
        write!(text, "{} {}", call.args, call.body.len())?;
        Ok(Answer::Text)
    })
    .body(Body::Required),
    Command::new("late-size", |node: &mut Bench, call, text| {
        node.context += 1;
        write!(text, "{}", call.body_text()?)?;
        Ok(Answer::task(Late(call.now.after(Duration::from_secs(120)))))
    })
    .body(Body::Optional),
];

fn bench() -> Bench {
    Node::with(Identity::new("bench", "1"), RamStore::new([]), TABLE, 0)
}

fn server() -> Server<Bench> {
    Server::new(Service::Command, Limits::DEFAULT.with_answer(Duration::from_secs(200)))
}

fn request(command: &str, md5: &str, body: &[u8]) -> Vec<u8> {
    let size = body.len();
    let json = std::format!(r#"{{"command":"{command}","total_size":{size}{md5}}}"#);
    let len = i32::try_from(json.len()).unwrap().to_le_bytes();
    [&len, json.as_bytes(), body].concat()
}

fn seconds(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1000)
}

/// The status and body of the one reply in these bytes.
fn reply(bytes: &[u8]) -> String {
    let (header, body) = crate::message::split::<1024>(bytes).unwrap();
    let status: String = header.status.unwrap().chars().collect();
    status + " " + core::str::from_utf8(body).unwrap()
}

#[test]
fn a_late_answer_comes_at_its_time_and_not_before() {
    let (mut node, mut server, mut output) = (bench(), server(), [0; 512]);
    let late = request("late", "", b"");
    let step = server.step(Instant::ZERO, &mut node, &late, &mut output);
    assert_eq!((step.next, step.deadline), (Next::Wait, Some(seconds(120))));
    let early = server.step(seconds(119), &mut node, b"", &mut output);
    assert_eq!((early.written, early.next), (0, Next::Wait));
    let step = server.step(seconds(120), &mut node, b"", &mut output);
    assert_eq!((step.next, node.context), (Next::Input, 0));
    assert_eq!(reply(&output[..step.written]), "ok late");
}

#[test]
#[cfg(feature = "md5")]
fn a_task_is_closed_once_however_it_ends() {
    let (mut node, mut output) = (bench(), [0; 512]);
    let late = request("late", "", b"");
    // The connection is lost.
    let mut lost = server();
    lost.step(Instant::ZERO, &mut node, &late, &mut output);
    assert_eq!(node.context, 1);
    lost.abort(&mut node);
    assert_eq!(node.context, 0);
    // The session's deadline comes first.
    let mut short = Server::new(Service::Command, Limits::DEFAULT);
    short.step(Instant::ZERO, &mut node, &late, &mut output);
    let step = short.step(seconds(60), &mut node, b"", &mut output);
    assert_eq!(step.next, Next::Closed(Closed::Timeout(Phase::Answer)));
    assert_eq!(node.context, 0);
    // It refuses its body, or that is damaged.
    let wrong = r#","md5":"00000000000000000000000000000000""#;
    for (md5, body, why) in [("", b"axb", "denied no x here"), (wrong, b"abc", "failed the body")] {
        let input = request("late", md5, body);
        let step = server().step(Instant::ZERO, &mut node, &input, &mut output);
        assert_eq!((step.next, node.context), (Next::Input, 0));
        assert!(reply(&output[..step.written]).starts_with(why), "{why}");
    }
}

#[test]
fn a_body_that_fits_is_collected_however_it_is_cut_and_a_longer_one_refused_at_its_header() {
    let room = TEXT / 4 * 3 - "size".len() - "a b".len();
    let ok = std::format!("ok a b {room}");
    for size in [1, 3, 1000, 4096] {
        let (mut node, mut server, mut told) = (bench(), server(), Vec::new());
        for piece in request("size a b", "", &vec![b'x'; room]).chunks(size) {
            let mut output = [0; 512];
            let step = server.step(Instant::ZERO, &mut node, piece, &mut output);
            assert_eq!(step.consumed, piece.len());
            told.extend_from_slice(&output[..step.written]);
        }
        assert_eq!(reply(&told), ok, "in pieces of {size}");
    }
    let (mut node, mut server, mut output) = (bench(), server(), [0; 512]);
    let longer = request("size a b", "", &vec![b'x'; room + 1]);
    let step = server.step(Instant::ZERO, &mut node, &longer, &mut output);
    let why = std::format!("too-large a body of {} bytes is over the limit of {room}", room + 1);
    assert_eq!((reply(&output[..step.written]), step.next), (why, Next::Input));
}

#[test]
#[cfg(feature = "md5")]
fn a_damaged_body_does_not_run_the_command() {
    let (mut node, mut output) = (bench(), [0; 512]);
    let wrong = r#","md5":"00000000000000000000000000000000""#;
    let input = request("late-size", wrong, b"abc");
    let step = server().step(Instant::ZERO, &mut node, &input, &mut output);
    assert!(reply(&output[..step.written]).starts_with("failed the body's md5"));
    assert_eq!(node.context, 0);
}

#[test]
fn a_command_that_saw_its_body_may_still_be_late() {
    let (mut node, mut server, mut output) = (bench(), server(), [0; 512]);
    let input = request("late-size", "", b"abc");
    let step = server.step(Instant::ZERO, &mut node, &input, &mut output);
    assert_eq!(step.next, Next::Wait);
    let step = server.step(seconds(120), &mut node, b"", &mut output);
    assert_eq!(reply(&output[..step.written]), "ok abc");
}

#[test]
fn a_streamed_answer_has_the_time_of_an_answer_for_each_piece() {
    let (mut node, mut server, mut told) = (bench(), server(), Vec::new());
    let mut now = Instant::ZERO;
    let mut input = &request("count 250", "", b"")[..];
    loop {
        let mut output = [0; 512];
        let step = server.step(now, &mut node, input, &mut output);
        input = &input[step.consumed..];
        told.extend_from_slice(&output[..step.written]);
        match step.next {
            Next::Input => break,
            Next::Wait => now = step.deadline.unwrap(),
            next => panic!("{next:?} at {now:?}"),
        }
    }
    assert_eq!((now, node.context), (seconds(249), 0));
    assert_eq!(reply(&told).len(), "ok ".len() + 250);
}

#[test]
fn a_datagram_waits_for_no_task() {
    let mut node = bench();
    let busy = "busy a datagram does not wait for this answer: ask again over TCP";
    let envelope = Envelope { from_port: 4000, own_ports: &[], broadcast: false };
    for (command, body, told) in [
        ("late", "", busy),
        ("count 1", "", "ok 0"),
        ("count 2", "", busy), // its second piece is late
        ("size a", "abc", "ok a 3"),
    ] {
        // White space makes room for the reply.
        let padded = request(command, &" ".repeat(200), body.as_bytes());
        let mut output = [0; 512];
        let came = Datagram::Whole(&padded);
        let now = Instant::ZERO;
        let len = datagram::answer(Service::Command, now, &mut node, envelope, came, &mut output)
            .unwrap();
        assert_eq!(reply(&output[..len]), told, "{command}");
        assert_eq!(node.context, 0, "{command}");
    }
}

#[test]
fn a_bare_request_has_no_body() {
    let (mut node, mut output) = (bench(), [0; 512]);
    let mut server = Server::new(Service::Frame, Limits::DEFAULT);
    let step = server.step(Instant::ZERO, &mut node, b"size\n", &mut output);
    let why = b"size needs a body: use the command service";
    assert_eq!(&output[4..step.written], why);
}

#[test]
fn a_streamed_answer_is_as_long_as_was_said_or_breaks_off() {
    for (sizes, came, next) in [
        ("3", "abc", Next::Input),
        ("1 2", "aab", Next::Input),
        ("1 -", "a", Next::Wait),
        ("1 0", "a", Next::Closed(Closed::BodyFailed)),
        ("1 3", "a", Next::Closed(Closed::BodyFailed)),
        ("4", "", Next::Closed(Closed::BodyFailed)),
    ] {
        let (mut node, mut output) = (bench(), [0; 512]);
        let input = request(&["pieces ", sizes].concat(), "", b"");
        let step = server().step(Instant::ZERO, &mut node, &input, &mut output);
        assert_eq!(step.next, next, "{sizes}");
        let (header, body) = crate::message::split::<1024>(&output[..step.written]).unwrap();
        assert_eq!((header.total_size, body), (Some(3), came.as_bytes()), "{sizes}");
    }
}

#[test]
fn a_piece_that_does_not_come_is_waited_for_as_long_as_for_an_answer() {
    let (mut node, mut server, mut output) = (bench(), server(), [0; 512]);
    let input = request("pieces 1 - - - -", "", b"");
    let step = server.step(Instant::ZERO, &mut node, &input, &mut output);
    assert_eq!((step.next, step.deadline), (Next::Wait, Some(seconds(200))));
    let step = server.step(seconds(100), &mut node, b"", &mut output);
    assert_eq!((step.next, step.deadline), (Next::Wait, Some(seconds(200))), "nothing has come");
    let step = server.step(seconds(200), &mut node, b"", &mut output);
    assert_eq!(step.next, Next::Closed(Closed::Timeout(Phase::Answer)));
}

/// A task that says nothing of its body and its end.
#[test]
fn a_task_takes_no_body_unless_it_says_so() {
    let mut node = bench();
    let mut memory = [0; 8];
    let mut task = Pieces(vec![]);
    let refusal = task.body(&mut node, b"x", &mut Text::new(&mut memory)).unwrap_err();
    assert_eq!(std::format!("{refusal}"), "failed: this command takes no body");
}

#[test]
fn the_next_piece_is_asked_for_once_the_one_before_is_sent() {
    let (mut node, mut server) = (bench(), server());
    let input = request("pieces 2 1", "", b"");
    let (mut rest, mut told) = (&input[..], vec![]);
    loop {
        let mut output = [0; 1];
        let step = server.step(Instant::ZERO, &mut node, rest, &mut output);
        rest = &rest[step.consumed..];
        told.extend_from_slice(&output[..step.written]);
        if step.next == Next::Input {
            break;
        }
    }
    assert_eq!(reply(&told), "ok aba");
}
