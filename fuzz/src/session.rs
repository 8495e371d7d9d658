//! Any bytes, in any pieces, to a session of each service, its output through any windows: it gets
//! on, keeps the drive contract, and says what it says however it is cut, all of its protocol. It
//! may be finished or aborted at any step, and returns what the node lent it.

use crate::clock::Clock;
use crate::drive::{LARGE, deliver};
use crate::node::{self, Host, assert_nothing_lent};
use crate::sizes::Sizes;
use unstick::frame::{Assembler, Frame, FrameError, Oversize};
use unstick::message::{End, Event, Integrity, Kind, MessageError, Reader};
use unstick::{Closed, Limits, Next, Serve, Server, Service, Session as _};

/// The service, 4 more for a session that reaches its limits sooner; and what is sent to it.
pub fn run(bytes: &[u8]) {
    let [kind, input @ ..] = bytes else { return };
    let service = Service::ALL[usize::from(kind % 4)];
    let sizes = Sizes::of(bytes);
    if kind & 4 == 0 {
        assert_serves::<1024, 1024>(service, input, sizes);
    } else {
        assert_serves::<128, 64>(service, input, sizes);
    }
}

/// `N` bytes of header and `T` of text are the session's limits.
fn assert_serves<const N: usize, const T: usize>(service: Service, input: &[u8], mut sizes: Sizes) {
    let pieces = sizes.cut(input);
    let still = Clock::standing;
    let said = run_conversation::<N, T>(service, still(), &pieces, || sizes.draw(), |_, _| {});
    assert_follows::<N>(service, &input[..said.taken], &said);
    // A bare request is what one receive delivers, so there only the windows change nothing.
    let bare = matches!(service, Service::Frame | Service::Message);
    let whole = if bare { pieces.clone() } else { vec![input] };
    assert_eq!(said, run_conversation::<N, T>(service, still(), &whole, || LARGE, |_, _| {}));

    let (at, finishes) = (sizes.draw(), sizes.draw() & 1 == 0);
    let (mut steps, mut closed) = (0, said.closed);
    let before = |server: &mut Server<_, N, T>, host: &mut Host| {
        if steps == at && finishes {
            closed = if server.is_idle() { Closed::Finished } else { closed };
            server.finish();
        } else if steps == at {
            closed = Closed::Aborted;
            server.abort(host);
            assert_nothing_lent(&mut host.store);
        }
        steps += 1;
    };
    let some = run_conversation(service, still(), &pieces, || sizes.draw(), before);
    assert!(said.replies.starts_with(&some.replies));
    if some.closed == Closed::Finished {
        assert_follows::<N>(service, &input[..some.taken], &some);
    } else {
        assert_eq!(some.closed, closed);
    }

    // Whatever the time is, it says the same or less, and ends for the same reason or because of that.
    let moved = sizes.clone();
    let late = run_conversation::<N, T>(
        service,
        Clock::unsteady(moved),
        &pieces,
        || sizes.draw(),
        |_, _| {},
    );
    assert!(said.replies.starts_with(&late.replies));
    assert!(late.closed == said.closed || matches!(late.closed, Closed::Timeout(_)));
}

/// What a session said, to how many bytes of input, and why it ended.
#[derive(Debug, PartialEq)]
struct Said {
    replies: Vec<u8>,
    taken: usize,
    closed: Closed,
}

/// What a new node says to these pieces through these windows. `before` each step, until the input
/// ends, something may be done to the session.
fn run_conversation<const N: usize, const T: usize>(
    service: Service,
    mut clock: Clock,
    pieces: &[&[u8]],
    mut window: impl FnMut() -> usize,
    mut before: impl FnMut(&mut Server<Host, N, T>, &mut Host),
) -> Said {
    let mut host = node::new();
    let mut server = Server::with_capacity(service, Limits::DEFAULT);
    let (mut replies, mut taken) = (Vec::new(), 0);
    let mut next = Next::Input;
    for piece in pieces {
        if next == Next::Input {
            let mut rest = *piece;
            let window = |server: &mut _, host: &mut _| {
                before(server, host);
                window()
            };
            next = deliver(&mut server, &mut host, &mut clock, &mut rest, window, &mut replies);
            taken += piece.len() - rest.len();
        }
    }
    if next == Next::Input {
        server.end();
        next = deliver(
            &mut server,
            &mut host,
            &mut clock,
            &mut &b""[..],
            |_, _| window(),
            &mut replies,
        );
    }
    let Next::Closed(closed) = next else { panic!("at the end of its input it waits: {next:?}") };
    assert_nothing_lent(&mut host.store);
    Said { replies, taken, closed }
}

/// Whether a node may say that to the input it has taken.
fn assert_follows<const N: usize>(service: Service, input: &[u8], said: &Said) {
    let mut replies = &said.replies[..];
    // Only what a host could not give to its end breaks off.
    let is_whole = |end: Result<(), MessageError>| match said.closed {
        Closed::BodyFailed => matches!(
            end,
            Err(MessageError::Incomplete { .. }
                | MessageError::Frame(FrameError::Incomplete { .. }))
        ),
        _ => end == Ok(()),
    };
    match service {
        Service::Echo => assert_eq!(replies, input.to_ascii_uppercase()),
        Service::Frame => {
            let mut frames = Assembler::<4096>::new(Oversize::Close);
            while let Some(frame) = frames.next_frame(&mut replies).expect("frames") {
                assert!(matches!(frame, Frame::Whole(_)));
            }
            assert!(is_whole(frames.end().map_err(MessageError::Frame)));
        }
        Service::Message => assert!(is_whole(read::<1024>(Kind::Reply, replies).1)),
        Service::Command => {
            let (ids, end) = read::<1024>(Kind::Reply, replies);
            assert!(is_whole(end));
            let (asked, end) = read::<N>(Kind::Request, input);
            // What could not be read is answered too, without an id.
            let unread: &[_] = match (end, said.closed) {
                (Ok(()), Closed::End | Closed::Finished) => &[],
                // The body of a request that had been refused.
                (
                    Err(MessageError::Incomplete { .. }),
                    Closed::End | Closed::Finished | Closed::Oversized { .. },
                ) => &[],
                (Err(error), Closed::Protocol(why)) if error == why => match error {
                    MessageError::Incomplete { .. } => &[],
                    _ => &[None],
                },
                (_, Closed::BodyFailed) => return assert!(asked.starts_with(&ids)),
                (end, closed) => panic!("closed for {closed:?}, where there is {end:?}"),
            };
            assert_eq!(ids, [&asked[..], unread].concat());
        }
    }
}

/// The ids of messages, as they stand, and what is wrong with the first that breaks a rule.
fn read<const N: usize>(
    role: Kind,
    mut bytes: &[u8],
) -> (Vec<Option<String>>, Result<(), MessageError>) {
    let mut messages = Reader::<N>::new(role);
    let mut ids = Vec::new();
    while let Ok(Some(event)) = messages.read(&mut bytes) {
        match event {
            Event::Header { header, .. } => ids.push(header.id.map(|id| id.raw().into())),
            Event::End(End { integrity: Integrity::Mismatch { .. }, .. }) => {
                assert_eq!(role, Kind::Request);
            }
            Event::Body(_) | Event::End(_) => {}
        }
    }
    (ids, messages.end())
}
