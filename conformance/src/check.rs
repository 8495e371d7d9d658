//! One live node against the page.

use crate::difference::{Difference, StopReason};
use crate::file::scenarios_for;
use crate::golden;
use crate::player::{Link, Player};
use crate::reply::{Judge, split_reply};
use crate::scenario::{Act, Scenario, Setup};
use core::time::Duration;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::thread;
use std::time::Instant;
use unstick::{Endpoint, Service, Transport};

/// How long a service has for its first answer.
pub const PROBE: Duration = Duration::from_secs(2);

/// How long a node may take to have room for the next connection.
const ROOM: Duration = Duration::from_secs(1);

/// How often a scenario is tried on a node that closes before its first word, as one does that has no
/// place (rule T3), and how long lies between.
const TRIES: usize = 3;
const APART: Duration = Duration::from_millis(100);

/// Waits in vain after which they are shortened, so that the worst node is told in minutes.
const VAIN: usize = 16;

/// How long all scenarios may take together.
const ALL: Duration = Duration::from_secs(300);

/// How the node is reached: a link to one of its services, over UDP from the port with the number of
/// the service's own if that is `true`.
pub type Connect<'c> = dyn Fn(Endpoint, bool) -> io::Result<Box<dyn Link>> + Sync + 'c;

/// The service that asks for keys, where a node has some.
const KEYED: Endpoint = Endpoint::tcp(Service::Command);

/// How a node is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Byte for byte, or by meaning.
    pub judge: Judge,
    /// How long the next byte of a reply is waited for.
    pub wait: Duration,
    /// The node has been set up so: what needs that is played, and only that. By default what any
    /// node can do, and what its `help` and `list` show that it can.
    pub setup: Option<Setup>,
    /// Also play what shows deadlines, and so takes two minutes.
    pub slow: bool,
    /// Its command service is reached with a key, so that no reply has a digest (rule K6).
    pub keyed: bool,
    /// Its ports are forwarded: what shows that it knows their numbers is not played.
    pub forwarded: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            judge: Judge::Meaning,
            wait: PROBE,
            setup: None,
            slow: false,
            keyed: false,
            forwarded: false,
        }
    }
}

/// What has come of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It went as written.
    Passed,
    /// Something else came.
    Failed(Box<Difference>),
    /// It was not played, and why: a sentence without its full stop.
    Skipped(String),
}

/// What a service has said to its first request.
#[derive(Debug)]
pub enum Presence {
    /// It answers.
    Answers,
    /// Nobody is there.
    Absent(io::Error),
    /// Somebody is there, and says nothing within [`PROBE`].
    Mute,
}

/// A node that is being checked.
pub struct Check<'c> {
    connect: &'c Connect<'c>,
    options: Options,
    served: Vec<Endpoint>,
    /// The largest datagram and file, as `info` tells them.
    datagram: Option<usize>,
    file: Option<u64>,
    commands: BTreeSet<String>,
    is_empty: bool,
    began: Instant,
    in_vain: usize,
}

/// Sends each service a first request: to one, as the way there may have to be found first, and then to
/// all others at once, unless that one says nothing.
pub fn probe(connect: &Connect<'_>, endpoints: &[Endpoint]) -> Vec<(Endpoint, Presence)> {
    let Some((first, others)) = endpoints.split_first() else { return Vec::new() };
    let found = presence(connect, *first);
    if matches!(found, Presence::Mute) {
        return vec![(*first, found)];
    }
    let others = thread::scope(|scope| {
        let probes: Vec<_> = others
            .iter()
            .map(|endpoint| (*endpoint, scope.spawn(|| presence(connect, *endpoint))))
            .collect();
        let presence = |probe: thread::ScopedJoinHandle<'_, Presence>| {
            probe.join().unwrap_or_else(|_| Presence::Absent(ErrorKind::Other.into()))
        };
        let found = probes.into_iter().map(|(endpoint, probe)| (endpoint, presence(probe)));
        found.collect::<Vec<_>>()
    });
    [(*first, found)].into_iter().chain(others).collect()
}

fn presence(connect: &Connect<'_>, endpoint: Endpoint) -> Presence {
    let request = match endpoint.service() {
        Service::Echo => b"a".to_vec(),
        Service::Command => request("uptime"),
        _ => b"echo a\n".to_vec(),
    };
    let answer = connect(endpoint, false).and_then(|mut link| {
        link.send(&request)?;
        link.receive(&mut [0; 2048], PROBE)
    });
    match answer {
        Ok(Some(_)) => Presence::Answers,
        Ok(None) => Presence::Absent(ErrorKind::UnexpectedEof.into()),
        // Nobody connects to a datagram service, so silence is all there is where it is not.
        Err(error) if error.kind() == ErrorKind::TimedOut => match endpoint.transport() {
            Transport::Tcp => Presence::Mute,
            Transport::Udp => Presence::Absent(error),
        },
        Err(error) => Presence::Absent(error),
    }
}

/// A request that leaves room for its reply in a datagram.
fn request(command: &str) -> Vec<u8> {
    golden::frame(format!("{:200}", format!(r#"{{"id":1,"command":"{command}"}}"#)))
}

impl<'c> Check<'c> {
    /// Begins with a node that serves these, and asks it for its limits, commands and files.
    pub fn new(connect: &'c Connect<'c>, served: &[Endpoint], options: Options) -> Self {
        let mut check = Self {
            connect,
            options,
            served: served.to_vec(),
            datagram: None,
            file: None,
            commands: BTreeSet::new(),
            is_empty: false,
            began: Instant::now(),
            in_vain: 0,
        };
        let info = check.ask("info").and_then(|body| serde_json::from_slice(&body).ok());
        let limit = |name: &str| {
            let info: &serde_json::Value = info.as_ref()?;
            info.pointer(&format!("/limits/{name}"))?.as_u64()
        };
        check.datagram = limit("datagram").and_then(|limit| usize::try_from(limit).ok());
        check.file = limit("file");
        check.is_empty = check.ask("list").is_some_and(|body| body.is_empty());
        let help = check.ask("help").map(|body| String::from_utf8_lossy(&body).into_owned());
        let first = |line: &str| line.split_ascii_whitespace().next().map(str::to_owned);
        check.commands = help.unwrap_or_default().lines().filter_map(first).collect();
        check
    }

    /// The scenarios, with the node's own limits.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = scenarios_for(self.datagram);
        let keyed = scenarios.iter_mut().filter(|it| self.options.keyed && it.endpoint == KEYED);
        for act in keyed.flat_map(|it| &mut it.script) {
            if let Act::Reply(reply) = act {
                reply.has_digest = false;
            }
        }
        scenarios
    }

    /// Plays one, if it applies. What it has stored is removed again, whatever has come of it.
    pub fn play(&mut self, scenario: &Scenario) -> Outcome {
        if let Some(why) = self.does_not_apply(scenario) {
            return Outcome::Skipped(why);
        }
        if self.began.elapsed() > ALL {
            let error = io::Error::new(ErrorKind::TimedOut, "the run has taken 300 s");
            return Outcome::Failed(Box::new(Difference::unreachable(&error)));
        }
        let wait = match self.in_vain {
            VAIN.. => self.options.wait / 10,
            _ => self.options.wait,
        };
        let player = Player { judge: self.options.judge, patience: wait };
        let mut outcome = self.play_once(scenario, player);
        for _ in 1..TRIES {
            match &outcome {
                Outcome::Failed(difference) if is_refused(scenario, difference) => {
                    thread::sleep(APART);
                    outcome = self.play_once(scenario, player);
                }
                _ => break,
            }
        }
        if let Outcome::Failed(difference) = &outcome {
            self.in_vain += usize::from(difference.stop.is_some());
            self.clean(scenario);
        }
        outcome
    }

    fn play_once(&self, scenario: &Scenario, player: Player) -> Outcome {
        let link = match scenario.from_own_port {
            true => (self.connect)(scenario.endpoint, true),
            false => self.patiently(scenario.endpoint),
        };
        let mut link = match link {
            Ok(link) => link,
            Err(_) if scenario.from_own_port => {
                let why = "it sends from the port with the number of the service's, which this machine does not let us";
                return Outcome::Skipped(why.into());
            }
            Err(error) => return Outcome::Failed(Box::new(Difference::unreachable(&error))),
        };
        let played = player.play(scenario, &mut *link);
        played.map_or_else(Outcome::Failed, |()| Outcome::Passed)
    }

    /// Connects; a node with few places may need a moment until the last connection has left its own.
    fn patiently(&self, endpoint: Endpoint) -> io::Result<Box<dyn Link>> {
        let began = Instant::now();
        loop {
            match (self.connect)(endpoint, false) {
                Err(error)
                    if error.kind() == ErrorKind::ConnectionRefused && began.elapsed() < ROOM =>
                {
                    thread::sleep(Duration::from_millis(20));
                }
                connected => return connected,
            }
        }
    }

    /// Why a scenario cannot be played on this node, and what to do about it.
    fn does_not_apply(&self, scenario: &Scenario) -> Option<String> {
        let Scenario { endpoint, setup, .. } = *scenario;
        let name = setup.as_str();
        if !self.served.contains(&endpoint) {
            return Some(format!("{endpoint} is not there"));
        }
        if scenario.from_own_port && self.options.forwarded {
            return Some("the node does not know the ports that are forwarded to it".into());
        }
        if let Some(wanted) = self.options.setup {
            let other = wanted.as_str();
            return (wanted != setup)
                .then(|| format!("it does not need a node set up as `{other}`"));
        }
        let has = |names: &[&str]| names.iter().all(|name| self.commands.contains(*name));
        let why = match setup {
            Setup::Default => None,
            Setup::Commands if has(&["sum", "count", "wait"]) => None,
            Setup::Json if has(&["sum", "count", "wait", "config"]) => None,
            Setup::Commands | Setup::Json => Some("the commands sum, count, wait and config"),
            Setup::Empty if self.is_empty => None,
            Setup::Empty => Some("no files"),
            Setup::Close => Some("the oversize policy Close"),
            Setup::Store => Some("an empty store for 8 files of 65536 bytes"),
            Setup::Small => Some("an empty store for 8 files of 16 bytes"),
            Setup::Classic => Some("datagrams of at most 512 bytes"),
        };
        if let Some(what) = why {
            let remedy = match setup {
                Setup::Commands | Setup::Json | Setup::Empty => String::new(),
                _ => format!("; with one: --set-up {name}"),
            };
            return Some(format!("it needs a node with {what}{remedy}"));
        }
        let pauses = scenario.pauses().as_secs();
        if pauses > 0 && !self.options.slow {
            return Some(
                "it shows a deadline, which takes its time; with --slow it is played".into(),
            );
        }
        let largest = scenario.sends().filter_map(file_size).max().unwrap_or_default();
        match self.file {
            Some(limit) if limit < largest => {
                return Some(format!("it stores {largest} bytes; the node's limit is {limit}"));
            }
            _ => {}
        }
        // What shows the limit itself is one byte over it.
        let largest = scenario.sends().map(<[u8]>::len).max().unwrap_or_default();
        match self.datagram {
            Some(limit) if scenario.is_udp() && largest > limit + 1 => {
                Some(format!("it sends {largest} bytes; the node's limit is {limit}"))
            }
            _ => None,
        }
    }

    /// Removes what a scenario may have left that broke off, and sets back what it may have changed.
    fn clean(&self, scenario: &Scenario) {
        let names: BTreeSet<_> = scenario.sends().filter_map(put).collect();
        for name in names {
            let _ = self.ask(&format!("remove {name}"));
        }
        if scenario.setup == Setup::Json {
            let _ = self.ask(r#"config {\"rate\":1,\"name\":\"\"}"#);
        }
    }

    /// The body of the reply to a command, as it stands in JSON.
    fn ask(&self, command: &str) -> Option<Vec<u8>> {
        (0..TRIES).find_map(|tried| {
            thread::sleep(if tried == 0 { Duration::ZERO } else { APART });
            self.ask_once(command)
        })
    }

    fn ask_once(&self, command: &str) -> Option<Vec<u8>> {
        let mut endpoints = [Endpoint::tcp(Service::Command), Endpoint::UDP_COMMAND].into_iter();
        let endpoint = endpoints.find(|endpoint| self.served.contains(endpoint))?;
        let mut link = self.patiently(endpoint).ok()?;
        link.send(&request(command)).ok()?;
        let (mut came, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        loop {
            let len = link.receive(&mut buffer, self.options.wait).ok()??;
            came.extend_from_slice(&buffer[..len]);
            if let Some(body) = split_reply(&came) {
                return Some(body.to_vec());
            }
        }
    }
}

/// Whether the node has closed the connection before it said anything.
fn is_refused(scenario: &Scenario, difference: &Difference) -> bool {
    let earlier = scenario.script.iter().take(difference.step);
    let is_closed = matches!(difference.stop, Some(StopReason::End | StopReason::Error(_)));
    is_closed && difference.seen.is_empty() && !earlier.into_iter().any(Act::waits)
}

/// The name of the file that a request stores, as it stands in its header.
fn put(sent: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(sent);
    let (_, rest) = text.split_once(r#""command":"put "#)?;
    let mut escaped = false;
    let end = rest.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some(rest[..end].to_owned())
}

/// How many bytes it has.
fn file_size(sent: &[u8]) -> Option<u64> {
    put(sent)?;
    let text = String::from_utf8_lossy(sent);
    let (_, rest) = text.split_once(r#""total_size":"#)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let size = rest[..digits].parse().ok()?;
    // What no node has room for is there to be refused.
    (size < u64::from(u32::MAX)).then_some(size)
}
