//! **Message boundaries for TCP and UDP, without a heap.**
//!
//! A TCP stream sticks messages together and tears them apart; a UDP socket silently cuts a
//! datagram that is larger than the buffer. This crate undoes both: frames, messages with JSON
//! headers and streamed bodies, command services and their clients, in `no_std`, without `alloc`,
//! without `unsafe`, and without a panic that any input could reach.
//!
//! # The law
//!
//! **Protocol logic lives once, in sans-IO sessions; everything else only moves bytes.** Nothing
//! here reads a clock, opens a socket or allocates. So the same sessions run in firmware, on a
//! smoltcp stack and on desktop sockets, and answer byte for byte the same.
//!
//! # The drive loop
//!
//! A session is a filter, as zlib's `inflate` is:
//!
//! 1. Receive some bytes: a slice.
//! 2. Call [`Session::step`] with the time, the [`Host`], that slice and some space for output.
//! 3. Drop the [`consumed`](Step::consumed) bytes, send the [`written`](Step::written) ones.
//! 4. See what it waits [`next`](Step::next) for: input (back to 1), output space, the host, or
//!    nothing more. At the [`deadline`](Step::deadline) go to 2 in any case.
//! 5. When the input ends, say so once with [`Session::end`], and go on until it is
//!    [`Closed`](Next::Closed).
//!
//! There is no input or output buffer in a session, only what a split can tear. So an echo is a map
//! from slice to slice, backpressure is `consumed < input.len()`, everything one read brought is
//! answered with one write, and a driver that was cut short still has its place. The drivers in
//! [`driver`] do these steps over `embedded-io` and `embedded-io-async` streams.
//!
//! # Where to start
//!
//! | to | see |
//! |---|---|
//! | frame messages of your own | [`frame`], example `frames` |
//! | serve a device | [`Server`], [`Node`], example `serial` |
//! | add commands: from a body, late, streamed, typed JSON | [`Command`], [`Task`], example `commands` |
//! | ask a node over a connection | [`Client`] |
//! | ask or answer by datagram | [`DatagramClient`], [`datagram::answer`], example `datagram` |
//!
//! # A client and a server, two byte slices between them
//!
//! ```
//! use unstick::host::{Identity, Node};
//! use unstick::store::RamStore;
//! use unstick::{Caller, Cancelled, Client, Instant, Limits, Next, ReplyEvent, Request, Server};
//! use unstick::{Service, Session};
//!
//! /// Asks once, and keeps the answer.
//! #[derive(Default)]
//! struct Ask {
//!     answer: String,
//! }
//!
//! impl Caller for Ask {
//!     fn request(&mut self, index: u64) -> Option<Request<'_>> {
//!         (index == 0).then_some(Request::new("upper hello"))
//!     }
//!
//!     fn reply(&mut self, _: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
//!         if let ReplyEvent::Body(piece) = event {
//!             self.answer += std::str::from_utf8(piece).map_err(|_| Cancelled)?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let store = RamStore::new([[0; 256]; 4]); // four files of 256 bytes
//! let mut node = Node::new(Identity::new("bench-3", "1.0"), store);
//! let mut server = Server::new(Service::Command, Limits::DEFAULT);
//! let mut ask = Ask::default();
//! let mut client = Client::new(Service::Command, Limits::DEFAULT);
//!
//! let now = Instant::ZERO; // no clock, so no deadline ever passes
//! let (mut request, mut reply) = ([0; 256], [0; 256]);
//! let asked = client.step(now, &mut ask, &[], &mut request);
//! assert_eq!(asked.next, Next::Input); // the client waits for the reply
//! let served = server.step(now, &mut node, &request[..asked.written], &mut reply);
//! assert_eq!(served.next, Next::Input); // and the server for the next request
//! client.step(now, &mut ask, &reply[..served.written], &mut request);
//! assert_eq!((&ask.answer[..], client.outstanding()), ("HELLO", 0));
//! ```
//!
//! # Memory
//!
//! Bytes of a session on a 64-bit machine, as this crate's tests compute them; a 32-bit one needs
//! less. Besides, a step needs up to about 4 KiB of stack, where headers and heads are rendered.
//!
//! | session | bytes |
//! |---|---|
//! | `frame::Decoder` | 48 |
//! | `frame::Assembler<64>` | 120 |
//! | `Server`, headers and texts of 1024 | 2520 |
//! | `Server`, headers of 256, texts of 128 | 856 |
//! | `Client`, headers of 1024 | 1336 |
//! | `Client`, headers of 256 | 568 |
//!
//! # Features
//!
//! | feature | default | what a device without it saves |
//! |---|---|---|
//! | `md5` | yes | the digest; bodies then count as unverified |
//! | `commands` | yes | sessions, command table, store; frames, headers and messages stay |
//! | `embedded-io` | yes | the blocking driver |
//! | `embedded-io-async` | yes | the async driver |
//! | `noise` | no | keys: connections that are sealed, and commands only for who has one |
//! | `json` | no | typed JSON in commands; outside the proof that nothing panics |
//! | `defmt` | no | `defmt::Format` on public types |
//!
//! The wire itself is described, rule by rule, in `docs/protocol.md` of the repository; rules are
//! cited here by their letter and number.
#![forbid(unsafe_code)]
#![no_std]
// What a peer sent is read without a way to panic. Tests may: that is how they fail.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(test)]
extern crate std;

#[cfg(feature = "commands")]
mod ask;
mod bytes;
pub mod datagram;
#[cfg(feature = "commands")]
pub mod driver;
#[cfg(feature = "commands")]
pub mod endpoint;
#[cfg(feature = "noise")]
pub mod keys;
pub mod limits;
pub mod neighbor;
#[cfg(feature = "commands")]
mod serve;
#[cfg(feature = "commands")]
pub mod session;
mod time;
mod wire;

pub use time::Instant;
pub use wire::{digest, frame, header, message};

#[cfg(feature = "commands")]
pub use self::{
    ask::{
        Caller, Cancelled, Client, DatagramClient, DatagramReply, NotTheReply, ReplyEvent, Request,
        RequestError,
    },
    endpoint::{Endpoint, Service, Transport},
    limits::Limits,
    serve::{
        NoTask, Progress, Refusal, Serve, Server, Status, Task, Text,
        command::{self, Answer, Body, Call, Command, Outcome},
        host::{self, Host, Node},
        store,
    },
    session::{Closed, Next, Session, Step},
};
