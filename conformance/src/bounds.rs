//! A node's bounds: each that `info` names is reached, and then passed.
//!
//! [`drive`] asks a node what its limits are and takes it at its word: what is at a limit is served, what is
//! one more is refused and counted by its reason, whoever exceeds a time is let go and counted, and the node
//! goes on.

use crate::golden::message;
use core::time::Duration;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use unstick::Service;

/// A node as its clients meet it.
pub trait Peer {
    /// A connection to it; dropped or not, [`close`](Self::close) ends it.
    type Connection;

    /// Connects; where that is refused, the connection has ended.
    fn connect(&mut self, service: Service) -> Self::Connection;

    /// Sends all of it, unless the connection has ended.
    fn send(&mut self, connection: &mut Self::Connection, bytes: &[u8]);

    /// What comes next, of so many bytes; fewer if the connection ends before.
    fn receive(&mut self, connection: &mut Self::Connection, len: usize) -> Vec<u8>;

    /// Ends a connection.
    fn close(&mut self, connection: Self::Connection);

    /// The answer to a datagram for the echo; `None` if none comes soon.
    fn echo(&mut self, datagram: &[u8]) -> Option<Vec<u8>>;

    /// The time.
    fn now(&self) -> Duration;
}

/// How often a counter is looked at before it is taken for one that does not move.
const LOOKS: usize = 1000;

/// Reaches and passes each limit that the node names in `info`. Returns their names.
///
/// The node has the [commands](crate::commands) of a node under test, waits for an answer for less than a
/// minute, may run `sleep` and `yes` if it runs programs at all, and serves nobody else.
///
/// # Panics
///
/// Where a limit does not hold, or is not counted, or is one that is not known here.
pub fn drive<P: Peer>(peer: &mut P) -> Vec<String> {
    let mut bench = Bench { peer };
    let info = bench.info();
    let limits = info["limits"].as_object().expect("an object").clone();
    for (name, limit) in &limits {
        let limit = limit.as_u64().unwrap_or_else(|| panic!("{name} is no number: {limit}"));
        let before = bench.stats();
        let counted = bench.pass(name, limit, &limits);
        bench.until_counted(&before, &counted, name);
    }
    limits.keys().cloned().collect()
}

/// What has been counted more often, and how much; of several names it is their sum.
type Counted = (Vec<&'static str>, u64);

struct Answer {
    status: String,
    body: Vec<u8>,
}

struct Bench<'p, P> {
    peer: &'p mut P,
}

impl<P: Peer> Bench<'_, P> {
    fn pass(&mut self, name: &str, limit: u64, limits: &Map<String, Value>) -> Counted {
        let size = usize::try_from(limit);
        let size = || size.expect("it can be reached");
        let time = Duration::from_millis(limit);
        match name {
            "request" => self.request(size()),
            "header" => self.header(size()),
            "text" => self.text(size()),
            "datagram" => self.datagram(size()),
            "file" => self.file(size()),
            "files" => self.files(limit),
            "connections" => self.connections(limit),
            "idle_ms" => self.time(time, b""),
            "header_ms" => self.time(time, &[64, 0, 0, 0, b'{']),
            "stall_ms" => {
                let header = json!({"command": "put bound", "total_size": 10}).to_string();
                self.time(time, &message(header, "1"))
            }
            "answer_ms" => {
                let header = json!({"command": format!("wait {}", limit.saturating_add(10_000))});
                self.time(time, &message(header.to_string(), ""))
            }
            "programs" => self.programs(limit),
            "program_ms" => self.program("sleep 600", time, "failed"),
            "output" => self.program("yes", Duration::ZERO, "too-large"),
            _ => panic!("nothing here passes the limit `{name}` of {limits:?}"),
        }
    }

    fn request(&mut self, limit: usize) -> Counted {
        let line = |len: usize| format!("echo {}\n", "x".repeat(len - "echo ".len())).into_bytes();
        let mut connection = self.peer.connect(Service::Frame);
        self.peer.send(&mut connection, &line(limit));
        let prefix = self.peer.receive(&mut connection, 4);
        assert_eq!(prefix, u32::try_from(limit - 5).expect("small").to_le_bytes());
        assert_eq!(self.peer.receive(&mut connection, limit - 5), &line(limit)[5..limit]);
        self.peer.send(&mut connection, &line(limit + 1));
        let prefix = self.peer.receive(&mut connection, 4).try_into().expect("a refusal");
        self.peer.receive(&mut connection, u32::from_le_bytes(prefix) as usize);
        self.peer.close(connection);
        (vec!["oversized"], 1)
    }

    fn header(&mut self, limit: usize) -> Counted {
        let header = |len: usize| format!("{:<len$}", r#"{"command":"upper x"}"#);
        let mut connection = self.peer.connect(Service::Command);
        let answer = self.call(&mut connection, &header(limit), b"");
        assert_eq!((&*answer.status, &*answer.body), ("ok", &b"X"[..]));
        let answer = self.call(&mut connection, &header(limit + 1), b"");
        assert_eq!(answer.status, "too-large");
        self.peer.close(connection);
        (vec!["oversized"], 1)
    }

    /// A body that is seen whole shares the text with its line, and leaves a quarter for the answer.
    fn text(&mut self, limit: usize) -> Counted {
        let room = limit - limit.div_ceil(4) - "sum".len();
        let mut connection = self.peer.connect(Service::Command);
        for (len, status) in [(room, "ok"), (room + 1, "too-large")] {
            let header = json!({"command": "sum", "total_size": len}).to_string();
            assert_eq!(self.call(&mut connection, &header, &vec![b'0'; len]).status, status);
        }
        self.peer.close(connection);
        (vec!["oversized"], 1)
    }

    fn datagram(&mut self, limit: usize) -> Counted {
        assert_eq!(self.peer.echo(&vec![b'x'; limit]), Some(vec![b'X'; limit]));
        assert_eq!(self.peer.echo(&vec![b'x'; limit + 1]), None);
        (vec!["truncated"], 1)
    }

    fn file(&mut self, limit: usize) -> Counted {
        let mut connection = self.peer.connect(Service::Command);
        let body = vec![b'x'; limit];
        let header = json!({"command": "put bound", "total_size": limit}).to_string();
        assert_eq!(self.call(&mut connection, &header, &body).status, "ok");
        let header = json!({"command": "put bound", "total_size": limit + 1}).to_string();
        assert_eq!(self.call(&mut connection, &header, b"").status, "too-large");
        self.peer.close(connection);
        self.remove("bound");
        (vec!["oversized"], 1)
    }

    fn files(&mut self, limit: u64) -> Counted {
        let mut connection = self.peer.connect(Service::Command);
        for number in 0..=limit {
            let header = json!({"command": format!("put bound-{number}"), "total_size": 1});
            let answer = self.call(&mut connection, &header.to_string(), b"x");
            assert_eq!(answer.status, if number < limit { "ok" } else { "failed" });
        }
        self.peer.close(connection);
        for number in 0..limit {
            self.remove(&format!("bound-{number}"));
        }
        (vec!["failed"], 1)
    }

    fn remove(&mut self, name: &str) {
        let mut connection = self.peer.connect(Service::Command);
        let header = json!({"command": format!("remove {name}")}).to_string();
        assert_eq!(self.call(&mut connection, &header, b"").status, "ok");
        self.peer.close(connection);
    }

    /// As many as there may be, and one more of each service: who is refused, and who gives way, is counted.
    fn connections(&mut self, limit: u64) -> Counted {
        let evicted = |bench: &mut Self, keeper: &mut P::Connection| {
            let answer = bench.call(keeper, r#"{"command":"stats"}"#, b"");
            counters(&answer.body)["evicted"]
        };
        let mut keeper = self.peer.connect(Service::Command);
        let before = evicted(self, &mut keeper);
        let (mut taken, mut refused) = (vec![], 0);
        for service in Service::ALL.into_iter().rev() {
            loop {
                let mut connection = self.peer.connect(service);
                let answers = self.is_served(service, &mut connection);
                // It is not to be the one that is idle for longest.
                evicted(self, &mut keeper);
                if answers {
                    taken.push(connection);
                    assert!(taken.len() as u64 <= 2 * limit, "there is no limit");
                } else {
                    refused += 1;
                    break;
                }
            }
        }
        let evicted = evicted(self, &mut keeper) - before;
        assert_eq!(
            taken.len() as u64 + 1 - evicted,
            limit,
            "refused: {refused}, evicted: {evicted}"
        );
        for connection in taken.into_iter().chain([keeper]) {
            self.peer.close(connection);
        }
        // The node may see only later that they have gone.
        loop {
            let mut connection = self.peer.connect(Service::Command);
            let answers = self.is_served(Service::Command, &mut connection);
            self.peer.close(connection);
            if answers {
                break;
            }
            refused += 1;
        }
        (vec!["refused", "evicted"], refused + evicted)
    }

    fn is_served(&mut self, service: Service, connection: &mut P::Connection) -> bool {
        let (request, reply) = match service {
            Service::Echo => (&b"x"[..], 1),
            Service::Frame => (&b"upper x\n"[..], 5),
            Service::Message => (&b"upper x\n"[..], 4),
            Service::Command => {
                self.peer.send(connection, &message(r#"{"command":"upper x"}"#, ""));
                return self.answer(connection).is_some();
            }
        };
        self.peer.send(connection, request);
        self.peer.receive(connection, reply).len() == reply
    }

    /// Sends the start of something, and waits until the node has waited long enough.
    fn time(&mut self, limit: Duration, start: &[u8]) -> Counted {
        let mut connection = self.peer.connect(Service::Command);
        assert!(self.is_served(Service::Command, &mut connection));
        let before = self.peer.now();
        self.peer.send(&mut connection, start);
        assert_eq!(self.peer.receive(&mut connection, usize::MAX), b"", "it ends without a word");
        // A clock of milliseconds may be one of them ahead.
        let waited = self.peer.now() - before + Duration::from_millis(1);
        assert!(waited >= limit, "{waited:?} of {limit:?}");
        self.peer.close(connection);
        (vec!["timeouts"], 1)
    }

    /// As many as may run, and one more. That they run is not to be seen: they end without an answer.
    fn programs(&mut self, limit: u64) -> Counted {
        let before = self.stats();
        let mut running = vec![];
        for _ in 0..LOOKS {
            let mut connection = self.peer.connect(Service::Command);
            self.peer.send(&mut connection, &message(r#"{"command":"sleep 600"}"#, ""));
            running.push(connection);
            if self.stats()["busy"] > before["busy"] {
                break;
            }
        }
        let sent = running.len() as u64;
        assert!(sent > limit, "{sent} of {limit} cannot be run");
        for connection in running {
            self.peer.close(connection);
        }
        (vec!["busy"], sent - limit)
    }

    fn program(&mut self, command: &str, time: Duration, status: &str) -> Counted {
        let counter = if status == "failed" { "failed" } else { "oversized" };
        let header = json!({"command": command}).to_string();
        let (start, mut connection) = (self.peer.now(), self.peer.connect(Service::Command));
        let answer = self.call(&mut connection, &header, b"");
        let waited = self.peer.now() - start;
        self.peer.close(connection);
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
        assert!(waited >= time, "{waited:?} of {time:?}");
        (vec![counter], 1)
    }

    fn info(&mut self) -> Value {
        let body = self.ask("info");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn stats(&mut self) -> BTreeMap<String, u64> {
        counters(&self.ask("stats"))
    }

    fn ask(&mut self, command: &str) -> Vec<u8> {
        let mut connection = self.peer.connect(Service::Command);
        let answer = self.call(&mut connection, &json!({"command": command}).to_string(), b"");
        self.peer.close(connection);
        assert_eq!(answer.status, "ok", "{command}");
        answer.body
    }

    /// Sends a request. Returns its reply.
    fn call(&mut self, connection: &mut P::Connection, header: &str, body: &[u8]) -> Answer {
        self.peer.send(connection, &message(header, body));
        self.answer(connection).expect("a reply")
    }

    /// The next reply, if one comes.
    fn answer(&mut self, connection: &mut P::Connection) -> Option<Answer> {
        let prefix = self.peer.receive(connection, 4).try_into().ok()?;
        let header = self.peer.receive(connection, u32::from_le_bytes(prefix) as usize);
        let header: Value = serde_json::from_slice(&header).expect("JSON");
        let size = header["total_size"].as_u64().and_then(|size| usize::try_from(size).ok());
        let body = self.peer.receive(connection, size.expect("a size"));
        Some(Answer { status: header["status"].as_str().expect("a status").into(), body })
    }

    /// Sees that these counters have moved by that, and no other that counts refusals.
    fn until_counted(&mut self, before: &BTreeMap<String, u64>, due: &Counted, name: &str) {
        const REASONS: [&str; 8] = [
            "oversized",
            "truncated",
            "denied",
            "busy",
            "failed",
            "refused",
            "evicted",
            "timeouts",
        ];
        let (names, due) = due;
        let moved = |now: &BTreeMap<String, u64>, name: &str| now[name] - before[name];
        for look in 0.. {
            let now = self.stats();
            let count = names.iter().map(|name| moved(&now, name)).sum::<u64>();
            if count < *due && look < LOOKS {
                continue;
            }
            assert_eq!(count, *due, "{name}: {names:?} of {now:?}, before {before:?}");
            for other in REASONS.into_iter().filter(|it| !names.contains(it)) {
                assert_eq!(moved(&now, other), 0, "{name}: {other} of {now:?}, before {before:?}");
            }
            return;
        }
    }
}

/// The counters of a text: a line each.
fn counters(text: &[u8]) -> BTreeMap<String, u64> {
    let text = core::str::from_utf8(text).expect("text");
    let pairs = text.lines().map(|line| {
        let (name, count) = line.split_once(' ').expect("a name and a number");
        (name.to_owned(), count.trim().parse().expect("a number"))
    });
    pairs.collect()
}
