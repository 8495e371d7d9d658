//! The `unstick` tool: serves a node, and asks one.

mod asking;
mod bench;
mod call;
mod check;
mod crosscheck;
mod decode;
mod failure;
mod keygen;
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
  unstick keygen node.key                            a key, for serve --key and all of these

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
    Keygen(keygen::Args),
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
        Command::Keygen(args) => keygen::run(&args),
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;
    use proptest::prelude::*;

    /// The words that the tool knows, and others.
    fn word() -> impl Strategy<Value = String> {
        fn collect(command: &clap::Command, known: &mut Vec<String>) {
            known.push(command.get_name().to_owned());
            for argument in command.get_arguments() {
                known.extend(argument.get_long().map(|name| format!("--{name}")));
                known.extend(argument.get_short().map(|name| format!("-{name}")));
                let values = argument.get_possible_values().into_iter();
                known.extend(values.map(|value| value.get_name().to_owned()));
            }
            command.get_subcommands().for_each(|it| collect(it, known));
        }
        let mut known = Vec::new();
        collect(&Tool::command(), &mut known);
        let values = [
            "command://h",
            "echo+udp://[::1]:7",
            "h",
            "0",
            "1s",
            "64KiB",
            "-1",
            "a=/b",
            "--",
            "-",
            "",
        ];
        prop_oneof![
            4 => prop::sample::select(known),
            2 => prop::sample::select(values.map(str::to_owned).to_vec()),
            1 => any::<String>(),
        ]
    }

    proptest! {
        /// Whatever a command line is made of, it is taken, or refused in a sentence.
        #[test]
        fn any_command_line_is_taken_or_refused(
            first in prop::sample::select(
                Tool::command().get_subcommands().map(|it| it.get_name().to_owned()).collect::<Vec<_>>(),
            ),
            words in prop::collection::vec(word(), 0..7),
        ) {
            let line = ["unstick".to_owned(), first].into_iter().chain(words);
            if let Err(refusal) = Tool::try_parse_from(line) {
                let said = refusal.to_string();
                match refusal.kind() {
                    ErrorKind::DisplayHelp
                    | ErrorKind::DisplayVersion
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {}
                    _ => {
                        prop_assert!(said.starts_with("error: "), "{said}");
                        prop_assert_eq!(refusal.exit_code(), 2);
                    }
                }
                prop_assert!(said.trim().len() > 10, "{said}");
            }
        }
    }

    #[test]
    fn the_options_do_not_contradict_each_other() {
        Tool::command().debug_assert();
    }
}
