//! A session, driven by hand to its end.

use unstick::host::{Identity, Node};
use unstick::store::RamStore;
use unstick::{Closed, Instant, Limits, Next, Server, Service, Session};

/// Bytes of the largest window.
pub(crate) const LARGE: usize = 4096;

type Host = Node<RamStore<[u8; 256], 2>>;

const IDENTITY: Identity<'static> =
    Identity { name: "n", version: "1", target: "t", datagram: 512, started: Instant::ZERO };

/// What a new node answers to these pieces through these windows, and why its session ends.
pub(crate) fn converse(
    service: Service,
    pieces: &[&[u8]],
    mut window: impl FnMut() -> usize,
) -> (Vec<u8>, Closed) {
    let mut host = Host::new(IDENTITY, RamStore::new([[0; 256]; 2]));
    let mut server = Server::<Host>::new(service, Limits::DEFAULT);
    let mut replies = Vec::new();
    let mut closed = None;
    let mut deliver =
        |server: &mut _, piece| deliver(server, &mut host, piece, &mut window, &mut replies);
    for piece in pieces {
        closed = closed.or_else(|| deliver(&mut server, piece));
    }
    server.end();
    let closed = closed.or_else(|| deliver(&mut server, &[]));
    server.abort(&mut host);
    (replies, closed.expect("the end of input ends a session"))
}

/// Steps the session until it wants more, or is over and says why.
fn deliver(
    server: &mut Server<Host>,
    host: &mut Host,
    mut input: &[u8],
    mut window: impl FnMut() -> usize,
    replies: &mut Vec<u8>,
) -> Option<Closed> {
    let mut output = [0xA5; LARGE];
    for _ in 0..1000 + 200 * input.len() {
        let space = window();
        let step = server.step(Instant::ZERO, host, input, &mut output[..space]);
        assert!(step.taken <= input.len() && step.given <= space);
        input = &input[step.taken..];
        replies.extend_from_slice(&output[..step.given]);
        match step.next {
            Next::Input => {
                assert!(input.is_empty(), "it asks for input and has some");
                return None;
            }
            Next::Output => assert!(step.taken + step.given > 0 || space == 0, "it stands"),
            Next::Host => panic!("nothing here makes it wait for the host"),
            Next::Closed(why) => return Some(why),
        }
    }
    panic!("a request has few bytes, its answer some hundred steps: this comes to no end");
}
