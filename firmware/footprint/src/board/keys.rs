//! Handshakes and requests of a keyed connection.

use super::{instructions, stack};
use crate::locked::Locked;
use core::hint::black_box;
use unstick::keys::{Ephemerals, Key, KeyedClient, KeyedServer, Role};
use unstick::limits::MESSAGE;
use unstick::{
    Caller, Cancelled, Client, Instant, Limits, ReplyEvent, Request, Server, Service, Session as _,
};

/// Requests that are counted.
const REQUESTS: u64 = 20;

/// Bytes of the requests and replies of one measurement.
const SPACE: usize = 4096;

type Session = KeyedServer<Server<Locked>>;

/// Bytes of RAM of a keyed session beside the one inside and the message that it has room for.
pub const MORE: usize = size_of::<Session>() - size_of::<Server<Locked>>() - MESSAGE;

/// What a keyed connection costs.
pub struct Costs {
    /// Instructions of the node's part of a handshake.
    pub handshake: usize,
    /// Instructions of `upper hello`.
    pub request: usize,
    /// Bytes of stack of the handshake.
    pub handshake_stack: usize,
    /// Bytes of stack of `upper hello`.
    pub request_stack: usize,
}

/// Asks for `upper hello`, so many times.
struct Asker(u64);

impl Caller for Asker {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        (index < self.0).then(|| Request::new("upper hello"))
    }

    fn reply(&mut self, _: u64, _: ReplyEvent<'_>) -> Result<(), Cancelled> {
        Ok(())
    }
}

/// A node, and its session at the start of a connection.
struct Node {
    host: Locked,
    session: Session,
}

impl Node {
    fn begin() -> Self {
        let mut host = Locked::new(Ephemerals::random([3; 32]));
        host.keys.add(key()).unwrap_or_else(|_| panic!("no room for a key"));
        let server = Server::new(Service::Command, Limits::DEFAULT);
        Self { host, session: KeyedServer::accept(server) }
    }

    /// Bytes of what it says to that.
    fn answer(&mut self, input: &[u8], output: &mut [u8]) -> usize {
        let step = self.session.step(Instant::ZERO, &mut self.host, input, output);
        assert!(step.consumed == input.len() && step.written > 0, "it was not answered");
        step.written
    }
}

fn key() -> Key {
    Key::new(1, Role::Full, [1; 32]).unwrap_or_else(|_| panic!("no key"))
}

/// Measures it.
#[must_use]
pub fn costs() -> Costs {
    let client = Client::new(Service::Command, Limits::DEFAULT);
    let mut client = KeyedClient::<_, MESSAGE>::offer(client, key(), [2; 32]);
    let (mut hello, mut sealed, mut reply) = ([0; 64], [0; SPACE], [0; SPACE]);
    let mut say = |requests, came: &[u8], output: &mut [u8]| {
        client.step(Instant::ZERO, &mut Asker(requests), came, output).written
    };
    let len = say(0, &[], &mut hello);
    let hello = &hello[..len];

    let mut node = Node::begin();
    let mut len = 0;
    let handshake_stack = stack(&mut || len = node.answer(hello, &mut reply));
    let len = say(1, &reply[..len], &mut sealed);
    let request_stack = stack(&mut || {
        node.answer(&sealed[..len], &mut reply);
    });
    let len = say(1 + REQUESTS, &[], &mut sealed);
    let requests = instructions(1, &mut || {
        node.answer(black_box(&sealed[..len]), &mut reply);
    });

    let mut node = Node::begin();
    let handshake = instructions(1, &mut || {
        node.answer(black_box(hello), &mut reply);
    });
    let request = requests / REQUESTS as usize;
    Costs { handshake, request, handshake_stack, request_stack }
}
