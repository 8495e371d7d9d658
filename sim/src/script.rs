//! What a client asks on a connection, and what the answers must be.

use crate::files::Content;
use rand::{Rng as _, RngExt as _};
use rand_chacha::ChaCha8Rng;
use std::rc::Rc;
use unstick::Service;

pub struct Script {
    pub asked: Vec<Asked>,
    /// Requests that are on the way at once.
    pub depth: usize,
}

pub struct Asked {
    pub line: String,
    pub body: Content,
    pub expected: Expected,
}

/// The answer: with status `ok` where nothing else is said, and of the services that have none what follows.
pub enum Expected {
    Exact(Vec<u8>),
    Status(&'static str),
    /// The numbers up to that.
    Count(u64),
    /// Anything.
    Any,
    /// Any status.
    Told,
    Put {
        name: String,
        content: Content,
    },
    Get {
        name: String,
    },
    Remove {
        name: String,
    },
}

impl Script {
    /// Anything that a client may ask of a service.
    pub fn any(rng: &mut ChaCha8Rng, service: Service, client: usize) -> Self {
        let depth = if service == Service::Command { rng.random_range(1..5) } else { 1 };
        let count = rng.random_range(1..8);
        let asked = (0..count).map(|_| match service {
            Service::Echo => echo(rng),
            Service::Command if rng.random_bool(0.5) => file(rng, client),
            service => command(rng, service),
        });
        Self { asked: asked.collect(), depth }
    }

    /// The same, asked elsewhere than on the command service of a node that asks for a key.
    pub fn denied(mut self) -> Self {
        for asked in &mut self.asked {
            asked.expected = exact("this node answers only who has a key, on its command service");
        }
        self
    }

    /// One thing that every node can answer at once.
    pub fn probe() -> Self {
        Self { asked: vec![plain("upper probe".into(), exact("PROBE"))], depth: 1 }
    }

    /// The counters.
    pub fn stats() -> Self {
        Self { asked: vec![plain("stats".into(), Expected::Any)], depth: 1 }
    }

    /// Removes the files of all clients, and keeps as many as a node ever can: so none of its memory is lost.
    pub fn last(clients: usize, files: usize) -> Self {
        let names =
            (0..clients).flat_map(|client| (0..OWN).map(move |number| name(client, number)));
        let removed = names.map(|name| plain(format!("remove {name}"), Expected::Told));
        let kept = (0..files).map(|number| {
            let body: Content = format!("the last one, {number}").into_bytes().into();
            let expected = exact(format!("stored last-{number}, {} bytes", body.len()));
            Asked { line: format!("put last-{number}"), body, expected }
        });
        let gone = (0..files).map(|number| {
            plain(format!("remove last-{number}"), exact(format!("removed last-{number}")))
        });
        Self { asked: removed.chain(kept).chain(gone).collect(), depth: 3 }
    }
}

/// The name of a client's file.
fn name(client: usize, number: usize) -> String {
    format!("client-{client}-{number}")
}

/// Files of each client.
const OWN: usize = 2;

fn exact(text: impl Into<String>) -> Expected {
    Expected::Exact(text.into().into_bytes())
}

/// A request without a body.
fn plain(line: String, expected: Expected) -> Asked {
    Asked { line, body: Rc::from([]), expected }
}

fn bytes(rng: &mut ChaCha8Rng, most: usize) -> Vec<u8> {
    // Short ones as often as long ones.
    let most = most >> rng.random_range(0..most.ilog2());
    let mut bytes = vec![0; rng.random_range(0..=most)];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn echo(rng: &mut ChaCha8Rng) -> Asked {
    let mut body = bytes(rng, 20_000);
    body.push(b'.'); // an echo of nothing is none
    let answer = body.to_ascii_uppercase();
    Asked { line: String::new(), body: body.into(), expected: Expected::Exact(answer) }
}

fn command(rng: &mut ChaCha8Rng, service: Service) -> Asked {
    let is_command = service == Service::Command;
    let text: String = (0..rng.random_range(1..60)).map(|_| rng.random_range('a'..='z')).collect();
    let (line, body, expected): (_, Vec<u8>, _) = match rng.random_range(0..7) {
        0 => (format!("echo {text}"), vec![], exact(&*text)),
        1 => (format!("wait {}", rng.random_range(0..5000)), vec![], exact("waited")),
        2 => {
            let last = rng.random_range(0..3000);
            (format!("count {last}"), vec![], Expected::Count(last))
        }
        3 if is_command => {
            let numbers: Vec<i64> =
                (0..rng.random_range(1..20)).map(|_| rng.random_range(-99..99)).collect();
            let lines: String = numbers.iter().map(|number| format!("{number}\n")).collect();
            let sum = numbers.iter().sum::<i64>();
            ("sum".into(), lines.into(), exact(sum.to_string()))
        }
        4 if is_command => (format!("{text} x"), vec![], Expected::Status("unknown-command")),
        5 => (
            ["info", "stats", "uptime", "help"][rng.random_range(0..4)].into(),
            vec![],
            Expected::Any,
        ),
        _ => (format!("upper {text}"), vec![], exact(text.to_uppercase())),
    };
    Asked { line, body: body.into(), expected }
}

/// Something with one of a client's own files.
fn file(rng: &mut ChaCha8Rng, client: usize) -> Asked {
    let name = name(client, rng.random_range(0..OWN));
    match rng.random_range(0..4) {
        0 | 1 => {
            let content: Content = bytes(rng, crate::device::FILE).into();
            let expected = Expected::Put { name: name.clone(), content: Rc::clone(&content) };
            Asked { line: format!("put {name}"), body: content, expected }
        }
        2 => plain(format!("get {name}"), Expected::Get { name }),
        _ => plain(format!("remove {name}"), Expected::Remove { name }),
    }
}
