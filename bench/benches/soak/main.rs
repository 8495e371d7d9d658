//! Mixed load on a node for as long as you like: its memory and its descriptors must be flat from the second
//! tenth of the time to the last.
//!
//!     cargo bench -p unstick-bench --bench soak                       half a minute, a desktop node
//!     cargo bench -p unstick-bench --bench soak -- --tap              a node on a TAP interface
//!     cargo bench -p unstick-bench --bench soak -- --seconds 36000    a night
//!
//! The TAP interface is in a network namespace that the program makes for itself.

mod load;

use clap::Parser;
use core::time::Duration;
use load::Load;
use std::collections::HashMap;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use unstick_bench::{Served, Table, memory_of, program};

/// Mixed load on a node, whose memory and descriptors must be flat.
#[derive(Parser)]
struct Options {
    /// How long, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// The node on a TAP interface.
    #[arg(long)]
    tap: bool,
    /// It is in a namespace of its own already.
    #[arg(long, hide = true)]
    inside: bool,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

const TENTHS: u32 = 10;

/// KiB that memory may grow from the second tenth to the last: an allocator's pages, and the hundredth part.
const SLACK: u64 = 1024;

fn main() -> ExitCode {
    let options = Options::parse();
    if options.tap && !options.inside {
        program("unstick-smoltcp", "unstick-tap"); // it is built outside
        return in_a_namespace();
    }
    let (node, urls) = start(options.tap);
    let tenth = Duration::from_secs(options.seconds) / TENTHS;
    let mut table =
        Table::new(["tenth", "requests answered", "given up or refused", "KiB", "descriptors"]);
    let (mut memory, mut descriptors) = (Vec::new(), Vec::new());
    for number in 1..=TENTHS {
        let load = Load::put_on(&urls, tenth);
        // All clients have gone, and what was theirs goes with them.
        let first = descriptors.first().copied();
        let open = settled(node.id(), first);
        let resident = memory_of(node.id(), "VmRSS").expect("the node lives");
        memory.push(resident);
        descriptors.push(open);
        let row = [u64::from(number), load.answered, load.failed, resident, open];
        table.row(row.map(|it| it.to_string()));
        assert!(load.answered > 0, "nothing is answered any more");
    }
    println!("{table}");
    let (second, last) = (memory[1], *memory.last().expect("ten of them"));
    if last > second + second / 100 + SLACK {
        println!("memory is not flat: {second} KiB after the second tenth, {last} after the last");
        return ExitCode::FAILURE;
    }
    if descriptors[1..].iter().any(|open| *open > descriptors[0]) {
        println!("descriptors are not flat");
        return ExitCode::FAILURE;
    }
    println!("flat");
    ExitCode::SUCCESS
}

/// This program once more, where it may make a TAP interface.
fn in_a_namespace() -> ExitCode {
    let this = std::env::current_exe().expect("this program is a file");
    let mut command = Command::new("unshare");
    command.args(["--net", "--user", "--map-root-user"]).arg(this);
    let status = command.args(std::env::args_os().skip(1)).arg("--inside").status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// A node, and the URL of each of its services by scheme.
fn start(tap: bool) -> (Served, HashMap<String, String>) {
    let mut command = if tap {
        let mut command = Command::new(program("unstick-smoltcp", "unstick-tap"));
        command.args(["serve", "--tap", "soak"]);
        command
    } else {
        let mut command = Command::new(program("unstick-std", "unstick"));
        command.args(["serve", "--test-commands", "--allow", "true"]);
        for service in ["echo", "frame", "message", "command", "udp-echo", "udp-command"] {
            command.args([&format!("--{service}"), "0"]);
        }
        command
    };
    let mut urls = HashMap::new();
    let (node, ()) = Served::start(command.stderr(Stdio::null()), |line| {
        // listening SERVICE TRANSPORT ADDR
        if let [_, service, transport, address] = *line.split(' ').collect::<Vec<_>>() {
            let scheme = match transport {
                "udp" => format!("{service}+udp"),
                _ => service.to_owned(),
            };
            urls.insert(scheme.clone(), format!("{scheme}://{address}"));
        }
        (urls.len() == 6).then_some(())
    });
    (node, urls)
}

/// The number of descriptors of a process, once there are no more than at `first`.
fn settled(process: u32, first: Option<u64>) -> u64 {
    let open = || {
        let folder = std::fs::read_dir(format!("/proc/{process}/fd"));
        folder.expect("the node lives").count() as u64
    };
    let begun = Instant::now();
    let mut last = open();
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let now = open();
        let rests = now == last && first.is_none_or(|first| now <= first);
        if rests || begun.elapsed() > Duration::from_secs(20) {
            return now;
        }
        last = now;
    }
}
