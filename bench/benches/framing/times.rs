//! Times, as ratios to tokio-util's in the same round.

use crate::wire::{SCRATCH, payload};
use crate::{decoders, encoders};
use core::time::Duration;
use unstick_bench::{Table, median, timed, turns};

const SIZES: [usize; 5] = [16, 64, 512, 4096, 65_536];
const CHUNKS: [usize; 3] = [1, 1460, 65_536];
const ROUNDS: usize = 25;
/// Bytes of payload in a round, about: they stay in the cache, as what a socket has just brought does.
const BYTES: usize = 512 * 1024;
/// Frames in a round at most.
const FRAMES: usize = 10_000;

pub(crate) fn tables() -> String {
    format!("{}\n{}", decoding(), encoding())
}

fn decoding() -> Table {
    let mut rows: Vec<Vec<String>> =
        decoders::ALL.iter().map(|it| vec![it.name.to_owned()]).collect();
    for size in SIZES {
        for (row, cell) in rows.iter_mut().zip(cells(size)) {
            row.push(cell);
        }
    }
    let mut table = Table::new(head("decoding, chunks of 1 / 1460 / 65,536 B"));
    rows.into_iter().for_each(|row| table.row(row));
    table
}

/// What each decoder takes for frames of that size, at each chunk.
fn cells(size: usize) -> Vec<String> {
    let count = (BYTES / size).clamp(1, FRAMES);
    let streams: Vec<_> = decoders::ALL.iter().map(|it| it.wire.stream(size, count)).collect();
    let mut scratch = vec![0; SCRATCH];
    let ratios = CHUNKS.map(|chunk| {
        let times = turns(ROUNDS, streams.len(), |it| {
            timed(|| (decoders::ALL[it].run)(&streams[it], chunk, &mut scratch))
        });
        ratios(&times, decoders::ALL.iter().position(|it| it.name == decoders::TOKIO_UTIL))
    });
    let cell = |it: usize| ratios.each_ref().map(|ratios| shown(ratios[it])).join(" / ");
    (0..streams.len()).map(cell).collect()
}

fn encoding() -> Table {
    let reference = encoders::ALL.iter().position(|it| it.name == encoders::TOKIO_UTIL);
    let mut scratch = vec![0; SCRATCH];
    let columns = SIZES.map(|size| {
        let (payload, count) = (payload(size), (BYTES / size).clamp(1, FRAMES));
        let times = turns(ROUNDS, encoders::ALL.len(), |it| {
            timed(|| (encoders::ALL[it].run)(&payload, count, &mut scratch))
        });
        ratios(&times, reference)
    });
    let mut table = Table::new(head("encoding"));
    for (index, encoder) in encoders::ALL.iter().enumerate() {
        let cells = columns.iter().map(|column| shown(column[index]));
        table.row([encoder.name.to_owned()].into_iter().chain(cells));
    }
    table
}

fn head(first: &str) -> impl Iterator<Item = String> {
    [first.to_owned()].into_iter().chain(SIZES.map(|size| format!("{size} B")))
}

/// Each contestant's time over that of one of them, in the middle of all rounds.
fn ratios(times: &[Vec<Duration>], reference: Option<usize>) -> Vec<f64> {
    let reference = &times[reference.expect("it is one of them")];
    let ratio = |times: &Vec<Duration>| {
        median(times.iter().zip(reference).map(|(time, of)| time.div_duration_f64(*of)))
    };
    times.iter().map(ratio).collect()
}

fn shown(ratio: f64) -> String {
    if ratio < 9.95 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}
