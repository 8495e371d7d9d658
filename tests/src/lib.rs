//! **One table of scenarios, one player, every transport.**
//!
//! A [`Scenario`] says what a client sends on one connection, and byte for byte what must come
//! back; its golden bytes are written from `docs/protocol.md`, not taken from the code. [`play`]
//! plays it over any [`Link`] and gives a [`Transcript`]. Two transports agree if their transcripts
//! are equal, and both are right if they equal [`Transcript::expected`].
//!
//! | transport | where |
//! |---|---|
//! | sessions in memory, cut at every place | [`memory::sessions`] |
//! | the blocking and the async driver, in memory | [`memory::blocking`], [`memory::nonblocking`] |
//! | sockets: a node on loopback, across a TAP, anywhere | [`live::connect`] |
//! | the firmware on a board in QEMU | [`board::Boards`] |
//!
//! ```
//! use unstick_tests::{Transcript, memory, scenarios};
//!
//! for scenario in scenarios().iter().take(10) {
//!     let played = memory::blocking(scenario);
//!     assert_eq!(played, Some(Transcript::expected(scenario)), "{}", scenario.name);
//! }
//! ```

pub mod board;
pub mod fixture;
mod golden;
pub mod live;
mod matrix;
pub mod memory;
mod player;
mod scenario;
mod scenarios;
mod transcript;

use std::env;
use std::io::{self, Write as _};

pub use matrix::{Column, Play, Summary, matrix};
pub use player::{Link, play};
pub use scenario::{Act, Scenario, Setup};
pub use scenarios::scenarios;
pub use transcript::{Line, Stop, Transcript};

/// Says past the capture of the test harness, which would hide it, that something is not tested.
///
/// # Panics
///
/// Where the variable `CI` is set: there nothing may be missing.
pub fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "nothing is skipped where CI is set: {why}");
    let _ = writeln!(io::stderr(), "SKIPPED: {why}");
}
