use super::*;
use crate::limits::REQUEST;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// Sends some requests, one after another, and records the replies.
#[derive(Default)]
struct Asker {
    requests: Vec<(&'static str, u64)>,
    /// Requests that were asked for.
    asked: u64,
    said: Vec<String>,
    stops: bool,
}

impl Asker {
    fn of(requests: &[(&'static str, u64)]) -> Self {
        Self { requests: requests.to_vec(), ..Self::default() }
    }
}

impl Caller for Asker {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        let (command, size) = *self.requests.get(usize::try_from(index).unwrap())?;
        self.asked = self.asked.max(index + 1);
        Some(Request::new(command).with_body(size, None))
    }
    fn supply(&mut self, _: u64, output: &mut [u8]) -> usize {
        output.fill(b'x');
        output.len()
    }
    fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        match event {
            ReplyEvent::Begin { size, .. } => self.said.push(std::format!("{index}: {size}")),
            ReplyEvent::Body(_) if self.stops => return Err(Cancelled),
            ReplyEvent::Body(piece) => self.said.push(String::from_utf8(piece.to_vec()).unwrap()),
            ReplyEvent::End(_) => self.said.push("end".into()),
        }
        Ok(())
    }
}

fn reply(json: &str, body: &str) -> Vec<u8> {
    [&i32::try_from(json.len()).unwrap().to_le_bytes(), json.as_bytes(), body.as_bytes()].concat()
}

/// Steps with plenty of space. Returns the output and what it waits for.
fn step(client: &mut Client, asker: &mut Asker, input: &[u8]) -> (Vec<u8>, Next) {
    let mut output = [0; 4096];
    let step = client.step(Instant::ZERO, asker, input, &mut output);
    (output[..step.written].to_vec(), step.next)
}

#[test]
fn requests_are_pipelined_and_replies_matched() {
    let mut client = Client::new(Service::Command, Limits::DEFAULT);
    let mut asker = Asker::of(&[("upper a", 0), ("put f", 3)]);
    let (sent, next) = step(&mut client, &mut asker, b"");
    let first = reply(r#"{"id":1,"command":"upper a","total_size":0}"#, "");
    let second = reply(r#"{"id":2,"command":"put f","total_size":3}"#, "xxx");
    assert_eq!((sent, next), ([first, second].concat(), Next::Input));
    let replies = [
        reply(r#"{"id":1,"status":"ok","total_size":1}"#, "A"),
        reply(r#"{"id":2,"status":"ok","total_size":0}"#, ""),
    ];
    assert_eq!(step(&mut client, &mut asker, &replies.concat()).1, Next::Wait);
    assert_eq!(asker.said, ["0: 1", "A", "end", "1: 0", "end"]);
}

#[test]
fn a_reply_to_another_request_or_to_none_is_refused() {
    for json in [r#"{"id":2,"status":"ok","total_size":0}"#, r#"{"status":"ok","total_size":0}"#] {
        let mut client = Client::new(Service::Command, Limits::DEFAULT);
        let mut asker = Asker::of(&[("upper a", 0)]);
        step(&mut client, &mut asker, b"");
        let (_, next) = step(&mut client, &mut asker, &reply(json, ""));
        assert_eq!(next, Next::Closed(Closed::WrongReply));
    }
    let mut client = Client::new(Service::Frame, Limits::DEFAULT);
    let (_, next) = step(&mut client, &mut Asker::default(), b"\0");
    assert_eq!(next, Next::Closed(Closed::WrongReply));
}

#[test]
fn a_refusal_of_what_could_not_be_read_reaches_the_caller() {
    let mut client = Client::new(Service::Command, Limits::DEFAULT);
    let mut asker = Asker::of(&[("upper a", 0)]);
    step(&mut client, &mut asker, b"");
    let refusal = reply(r#"{"status":"too-large","total_size":2}"#, "no");
    step(&mut client, &mut asker, &refusal);
    assert_eq!(asker.said, ["0: 2", "no", "end"]);
}

#[test]
fn after_an_early_refusal_nothing_more_is_sent() {
    let mut client = Client::new(Service::Command, Limits::DEFAULT);
    let mut asker = Asker::of(&[("put a", 1000), ("get b", 0)]);
    let mut output = [0; 100];
    client.step(Instant::ZERO, &mut asker, b"", &mut output);
    let refusal = reply(r#"{"id":1,"status":"too-large","total_size":2}"#, "no");
    let (head, tail) = refusal.split_at(refusal.len() - 1);
    let first = client.step(Instant::ZERO, &mut asker, head, &mut output);
    assert_eq!((first.written, first.next), (0, Next::Input));
    let last = client.step(Instant::ZERO, &mut asker, tail, &mut output);
    assert_eq!((last.written, last.next), (0, Next::Closed(Closed::Refused)));
    assert_eq!(asker.said.last().map(String::as_str), Some("end"));
    assert_eq!(asker.asked, 1, "the second request was never asked for");
}

#[test]
fn a_bare_request_answered_before_it_is_whole_is_not_sent_to_its_end() {
    let mut client = Client::new(Service::Frame, Limits::DEFAULT);
    let mut asker = Asker::of(&[("upper hello", 0), ("get b", 0)]);
    let mut output = [0; 5];
    let torn = client.step(Instant::ZERO, &mut asker, b"", &mut output);
    assert_eq!((torn.written, torn.next), (5, Next::Output));
    // The peer took what it had for a request; it would take the rest for one more.
    let last = client.step(Instant::ZERO, &mut asker, b"\x01\0\0\0?", &mut output);
    assert_eq!((last.written, last.next), (0, Next::Closed(Closed::Refused)));
    assert_eq!(asker.said, ["0: 1", "?", "end"]);
}

#[test]
fn a_caller_that_stops_is_told_nothing_more() {
    let mut client = Client::new(Service::Frame, Limits::DEFAULT);
    let mut asker = Asker { stops: true, ..Asker::of(&[("get a", 0)]) };
    step(&mut client, &mut asker, b"");
    for input in [&b"\x01\0\0\0A"[..], b""] {
        assert_eq!(step(&mut client, &mut asker, input).1, Next::Closed(Closed::BodyFailed));
    }
    assert_eq!(asker.said, ["0: 1"]);
}

#[test]
fn a_request_that_the_service_cannot_carry_is_not_sent_and_says_why() {
    let service = Service::Frame;
    let long = "x".repeat(REQUEST + 1);
    let too_long = RequestError::TooLong { service, len: REQUEST + 1 };
    for (command, size, why) in [
        ("", 0, RequestError::Empty),
        ("a\nb", 0, RequestError::LineBreak),
        ("a\r", 0, RequestError::LineBreak),
        ("a", 1, RequestError::Body { service }),
        (&long, 0, too_long),
    ] {
        let mut client = Client::new(service, Limits::DEFAULT);
        let mut asker = Asker::of(&[]);
        asker.requests.push((String::from(command).leak(), size));
        let (sent, next) = step(&mut client, &mut asker, b"");
        assert_eq!((sent.len(), next), (0, Next::Closed(Closed::Unsendable(why))), "{command:?}");
    }
    // A header has less room than a bare request.
    let mut client = Client::new(Service::Command, Limits::DEFAULT);
    let mut asker = Asker::of(&[(String::from(&long[1..]).leak(), 0)]);
    let why = RequestError::TooLong { service: Service::Command, len: REQUEST };
    let (sent, next) = step(&mut client, &mut asker, b"");
    assert_eq!((sent.len(), next), (0, Next::Closed(Closed::Unsendable(why))));
}

#[test]
fn an_echo_has_as_many_bytes_as_were_sent() {
    let mut client = Client::new(Service::Echo, Limits::DEFAULT);
    let mut asker = Asker::of(&[("", 3), ("", 0)]);
    assert_eq!(step(&mut client, &mut asker, b""), (b"xxx".to_vec(), Next::Input));
    assert_eq!(step(&mut client, &mut asker, b"XX").1, Next::Input);
    assert_eq!(step(&mut client, &mut asker, b"X").1, Next::Wait);
    assert_eq!(asker.said, ["0: 3", "XX", "X", "end", "1: 0", "end"]);
}

#[test]
fn the_end_of_input_says_what_is_missing() {
    let mut client = Client::new(Service::Frame, Limits::DEFAULT);
    let mut asker = Asker::of(&[("get a", 0)]);
    step(&mut client, &mut asker, b"");
    Session::<Asker>::end(&mut client);
    assert_eq!(step(&mut client, &mut asker, b"").1, Next::Closed(Closed::Unanswered));

    let mut client = Client::new(Service::Command, Limits::DEFAULT);
    let mut asker = Asker::of(&[("get a", 0)]);
    step(&mut client, &mut asker, b"");
    Session::<Asker>::end(&mut client);
    let cut = reply(r#"{"id":1,"status":"ok","total_size":9}"#, "four");
    let missing = Closed::Protocol(MessageError::Incomplete { missing: 5 });
    assert_eq!(step(&mut client, &mut asker, &cut).1, Next::Closed(missing));
}

fn seconds(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1000)
}

/// Steps at that second with that much space. Returns what it waits for, and until which second.
fn step_at(
    client: &mut Client,
    asker: &mut Asker,
    second: u64,
    input: &[u8],
    space: usize,
) -> (Next, Option<u64>) {
    let step = client.step(seconds(second), asker, input, &mut vec![0; space]);
    (step.next, step.deadline.map(|at| at.as_micros() / 1_000_000))
}

#[test]
fn each_wait_has_its_time() {
    let mut client = Client::new(Service::Command, Limits::DEFAULT);
    let mut asker = Asker::of(&[("put a", 10), ("get b", 0), ("get c", 0)]);
    let mut at =
        |second, input: &[u8], space| step_at(&mut client, &mut asker, second, input, space);
    assert_eq!(at(0, b"", 5), (Next::Output, Some(30)));
    assert_eq!(at(10, b"", 5), (Next::Output, Some(40)), "each byte taken renews it");
    assert_eq!(at(20, b"", 0), (Next::Output, Some(40)));
    assert_eq!(at(30, b"", 4096), (Next::Input, Some(90)), "all is sent");
    let first = reply(r#"{"id":1,"status":"ok","total_size":3}"#, "abc");
    let (head, body) = first.split_at(first.len() - 3);
    assert_eq!(at(40, &head[..1], 4096), (Next::Input, Some(50)), "a header has begun");
    assert_eq!(at(45, &head[1..2], 4096), (Next::Input, Some(50)), "and is to be whole by then");
    assert_eq!(at(46, &head[2..], 4096), (Next::Input, Some(76)), "its body is next");
    assert_eq!(at(50, &body[..1], 4096), (Next::Input, Some(80)));
    assert_eq!(at(51, b"", 4096), (Next::Input, Some(80)));
    assert_eq!(at(52, &body[1..], 4096), (Next::Input, Some(112)), "the second answer is next");
    assert_eq!(at(60, b"", 4096), (Next::Input, Some(112)));
    let second = reply(r#"{"id":2,"status":"ok","total_size":0}"#, "");
    assert_eq!(at(61, &second, 4096), (Next::Input, Some(121)), "and the third");
    let third = reply(r#"{"id":3,"status":"ok","total_size":0}"#, "");
    assert_eq!(at(62, &third, 4096), (Next::Wait, None), "nothing is to come");
}

#[test]
fn who_waits_too_long_is_over() {
    let mut client = Client::new(Service::Command, Limits::DEFAULT);
    let mut asker = Asker::of(&[("get a", 0)]);
    assert_eq!(step_at(&mut client, &mut asker, 1, b"", 4096), (Next::Input, Some(61)));
    let over = Next::Closed(Closed::Timeout(Phase::Answer));
    assert_eq!(step_at(&mut client, &mut asker, 61, b"", 4096).0, over);
    // An echo is a body that comes back.
    let mut client = Client::new(Service::Echo, Limits::DEFAULT);
    let mut asker = Asker::of(&[("", 5)]);
    assert_eq!(step_at(&mut client, &mut asker, 1, b"", 4096), (Next::Input, Some(31)));
}

#[test]
fn a_client_without_a_request_waits_for_one() {
    let (mut client, mut asker) = (Client::new(Service::Frame, Limits::DEFAULT), Asker::default());
    assert_eq!(step_at(&mut client, &mut asker, 0, b"", 64), (Next::Wait, None));
    Session::<Asker>::end(&mut client);
    assert_eq!(step(&mut client, &mut asker, b"").1, Next::Closed(Closed::End));
}

#[test]
fn what_was_asked_is_still_answered_after_finish() {
    for by_its_trait in [false, true] {
        let mut client = Client::new(Service::Frame, Limits::DEFAULT);
        let mut asker = Asker::of(&[("upper a", 0), ("upper b", 0)]);
        step(&mut client, &mut asker, b"");
        match by_its_trait {
            true => Session::<Asker>::finish(&mut client),
            false => client.finish(),
        }
        assert_eq!(step(&mut client, &mut asker, b"").1, Next::Input);
        let (sent, next) = step(&mut client, &mut asker, b"\x01\0\0\0A");
        assert_eq!((sent.len(), next), (0, Next::Closed(Closed::Finished)));
        assert_eq!(asker.asked, 1);
    }
}

#[test]
fn a_client_that_was_aborted_is_over() {
    let (mut client, mut asker) = (Client::new(Service::Frame, Limits::DEFAULT), Asker::default());
    client.abort(&mut asker);
    assert_eq!(step(&mut client, &mut asker, b"").1, Next::Closed(Closed::Aborted));
    client.abort(&mut asker);
    assert_eq!(step(&mut client, &mut asker, b"").1, Next::Closed(Closed::Aborted));
}

/// Has a body of three bytes and supplies as many as this at a time, or leaves it to the trait.
struct Supplier(Option<usize>);

impl Caller for Supplier {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        (index == 0).then_some(Request::new("put a").with_body(3, None))
    }
    fn supply(&mut self, index: u64, output: &mut [u8]) -> usize {
        self.0.unwrap_or_else(|| Unsupplied.supply(index, output))
    }
    fn reply(&mut self, _: u64, _: ReplyEvent<'_>) -> Result<(), Cancelled> {
        Ok(())
    }
}

/// Has no body to supply.
struct Unsupplied;

impl Caller for Unsupplied {
    fn request(&mut self, _: u64) -> Option<Request<'_>> {
        None
    }
    fn reply(&mut self, _: u64, _: ReplyEvent<'_>) -> Result<(), Cancelled> {
        Ok(())
    }
}

#[test]
fn a_body_that_is_not_supplied_as_announced_ends_the_session() {
    let failed = Next::Closed(Closed::BodyFailed);
    let head = reply(r#"{"id":1,"command":"put a","total_size":3}"#, "").len();
    for (supplied, written, next) in [
        (None, head, failed),
        (Some(0), head, failed),
        (Some(1), head + 3, Next::Input),
        (Some(3), head + 3, Next::Input),
        (Some(4), head, failed),
    ] {
        let mut client = Client::new(Service::Command, Limits::DEFAULT);
        let step = client.step(Instant::ZERO, &mut Supplier(supplied), b"", &mut [b'x'; 4096]);
        assert_eq!((step.written, step.next), (written, next), "{supplied:?}");
    }
}
