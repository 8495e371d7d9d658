//! The file of scenarios, and how it is read. Its format is described at its head.

use crate::golden;
use crate::reply::{Content, Reply};
use crate::scenario::{Act, Scenario, Setup};
use core::time::Duration;
use serde::Deserialize;
use unstick::{Endpoint, Service, Transport};

const FILE: &str = include_str!("../scenarios.toml");

/// Every scenario, each on a connection of its own, for a node with its setup.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    scenarios_for(None)
}

/// Every scenario for a node whose datagrams have at most so many bytes, whatever the setup.
///
/// # Panics
///
/// When the file, which is part of this crate, breaks its format.
#[must_use]
pub fn scenarios_for(datagram: Option<usize>) -> Vec<Scenario> {
    let File { scenario } = toml::from_str(FILE).expect("the file keeps to its format");
    scenario.into_iter().flat_map(|entry| entry.scenarios(datagram)).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scenario: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    service: OneOrMany,
    rules: Vec<String>,
    #[serde(default)]
    shows: Vec<String>,
    needs: Option<Setup>,
    from: Option<From>,
    script: Vec<Step>,
}

#[derive(Deserialize)]
enum From {
    #[serde(rename = "own port")]
    OwnPort,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    Word(Word),
    Send(Send),
    Expect(Expect),
    Pause(Pause),
    Reply(Box<ReplyStep>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Finish,
    End,
    Silence,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    send: Bytes,
    /// Bytes of each write.
    cut: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    expect: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    /// Seconds.
    pause: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyStep {
    reply: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    file: String,
    #[serde(default = "yes")]
    digest: bool,
    short: Option<u64>,
    body: Option<Bytes>,
    wording: Option<Bytes>,
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    says: Vec<String>,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Parts(Vec<Self>),
    Hex { hex: String },
    Repeat { repeat: Box<Self>, times: Size },
    Numbers { numbers: u32 },
    Frame { frame: Box<Self> },
    Padded { pad: Box<Self>, to: Size },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Number(usize),
    /// `datagram` or `datagram+1`.
    Limit(String),
}

impl Size {
    fn get(&self, datagram: usize) -> usize {
        match self {
            Self::Number(number) => *number,
            Self::Limit(limit) if limit == "datagram" => datagram,
            Self::Limit(limit) if limit == "datagram+1" => datagram + 1,
            Self::Limit(limit) => panic!("there is no limit {limit}"),
        }
    }
}

impl Bytes {
    fn get(&self, datagram: usize) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Parts(parts) => parts.iter().flat_map(|part| part.get(datagram)).collect(),
            Self::Hex { hex } => {
                let digits = hex.split_ascii_whitespace();
                digits.map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits")).collect()
            }
            Self::Repeat { repeat, times } => repeat.get(datagram).repeat(times.get(datagram)),
            Self::Numbers { numbers } => {
                (1..=*numbers).flat_map(|number| format!("{number}\n").into_bytes()).collect()
            }
            Self::Frame { frame } => golden::frame(frame.get(datagram)),
            Self::Padded { pad, to } => {
                let mut bytes = pad.get(datagram);
                bytes.resize(to.get(datagram), b' ');
                bytes
            }
        }
    }
}

impl Entry {
    fn scenarios(self, datagram: Option<usize>) -> Vec<Scenario> {
        let setup = self.needs.unwrap_or(Setup::Default);
        let datagram = datagram.unwrap_or_else(|| setup.datagram());
        let named = match &self.service {
            OneOrMany::One(service) => vec![(self.name.clone(), service)],
            OneOrMany::Many(services) => {
                let named = |service| (format!("{service}-{}", self.name), service);
                services.iter().map(named).collect()
            }
        };
        let scenario = |(name, service): (String, &String)| {
            let endpoint = endpoint(service).expect("a service, with `+udp` where it is over UDP");
            let from_own_port = matches!(self.from, Some(From::OwnPort));
            let (rules, shows) = (self.rules.clone(), self.shows.clone());
            let script = script(&self.script, endpoint, datagram);
            Scenario { name, rules, shows, endpoint, setup, from_own_port, script }
        };
        named.into_iter().map(scenario).collect()
    }
}

fn endpoint(name: &str) -> Option<Endpoint> {
    let mut all = Service::ALL.iter().map(|it| Endpoint::tcp(*it)).chain(Endpoint::UDP);
    all.find(|endpoint| endpoint.to_string() == name)
}

/// The steps. Over TCP every script ends with the end of the connection: where it does not say how,
/// ours comes first, and shows that nothing more comes.
fn script(steps: &[Step], endpoint: Endpoint, datagram: usize) -> Vec<Act> {
    let mut script = Vec::new();
    for step in steps {
        match step {
            Step::Word(Word::Finish) => script.push(Act::Finish),
            Step::Word(Word::End) => script.push(Act::End),
            Step::Word(Word::Silence) => script.push(Act::Silence),
            Step::Send(Send { send, cut }) => {
                let bytes = send.get(datagram);
                match cut {
                    Some(len) => script.extend(bytes.chunks(*len).map(|it| Act::Send(it.to_vec()))),
                    None => script.push(Act::Send(bytes)),
                }
            }
            Step::Pause(Pause { pause }) => script.push(Act::Pause(Duration::from_secs(*pause))),
            Step::Expect(Expect { expect }) => script.push(Act::Expect(expect.get(datagram))),
            Step::Reply(reply) => script.push(Act::Reply(reply.get(endpoint, datagram))),
        }
    }
    if endpoint.transport() == Transport::Tcp && script.last() != Some(&Act::End) {
        script.extend([Act::Finish, Act::End]);
    }
    script
}

impl ReplyStep {
    fn get(&self, endpoint: Endpoint, datagram: usize) -> Reply {
        let content = match (&self.body, &self.wording) {
            (Some(body), None) => Content::Body(body.get(datagram)),
            (None, Some(wording)) => Content::Wording(wording.get(datagram)),
            (None, None) => Content::Open,
            (Some(_), Some(_)) => panic!("a reply has `body` or `wording`"),
        };
        Reply {
            service: endpoint.service(),
            is_datagram: endpoint.transport() == Transport::Udp,
            status: self.reply.clone(),
            id: self.id.clone(),
            file: self.file.clone(),
            has_digest: self.digest,
            short: self.short,
            content,
            has: self.has.clone(),
            lacks: self.lacks.clone(),
            members: self.members.clone(),
            says: self.says.clone(),
        }
    }
}
