//! Fuzz targets: each is fed any bytes, and panics where something does not hold that must.
//!
//! [`TARGETS`] are run by libFuzzer, one by one (`fuzz_targets/`), and all of them over what was once
//! found to be worth a look (`tests/`).

mod asker;
pub mod client;
mod clock;
pub mod conversation;
pub mod datagram;
pub mod device;
mod drive;
pub mod frames;
pub mod header_parse;
pub mod header_write;
mod json;
pub mod keyed;
mod node;
mod rules;
pub mod session;
mod sizes;
pub mod typed;
pub mod url;

/// What is fed any bytes.
pub type Target = fn(&[u8]);

/// Each target and its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("client", client::run),
    ("conversation", conversation::run),
    ("datagram", datagram::run),
    ("device", device::run),
    ("frames", frames::run),
    ("header_parse", header_parse::run),
    ("header_write", header_write::run),
    ("keyed", keyed::run),
    ("session", session::run),
    ("typed", typed::run),
    ("url", url::run),
];
