//! Servers on loopback: our node beside servers without framing, and beside tokio-util.
//!
//!     cargo bench -p unstick-bench --bench server                about two minutes
//!     cargo bench -p unstick-bench --bench server -- --write     into docs/performance.md
//!
//! Each server is a process of its own; the client is this one, on one thread.

mod client;
mod servers;

use clap::Parser;
use client::Work;
use servers::{ALL, Server};
use unstick_bench::{Table, median, turns};

/// Servers on loopback, beside the neighbours.
#[derive(Parser)]
struct Options {
    /// Requests in a turn; of one connection without depth a quarter of it.
    #[arg(long, default_value_t = 100_000)]
    requests: usize,
    /// Rounds; what is stated is the median of all.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Connections that do nothing while others are busy, or as many as the system allows.
    #[arg(long, default_value_t = 9_900)]
    idle: usize,
    /// Put the tables into docs/performance.md.
    #[arg(long)]
    write: bool,
    /// What it starts itself as.
    #[arg(long, hide = true, value_name = "NAME")]
    serve: Option<String>,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Connections, and requests on the way at once on each.
const CELLS: [(usize, usize); 4] = [(1, 1), (1, 32), (64, 1), (64, 32)];

/// Connections that are busy among idle ones.
const BUSY: usize = 100;

fn main() {
    let options = Options::parse();
    if let Some(name) = &options.serve {
        servers::serve(name);
    }
    let echo = table(&options, Work::echo(), "an echo of 64 B, of raw tokio's rate");
    let command = table(&options, Work::command(), "a command, of tokio-util's rate");
    let idle = among_idle(&options);
    let tables = format!("{echo}\n{command}\n{idle}");
    println!("{tables}");
    if options.write {
        unstick_bench::page("server", &tables);
    }
}

/// What is left of the echo rate of busy connections where there are idle ones besides.
fn among_idle(options: &Options) -> Table {
    let work = Work::echo();
    let title = format!("{BUSY} busy connections among idle ones");
    let mut table = Table::new([&title, "idle ones", "rate, of that without them"]);
    for kind in ALL.iter().filter(|it| !it.commands) {
        let [alone, crowded] = [(); 2].map(|()| Server::start(kind));
        let idle = client::idle(crowded.address, options.idle);
        let servers = [alone, crowded];
        let times = turns(options.rounds, servers.len(), |it| {
            client::run(&work, servers[it].address, BUSY, 1, options.requests)
        });
        let ratios = times[0].iter().zip(&times[1]).map(|(of, time)| of.div_duration_f64(*time));
        table.row([kind.name, &idle.len().to_string(), &format!("{:.2}", median(ratios))]);
    }
    table
}

/// The rates of those that do this work, as ratios to that of the first.
fn table(options: &Options, work: Work, title: &str) -> Table {
    let servers: Vec<Server> =
        ALL.iter().filter(|it| it.commands == work.is_command).map(Server::start).collect();
    let columns = CELLS.map(|(connections, depth)| {
        let requests =
            if connections * depth == 1 { options.requests / 4 } else { options.requests };
        let times = turns(options.rounds, servers.len(), |it| {
            client::run(&work, servers[it].address, connections, depth, requests)
        });
        times
            .iter()
            .map(|took| {
                let ratios =
                    took.iter().zip(&times[0]).map(|(time, of)| of.div_duration_f64(*time));
                let rate = requests as f64 / median(took.iter().map(|it| it.as_secs_f64()));
                format!("{:.2} ({:.0}k/s)", median(ratios), rate / 1e3)
            })
            .collect::<Vec<_>>()
    });
    let head = CELLS.map(|(connections, depth)| format!("{connections} x {depth}"));
    let mut table = Table::new([title.to_owned()].into_iter().chain(head));
    for (index, server) in servers.iter().enumerate() {
        let cells = columns.iter().map(|column| column[index].clone());
        table.row([server.name.to_owned()].into_iter().chain(cells));
    }
    table
}
