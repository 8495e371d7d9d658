//! Requests of the command service, and the session that answers them.

use super::{instructions, stack};
use crate::layers::{Device, device};
use core::hint::black_box;
use unstick::datagram::{Datagram, Envelope, answer};
use unstick::digest::Hasher;
use unstick::frame;
use unstick::header::{Fields, Id};
use unstick::limits::HEADER;
use unstick::message;
use unstick::{Endpoint, Instant, Limits, Server, Service, Session as _};

const ROUNDS: u32 = 200;

/// Bytes of the longest request here.
pub const REQUEST: usize = frame::PREFIX + HEADER;

/// Bytes of the longest reply here.
pub const REPLY: usize = 2048;

/// A command and its body as it is sent.
pub fn request<'b>(command: &str, body: &[u8], space: &'b mut [u8]) -> &'b [u8] {
    let fields = Fields {
        id: Id::parse("1").ok(),
        command: Some(command),
        total_size: body.len() as u64,
        md5: if body.is_empty() { None } else { Hasher::digest(body) },
        ..Fields::default()
    };
    let len = message::encode(&fields, body, space);
    &space[..len.unwrap_or_else(|| panic!("{command} is too long"))]
}

/// The request with the longest header, all of whose text has to be decoded.
pub fn longest(space: &mut [u8; REQUEST]) -> &[u8] {
    const START: &[u8] = br#"{"id":"01234567890123456789012345678901234567890123456789012345678901","other":[[[[[[[1]]]]]]],"command":"echo "#;
    const ESCAPE: &[u8] = br"\u00e9";
    const END: &[u8] = br#"","total_size":0}"#;
    let (prefix, header) = space.split_first_chunk_mut().unwrap_or_else(|| unreachable!());
    *prefix = (HEADER as u32).to_le_bytes();
    let (start, rest) = header.split_at_mut(START.len());
    let (text, end) = rest.split_at_mut(rest.len() - END.len());
    start.copy_from_slice(START);
    end.copy_from_slice(END);
    text.fill(b' ');
    for escape in text.chunks_exact_mut(ESCAPE.len()) {
        escape.copy_from_slice(ESCAPE);
    }
    space
}

/// Headers of requests that are refused, each for another reason; `hello` is their body.
pub const REFUSED: [&str; 12] = [
    r#"{"command":"what-is-that"}"#,
    r#"{"command":"get nothing"}"#,
    r#"{"command":"get ../a"}"#,
    r#"{"command":"get"}"#,
    r#"{"command":"echo","total_size":5}"#,
    r#"{"command":"put a","total_size":5,"md5":"00000000000000000000000000000000"}"#,
    r#"{"command":"put a","total_size":100000}"#,
    r#"{"command":"echo","total_size":18446744073709551616}"#,
    r#"{"command":"echo","total_size":0,"total_size":0}"#,
    r#"{"command":"echo","id":[[[[[[[[0]]]]]]]]}"#,
    r#"{"command":"echo \ud800"}"#,
    r#"{"command":"#,
];

/// A request with one of these headers.
pub fn refused<'b>(header: &str, space: &'b mut [u8]) -> &'b [u8] {
    const BODY: &[u8] = b"hello";
    let len = frame::encode(header.as_bytes(), space).unwrap_or_default();
    space[len..len + BODY.len()].copy_from_slice(BODY);
    &space[..len + BODY.len()]
}

/// One connection.
pub struct Connection {
    node: Device,
    server: Server<Device>,
}

impl Connection {
    /// One at its start.
    #[must_use]
    pub fn open() -> Self {
        Self { node: device(), server: Server::new(Service::Command, Limits::DEFAULT) }
    }

    /// The reply, of a request that came in two parts.
    pub fn reply<'r>(&mut self, request: &[u8], reply: &'r mut [u8]) -> &'r [u8] {
        let (head, tail) = request.split_at(request.len() / 2);
        let first = self.server.step(Instant::ZERO, &mut self.node, head, reply);
        assert_eq!((first.consumed, first.written), (head.len(), 0));
        let second = self.server.step(Instant::ZERO, &mut self.node, tail, reply);
        assert_eq!(second.consumed, tail.len());
        let reply = &reply[..second.written];
        let status = b"\"status\":\"ok\"";
        assert!(reply.windows(status.len()).any(|bytes| bytes == status), "a request was refused");
        reply
    }

    /// Bytes of stack of a request that is refused, upon which the session may close.
    pub fn refused_stack(&mut self, request: &[u8]) -> usize {
        let mut reply = [0; REPLY];
        let stack = stack(&mut || {
            let step = self.server.step(Instant::ZERO, &mut self.node, request, &mut reply);
            let status = b"\"status\":\"ok\"";
            let is_ok = reply[..step.written].windows(status.len()).any(|bytes| bytes == status);
            assert!(step.written > 0 && !is_ok, "a request was not refused");
        });
        self.server = Server::new(Service::Command, Limits::DEFAULT);
        stack
    }

    /// Bytes of stack.
    pub fn stack(&mut self, request: &[u8]) -> usize {
        let mut reply = [0; REPLY];
        stack(&mut || {
            black_box(self.reply(request, &mut reply));
        })
    }

    /// Instructions of a request and its reply.
    pub fn instructions(&mut self, request: &[u8]) -> usize {
        let mut reply = [0; REPLY];
        instructions(ROUNDS, &mut || {
            let request = black_box(request);
            black_box(self.server.step(Instant::ZERO, &mut self.node, request, &mut reply));
        })
    }

    /// Bytes of stack where the request is a datagram.
    pub fn datagram_stack(&mut self, request: &[u8]) -> usize {
        let mut reply = [0; REPLY];
        stack(&mut || {
            let envelope =
                Envelope { from_port: 4000, own_ports: &Endpoint::UDP_PORTS, broadcast: false };
            let (datagram, now) = (Datagram::Whole(request), Instant::ZERO);
            let len = answer(Service::Command, now, &mut self.node, envelope, datagram, &mut reply);
            assert!(len.is_some(), "a datagram was not answered");
        })
    }
}
