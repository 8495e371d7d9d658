//! **An Unstick node on any smoltcp device, without a heap.**
//!
//! The core's sessions speak the protocol; this crate moves their bytes between smoltcp's sockets,
//! and keeps the sockets in order: several connections on a port, each listening again after every
//! end, and datagrams that are never cut in silence. It is `no_std` without `alloc`, so what runs
//! on a TAP interface is what runs in firmware.
//!
//! # The loop
//!
//! 1. Make the sockets on memory of your own ([`TcpBuffers`], [`UdpBuffers`]), add them to a
//!    `SocketSet`, and tell a [`Stack`] what they serve: [`Stack::listen`] once for each connection a
//!    service shall carry at a time, [`Stack::bind`] for datagrams. The set stays yours: add DHCP, DNS,
//!    or any socket.
//! 2. Call [`Stack::poll`]. It receives, answers and sends what can be, in bounded time, for all
//!    sockets of the set.
//! 3. Sleep until the deadline it returned or until a packet comes, then go to 2.
//!
//! A client's session runs on a socket of its own through [`Connection`], which is also what the
//! stack does.
//!
//! ```
//! use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
//! use smoltcp::phy::Device;
//! use smoltcp::time::Instant;
//! use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
//! use unstick::datagram::ETHERNET;
//! use unstick::host::{Identity, Node};
//! use unstick::store::RamStore;
//! use unstick::{Endpoint, Limits, Service};
//! use unstick_smoltcp::{Scratch, Stack, TcpBuffers, UdpBuffers, UdpSlots};
//! # use smoltcp::phy::{self, DeviceCapabilities, Medium};
//! # struct Nic;
//! # struct Token;
//! # impl phy::RxToken for Token {
//! #     fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R { f(&[]) }
//! # }
//! # impl phy::TxToken for Token {
//! #     fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, _: usize, f: F) -> R { f(&mut [0; 1514]) }
//! # }
//! # impl Device for Nic {
//! #     type RxToken<'a> = Token;
//! #     type TxToken<'a> = Token;
//! #     fn receive(&mut self, _: Instant) -> Option<(Token, Token)> { None }
//! #     fn transmit(&mut self, _: Instant) -> Option<Token> { Some(Token) }
//! #     fn capabilities(&self) -> DeviceCapabilities {
//! #         let mut capabilities = DeviceCapabilities::default();
//! #         capabilities.medium = Medium::Ethernet;
//! #         capabilities.max_transmission_unit = 1514;
//! #         capabilities
//! #     }
//! # }
//! # struct Clock;
//! # impl Clock { fn now(&self) -> Instant { Instant::ZERO } }
//! # fn main() -> Result<(), unstick_smoltcp::SetupError> {
//! # let (mut nic, clock) = (Nic, Clock);
//!
//! // Two connections at a time for commands, one for echo, and datagrams for both.
//! let mut rings = [const { TcpBuffers::<2048, 2048>::new() }; 3];
//! let mut datagrams = [const { UdpBuffers::<4096>::new() }; 2];
//! let mut slots = [const { UdpSlots::<8>::new() }; 2];
//! let mut storage = [SocketStorage::EMPTY; 5];
//! let (mut input, mut output) = ([0; 2048], [0; 2048]);
//!
//! let scratch = Scratch { input: &mut input, output: &mut output };
//! let mtu = nic.capabilities().ip_mtu();
//! let mut stack = Stack::<_, 3, 2>::new(Limits::DEFAULT, mtu, scratch);
//! let mut sockets = SocketSet::new(&mut storage[..]);
//! let services = [Service::Command, Service::Command, Service::Echo];
//! for (service, rings) in services.into_iter().zip(&mut rings) {
//!     let handle = sockets.add(rings.socket());
//!     stack.listen(&mut sockets, handle, service, Endpoint::tcp(service).port())?;
//! }
//! for (endpoint, (rings, slots)) in Endpoint::UDP.into_iter().zip(datagrams.iter_mut().zip(&mut slots)) {
//!     let handle = sockets.add(rings.socket(slots));
//!     stack.bind(&mut sockets, handle, endpoint.service(), endpoint.port(), ETHERNET)?;
//! }
//!
//! let mut host = Node::new(Identity::new("bench-3", "1.0"), RamStore::new([[0; 1024]; 4]));
//! let address = EthernetAddress([2, 0, 0, 0, 0, 1]);
//! let mut iface = Interface::new(Config::new(address.into()), &mut nic, clock.now());
//! iface.update_ip_addrs(|all| {
//!     let _ = all.push(IpCidr::new(IpAddress::v4(192, 168, 69, 1), 24));
//! });
//! loop {
//!     let deadline = stack.poll(clock.now(), &mut host, &mut iface, &mut nic, &mut sockets);
//!     // Sleep until `deadline`, or until the device has a packet.
//! #   assert_eq!(deadline, None);
//! #   break;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How connections end
//!
//! | what happens | what the stack does |
//! |---|---|
//! | a SYN is not answered | closes after 5 s, or when a client more comes |
//! | the peer falls silent | sends a keep-alive every 15 s, closes after 60 s |
//! | the peer resets | drops the session; what it had begun is undone |
//! | the peer half-closes | answers what came, then closes |
//! | a [limit](unstick::Limits) of the session is passed | answers if it may, then closes |
//! | the peer neither reads nor closes after we did | resets after 10 s without a byte moved |
//! | more clients come than sockets listen | who never finished to connect gives way, then who has been idle for longest, a second at least; else they are refused with a reset |
//!
//! After each of these the socket listens again.
//!
//! # Datagrams
//!
//! smoltcp drops a datagram in silence if it does not fit the receive ring, if it comes in fragments
//! or if it would have to leave in fragments. So a ring that the link's largest datagram does not
//! fit is refused, by the compiler where all is constant; [`datagram_limit`] computes what
//! can be sent; a reply over the limit is `truncated`. Fragments are the one thing left that is lost
//! unseen.
//!
//! # Memory
//!
//! All of it is the caller's. Bytes, on a 64-bit machine, as this crate's tests compute them.
//!
//! | what | how many | bytes | zero at the start |
//! |---|---|---|---|
//! | [`TcpBuffers<R, S>`](TcpBuffers) | each connection | R + S | yes |
//! | [`UdpBuffers<R>`](UdpBuffers) | each datagram service | R + 1472 | yes |
//! | [`UdpSlots<N>`](UdpSlots) | each datagram service | 24 × (N + 1) | no |
//! | smoltcp's `SocketStorage` | each socket | 416 | no |
//! | [`Scratch`] | one | the longest R + the longest S, or a datagram | yes |
//! | [`Stack`] | one | 288 + 2608 × `TCP` + 40 × `UDP` | no |
//!
//! A `static` that is not zero takes flash for its initial value, so keep the kinds in statics apart.
//!
//! # Features
//!
//! `tap`, on by default, is the program `unstick-tap`, which needs std. The library is the same with
//! and without it.
#![forbid(unsafe_code)]
#![no_std]

#[cfg(test)]
extern crate std;

mod connection;
mod datagrams;
mod ingress;
mod memory;
mod setup;
mod slot;
mod stack;

pub use connection::{Connection, Scratch};
pub use datagrams::datagram_limit;
pub use memory::{TcpBuffers, UdpBuffers, UdpSlots};
pub use setup::{Ring, SetupError};
pub use stack::Stack;

/// A time of smoltcp as one of the core. Before the start of the clock is its start.
#[must_use]
pub fn core_time(time: smoltcp::time::Instant) -> unstick::Instant {
    unstick::Instant::from_micros(u64::try_from(time.total_micros()).unwrap_or_default())
}

/// A time of the core as one of smoltcp.
#[must_use]
pub fn stack_time(time: unstick::Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(time.as_micros()).unwrap_or(i64::MAX))
}
