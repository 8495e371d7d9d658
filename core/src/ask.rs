//! The asking side: a session that sends requests over a connection, and datagrams that ask.

mod client;
mod datagram;
mod request;

pub use client::{Caller, Cancelled, Client, ReplyEvent};
pub use datagram::{DatagramClient, DatagramReply, NotTheReply};
pub use request::{Request, RequestError};
