//! Builds the node for a board, and runs it in QEMU with its ports forwarded to 127.0.0.1.

mod qemu;
mod toolchain;

use qemu::Ports;
use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

const HELP: &str = "\
Builds the node for a board and runs it in QEMU, its services forwarded to free ports of 127.0.0.1.

cargo run --release -- [--board BOARD] [--build] [-- QEMU-ARGUMENT...]

  --board BOARD   mps2-an385 (Cortex-M3, the default) or mps2-an386 (Cortex-M4F)
  --build         only builds, and prints the path of the program
  -- ARGUMENT...  goes to QEMU as it is, as in `-- -object filter-dump,id=f0,netdev=n0,file=x.pcap`
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
    board: &'static Board,
    build_only: bool,
    qemu: Vec<OsString>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("emulate: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let Some(Options { board, build_only, qemu }) = options(env::args_os().skip(1))? else {
        print!("{HELP}");
        return Ok(());
    };
    if !build_only {
        qemu::check()?;
    }
    let program = toolchain::find(board.target)?.build(board.target)?;
    if build_only {
        println!("{}", program.display());
        return Ok(());
    }
    let ports = Ports::choose()?;
    println!("{} ({}), emulated:", board.machine, board.processor);
    for url in ports.urls() {
        println!("  {url}");
    }
    println!("Ctrl-C ends it. What follows is the log of the board.\n");
    Err(qemu::run(board.machine, &program, ports, &qemu))
}

/// The options; `None` if only help is wanted.
fn options(arguments: impl Iterator<Item = OsString>) -> Result<Option<Options>, String> {
    let mut options = Options { board: &BOARDS[0], build_only: false, qemu: Vec::new() };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(None),
            Some("--build") => options.build_only = true,
            Some("--board") => {
                let name = arguments.next().unwrap_or_default();
                let board = BOARDS.iter().find(|board| name == board.machine);
                options.board = board.ok_or_else(|| {
                    let name = name.display();
                    format!("there is no board `{name}`: it is mps2-an385 or mps2-an386")
                })?;
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
            ("an385", "`an385` is no option; try --help"),
        ] {
            assert_eq!(parse(line).err().unwrap(), sentence);
        }
        assert!(parse("--help").unwrap().is_none());
    }
}
