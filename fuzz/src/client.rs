//! Any bytes as a server's replies, in any pieces, to a client of each service, its output through
//! any windows: it gets on, keeps the drive contract, sends whole requests, and reports the
//! same to its caller wherever the replies are split; of replies that come too early it reports only that.

use crate::asker::{Asker, questions, requests};
use crate::clock::Clock;
use crate::drive::{LARGE, deliver, step};
use crate::sizes::Sizes;
use unstick::{Client, Closed, Limits, Next, Service, Session};

/// Bytes of a header.
const N: usize = 256;

/// The service, 4 more for a caller that waits for each reply; and what is replied.
pub fn run(bytes: &[u8]) {
    let [kind, replies @ ..] = bytes else { return };
    let service = Service::ALL[usize::from(kind % 4)];
    let waits = kind & 4 != 0;
    let asker = || Asker::new(service, questions(service), waits);
    let mut sizes = Sizes::of(bytes);

    let (heard, ends) = run_conversation(asker(), &replies.chunks(1).collect::<Vec<_>>(), || LARGE);
    // Where the next request waits for a reply, that reply is the end of a piece: what comes with it
    // answers a request that was not sent.
    let pipelined = service == Service::Command && !waits;
    let ends = if pipelined { vec![] } else { ends };
    let (mut pieces, mut start) = (Vec::new(), 0);
    for end in ends.into_iter().chain([replies.len()]) {
        pieces.extend(sizes.cut(&replies[start..end]));
        start = end;
    }
    assert_eq!(heard, run_conversation(asker(), &pieces, || sizes.draw()).0);
    assert_hurried(&heard, asker(), replies, sizes);
}

/// How a conversation went.
#[derive(Debug, PartialEq)]
struct Heard {
    told: Vec<u8>,
    sent: Vec<u8>,
    closed: Closed,
}

/// Each piece comes when all is sent that can be sent. Returns besides after how many bytes a reply was
/// whole.
fn run_conversation(
    mut asker: Asker,
    pieces: &[&[u8]],
    mut window: impl FnMut() -> usize,
) -> (Heard, Vec<usize>) {
    let mut client = Client::<N>::with_capacity(asker.service, Limits::DEFAULT);
    let requests = requests(asker.service);
    let (mut sent, mut ends, mut at) = (Vec::new(), Vec::new(), 0);
    let mut clock = Clock::standing();
    let mut deliver = |client: &mut Client<N>, asker: &mut Asker, mut piece: &[u8]| {
        let next = deliver(client, asker, &mut clock, &mut piece, |_, _| window(), &mut sent);
        assert_eq!(sent, requests[..begun(client, asker)].concat());
        match next {
            Next::Wait => assert!(asker.is_done(), "it has more to ask"),
            Next::Input => assert!(client.outstanding() > 0, "nobody will answer"),
            _ => {}
        }
        next
    };
    let mut next = deliver(&mut client, &mut asker, b"");
    for piece in pieces {
        if let Next::Closed(_) = next {
            break;
        }
        let answered = asker.answered;
        next = deliver(&mut client, &mut asker, piece);
        at += piece.len();
        if asker.answered > answered {
            ends.push(at);
        }
    }
    Session::<Asker>::end(&mut client);
    let Next::Closed(closed) = deliver(&mut client, &mut asker, b"") else {
        panic!("at the end of its input it waits");
    };
    (Heard { told: asker.told, sent, closed }, ends)
}

/// The number of requests that were begun.
fn begun(client: &Client<N>, asker: &Asker) -> usize {
    asker.answered + client.outstanding() as usize
}

/// The same replies, from a server that does not wait for the requests, to a client that is finished
/// on the way: it sends and tells what it did before, or less of it.
fn assert_hurried(heard: &Heard, mut asker: Asker, replies: &[u8], mut sizes: Sizes) {
    let mut client = Client::<N>::with_capacity(asker.service, Limits::DEFAULT);
    let requests = requests(asker.service);
    let (mut sent, mut most) = (Vec::new(), requests.len());
    let mut clock = Clock::unsteady(sizes.clone());
    let at = sizes.draw();
    for (index, mut piece) in sizes.cut(replies).into_iter().enumerate() {
        if index == at {
            Session::<Asker>::finish(&mut client);
            most = begun(&client, &asker);
        }
        for _ in 0..sizes.draw() % 8 {
            step(&mut client, &mut asker, clock.tick(), &mut &b""[..], sizes.draw(), &mut sent);
        }
        step(&mut client, &mut asker, clock.tick(), &mut piece, sizes.draw(), &mut sent);
    }
    let mut window = |_: &mut _, _: &mut _| sizes.draw();
    let next = deliver(&mut client, &mut asker, &mut clock, &mut &b""[..], &mut window, &mut sent);
    let begun = begun(&client, &asker);
    assert!(begun <= most, "it begins a request though it is finished");
    assert!(requests.concat().starts_with(&sent));
    // Of a request that is being refused the rest is not sent.
    if next == Next::Input && !asker.in_reply() {
        assert_eq!(sent, requests[..begun].concat());
    }
    Session::<Asker>::end(&mut client);
    let next = deliver(&mut client, &mut asker, &mut clock, &mut &b""[..], &mut window, &mut sent);
    assert!(matches!(next, Next::Closed(_)), "at the end of its input it waits");
    assert!(heard.told.starts_with(&asker.told));
}
