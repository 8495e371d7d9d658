#![doc = include_str!("../README.md")]
//!
//! # How connections end
//!
//! | what happens | what [`Services::serve_tcp`] does |
//! |---|---|
//! | a SYN is not answered | closes after 5 s |
//! | the peer falls silent | sends a keep-alive every 15 s, closes after 60 s |
//! | the peer resets | drops the session; what it had begun is undone |
//! | the peer half-closes | answers what came, then closes |
//! | a [limit](unstick::Limits) of the session is passed | answers if it may, then closes |
//! | the peer does not close after we did | resets after 10 s |
//! | more clients come than calls of `serve_tcp` | the stack refuses them with a reset |
//!
//! After each of these the call listens again.
//!
//! # Datagrams
//!
//! The stack drops in silence what does not fit a ring, what comes in fragments and what would have to
//! leave in fragments. So rings that the largest datagram of an Ethernet does not fit do not compile;
//! a reply over the limit is `truncated`. A reply whose receiver's hardware address cannot be learned
//! is dropped after 1.5 s, or one forged sender could silence a service.
//!
//! # Memory
//!
//! All of it is the caller's; bytes.
//!
//! | what | how many | bytes | zero at the start |
//! |---|---|---|---|
//! | [`TcpBuffers<R, S>`](TcpBuffers) | each connection | 2 R + 2 S | yes |
//! | [`UdpBuffers<R>`](UdpBuffers) | each datagram service | 2 R + 1472 | yes |
//! | [`UdpSlots<N>`](UdpSlots) | each datagram service | 48 N or more | no |
//! | the future of `serve_tcp` | each connection | a `Server` and about 500 more | |
//!
//! A `static` that is not zero takes flash for its initial value, so keep the kinds in statics apart.
//!
//! # A client
//!
//! A session of [`unstick::Client`] runs on a socket of its own through the core's async driver, with
//! [`Runtime`]:
//!
//! ```
//! use core::future::pending;
//! use embassy_net::Stack;
//! use embassy_net::tcp::TcpSocket;
//! use unstick::driver::{Buffered, nonblocking::run};
//! use unstick::{Caller, Client, Limits, Service};
//! use unstick_embassy::Runtime;
//!
//! async fn ask<C: Caller>(stack: Stack<'static>, server: embassy_net::IpEndpoint, caller: &mut C) {
//!     let (mut receive, mut send) = ([0; 1460], [0; 1460]);
//!     let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
//!     if socket.connect(server).await.is_ok() {
//!         let client: Client = Client::new(Service::Command, Limits::DEFAULT);
//!         let mut buffered = Buffered::new(client, [0; 1460], [0; 1460]);
//!         let (mut reader, mut writer) = socket.split();
//!         let _why = run(&mut buffered, caller, &mut reader, &mut writer, &Runtime(pending)).await;
//!     }
//! }
//! ```
#![forbid(unsafe_code)]
#![no_std]

#[cfg(test)]
extern crate std;

mod connections;
mod datagrams;
mod hearing;
mod memory;
mod services;

pub use hearing::{Heard, Hearing};
pub use memory::{TcpBuffers, UdpBuffers, UdpSlots};
pub use services::{Runtime, ServeError, Services};

/// A duration of the core as one of embassy.
pub(crate) const fn duration(it: core::time::Duration) -> embassy_time::Duration {
    embassy_time::Duration::from_micros(it.as_micros() as u64)
}
