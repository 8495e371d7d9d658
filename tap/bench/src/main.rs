//! smoltcp on a TAP interface, the kernel at the other end: smoltcp's own device, ours, and for
//! comparison two kernels on a veth pair.
//!
//!     cd tap/bench && cargo run --release               needs `unshare` and `ip`
//!     cd tap/bench && cargo run --release -- --write    into docs/performance.md
//!
//! It runs in network namespaces of its own, which an ordinary user may make on most systems.

mod kernel;
mod network;
mod stack;

use clap::Parser;
use network::{Device, Network};
use std::process::{Command, ExitCode};
use unstick_bench::{Table, median, turns};

/// smoltcp on a TAP interface, beside its own device and beside a kernel.
#[derive(Parser)]
struct Options {
    /// MiB that are sent in a turn.
    #[arg(long, default_value_t = 256)]
    mib: usize,
    /// Datagrams that go there and back in a turn.
    #[arg(long, default_value_t = 20_000)]
    datagrams: usize,
    /// Rounds; what is stated is the median of all.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Only this work.
    #[arg(long)]
    only: Option<Work>,
    /// On all cores, where it is one otherwise.
    #[arg(long)]
    spread: bool,
    /// Put the table into docs/performance.md.
    #[arg(long)]
    write: bool,
    /// What it starts itself as, in a namespace.
    #[arg(long, hide = true)]
    inside: bool,
    /// What it starts itself as, at the far end of the veth pair.
    #[arg(long, hide = true)]
    far: bool,
}

/// What is done in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Work {
    /// Bytes from smoltcp to the kernel.
    Out,
    /// Bytes from the kernel to smoltcp.
    In,
    /// Bytes that come back.
    Echo,
    /// Datagrams that come back, one at a time.
    Datagrams,
}

impl Work {
    const ALL: [Self; 4] = [Self::Out, Self::In, Self::Echo, Self::Datagrams];

    /// The port at which the far end does its part.
    const fn port(self) -> u16 {
        5000 + self as u16
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.far {
        kernel::serve();
    }
    if !options.inside {
        let this = std::env::current_exe().expect("this program is a file");
        // On one core, so that nobody's rate hangs on where the scheduler puts whom.
        let mut command = Command::new(if options.spread { "unshare" } else { "taskset" });
        command.args((!options.spread).then_some(["--cpu-list", "0", "unshare"]).iter().flatten());
        let status = command
            .args(["--map-root-user"].iter().filter(|_| !is_root()))
            .arg("--net")
            .arg(this)
            .args(std::env::args_os().skip(1))
            .arg("--inside")
            .status()
            .expect("`unshare` and `taskset` are there, of util-linux");
        return if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let network = Network::new();
    let mut table = Table::new(
        ["of two kernels' rate", "smoltcp to kernel", "kernel to smoltcp", "echo", "datagrams"]
            .map(str::to_owned),
    );
    let columns = Work::ALL.map(|work| {
        if options.only.is_some_and(|only| only != work) {
            return vec![String::new(); Device::ALL.len()];
        }
        let times = turns(options.rounds, Device::ALL.len(), |it| {
            let address = network.address(Device::ALL[it]);
            kernel::work(work, address, options.mib * 1024 * 1024, options.datagrams)
        });
        let two_kernels = &times[Device::ALL.len() - 1];
        let cell = |times: &Vec<core::time::Duration>| {
            let ratios = times.iter().zip(two_kernels).map(|(time, of)| of.div_duration_f64(*time));
            let seconds = median(times.iter().map(core::time::Duration::as_secs_f64));
            let rate = match work {
                Work::Datagrams => format!("{:.0}/s", options.datagrams as f64 / seconds),
                _ => format!("{:.2} GB/s", (options.mib * 1024 * 1024) as f64 / 1e9 / seconds),
            };
            format!("{:.2} ({rate})", median(ratios))
        };
        times.iter().map(cell).collect()
    });
    for (index, device) in Device::ALL.iter().enumerate() {
        let cells = columns.iter().map(|column| column[index].clone());
        table.row([device.name().to_owned()].into_iter().chain(cells));
    }
    println!("{table}");
    if options.write {
        unstick_bench::page("tap", &table.to_string());
    }
    ExitCode::SUCCESS
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}
