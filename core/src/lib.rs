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
//! 3. Drop the [`taken`](Step::taken) bytes, send the [`given`](Step::given) ones.
//! 4. See what it waits [`next`](Step::next) for: input (back to 1, once all was taken), output
//!    space, the host, or nothing more. At the [`deadline`](Step::deadline) go to 2 in any case.
//! 5. When the input ends, say so once with [`Session::end`], and go on until it is
//!    [`Closed`](Next::Closed).
//!
//! There is no input or output buffer in a session, only what a split can tear. So an echo is a map
//! from slice to slice, backpressure is `taken < input.len()`, everything one read brought is
//! answered with one write, and a driver that was cut short still has its place. The drivers in
//! [`driver`] do these steps over `embedded-io` and `embedded-io-async` streams.
//!
//! # A client and a server, two byte slices between them
//!
//! ```
//! use unstick::header::Header;
//! use unstick::host::{Identity, Node};
//! use unstick::message::Verdict;
//! use unstick::store::RamStore;
//! use unstick::{Caller, Client, Instant, Limits, Next, Request, Server, Service, Session, Stop};
//!
//! /// Asks once, and keeps the answer.
//! #[derive(Default)]
//! struct Ask {
//!     sent: bool,
//!     answer: String,
//!     verdict: Option<Verdict>,
//! }
//!
//! impl Caller for Ask {
//!     fn request(&mut self) -> Option<Request<'_>> {
//!         (!self.sent).then_some(Request { command: "upper hello", size: 0, md5: None })
//!     }
//!     fn sent(&mut self) {
//!         self.sent = true;
//!     }
//!     fn supply(&mut self, _: &mut [u8]) -> usize {
//!         0 // the request has no body
//!     }
//!     fn reply(&mut self, _size: u64, header: Option<&Header<'_>>) {
//!         assert!(header.and_then(|it| it.status).is_some_and(|status| status == *"ok"));
//!     }
//!     fn body(&mut self, piece: &[u8]) -> Result<(), Stop> {
//!         self.answer += std::str::from_utf8(piece).map_err(|_| Stop)?;
//!         Ok(())
//!     }
//!     fn end(&mut self, verdict: Verdict) {
//!         self.verdict = Some(verdict);
//!     }
//! }
//!
//! let identity = Identity {
//!     name: "bench-3",
//!     version: "1.0",
//!     target: "doc",
//!     datagram: 1472,
//!     started: Instant::ZERO,
//! };
//! let mut node = Node::new(identity, RamStore::new([[0; 256]; 4])); // four files of 256 bytes
//! let mut server = Server::<_>::new(Service::Command, Limits::DEFAULT);
//! let mut ask = Ask::default();
//! let mut client = Client::<1024>::new(Service::Command, Limits::DEFAULT);
//!
//! let now = Instant::ZERO; // no clock, so no deadline ever passes
//! let (mut request, mut reply) = ([0; 256], [0; 256]);
//! let asked = client.step(now, &mut ask, &[], &mut request);
//! assert_eq!(asked.next, Next::Input); // the client waits for the reply
//! let served = server.step(now, &mut node, &request[..asked.given], &mut reply);
//! assert_eq!(served.next, Next::Input); // and the server for the next request
//! client.step(now, &mut ask, &reply[..served.given], &mut request);
//! assert_eq!((&ask.answer[..], ask.verdict), ("HELLO", Some(Verdict::Verified)));
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
//! | `Server`, headers and texts of 1024 | 2552 |
//! | `Server`, headers of 256, texts of 128 | 888 |
//! | `Client`, headers of 1024 | 1328 |
//! | `Client`, headers of 256 | 560 |
//!
//! # Features
//!
//! | feature | default | what a device without it saves |
//! |---|---|---|
//! | `md5` | yes | the digest; bodies then count as unverified |
//! | `commands` | yes | sessions, command table, store; frames, headers and messages stay |
//! | `embedded-io` | yes | the blocking driver |
//! | `embedded-io-async` | yes | the async driver |
//! | `defmt`, `log` | no | log lines; with `defmt`, `defmt::Format` on public types |
//!
//! The wire itself is described, rule by rule, in `docs/protocol.md` of the repository; rules are
//! cited here by their letter and number.
#![no_std]

#[cfg(test)]
extern crate std;

#[macro_use]
#[cfg(feature = "commands")]
mod log;

#[cfg(feature = "commands")]
mod bytes;
#[cfg(feature = "commands")]
mod client;
#[cfg(feature = "commands")]
pub mod command;
pub mod datagram;
pub mod digest;
#[cfg(feature = "commands")]
pub mod driver;
#[cfg(feature = "commands")]
mod exchange;
pub mod frame;
pub mod header;
#[cfg(feature = "commands")]
pub mod host;
pub mod limits;
pub mod message;
#[cfg(feature = "commands")]
mod reply;
#[cfg(feature = "commands")]
mod server;
#[cfg(feature = "commands")]
mod service;
#[cfg(feature = "commands")]
pub mod session;
#[cfg(feature = "commands")]
pub mod store;
mod time;

#[cfg(feature = "commands")]
pub use self::{
    client::{Caller, Client, Request, Stop},
    command::{Answer, Call, Command, Outcome},
    host::{Host, Node},
    limits::Limits,
    reply::{Refusal, Status, Text},
    server::Server,
    service::Service,
    session::{Closed, Next, Session, Step},
};
pub use time::Instant;
