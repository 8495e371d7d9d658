//! `unstick-tap`: the node on a TAP interface, where real packets reach it.
//!
//! Without a subcommand it proves itself: in a network namespace of its own it plays every scenario
//! against the node on smoltcp, against a desktop node and, where there is QEMU, against the firmware,
//! and compares.

#[cfg(target_os = "linux")]
mod cable;
#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod host;
mod job;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod node;
#[cfg_attr(not(target_os = "linux"), path = "no_tap.rs")]
mod over_tap;
#[cfg(target_os = "linux")]
mod pcap;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod tap;
mod world;

use std::io::{self, Write as _};
use std::process::ExitCode;

/// The exit code where no TAP interface can be had; 1 is a difference or failure, 2 a wrong command
/// line.
const NO_TAP: u8 = 3;

fn main() -> ExitCode {
    let result = <Program as clap::Parser>::parse().run();
    result.unwrap_or_else(|failure| {
        // A closed stderr must not cause a panic.
        let _ = writeln!(io::stderr(), "unstick-tap: {failure}");
        ExitCode::from(if let Failure::NoTap(_) = failure { NO_TAP } else { 1 })
    })
}

/// The Unstick node on a TAP interface.
///
/// Plain `unstick-tap` makes a network namespace and a TAP interface of its own, plays every
/// scenario from the kernel's sockets against the node on smoltcp and against a desktop node, and
/// shows the two side by side; beside them the firmware on an emulated board, where QEMU and a
/// compiler for it are installed. It needs nothing set up and leaves nothing behind. Where no TAP
/// interface can be had it plays the node on smoltcp over a wire in its own process, and says so.
#[derive(clap::Parser)]
#[command(name = "unstick-tap", version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
struct Program {
    #[cfg(target_os = "linux")]
    #[command(subcommand)]
    command: Option<Command>,
    /// Fail where no TAP interface can be had
    #[arg(long)]
    tap: bool,
    #[cfg(target_os = "linux")]
    #[command(flatten)]
    cable: cable::Args,
}

impl Program {
    #[cfg(target_os = "linux")]
    fn run(self) -> Result<ExitCode, Failure> {
        let cable = self.cable;
        match self.command {
            Some(Command::Serve(args)) => serve::run(&args),
            None => job::run(self.tap || cable.is_wanted(), || over_tap::open(&cable)),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn run(self) -> Result<ExitCode, Failure> {
        job::run(self.tap, over_tap::open)
    }
}

const EXIT_CODES: &str = "\
The exit code is 0 if all agree, 1 if something differs or fails, 2 for a command line that cannot
be, 3 if no TAP interface can be had where one is wanted.";

#[cfg(target_os = "linux")]
#[derive(clap::Subcommand)]
enum Command {
    /// Serve a node on an interface of this system until a signal ends it
    Serve(serve::Args),
}

/// Why the program ends without having done its work: a sentence each.
enum Failure {
    /// There is no TAP interface, or no namespace to make it in.
    NoTap(String),
    /// Anything else.
    Other(String),
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (Self::NoTap(sentence) | Self::Other(sentence)) = self;
        f.write_str(sentence)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error.to_string())
    }
}
