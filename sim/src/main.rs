//! `unstick-sim`: many seeds, or one again.

use clap::Parser;
use pcap_file::pcap::{PcapPacket, PcapWriter};
use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;
use std::time::Instant;
use unstick_sim::world::{Options, run};

/// Plays nodes and clients in a simulated internet.
#[derive(Parser)]
struct Arguments {
    /// One seed, and all its frames into unstick-sim.pcap.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// How many seeds.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Stop at the first that is broken.
    #[arg(long)]
    stop: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Arguments { seed, seeds, from, stop } = arguments;
    let start = Instant::now();
    let (mut hours, mut faults, mut answered, mut broken) = (0.0, 0, 0, 0);
    let range = seed.map_or(from..from + seeds, |seed| seed..seed + 1);
    let keep = arguments.seed.is_some();
    let mut count = 0_u64;
    for seed in range {
        count += 1;
        let outcome = run(seed, Options { capture: keep, ..Options::default() });
        hours += outcome.simulated.total_millis() as f64 / 3.6e6;
        faults += outcome.faults;
        answered += outcome.answered;
        if keep {
            match write(&outcome.capture) {
                Ok(()) => println!("all frames are in {CAPTURE}"),
                Err(error) => println!("{CAPTURE} cannot be written: {error}"),
            }
        }
        if let Some(what) = outcome.broken {
            broken += 1;
            println!("seed {seed} {what}\n  again: unstick-sim --seed {seed}");
            if stop {
                break;
            }
        }
    }
    let faster = hours * 3600.0 / start.elapsed().as_secs_f64();
    println!(
        "{count} seeds, {hours:.1} hours simulated {faster:.0} times as fast, {faults} faults injected, {answered} requests answered, {broken} broken"
    );
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const CAPTURE: &str = "unstick-sim.pcap";

/// Writes frames as they left their senders, before anything was done to them.
fn write(frames: &[(smoltcp::time::Instant, Vec<u8>)]) -> Result<(), Box<dyn core::error::Error>> {
    let mut writer = PcapWriter::new(BufWriter::new(File::create(CAPTURE)?))?;
    for (at, frame) in frames {
        let at = core::time::Duration::from_micros(at.total_micros().unsigned_abs());
        writer.write_packet(&PcapPacket::new(at, frame.len() as u32, frame))?;
    }
    Ok(())
}
