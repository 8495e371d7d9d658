//! `unstick crosscheck`: do two live nodes behave alike?

use crate::failure::Failure;
use core::net::SocketAddr;
use core::time::Duration;
use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::net::ToSocketAddrs as _;
use std::process::ExitCode;
use unstick_conformance::{Scenario, Setup, Transcript, live, play, scenarios};
use unstick_std::client::Error;
use unstick_std::url::Url;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Compare how two live nodes behave.
///
/// Every scenario of the project's tests is played against both, byte by byte, and what came back
/// is compared. Ends with 0 only if the two agree. A scenario stores small files and removes them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick crosscheck 192.168.69.1 localhost
  unstick crosscheck command://192.168.69.1,echo://192.168.69.1:7 localhost

Columns A and B say whether a node does what docs/protocol.md says; the last one whether the two
did the same.")]
pub(crate) struct Args {
    /// One node: a host with all services at their own ports, or URLs separated by commas
    #[arg(value_name = "URL_A", value_parser = side)]
    a: Side,
    /// The other node
    #[arg(value_name = "URL_B", value_parser = side)]
    b: Side,
}

/// The services of one node.
#[derive(Clone)]
struct Side(Vec<Url>);

fn side(text: &str) -> Result<Side, String> {
    if text.contains("://") {
        let urls = text.split(',').map(|url| url.parse().map_err(|error| format!("{error}")));
        return urls.collect::<Result<_, _>>().map(Side);
    }
    // Whatever can be the host of a URL.
    let url: Url = format!("command://{text}").parse().map_err(|_| {
        format!("`{text}` is neither a host nor a list of URLs such as command://localhost")
    })?;
    if url.port != url.endpoint.port() {
        return Err(format!("`{text}`: which service is at that port? write command://{text}"));
    }
    Ok(Side(Url::all(&url.host)))
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    let colour = io::stdout().is_terminal();
    let (mut same, mut differ, mut setup, mut absent) = (0, 0, 0, 0);
    let mut differences = String::new();
    let table = scenarios();
    let width = table.iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    writeln!(out, "{:width$}  A      B      both", "scenario")?;
    for scenario in &table {
        if scenario.setup != Setup::Default {
            setup += 1;
            continue;
        }
        let (Some(a), Some(b)) = (args.a.find(scenario), args.b.find(scenario)) else {
            absent += 1;
            continue;
        };
        write!(out, "{:width$}", scenario.name)?;
        out.flush()?;
        let expected = Transcript::expected(scenario);
        let mut shown = |url| {
            let played = play_on(url, scenario);
            let word =
                played.as_ref().map(|played| if *played == expected { "ok" } else { "other" });
            let word = word.unwrap_or("");
            write!(out, "  {word:5}").map_err(Failure::from).and(played)
        };
        let (a, b) = match (shown(a), shown(b)) {
            (Ok(a), Ok(b)) => (a, b),
            (Err(failure), _) | (_, Err(failure)) => {
                writeln!(out)?;
                return Err(failure);
            }
        };
        if a == b {
            same += 1;
            writeln!(out, "  same")?;
            if let Some(difference) = expected.difference(&a) {
                let Scenario { name, rules, .. } = scenario;
                differences += &format!("\n{name} (rules {rules}), in both\n{difference}\n");
            }
            continue;
        }
        differ += 1;
        let word = if colour { "\x1b[31mdiffers\x1b[0m" } else { "differs" };
        writeln!(out, "  {word}")?;
        differences +=
            &format!("\n{} (rules {})\n{}", scenario.name, scenario.rules, beside(&a, &b));
    }
    writeln!(out, "{differences}")?;
    writeln!(
        out,
        "{same} same, {differ} differ; skipped: {setup} that need a node set up for them, {absent} of services that are not in both"
    )?;
    if same + differ == 0 {
        return Err(Failure::said("the two have no service in common: nothing was compared"));
    }
    Ok(if differ == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Side {
    fn find(&self, scenario: &Scenario) -> Option<&Url> {
        self.0.iter().find(|url| url.endpoint == scenario.endpoint)
    }
}

fn play_on(url: &Url, scenario: &Scenario) -> Result<Transcript, Failure> {
    let mut link = address(url)
        .and_then(|address| live::connect(scenario.endpoint, address, PATIENCE))
        .map_err(|source| {
            let url = url.clone();
            match source.kind() {
                ErrorKind::ConnectionRefused => Error::NobodyListens { url },
                ErrorKind::TimedOut => Error::ConnectTimeout { url, after: PATIENCE },
                _ => Error::Unreachable { url, source },
            }
        })?;
    Ok(play(scenario, &mut *link))
}

/// The first IPv4 address of the host, else its first.
fn address(url: &Url) -> io::Result<SocketAddr> {
    let mut all: Vec<_> = (url.host.as_str(), url.port).to_socket_addrs()?.collect();
    all.sort_by_key(SocketAddr::is_ipv6);
    all.first().copied().ok_or_else(|| ErrorKind::NotFound.into())
}

/// Two transcripts, line by line; what differs is marked.
fn beside(a: &Transcript, b: &Transcript) -> String {
    let mut text = String::new();
    for at in 0..a.lines.len().max(b.lines.len()) {
        let line =
            |it: &Transcript| it.lines.get(at).map_or_else(|| "-".into(), ToString::to_string);
        let (a, b) = (line(a), line(b));
        text +=
            &if a == b { format!("   A B  {a}\n") } else { format!(" * A    {a}\n *   B  {b}\n") };
    }
    text
}
