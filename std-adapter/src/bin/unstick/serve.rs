//! `unstick serve`: a node until a signal ends it.

use crate::failure::Failure;
use crate::signals::{Hangups, Signals};
use core::net::IpAddr;
use core::time::Duration;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing::{info, warn};
use unstick::command::Role;
use unstick::datagram::ETHERNET;
use unstick::limits::Oversize;
use unstick::{Endpoint, Limits, Service};
use unstick_std::keys::{self, NodeKeys};
use unstick_std::node::{Config, Error, Node, Ports, Storage, demo, limits};
use unstick_std::options::PortArgs;

/// Options of `unstick serve`.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Address to listen on; may be given several times
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    bind: Vec<IpAddr>,
    /// Directory whose files are served; without it, files are kept in memory
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Have a file on the disk before its put or removal is answered, so that it survives a power cut
    #[arg(long, requires = "root")]
    sync: bool,
    /// Key file: only who has one of its keys may run commands. On SIGHUP it is read again
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Let everybody who reaches this machine change files and run programs, without a key
    #[arg(long, conflicts_with = "key")]
    insecure: bool,
    /// Program that may be run, by name or path, or NAME=PROGRAM ARGUMENT... with {} for an argument of the
    /// request and {*} for all that are left; may be given several times
    #[arg(long, value_name = "PROGRAM")]
    allow: Vec<String>,
    /// The user that programs run as, by name or number, if root runs the node
    #[arg(long, value_name = "USER", requires = "allow")]
    run_as: Option<String>,
    #[command(flatten)]
    ports: PortArgs,
    /// Most connections at once
    #[arg(long, value_name = "N", default_value_t = limits::CONNECTIONS as u32, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// Seconds without a request after which a connection is closed
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::DEFAULT.idle.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    idle: u64,
    /// Most bytes of a file that is kept in memory
    #[arg(long, value_name = "BYTES", conflicts_with = "root", value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    max_file: Option<u32>,
    /// Most bytes of a datagram, either way
    #[arg(long, value_name = "BYTES", default_value_t = ETHERNET as u32, value_parser = clap::value_parser!(u32).range(64..=65507))]
    max_datagram: u32,
    /// Close upon what is over its limit, instead of discarding it where its end is known
    #[arg(long)]
    close_oversize: bool,
    /// Also serve the commands of a node under test: sum, count, wait and config
    #[arg(long)]
    test_commands: bool,
    /// Name of the node, as `info` tells it
    #[arg(long, default_value = "unstick")]
    name: String,
}

const AFTER_HELP: &str = "\
Examples:
  unstick serve                                    files in memory, for this machine only
  unstick serve --root ~/shared --bind 0.0.0.0     a folder, for whoever reaches this machine to read
  unstick serve --root ~/shared --bind 0.0.0.0 --key node.key    to change, for who has a key
  unstick serve --allow ls --allow df --echo off   two programs, and no echo over TCP
  unstick serve --allow 'log=/usr/bin/tail -n {} /var/log/syslog' --run-as nobody

Others than this machine reach a node whose ADDR is no loopback address. Without a key it serves echo, frame
and message only on ports that are named, and refuses put, remove and --allow unless --insecure is given.

A PORT is a number, 0 to let the system choose one, or `off` not to serve it.
Prints `listening SERVICE TRANSPORT ADDR` for each socket when it is ready, then logs to stderr
(RUST_LOG says what, for example RUST_LOG=unstick_std=debug). Ctrl-C or SIGTERM ends it when what
is in flight is done; a second one ends it at once.";

/// Serves until a signal; 0 if it ended cleanly.
pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    let said = |error: &dyn core::error::Error| Failure::said(error.to_string());
    let keys = args.key.clone().map(KeyFile::read).transpose().map_err(|error| said(&error))?;
    let openness = Openness::of(&args);
    if openness == Openness::Read && !args.allow.is_empty() {
        return Err(Failure::said(
            "--allow would let everybody who reaches this machine run the programs: give --key FILE \
             (`unstick keygen FILE` makes one), or --insecure",
        ));
    }
    let mut config = config(args, openness);
    config.keys = keys.as_ref().map(|it| it.keys.clone());
    serve(config, openness, keys.as_ref()).map_err(|error| said(&error))
}

/// What is open to everybody who reaches the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Openness {
    /// What it serves is for this machine, or for who has a key.
    Closed,
    /// Others may only read.
    Read,
    /// Others may do everything.
    Insecure,
}

impl Openness {
    fn of(args: &Args) -> Self {
        match args.bind.iter().all(IpAddr::is_loopback) {
            false if args.insecure => Self::Insecure,
            false if args.key.is_none() => Self::Read,
            _ => Self::Closed,
        }
    }

    fn warn(self) {
        match self {
            Self::Closed => {}
            Self::Read => warn!(
                "there is no key, and others reach this machine: put, remove and all else that changes \
                 something is refused, echo, frame and message are off unless their ports are named; \
                 --key FILE lets in who has a key, --insecure everybody"
            ),
            Self::Insecure => warn!(
                "insecure: everybody who reaches this machine may change its files and run its programs"
            ),
        }
    }
}

/// The keys of the node, and the file they came from.
struct KeyFile {
    path: PathBuf,
    keys: NodeKeys,
}

impl KeyFile {
    fn read(path: PathBuf) -> Result<Self, keys::Error> {
        let keys = NodeKeys::new(keys::read(&path)?)?;
        Ok(Self { path, keys })
    }

    fn read_again(&self) {
        match keys::read(&self.path) {
            Ok(keys) => {
                info!("{} keys, of {}", keys.len(), self.path.display());
                self.keys.replace(keys);
            }
            Err(error) => warn!("the keys stay as they are: {error}"),
        }
    }
}

#[tokio::main]
async fn serve(
    config: Config,
    openness: Openness,
    keys: Option<&KeyFile>,
) -> Result<ExitCode, Error> {
    let mut signals = Signals::new().map_err(Error::Runtime)?;
    let mut hangups = Hangups::new(keys.is_some()).map_err(Error::Runtime)?;
    let node = Node::bind(config).await?;
    openness.warn();
    // A stdout that nobody reads is no reason not to serve.
    let _ = announce(&node);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut run = core::pin::pin!(node.run(async {
        let _ = stopped.await;
    }));
    loop {
        tokio::select! {
            () = &mut run => return Ok(ExitCode::SUCCESS),
            () = hangups.next() => keys.into_iter().for_each(KeyFile::read_again),
            _ = signals.next() => break,
        }
    }
    info!("ending; what is in flight is finished first");
    drop(stop);
    tokio::select! {
        () = run => Ok(ExitCode::SUCCESS),
        _ = signals.next() => {
            warn!("ended at once by a second signal");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn announce(node: &Node) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for socket in node.listening() {
        writeln!(stdout, "listening {socket}")?;
    }
    stdout.flush()
}

fn config(args: Args, openness: Openness) -> Config {
    let mut limits = Limits::DEFAULT.with_idle(Duration::from_secs(args.idle));
    if args.close_oversize {
        limits = limits.with_oversize(Oversize::Close);
    }
    let ports = match openness {
        Openness::Closed => Ports::DEFAULT,
        Openness::Read | Openness::Insecure => Ports::OFF
            .with(
                Endpoint::tcp(Service::Command),
                Ports::DEFAULT.get(Endpoint::tcp(Service::Command)),
            )
            .with(Endpoint::UDP_COMMAND, Ports::DEFAULT.get(Endpoint::UDP_COMMAND)),
    };
    let mut config = Config::new()
        .bind(args.bind)
        .ports(args.ports.or(ports))
        .anyone(if openness == Openness::Read { Role::Read } else { Role::Full })
        .connections(usize::try_from(args.max_connections).unwrap_or(usize::MAX))
        .datagrams(args.max_datagram as usize)
        .limits(limits)
        .sync(args.sync)
        .name(args.name);
    (config.allow, config.run_as) = (args.allow, args.run_as);
    if let Some(root) = args.root {
        config.files = Storage::Directory(root);
    }
    if let Some(largest) = args.max_file {
        config.files = Storage::Memory { largest: largest as usize };
    }
    if args.test_commands {
        config = demo::with_commands(config);
    }
    config
}
