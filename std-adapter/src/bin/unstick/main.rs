//! The `unstick` tool: serves a node, and asks one.

mod asking;
mod bench;
mod call;
mod check;
mod crosscheck;
mod decode;
mod failure;
mod names;
mod output;
mod serve;
mod shell;
mod signals;
mod target;
mod transfer;

use clap::{CommandFactory as _, Parser, Subcommand};
use failure::Failure;
use std::io;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;
use unstick_std::options::LogArgs;

/// Message boundaries for TCP and UDP: serve a node, ask one, move files to and from it.
///
/// A node has up to six services. A URL names one of them and where it is; without a port it is
/// the service's own:
///
///   echo://HOST        TCP 8080, text back in upper case
///   frame://HOST       TCP 8086, a command as text, its output as one frame
///   message://HOST     TCP 8087, the same with a header: name, size, md5
///   command://HOST     TCP 8088, framed both ways, with a status: what files need
///   echo+udp://HOST    UDP 8092
///   command+udp://HOST UDP 8093
#[derive(Parser)]
#[command(name = "unstick", version, verbatim_doc_comment, after_help = EXAMPLES, arg_required_else_help = true)]
struct Tool {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    log: LogArgs,
}

const EXAMPLES: &str = "\
Examples:
  unstick serve --root ~/shared                      serve a folder on this machine
  unstick call command://localhost upper hello       one command
  unstick shell command://192.168.69.1               a prompt, with history and completion
  unstick get command://192.168.69.1 log.txt         a file from the node, verified
  unstick put command://192.168.69.1 config.json     a file to the node
  unstick check 192.168.69.1                         does a node keep the protocol?
  unstick crosscheck 192.168.69.1 localhost          do two nodes behave alike?
  unstick bench command://192.168.69.1               how fast does it answer?

  unstick completions bash > ~/.local/share/bash-completion/completions/unstick

Exit codes:
  0    success: status ok; of echo, frame and message, which send no status, any answer
  1    failure: another status, nobody there, a file that cannot be had, a node that does not conform
  2    a command line that cannot be
  N    call: what a program on the node ended with
  128+N  ended by signal N (130 is Ctrl-C)";

#[derive(Subcommand)]
enum Command {
    /// Serve a node on this machine
    Serve(serve::Args),
    Call(call::Args),
    Shell(shell::Args),
    Get(transfer::GetArgs),
    Put(transfer::PutArgs),
    Check(check::Args),
    Crosscheck(crosscheck::Args),
    Bench(bench::Args),
    Decode(decode::Args),
    /// Print what a shell needs to complete this tool's command lines
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages to a folder: `unstick man /usr/local/share/man/man1`
    Man {
        /// The folder, which is there
        folder: std::path::PathBuf,
    },
}

fn main() -> ExitCode {
    let Tool { command, log } = Tool::parse();
    let log = log.start(match command {
        Command::Serve(_) => LevelFilter::INFO,
        _ => LevelFilter::OFF,
    });
    let result = match command {
        Command::Serve(args) => serve::run(args),
        Command::Call(args) => call::run(&args),
        Command::Shell(args) => shell::run(&args),
        Command::Get(args) => transfer::get(&args),
        Command::Put(args) => transfer::put(&args),
        Command::Check(args) => check::run(&args),
        Command::Crosscheck(args) => crosscheck::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Decode(args) => decode::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Tool::command(), "unstick", &mut io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { folder } => clap_mangen::generate_to(Tool::command(), &folder)
            .map(|()| ExitCode::SUCCESS)
            .map_err(|error| Failure::file("write to", &folder, &error)),
    };
    drop(log);
    result.unwrap_or_else(Failure::tell)
}
