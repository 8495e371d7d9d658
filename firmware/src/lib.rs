//! **The Unstick node bare metal: a Cortex-M, an Ethernet controller, no operating system.**
//!
//! The program `unstick-firmware` is the node of `unstick-smoltcp` on the MPS2 boards AN385
//! (Cortex-M3) and AN386 (Cortex-M4F), which QEMU emulates. All its memory is static, nothing
//! allocates, and it sleeps (`wfi`) until a frame comes or the next deadline is due. `cargo run
//! --release` in this folder builds it and starts it in QEMU.
//!
//! This library is what of it runs on the host too, and is tested there against models of the
//! devices:
//!
//! | module | what |
//! |---|---|
//! | [`lan9118`] | an Ethernet controller, for smoltcp and for embassy-net; can be lifted out |
//! | [`board`] | log, clock, alarm |
//! | [`commands`] | commands of this node's own, as a user would add them |
//! | [`node`] | the memory, the services and the network of the node |
//! | `hardware` | with the feature `device`: the addresses, and all that is unsafe |
//!
//! `src/main.rs` is the loop. `embassy/` is the same node as a second program, on embassy-net.
#![cfg_attr(not(test), no_std)]

pub mod board;
pub mod commands;
#[cfg(feature = "device")]
pub mod hardware;
pub mod lan9118;
pub mod node;
mod registers;

pub use registers::Registers;

/// What this is compiled for.
pub const TARGET: &str = env!("UNSTICK_TARGET");
