//! Files between two processes: `unstick get` and `put` beside `md5sum`, and beside curl from nginx.
//!
//!     cargo bench -p unstick-bench --bench files                     1 GiB, about three minutes
//!     cargo bench -p unstick-bench --bench files -- --mib 64         less
//!     cargo bench -p unstick-bench --bench files -- --write          into docs/performance.md
//!
//! The files are in memory (`/dev/shm`) where the system has that.

mod contestants;

use clap::Parser;
use contestants::{ALL, REFERENCE, Site};
use unstick_bench::{Table, median, turns};

/// Files between two processes, beside the neighbours.
#[derive(Parser)]
struct Options {
    /// MiB of the file.
    #[arg(long, default_value_t = 1024)]
    mib: usize,
    /// Rounds; what is stated is the median of all.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Put the table into docs/performance.md.
    #[arg(long)]
    write: bool,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let mut site = Site::new(options.mib);
    let (there, absent): (Vec<_>, Vec<_>) = ALL.iter().partition(|it| it.is_here());
    for absent in absent {
        println!("{} is left out: it is not installed", absent.name);
    }
    let times = turns(options.rounds, there.len(), |it| site.run(there[it]));
    let mut table = Table::new([
        &format!("a file of {} MiB", options.mib),
        "time, of md5sum's",
        "MB/s",
        "MiB of memory, client and server",
    ]);
    let bytes = (options.mib * 1024 * 1024) as f64;
    for (contestant, took) in there.iter().zip(&times) {
        let ratios =
            took.iter().zip(&times[REFERENCE]).map(|(time, of)| time.div_duration_f64(*of));
        let rates = took.iter().map(|time| bytes / 1e6 / time.as_secs_f64());
        table.row([
            contestant.name,
            &format!("{:.2}", median(ratios)),
            &format!("{:.0}", median(rates)),
            &site.memory(contestant),
        ]);
    }
    println!("{table}");
    if options.write {
        unstick_bench::page("files", &table.to_string());
    }
}
