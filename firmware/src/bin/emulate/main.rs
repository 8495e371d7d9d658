//! Builds a node for a board, and runs it in QEMU with its ports forwarded to 127.0.0.1.

mod programs;
mod qemu;

use programs::{PROGRAMS, Program};
use qemu::Qemu;
use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use unstick_cross::{Emulated, MISSING, Toolchain};

const HELP: &str = "\
Builds a node for a board and runs it in QEMU, its services forwarded to free ports of 127.0.0.1.

cargo run --release -- [--program PROGRAM] [--board BOARD] [--minimal] [--build] [-- QEMU-ARGUMENT...]

  --program PROGRAM
                  node (on smoltcp, the default), embassy (on embassy-net) or c (on lwIP)
  --board BOARD   mps2-an385 (Cortex-M3, the default) or mps2-an386 (Cortex-M4F)
  --minimal       leaves out what only shows something: further commands, DHCP
  --build         only builds, and prints the path of the program
  --die-with-parent
                  ends with the program that started it, whatever ends that (Linux)
  -- ARGUMENT...  goes to QEMU as it is, as in `-- -object filter-dump,id=f0,netdev=n0,file=x.pcap`

The exit code is 3 if QEMU, a compiler or lwIP is missing, and 1 if anything else is wrong.
";

/// A board that QEMU emulates and the program runs on.
struct Board {
    machine: &'static str,
    processor: &'static str,
    target: &'static str,
}

const BOARDS: [Board; 2] = [
    Board { machine: "mps2-an385", processor: "Cortex-M3", target: "thumbv7m-none-eabi" },
    Board { machine: "mps2-an386", processor: "Cortex-M4F", target: "thumbv7em-none-eabihf" },
];

struct Options {
    program: &'static Program,
    board: &'static Board,
    minimal: bool,
    build_only: bool,
    die_with_parent: bool,
    qemu: Vec<OsString>,
}

fn main() -> ExitCode {
    let (sentence, code) = match run() {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Missing(sentence)) => (sentence, ExitCode::from(MISSING)),
        Err(Failure::Other(sentence)) => (sentence, ExitCode::FAILURE),
    };
    let _ = writeln!(io::stderr(), "emulate: {sentence}");
    code
}

/// Why nothing was built or run: a sentence.
enum Failure {
    /// A tool of the system is missing.
    Missing(String),
    /// Anything else.
    Other(String),
}

impl From<String> for Failure {
    fn from(sentence: String) -> Self {
        Self::Other(sentence)
    }
}

fn run() -> Result<(), Failure> {
    let Some(Options { program, board, minimal, build_only, die_with_parent, qemu }) =
        options(env::args_os().skip(1))?
    else {
        return print(HELP);
    };
    if die_with_parent {
        qemu::die_with_parent()?;
    }
    if !build_only {
        Emulated::check().map_err(Failure::Missing)?;
    }
    let toolchain = Toolchain::find(board.target).map_err(Failure::Missing)?;
    let kernel = (program.build)(&toolchain, board.target, minimal)?;
    if build_only {
        return print(&format!("{}\n", kernel.display()));
    }
    let running = Qemu::start(board.machine, &kernel, &qemu)?;
    let urls: String = running.urls().iter().map(|url| format!("  {url}\n")).collect();
    print(&format!(
        "{} on {} ({}), emulated:\n{urls}Ctrl-C ends it. What follows is the log of the board.\n\n",
        program.name, board.machine, board.processor
    ))?;
    Err(Failure::Other(running.run()))
}

/// Prints to stdout, which may be full or a pipe that nobody reads.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::Other(format!("nothing can be printed: {error}")))
}

/// The options; `None` if only help is wanted.
fn options(arguments: impl Iterator<Item = OsString>) -> Result<Option<Options>, String> {
    let mut options = Options {
        program: &PROGRAMS[0],
        board: &BOARDS[0],
        minimal: false,
        build_only: false,
        die_with_parent: false,
        qemu: Vec::new(),
    };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some("--minimal") => options.minimal = true,
            Some("--build") => options.build_only = true,
            Some("--die-with-parent") => options.die_with_parent = true,
            Some("--program") => {
                options.program = named("program", &PROGRAMS, |it| it.name, arguments.next())?;
            }
            Some("--board") => {
                options.board = named("board", &BOARDS, |it| it.machine, arguments.next())?;
            }
            Some("--") => {
                options.qemu = arguments.collect();
                break;
            }
            _ => {
                let argument = argument.display();
                return Err(format!("`{argument}` is no option; try --help"));
            }
        }
    }
    Ok(Some(options))
}

/// The row of a table that has this name.
fn named<T>(
    what: &str,
    table: &'static [T],
    name_of: fn(&T) -> &'static str,
    name: Option<OsString>,
) -> Result<&'static T, String> {
    let name = name.unwrap_or_default();
    table.iter().find(|row| name == name_of(row)).ok_or_else(|| {
        let all = table.iter().map(name_of).collect::<Vec<_>>().join(" or ");
        format!("there is no {what} `{}`: it is {all}", name.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, String> {
        options(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn what_follows_two_dashes_is_qemus() {
        let parsed = parse("--board mps2-an386 -- --build -S").unwrap().unwrap();
        assert_eq!(parsed.board.target, "thumbv7em-none-eabihf");
        assert!(!parsed.build_only);
        assert_eq!(parsed.qemu, ["--build", "-S"]);
    }

    #[test]
    fn a_wrong_option_is_told_in_a_sentence() {
        for (line, sentence) in [
            ("--board nrf52", "there is no board `nrf52`: it is mps2-an385 or mps2-an386"),
            ("--board", "there is no board ``: it is mps2-an385 or mps2-an386"),
            ("--program go", "there is no program `go`: it is node or embassy or c"),
            ("an385", "`an385` is no option; try --help"),
        ] {
            assert_eq!(parse(line).err().unwrap(), sentence);
        }
        assert!(parse("--help").unwrap().is_none());
    }

    #[test]
    fn the_first_program_and_board_are_those_that_need_not_be_named() {
        let parsed = parse("--build").unwrap().unwrap();
        assert_eq!((parsed.program.name, parsed.board.machine), ("node", "mps2-an385"));
        let parsed = parse("--board mps2-an386 --program embassy").unwrap().unwrap();
        assert_eq!((parsed.program.name, parsed.board.machine), ("embassy", "mps2-an386"));
    }

    #[test]
    fn the_help_names_every_program_and_board() {
        let names = PROGRAMS.iter().map(|it| it.name).chain(BOARDS.iter().map(|it| it.machine));
        for name in names {
            assert!(HELP.contains(name), "{name}");
        }
    }
}
