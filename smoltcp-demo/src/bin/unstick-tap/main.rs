//! `unstick-tap`: the node on a TAP interface, where real packets reach it.
//!
//! Without a subcommand it proves itself: in a network namespace of its own it plays every scenario
//! against the node on smoltcp, against a desktop node and, where there is QEMU, against the firmware,
//! and compares.
#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "there is no TAP elsewhere"))]

#[cfg(target_os = "linux")]
mod cable;
#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod job;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod node;
#[cfg(target_os = "linux")]
mod pcap;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod tap;

use std::io::{self, Write as _};
use std::process::ExitCode;

/// The exit code where no TAP interface can be had; 1 is a difference or failure, 2 a wrong command
/// line.
const NO_TAP: u8 = 3;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let result = match <Program as clap::Parser>::parse() {
        Program { command: Some(Command::Serve(args)), .. } => serve::run(&args),
        Program { command: None, cable } => job::run(&cable),
    };
    result.unwrap_or_else(|failure| {
        // A closed stderr must not cause a panic.
        let _ = writeln!(io::stderr(), "unstick-tap: {failure}");
        ExitCode::from(if let Failure::NoTap(_) = failure { NO_TAP } else { 1 })
    })
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "unstick-tap: no TAP interface can be had: this system is not Linux; type `cargo test --workspace`, which compares the same transports in memory"
    );
    ExitCode::from(NO_TAP)
}

/// The Unstick node on a TAP interface.
///
/// Plain `unstick-tap` makes a network namespace and a TAP interface of its own, plays every
/// scenario from the kernel's sockets against the node on smoltcp and against a desktop node, and
/// shows the two side by side; beside them the firmware on an emulated board, where QEMU and a
/// compiler for it are installed. It needs nothing set up and leaves nothing behind.
#[cfg(target_os = "linux")]
#[derive(clap::Parser)]
#[command(name = "unstick-tap", version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    cable: cable::Args,
}

#[cfg(target_os = "linux")]
const EXIT_CODES: &str = "\
The exit code is 0 if all agree, 1 if something differs or fails, 2 for a command line that cannot
be, 3 if no TAP interface can be had.";

#[cfg(target_os = "linux")]
#[derive(clap::Subcommand)]
enum Command {
    /// Serve a node on an interface of this system until a signal ends it
    Serve(serve::Args),
}

/// Why the program ends without having done its work: a sentence each.
#[cfg(target_os = "linux")]
enum Failure {
    /// There is no TAP interface, or no namespace to make it in.
    NoTap(String),
    /// Anything else.
    Other(String),
}

#[cfg(target_os = "linux")]
impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (Self::NoTap(sentence) | Self::Other(sentence)) = self;
        f.write_str(sentence)
    }
}

#[cfg(target_os = "linux")]
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error.to_string())
    }
}
