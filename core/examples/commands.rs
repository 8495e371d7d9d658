//! Commands of one's own, each kind once, and a client that asks for them.
//!
//! ```text
//! cargo run --package unstick --features json --example commands
//! ```
//!
//! | command | kind |
//! |---|---|
//! | `sum` | answers from its body |
//! | `count N` | streams an answer longer than any buffer |
//! | `wait MS` | is late, and holds nobody up |
//! | `config [JSON]` | takes and returns typed JSON, keeps state |

use core::fmt::Write as _;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use unstick::command::{Answer, Body, Call, Command, Outcome};
use unstick::host::{Identity, Node};
use unstick::store::RamStore;
use unstick::{Caller, Cancelled, Client, ReplyEvent, Request};
use unstick::{Instant, Limits, Next, Server, Service, Session as _};
use unstick::{Progress, Refusal, Status, Task, Text};

/// A node with two files of 64 bytes, a setting of its own, and the tasks below.
type Bench = Node<RamStore<[u8; 64], 2>, Config, Tasks>;

unstick::tasks! {
    enum Tasks for Bench { Wait(Wait), Count(Count) }
}

const COMMANDS: &[Command<Bench>] = &[
    Command::new("sum", sum).help("adds the numbers in its body").body(Body::Required),
    Command::new("count", count).usage("count N").help("1 to N, one a line"),
    Command::new("wait", wait).usage("wait MS").help("answers later"),
    Command::new("config", config).usage("config [JSON]").body(Body::Optional),
];

// Answers from its body, which the session has collected and verified.

fn sum(_: &mut Bench, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<Bench> {
    let mut sum = 0;
    for line in call.body_text()?.lines() {
        sum += line
            .parse::<i32>()
            .map_err(|error| Refusal::new(Status::BadRequest, format_args!("`{line}`: {error}")))?;
    }
    write!(text, "{sum}")?;
    Ok(Answer::Text)
}

// Streams its answer: the size first, then pieces.

struct Count {
    next: u64,
    last: u64,
}

fn count(_: &mut Bench, call: &Call<'_>, _: &mut Text<'_>) -> Outcome<Bench> {
    Ok(Answer::task(Count { next: 1, last: call.arg("N")? }))
}

impl<H> Task<H> for Count {
    fn poll(&mut self, _: &mut H, _: Instant, _: &mut Text<'_>) -> Result<Progress, Refusal> {
        Ok(Progress::Body((1..=self.last).map(|n| u64::from(n.ilog10()) + 2).sum()))
    }

    fn read(&mut self, _: &mut H, _: Instant, text: &mut Text<'_>) -> Result<Progress, Refusal> {
        writeln!(text, "{}", self.next)?;
        self.next += 1;
        Ok(Progress::Text)
    }
}

// Is late.

struct Wait(Instant);

fn wait(_: &mut Bench, call: &Call<'_>, _: &mut Text<'_>) -> Outcome<Bench> {
    Ok(Answer::task(Wait(call.now.after(Duration::from_millis(call.arg("MS")?)))))
}

impl<H> Task<H> for Wait {
    fn poll(&mut self, _: &mut H, now: Instant, text: &mut Text<'_>) -> Result<Progress, Refusal> {
        if now < self.0 {
            return Ok(Progress::WaitUntil(self.0));
        }
        write!(text, "waited")?;
        Ok(Progress::Text)
    }
}

// JSON in, as its argument or its body, and out.

#[derive(Serialize, Deserialize)]
struct Config {
    rate: u32,
}

fn config(node: &mut Bench, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<Bench> {
    if !(call.args.is_empty() && call.body.is_empty()) {
        node.context = call.json()?;
    }
    text.write_json(&node.context)?;
    Ok(Answer::Text)
}

// What follows asks for them: a client and a server, and the bytes between them.

fn main() {
    let store = RamStore::new([[0; 64]; 2]);
    let mut node = Node::with(Identity::new("bench", "1.0"), store, COMMANDS, Config { rate: 1 });
    for (command, body, told) in [
        ("sum", "1\n20\n-300\n", "-279"),
        ("sum", "1\ntwo\n", "`two`: invalid digit found in string"),
        ("wait 250", "", "waited"),
        ("wait", "", "wait needs MS; `` will not do"),
        ("config", "", r#"{"rate":1}"#),
        (r#"config {"rate":5}"#, "", r#"{"rate":5}"#),
        ("config", r#"{"rate":7, "more":[]}"#, r#"{"rate":7}"#),
        ("config", r#"{"rate":}"#, "the body is not JSON at byte 8"),
    ] {
        assert_eq!(ask(&mut node, command, body), told);
        println!("{command:<20} {told}");
    }
    let counted = ask(&mut node, "count 100000", "");
    assert!(counted.starts_with("1\n2\n3\n") && counted.ends_with("\n100000\n"));
    println!("{:<20} {} lines, {} bytes", "count 100000", counted.lines().count(), counted.len());
}

/// One request, its body, and what has come of the reply.
struct Ask<'a> {
    command: &'a str,
    body: &'a [u8],
    sent: usize,
    told: Vec<u8>,
}

impl Caller for Ask<'_> {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        let request = Request::new(self.command).with_body(self.body.len() as u64, None);
        (index == 0).then_some(request)
    }

    fn supply(&mut self, _: u64, output: &mut [u8]) -> usize {
        let rest = &self.body[self.sent..];
        let len = rest.len().min(output.len());
        output[..len].copy_from_slice(&rest[..len]);
        self.sent += len;
        len
    }

    fn reply(&mut self, _: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        if let ReplyEvent::Body(piece) = event {
            self.told.extend_from_slice(piece);
        }
        Ok(())
    }
}

fn ask(node: &mut Bench, command: &str, body: &str) -> String {
    let mut ask = Ask { command, body: body.as_bytes(), sent: 0, told: Vec::new() };
    let mut client = Client::new(Service::Command, Limits::DEFAULT);
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let (mut output, mut now) = ([0; 512], Instant::ZERO);
    loop {
        let step = client.step(now, &mut ask, &back, &mut output);
        back.drain(..step.consumed);
        there.extend_from_slice(&output[..step.written]);
        if step.next == Next::Wait {
            return String::from_utf8(ask.told).expect("these commands answer with text");
        }
        let step = server.step(now, node, &there, &mut output);
        there.drain(..step.consumed);
        back.extend_from_slice(&output[..step.written]);
        if step.next == Next::Wait {
            now = step.deadline.expect("who is late says until when"); // time passes
        }
    }
}
