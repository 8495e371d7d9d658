//! A node as a whole: where its services are, and which scenarios are played on it.

use crate::asking::{key_of, seconds};
use crate::failure::Failure;
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::net::ToSocketAddrs as _;
use std::path::PathBuf;
use unstick::keys::Key;
use unstick::{Endpoint, Service};
use unstick_conformance::check::{Connect, Options, Presence, probe};
use unstick_conformance::{Judge, Link, Scenario, Setup, keyed, live, scenarios};
use unstick_std::keys;
use unstick_std::url::Url;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The service that a key is for.
const KEYED: Endpoint = Endpoint::tcp(Service::Command);

/// The services of one node.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    urls: Vec<Url>,
    /// A host was named, which need not have all of them.
    is_host: bool,
    /// For its command service.
    key: Option<Key>,
}

impl core::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            let urls = text.split(',').map(|url| url.parse().map_err(|error| format!("{error}")));
            return urls.collect::<Result<_, _>>().map(|urls| Self {
                urls,
                is_host: false,
                key: None,
            });
        }
        // Whatever can be the host of a URL.
        let url: Url = format!("command://{text}").parse().map_err(|_| {
            format!("`{text}` is neither a host nor a list of URLs such as command://localhost")
        })?;
        if url.port != url.endpoint.port() {
            return Err(format!("`{text}`: which service is at that port? write command://{text}"));
        }
        Ok(Self { urls: Url::all(&url.host), is_host: true, key: None })
    }
}

impl Target {
    /// One of several targets, as one.
    pub(crate) fn all(targets: &[Self]) -> Self {
        let urls = targets.iter().flat_map(|it| it.urls.iter().cloned()).collect();
        Self { urls, is_host: targets.iter().all(|target| target.is_host), key: None }
    }

    /// The same with this key. Then a host is asked for no commands elsewhere than on its command service.
    pub(crate) fn with_key(mut self, key: Option<Key>) -> Self {
        let may_answer = |url: &Url| {
            let Url { endpoint, .. } = url;
            endpoint.service() == Service::Echo || *endpoint == KEYED
        };
        if key.is_some() && self.is_host {
            self.urls.retain(may_answer);
        }
        Self { key, ..self }
    }

    fn url(&self, endpoint: Endpoint) -> Option<&Url> {
        self.urls.iter().find(|url| url.endpoint == endpoint)
    }

    /// A link to one of its services, at the first of its addresses that takes one.
    pub(crate) fn connect(
        &self,
        endpoint: Endpoint,
        from_own_port: bool,
    ) -> io::Result<Box<dyn Link>> {
        let url = self.url(endpoint).ok_or(ErrorKind::NotFound)?;
        let mut failed = io::Error::from(ErrorKind::NotFound);
        // Of a name over UDP, where nobody refuses, the address that services have by default.
        let mut addresses: Vec<_> = (url.host.as_str(), url.port).to_socket_addrs()?.collect();
        addresses.sort_by_key(core::net::SocketAddr::is_ipv6);
        for address in addresses {
            let link = match from_own_port {
                true => live::connect_from_own_port(address),
                false => live::connect(endpoint, address, PATIENCE),
            };
            let link = link.and_then(|link| match &self.key {
                Some(key) if endpoint == KEYED => {
                    let secret = keys::random().map_err(io::Error::other)?;
                    keyed(link, key.clone(), *secret, PATIENCE)
                }
                _ => Ok(link),
            });
            match link {
                Ok(link) => return Ok(link),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// The services that answer. What was named must be there; a host may have fewer.
    pub(crate) fn served(&self, connect: &Connect<'_>) -> Result<Vec<Endpoint>, Failure> {
        let endpoints: Vec<_> = self.urls.iter().map(|url| url.endpoint).collect();
        let is_keyed = self.key.is_some();
        let mut served = Vec::new();
        for (endpoint, presence) in probe(connect, &endpoints) {
            let url = self.url(endpoint).map(ToString::to_string).unwrap_or_default();
            match presence {
                Presence::Answers => served.push(endpoint),
                Presence::Absent(_) if self.is_host && !(is_keyed && endpoint == KEYED) => {}
                Presence::Absent(error) => {
                    return Err(Failure::said(format!("{url}: {}", absent(&error))));
                }
                Presence::Mute => {
                    let why = "somebody is there, and has not answered its first request in 2 s";
                    return Err(Failure::said(format!("{url}: {why}")));
                }
            }
        }
        if served.is_empty() {
            let host = self.urls.first().map(|url| url.host.clone()).unwrap_or_default();
            let why = "no service of a node answers; is it running, at its own ports?";
            return Err(Failure::said(format!("{host}: {why}")));
        }
        Ok(served)
    }
}

fn absent(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "nobody listens there".into(),
        ErrorKind::TimedOut => "no answer".into(),
        ErrorKind::UnexpectedEof => {
            "it closes the connection without a word; does it have keys, and this one (--key FILE)?"
                .into()
        }
        ErrorKind::InvalidData => "it has no keys: check it without --key".into(),
        _ => format!("{error}"),
    }
}

/// Which scenarios, and how they are judged.
#[derive(clap::Args)]
pub(crate) struct Choice {
    /// Byte for byte, as our own nodes are; without it, by what the page fixes
    #[arg(long)]
    exact: bool,
    /// Only the scenario of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Only what shows this rule, such as H4; may be given several times
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Also play what shows deadlines, and so takes two minutes
    #[arg(long)]
    slow: bool,
    /// The node's ports are forwarded to it, as those of an emulated board are
    #[arg(long)]
    forwarded: bool,
    /// Key file, for the command service of a node that asks for a key; its first key is used
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Seconds that the next byte of a reply is waited for
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    wait: Duration,
}

impl Choice {
    pub(crate) fn options(&self, setup: Option<Setup>) -> Options {
        let judge = if self.exact { Judge::Exact } else { Judge::Meaning };
        let Self { slow, forwarded, wait, .. } = *self;
        Options { judge, wait, setup, slow, keyed: self.key.is_some(), forwarded }
    }

    /// The key for the command service.
    pub(crate) fn key(&self) -> Result<Option<Key>, Failure> {
        key_of(self.key.as_deref())
    }

    /// Whether a scenario is one of them.
    pub(crate) fn takes(&self, scenario: &Scenario) -> bool {
        let named = self.only.is_empty() || self.only.contains(&scenario.name);
        let has = |rule: &String| scenario.rules.iter().any(|it| it.eq_ignore_ascii_case(rule));
        named && (self.rule.is_empty() || self.rule.iter().any(has))
    }

    /// What is chosen has to be there.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let all = scenarios();
        for name in &self.only {
            if !all.iter().any(|scenario| scenario.name == *name) {
                let distance = |it: &&Scenario| strsim::damerau_levenshtein(name, &it.name);
                let near = all.iter().min_by_key(distance).map(|it| it.name.as_str());
                let near = near.unwrap_or_default();
                return Err(Failure::said(format!(
                    "there is no scenario `{name}`; did you mean `{near}`? --list names all"
                )));
            }
        }
        for rule in &self.rule {
            if !all.iter().any(|it| it.rules.iter().any(|it| it.eq_ignore_ascii_case(rule))) {
                return Err(Failure::said(format!(
                    "no scenario shows a rule `{rule}`; --list names them"
                )));
            }
        }
        Ok(())
    }
}

/// A bar on a terminal for as many scenarios.
pub(crate) fn progress(scenarios: usize) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(scenarios as u64);
    let style = indicatif::ProgressStyle::with_template("{bar:20} {pos}/{len} {wide_msg}");
    bar.with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
}
