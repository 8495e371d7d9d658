//! **Unstick on the desktop**: nodes and clients on real sockets, around the sessions of the
//! [`unstick`] core, which is where all protocol logic is.
//!
//! A client in five lines, and a node for it to ask:
//!
//! ```
//! use unstick::{Endpoint, Service};
//! use unstick_std::client::blocking::Client;
//! use unstick_std::node::{Config, Ports, Running};
//!
//! let node = Running::start(Config::new().ports(Ports::ANY))?;
//! let url = node.url(Endpoint::tcp(Service::Command)).expect("it is served");
//!
//! let client = Client::connect(url)?; // or "command://192.168.69.1"
//! assert_eq!(client.call("upper hello")?.text(), "HELLO");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what is there |
//! |---|---|
//! | [`client`] | asks any service, async or blocking, several calls at once; files of any size |
//! | [`codec`] | frames as a `tokio_util` decoder and encoder |
//! | [`keys`] | key files, and the keys of a node |
//! | [`node`] | serves all services: files, programs, commands of your own, limits |
//! | [`udp`] | datagrams that are known to be whole or cut |
//! | `options` | options of command lines, with feature `options` |
//! | [`url`] | `command://HOST:PORT` and its like |
//! | [`clock`] | tokio's time for sessions |
//!
//! The `unstick` tool is built from these.

/// The core: services, endpoints, limits, and what commands are made of.
pub use unstick;

pub mod client;
pub mod clock;
pub mod codec;
mod hashing;
pub mod keys;
pub mod node;
#[cfg(feature = "options")]
pub mod options;
mod system;
pub mod udp;
pub mod url;
