//! `unstick serve`: a node until a signal ends it.

use crate::failure::Failure;
use crate::signals::Signals;
use core::net::IpAddr;
use core::time::Duration;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing::{info, warn};
use unstick::Limits;
use unstick::datagram::ETHERNET;
use unstick::limits::Oversize;
use unstick_std::node::{Config, Error, Node, Storage, demo, limits};
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
    /// Program that may be run, by name or path; may be given several times
    #[arg(long, value_name = "PROGRAM")]
    allow: Vec<String>,
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
  unstick serve --root ~/shared --bind 0.0.0.0     a folder, for whoever can reach this machine
  unstick serve --allow ls --allow df --echo off   two programs, and no echo over TCP

A PORT is a number, 0 to let the system choose one, or `off` not to serve it.
Prints `listening SERVICE TRANSPORT ADDR` for each socket when it is ready, then logs to stderr
(RUST_LOG says what, for example RUST_LOG=unstick_std=debug). Ctrl-C or SIGTERM ends it when what
is in flight is done; a second one ends it at once.";

/// Serves until a signal; 0 if it ended cleanly.
pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    serve(args.into()).map_err(|error| Failure::said(error.to_string()))
}

#[tokio::main]
async fn serve(config: Config) -> Result<ExitCode, Error> {
    let mut signals = Signals::new().map_err(Error::Runtime)?;
    let open = exposed(&config);
    let node = Node::bind(config).await?;
    if let Some(what) = open {
        warn!("whoever can reach this machine may {what}: there is no password");
    }
    // A stdout that nobody reads is no reason not to serve.
    let _ = announce(&node);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut run = core::pin::pin!(node.run(async {
        let _ = stopped.await;
    }));
    tokio::select! {
        () = &mut run => return Ok(ExitCode::SUCCESS),
        _ = signals.next() => info!("ending; what is in flight is finished first"),
    }
    drop(stop);
    tokio::select! {
        () = run => Ok(ExitCode::SUCCESS),
        _ = signals.next() => {
            warn!("ended at once by a second signal");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What strangers may do at addresses that others than this machine reach.
fn exposed(config: &Config) -> Option<&'static str> {
    if config.bind.iter().all(IpAddr::is_loopback) {
        return None;
    }
    let files = matches!(config.files, Storage::Directory(_));
    match (files, config.allow.is_empty()) {
        (true, true) => Some("read, replace and remove the files"),
        (true, false) => Some("read, replace and remove the files, and run the programs"),
        (false, false) => Some("run the programs"),
        (false, true) => None,
    }
}

fn announce(node: &Node) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    for socket in node.listening() {
        writeln!(stdout, "listening {socket}")?;
    }
    stdout.flush()
}

impl From<Args> for Config {
    fn from(args: Args) -> Self {
        let mut limits = Limits::DEFAULT.with_idle(Duration::from_secs(args.idle));
        if args.close_oversize {
            limits = limits.with_oversize(Oversize::Close);
        }
        let mut config = Self::new()
            .bind(args.bind)
            .ports(args.ports.ports())
            .connections(usize::try_from(args.max_connections).unwrap_or(usize::MAX))
            .datagrams(args.max_datagram as usize)
            .limits(limits)
            .sync(args.sync)
            .name(args.name);
        config.allow = args.allow;
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
}
