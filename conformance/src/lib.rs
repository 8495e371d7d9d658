//! **Scenarios that show whether a node keeps the protocol, and what plays them.**
//!
//! A [`Scenario`] says what a client sends on one connection, and what must come back. They are data:
//! `scenarios.toml`, in this crate, says itself how it is read, and can be used without Rust. [`play`]
//! plays one over any [`Link`] and says where something else came.
//!
//! | what plays them | where |
//! |---|---|
//! | sessions in memory, cut at every place | [`memory::sessions`] |
//! | the blocking and the async driver, in memory | [`memory::blocking`], [`memory::nonblocking`] |
//! | sockets: a node on loopback, across a TAP, anywhere | [`live::connect`] |
//! | the same with a key, around any of these | [`keyed`] |
//! | the firmware on a board in QEMU | [`board::Boards`] |
//! | a link of one's own | [`Link`], [`play`] |
//! | any live node, judged by meaning | [`check`] |
//! | what a node says are its limits, each reached and passed | [`bounds`] |
//! | several, side by side, as a table | [`matrix`] |
//!
//! A node has to have the [`commands`] of a node under test for some of them ([`Setup::Commands`], [`Setup::Json`]).
//!
//! ```no_run
//! use core::time::Duration;
//! use unstick_conformance::{live, play, scenarios};
//!
//! for scenario in scenarios() {
//!     let address = ([127, 0, 0, 1], scenario.endpoint.port()).into();
//!     let mut link = live::connect(scenario.endpoint, address, Duration::from_secs(5))?;
//!     if let Err(difference) = play(&scenario, &mut *link) {
//!         println!("{} ({})\n{difference}", scenario.name, scenario.rules.join(" "));
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Features
//!
//! `std`, on by default, is all of that. Without it there are the [`commands`] alone, `no_std`, for
//! firmware under test.
#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "std")]
pub mod board;
#[cfg(feature = "std")]
pub mod bounds;
#[cfg(feature = "std")]
pub mod check;
pub mod commands;
#[cfg(feature = "std")]
mod difference;
#[cfg(feature = "std")]
mod file;
#[cfg(feature = "std")]
pub mod fixture;
#[cfg(feature = "std")]
mod golden;
#[cfg(feature = "std")]
mod keyed;
#[cfg(feature = "std")]
pub mod live;
#[cfg(feature = "std")]
mod matrix;
#[cfg(feature = "std")]
pub mod memory;
#[cfg(feature = "std")]
mod player;
#[cfg(feature = "std")]
mod reply;
#[cfg(feature = "std")]
mod scenario;

#[cfg(feature = "std")]
pub use self::{
    difference::{Difference, StopReason},
    file::{scenarios, scenarios_for},
    keyed::keyed,
    matrix::{Column, Play, Summary, matrix},
    player::{Link, Played, Player, play},
    reply::{Content, Judge, Reply},
    scenario::{Act, FILE, FILES, SMALL, Scenario, Setup},
};

/// Says past the capture of the test harness, which would hide it, that something is not tested.
///
/// # Panics
///
/// Where the variable `CI` is set: there nothing may be missing.
#[cfg(feature = "std")]
pub fn skip(why: &str) {
    use std::io::Write as _;
    assert!(std::env::var_os("CI").is_none(), "nothing is skipped where CI is set: {why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
