//! Frames in memory: our decoders and encoders beside their neighbours.
//!
//!     cargo bench -p unstick-bench --bench framing                      times, as ratios to tokio-util
//!     cargo bench -p unstick-bench --bench framing -- --instructions    what valgrind counts per frame
//!     cargo bench -p unstick-bench --bench framing -- --ceilings        the same of ours, and fail where it is too many
//!
//! With `--write` the tables go into `docs/performance.md`.

mod decoders;
mod encoders;
mod instructions;
mod times;
mod wire;

use clap::Parser;
use instructions::Counted;
use std::process::ExitCode;

/// Frames in memory, beside the neighbours.
#[derive(Parser)]
struct Options {
    /// Count instructions per frame; needs valgrind.
    #[arg(long)]
    instructions: bool,
    /// Count those of ours that have a ceiling, and fail where it is too many.
    #[arg(long, conflicts_with_all = ["instructions", "write"])]
    ceilings: bool,
    /// Put the tables into docs/performance.md.
    #[arg(long)]
    write: bool,
    /// Do one thing so many times, to be counted: what `--instructions` runs.
    #[arg(long, hide = true, num_args = 2, value_names = ["WHAT", "TIMES"])]
    counted: Option<Vec<String>>,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(counted) = options.counted {
        Counted::run(&counted);
        return ExitCode::SUCCESS;
    }
    decoders::check();
    if options.ceilings {
        return instructions::ceilings();
    }
    let (name, tables) = if options.instructions {
        ("framing instructions", instructions::tables())
    } else {
        ("framing times", times::tables())
    };
    println!("{tables}");
    if options.write {
        unstick_bench::page(name, &tables);
    }
    ExitCode::SUCCESS
}
