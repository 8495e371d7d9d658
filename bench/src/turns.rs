//! Contestants that take turns.

use core::time::Duration;
use std::time::Instant;

/// Runs each of `count` contestants once a round, for so many rounds, beginning with another one each
/// time. Returns how long each says that it took in each round: `[contestant][round]`.
pub fn turns(
    rounds: usize,
    count: usize,
    mut run: impl FnMut(usize) -> Duration,
) -> Vec<Vec<Duration>> {
    let mut times = vec![Vec::with_capacity(rounds); count];
    for round in 0..rounds {
        for turn in 0..count {
            let contestant = (round + turn) % count;
            times[contestant].push(run(contestant));
        }
    }
    times
}

/// How long it takes.
pub fn timed(what: impl FnOnce()) -> Duration {
    let start = Instant::now();
    what();
    start.elapsed()
}

/// The median; 0 of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
