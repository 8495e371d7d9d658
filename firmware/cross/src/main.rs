//! Cargo with whatever compiler and linker there are for the target it is given, and QEMU.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use unstick_cross::{Emulated, MISSING, Toolchain};

const HELP: &str = "\
Runs cargo with the compiler and linker that this machine has for a target: rather rustup's than the
distribution's, which builds the core library from source.

cross build --target thumbv7m-none-eabi --release ...   cargo, with these arguments
cross --describe --target thumbv7m-none-eabi            prints which compiler that is
cross emulate MACHINE PROGRAM ...                       runs a program on a board, in QEMU, with these
                                                        arguments more

The exit code is 3 where there is none, else cargo's or QEMU's.
";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    if let [first, machine, program, more @ ..] = arguments.as_slice()
        && first == "emulate"
    {
        return emulate(&machine.to_string_lossy(), Path::new(program), more);
    }
    let target = arguments.iter().position(|it| it == "--target");
    let target = target.and_then(|at| arguments.get(at + 1)).and_then(|it| it.to_str());
    let Some(target) = target else {
        eprint!("{HELP}");
        return ExitCode::FAILURE;
    };
    let toolchain = match Toolchain::find(target) {
        Ok(toolchain) => toolchain,
        Err(sentence) => {
            eprintln!("cross: {sentence}");
            return ExitCode::from(MISSING);
        }
    };
    if arguments.iter().any(|it| it == "--describe") {
        println!("{toolchain}");
        return ExitCode::SUCCESS;
    }
    run(&mut toolchain.cargo(&arguments))
}

fn emulate(machine: &str, program: &Path, arguments: &[OsString]) -> ExitCode {
    match Emulated::check() {
        Ok(()) => run(&mut Emulated::command(machine, program, arguments)),
        Err(sentence) => {
            eprintln!("cross: {sentence}");
            ExitCode::from(MISSING)
        }
    }
}

fn run(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().and_then(|it| it.try_into().ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("cross: {} could not be run: {error}", command.get_program().display());
            ExitCode::FAILURE
        }
    }
}
