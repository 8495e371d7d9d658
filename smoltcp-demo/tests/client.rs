//! The core's client session on a smoltcp socket, against the node.

#[path = "../src/bin/unstick-tap/world/mod.rs"]
mod world;

use smoltcp::time::Duration;
use unstick::digest::Hasher;
use unstick::host::Identity;
use unstick::message::Integrity;
use unstick::store::RamStore;
use unstick::{
    Caller, Cancelled, Client, Closed, Endpoint, Limits, Node, ReplyEvent, Request, Service,
    datagram,
};
use unstick_conformance::commands::Settings;
use unstick_smoltcp::{Connection, Scratch};
use world::{COMMANDS, World};

/// Asks a list of requests, all at once, and keeps the replies.
struct Asks {
    requests: Vec<(String, Vec<u8>)>,
    /// The bytes of each body that have been sent.
    supplied: Vec<usize>,
    replies: Vec<(Vec<u8>, Option<Integrity>)>,
}

impl Asks {
    fn new(requests: &[(&str, &[u8])]) -> Self {
        let own = |(command, body): &(&str, &[u8])| (command.to_string(), body.to_vec());
        Self {
            requests: requests.iter().map(own).collect(),
            supplied: vec![0; requests.len()],
            replies: Vec::new(),
        }
    }
}

impl Caller for Asks {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        let (command, body) = self.requests.get(index as usize)?;
        Some(Request::new(command).with_body(body.len() as u64, Hasher::digest(body)))
    }

    fn supply(&mut self, index: u64, output: &mut [u8]) -> usize {
        let (body, supplied) =
            (&self.requests[index as usize].1, &mut self.supplied[index as usize]);
        let rest = &body[*supplied..];
        let len = rest.len().min(output.len());
        output[..len].copy_from_slice(&rest[..len]);
        *supplied += len;
        len
    }

    fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        match event {
            ReplyEvent::Begin { .. } => self.replies.push((Vec::new(), None)),
            ReplyEvent::Body(piece) => self.replies[index as usize].0.extend_from_slice(piece),
            ReplyEvent::End(integrity) => self.replies[index as usize].1 = Some(integrity),
        }
        Ok(())
    }
}

/// Plays the requests against a node with rings of 2048 bytes, with this much client's scratch.
fn ask(requests: &[(&str, &[u8])], scratch: usize) -> Vec<(Vec<u8>, Option<Integrity>)> {
    let identity = Identity::new("wire", "1.0").target("memory").datagram(datagram::ETHERNET);
    let store = RamStore::new(core::array::from_fn(|_| vec![0; 100_000]));
    let host = Node::with(identity, store, COMMANDS, Settings::new());
    let mut world = World::new::<2048>(host, Limits::DEFAULT, datagram::ETHERNET);
    let handle = world.connect(Endpoint::tcp(Service::Command).port());
    let mut connection = Connection::new(Client::<1024>::new(Service::Command, Limits::DEFAULT));
    let mut asks = Asks::new(requests);
    let (mut input, mut output) = (vec![0; 1 << 16], vec![0; scratch]);
    let done = world.run(Duration::from_secs(60), |it| {
        let mut scratch = Scratch { input: &mut input, output: &mut output };
        let now = unstick_smoltcp::core_time(it.now);
        if asks.replies.len() == requests.len() && connection.session.outstanding() == 0 {
            connection.session.finish();
        }
        connection.poll(now, &mut asks, it.tcp(handle), &mut scratch);
        !it.tcp(handle).is_open()
    });
    assert!(done, "{:?} after {} replies", connection.closed(), asks.replies.len());
    assert_eq!(connection.closed(), Some(Closed::Finished));
    asks.replies
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let texts: Vec<_> = (0..200).map(|number| format!("upper hello {number}")).collect();
    let requests: Vec<_> = texts.iter().map(|text| (text.as_str(), &b""[..])).collect();
    for (number, (body, integrity)) in ask(&requests, 1 << 16).into_iter().enumerate() {
        assert_eq!(body, format!("HELLO {number}").as_bytes());
        assert_eq!(integrity, Some(Integrity::Verified));
    }
}

#[test]
fn a_file_larger_than_all_rings_goes_there_and_back() {
    let body: Vec<u8> =
        (0..90_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for scratch in [1, 700, 1 << 16] {
        let replies = ask(&[("put a", &body), ("get a", b""), ("list", b"")], scratch);
        assert_eq!(replies[0].0, b"stored a, 90000 bytes");
        assert!(replies[1] == (body.clone(), Some(Integrity::Verified)));
        assert_eq!(replies[2].0, b"   90000 a\n");
    }
}
