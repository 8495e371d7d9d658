//! **Unstick on the desktop**: nodes and clients on real sockets, around the sessions of the
//! [`unstick`] core, which is where all protocol logic is.
//!
//! A client in five lines, and a node for it to ask:
//!
//! ```
//! use unstick_std::client::blocking::Client;
//! use unstick_std::node::{Config, Ports, Running};
//! # use unstick::Service;
//! # use unstick_std::url::Transport;
//!
//! let node = Running::start(Config { ports: Ports::ANY, ..Config::default() })?;
//! # let port = node.address(Service::Command, Transport::Tcp).expect("it is served").port();
//!
//! let mut client = Client::connect(&format!("command://127.0.0.1:{port}").parse()?)?;
//! let reply = client.call("upper hello")?;
//! assert_eq!(reply.text(), "HELLO");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what is there |
//! |---|---|
//! | [`client`] | asks any service, async or blocking; bodies of any size as streams |
//! | [`codec`] | frames as a `tokio_util` decoder and encoder |
//! | [`node`] | serves all services: files, programs, limits |
//! | [`udp`] | datagrams of which one knows whether they were cut |
//! | [`url`] | `command://HOST:PORT` and its like |
//! | [`clock`] | tokio's time for sessions |
//!
//! The `unstick` tool is built from these.

pub mod client;
pub mod clock;
pub mod codec;
pub mod node;
pub mod udp;
pub mod url;

/// The README's code is compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
