//! **Unstick for firmware in C.**
//!
//! The sessions of the core behind functions that C can call, in memory that the caller owns:
//! `include/unstick.h` is generated from this crate, and `README.md` shows how it is used. There is
//! no protocol here, only what stands between C and Rust: pointers that are checked, values that
//! may be wrong, objects that may not have been started.
//!
//! | module | what |
//! |---|---|
//! | [`node`] | a node, its identity, its files, its counters |
//! | [`command`] | commands written in C |
//! | [`session`] | one connection |
//! | [`datagram`] | one datagram, answered |
//! | [`client`] | one datagram, asked |
//! | [`frame`] | frames alone |
//! | [`service`] | services and limits |
//! | [`error`] | what can be wrong with a call |
//!
//! What is unsafe is the boundary: nearly all of it is in `src/memory.rs`.
//!
//! Built for a board it also has the panic handler, which calls `unstick_panic` of the C side.
#![no_std]
#![allow(unsafe_code, reason = "memory of C is reached through pointers")]
#![allow(non_camel_case_types, reason = "types have the names that they have in C")]
#![allow(clippy::missing_safety_doc, reason = "C's rules for pointers are in the header's preface")]
// As in the core: nothing here may panic.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used
)]

// On a computer with an operating system the panic handler is the standard library's.
#[cfg(not(target_os = "none"))]
extern crate std;

// In the order of the header.
pub mod node;

pub mod session;

pub mod datagram;

pub mod command;

pub mod client;

pub mod frame;

pub mod service;

pub mod error;

mod device;
mod memory;
#[cfg(target_os = "none")]
mod panic;
