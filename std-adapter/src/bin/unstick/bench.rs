//! `unstick bench`: how fast a node answers, or which of two.

mod load;

use crate::asking::{Asking, seconds};
use crate::failure::{Failure, or_signal};
use core::convert::Infallible;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use indicatif::{ProgressBar, ProgressStyle};
use load::{Load, Measured};
use serde_json::json;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::Builder;
use tokio::time::interval;
use unstick_std::client::Error;
use unstick_std::url::Url;

/// Turns that each of two nodes has.
const ROUNDS: u32 = 5;

/// How often the live line is told.
const LOOK: Duration = Duration::from_millis(200);

/// Measure how fast a node answers, or compare two.
///
/// Each connection asks for a text in upper case, again and again, and waits for the answers. It ends
/// by itself.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick bench command://localhost                         one request at a time
  unstick bench --connections 64 --depth 32 command://localhost
  unstick bench --size 1,64,900 command+udp://192.168.69.1  a board
  unstick bench command://192.168.69.1 command://localhost  two, taking turns

Times are from the call to its answer, as a program has them. What is compared is the middle of all
turns, because the speed of a machine changes while it is measured.")]
pub(crate) struct Args {
    #[command(flatten)]
    asking: Asking,
    /// Connections at once; over UDP, sockets
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Requests on the way at once on each connection, of command://; elsewhere they wait for each other
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    depth: u32,
    /// Bytes of text in a request, and in its answer; several are measured one after the other
    #[arg(short, long, value_name = "BYTES", value_delimiter = ',', default_value = "64", value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    size: Vec<u32>,
    /// Seconds for each size and each node
    #[arg(short = 't', long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The service to ask, such as command://localhost
    url: Url,
    /// Another one to compare with
    other: Option<Url>,
}

/// What has come of one size.
struct Row {
    size: u32,
    /// Of each node, all its turns together.
    nodes: Vec<Measured>,
    /// How many times as many requests the second one answers.
    ratio: Option<f64>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let runtime = Builder::new_multi_thread().enable_all().build().map_err(Error::System)?;
    let urls: Vec<&Url> = [&args.url].into_iter().chain(&args.other).collect();
    let mut results = Vec::new();
    for &size in &args.size {
        results.push(runtime.block_on(or_signal(args.measure(&urls, size)))?);
    }
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", args.facts(&urls, &results))?;
    } else {
        args.tell(&mut out, &urls, &results)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    async fn measure(&self, urls: &[&Url], size: u32) -> Result<Row, Failure> {
        let rounds = if urls.len() > 1 { ROUNDS } else { 1 };
        let mut nodes: Vec<Measured> = urls.iter().map(|_| Measured::default()).collect();
        let mut ratios = Vec::new();
        for round in 0..rounds as usize {
            let mut rates = vec![0.0; urls.len()];
            for turn in 0..urls.len() {
                // The other one first each time.
                let node = (round + turn) % urls.len();
                let load = Load {
                    url: urls[node],
                    asking: &self.asking,
                    connections: self.connections,
                    depth: self.depth,
                    size: size as usize,
                    time: self.seconds / rounds,
                };
                let seen = Arc::new(AtomicU64::new(0));
                let measured = tokio::select! {
                    measured = load.run(&seen) => measured?,
                    never = tell_live(urls[node], &seen) => match never {},
                };
                rates[node] = measured.per_second();
                nodes[node].add(&measured);
            }
            ratios.extend(rates.get(1).map(|rate| rate / rates[0]));
        }
        ratios.sort_by(f64::total_cmp);
        Ok(Row { size, nodes, ratio: ratios.get(ratios.len() / 2).copied() })
    }

    fn facts(&self, urls: &[&Url], results: &[Row]) -> serde_json::Value {
        let results: Vec<_> = results
            .iter()
            .map(|Row { size, nodes, ratio }| {
                let nodes: Vec<_> = urls
                    .iter()
                    .zip(nodes)
                    .map(|(url, measured)| {
                        let micros = |part| measured.time(part).as_secs_f64() * 1e6;
                        json!({
                            "url": url.to_string(),
                            "requests": measured.requests,
                            "lost": measured.lost,
                            "requests_per_second": measured.per_second(),
                            "bytes_per_second": measured.per_second() * f64::from(*size),
                            "microseconds": {
                                "p50": micros(0.5),
                                "p99": micros(0.99),
                                "p99.9": micros(0.999),
                                "most": micros(1.0),
                            },
                        })
                    })
                    .collect();
                json!({ "size": size, "nodes": nodes, "second_of_first": ratio })
            })
            .collect();
        json!({
            "connections": self.connections,
            "depth": self.depth,
            "seconds": self.seconds.as_secs_f64(),
            "results": results,
        })
    }

    fn tell(&self, out: &mut impl io::Write, urls: &[&Url], results: &[Row]) -> io::Result<()> {
        let width = urls.iter().map(|url| url.to_string().len()).max().unwrap_or_default();
        let plural = if self.connections == 1 { "" } else { "s" };
        writeln!(out, "{} connection{plural}, depth {}", self.connections, self.depth)?;
        writeln!(
            out,
            "{:width$} {:>9} {:>11} {:>9} {:>9} {:>9} {:>9} {:>8}",
            "", "bytes", "requests/s", "p50", "p99", "p99.9", "most", "MB/s"
        )?;
        for Row { size, nodes, ratio } in results {
            for (url, measured) in urls.iter().zip(nodes) {
                let rate = measured.per_second();
                write!(out, "{:width$} {size:>9} {rate:>11.0}", url.to_string())?;
                for part in [0.5, 0.99, 0.999, 1.0] {
                    write!(out, " {:>9}", shown(measured.time(part)))?;
                }
                writeln!(out, " {:>8.2}", rate * f64::from(*size) / 1e6)?;
                if measured.lost > 0 {
                    writeln!(out, "  {} requests had no answer in time", measured.lost)?;
                }
            }
            if let Some(ratio) = ratio {
                writeln!(
                    out,
                    "the second answers {ratio:.2} times as many as the first, in the middle of {ROUNDS} rounds"
                )?;
            }
        }
        Ok(())
    }
}

/// Three digits of a time, and its unit.
fn shown(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        ..100.0 => format!("{micros:.1} us"),
        ..10_000.0 => format!("{micros:.0} us"),
        ..1_000_000.0 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

/// Says at a terminal how it goes, for ever; the line is gone when this is dropped.
async fn tell_live(url: &Url, seen: &AtomicU64) -> Infallible {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(url.to_string());
    let bar = Cleared(bar);
    let (mut ticks, mut before) = (interval(LOOK), 0);
    loop {
        ticks.tick().await;
        let now = seen.load(Relaxed);
        let rate = (now - before) as f64 / LOOK.as_secs_f64();
        before = now;
        bar.0.set_message(format!("{rate:.0} requests/s, {now} in all"));
        bar.0.tick();
    }
}

struct Cleared(ProgressBar);

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        for (nanos, text) in [
            (12_340, "12.3 us"),
            (123_400, "123 us"),
            (12_340_000, "12.3 ms"),
            (1_234_000_000, "1.23 s"),
        ] {
            assert_eq!(shown(Duration::from_nanos(nanos)), text);
        }
    }
}
