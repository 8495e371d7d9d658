use super::*;
use std::string::String;
use std::vec::Vec;

/// Asks for some things, one after another, and notes what it is told.
#[derive(Default)]
struct Asker {
    requests: Vec<(&'static str, u64)>,
    next: usize,
    said: Vec<String>,
    stops: bool,
}

impl Asker {
    fn of(requests: &[(&'static str, u64)]) -> Self {
        Self { requests: requests.to_vec(), ..Self::default() }
    }
}

impl Caller for Asker {
    fn request(&mut self) -> Option<Request<'_>> {
        let (command, size) = *self.requests.get(self.next)?;
        Some(Request { command, size, md5: None })
    }
    fn sent(&mut self) {
        self.next = self.next.saturating_add(1);
    }
    fn supply(&mut self, output: &mut [u8]) -> usize {
        output.fill(b'x');
        output.len()
    }
    fn reply(&mut self, size: u64, _: Option<&Header<'_>>) {
        self.said.push(std::format!("reply {size}"));
    }
    fn body(&mut self, piece: &[u8]) -> Result<(), Stop> {
        if self.stops {
            return Err(Stop);
        }
        self.said.push(String::from_utf8(piece.to_vec()).unwrap());
        Ok(())
    }
    fn end(&mut self, _: Verdict) {
        self.said.push("end".into());
    }
}

fn reply(json: &str, body: &str) -> Vec<u8> {
    [&i32::try_from(json.len()).unwrap().to_le_bytes(), json.as_bytes(), body.as_bytes()].concat()
}

/// Steps with plenty of space; gives the output and what it waits for.
fn step(client: &mut Client, asker: &mut Asker, input: &[u8]) -> (Vec<u8>, Next) {
    let mut output = [0; 4096];
    let step = client.step(Instant::ZERO, asker, input, &mut output);
    (output[..step.given].to_vec(), step.next)
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
    assert_eq!(step(&mut client, &mut asker, &replies.concat()).1, Next::Host);
    assert_eq!(asker.said, ["reply 1", "A", "end", "reply 0", "end"]);
}

#[test]
fn a_reply_to_another_request_or_to_none_is_refused() {
    for json in [r#"{"id":2,"status":"ok","total_size":0}"#, r#"{"status":"ok","total_size":0}"#] {
        let mut client = Client::new(Service::Command, Limits::DEFAULT);
        let mut asker = Asker::of(&[("upper a", 0)]);
        step(&mut client, &mut asker, b"");
        let (_, next) = step(&mut client, &mut asker, &reply(json, ""));
        assert_eq!(next, Next::Closed(Closed::Mismatched));
    }
    let mut client = Client::new(Service::Frame, Limits::DEFAULT);
    let (_, next) = step(&mut client, &mut Asker::default(), b"\0");
    assert_eq!(next, Next::Closed(Closed::Mismatched));
}

#[test]
fn a_refusal_of_what_could_not_be_read_reaches_the_caller() {
    let mut client = Client::new(Service::Command, Limits::DEFAULT);
    let mut asker = Asker::of(&[("upper a", 0)]);
    step(&mut client, &mut asker, b"");
    let refusal = reply(r#"{"status":"too-large","total_size":2}"#, "no");
    step(&mut client, &mut asker, &refusal);
    assert_eq!(asker.said, ["reply 2", "no", "end"]);
}

#[test]
fn after_an_early_refusal_nothing_more_is_sent() {
    let mut client = Client::<1024>::new(Service::Command, Limits::DEFAULT);
    let mut asker = Asker::of(&[("put a", 1000), ("get b", 0)]);
    let mut output = [0; 100];
    client.step(Instant::ZERO, &mut asker, b"", &mut output);
    let refusal = reply(r#"{"id":1,"status":"too-large","total_size":2}"#, "no");
    let (head, tail) = refusal.split_at(refusal.len() - 1);
    let first = client.step(Instant::ZERO, &mut asker, head, &mut output);
    assert_eq!((first.given, first.next), (0, Next::Input));
    let last = client.step(Instant::ZERO, &mut asker, tail, &mut output);
    assert_eq!((last.given, last.next), (0, Next::Closed(Closed::Refused)));
    assert_eq!(asker.said.last().map(String::as_str), Some("end"));
    assert_eq!(asker.next, 1, "the second request was never sent");
}

#[test]
fn a_bare_request_answered_before_it_is_whole_is_not_sent_to_its_end() {
    let mut client = Client::<1024>::new(Service::Frame, Limits::DEFAULT);
    let mut asker = Asker::of(&[("upper hello", 0), ("get b", 0)]);
    let mut output = [0; 5];
    let torn = client.step(Instant::ZERO, &mut asker, b"", &mut output);
    assert_eq!((torn.given, torn.next), (5, Next::Output));
    // The peer took what it had for a request; it would take the rest for one more.
    let last = client.step(Instant::ZERO, &mut asker, b"\x01\0\0\0?", &mut output);
    assert_eq!((last.given, last.next), (0, Next::Closed(Closed::Refused)));
    assert_eq!(asker.said, ["reply 1", "?", "end"]);
}

#[test]
fn a_caller_that_stops_is_told_nothing_more() {
    let mut client = Client::new(Service::Frame, Limits::DEFAULT);
    let mut asker = Asker { stops: true, ..Asker::of(&[("get a", 0)]) };
    step(&mut client, &mut asker, b"");
    for input in [&b"\x01\0\0\0A"[..], b""] {
        assert_eq!(step(&mut client, &mut asker, input).1, Next::Closed(Closed::Broken));
    }
    assert_eq!(asker.said, ["reply 1"]);
}

#[test]
fn a_bare_request_is_one_line_or_is_not_sent() {
    for command in ["", "a\nb", "a\r", core::str::from_utf8(&[b'x'; REQUEST + 1]).unwrap()] {
        let mut client = Client::new(Service::Frame, Limits::DEFAULT);
        let mut asker = Asker::of(&[]);
        asker.requests.push((String::from(command).leak(), 0));
        let (sent, next) = step(&mut client, &mut asker, b"");
        assert_eq!((sent.len(), next), (0, Next::Closed(Closed::Unsendable)), "{command:?}");
    }
}

#[test]
fn an_echo_has_as_many_bytes_as_were_sent() {
    let mut client = Client::new(Service::Echo, Limits::DEFAULT);
    let mut asker = Asker::of(&[("", 3), ("", 0)]);
    assert_eq!(step(&mut client, &mut asker, b""), (b"xxx".to_vec(), Next::Input));
    assert_eq!(step(&mut client, &mut asker, b"XX").1, Next::Input);
    assert_eq!(step(&mut client, &mut asker, b"X").1, Next::Host);
    assert_eq!(asker.said, ["reply 3", "XX", "X", "end", "reply 0", "end"]);
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
    let missing = Closed::Protocol(MessageError::Truncated { missing: 5 });
    assert_eq!(step(&mut client, &mut asker, &cut).1, Next::Closed(missing));
}
