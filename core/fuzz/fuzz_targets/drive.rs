//! A session, driven by hand.

use unstick::{Instant, Next, Session, Step};

/// Bytes of the largest window.
pub(crate) const LARGE: usize = 4096;

/// Steps a session, whose side of the drive contract it watches. Takes off `input` what the session
/// takes, and adds to `output` what it writes.
pub(crate) fn step<H, S: Session<H>>(
    session: &mut S,
    host: &mut H,
    input: &mut &[u8],
    space: usize,
    output: &mut Vec<u8>,
) -> Next {
    let mut window = [0xA5; LARGE];
    let step = session.step(Instant::ZERO, host, input, &mut window[..space]);
    assert!(step.consumed <= input.len() && step.written <= space);
    *input = &input[step.consumed..];
    output.extend_from_slice(&window[..step.written]);
    match step.next {
        Next::Input | Next::Wait => assert!(input.is_empty(), "it waits and has input"),
        Next::Output => assert!(step.consumed + step.written > 0 || space == 0, "it stands"),
        Next::Closed(_) => {
            let again = session.step(Instant::from_millis(1), host, input, &mut window);
            assert_eq!(again, Step { consumed: 0, written: 0, ..step }, "it is over");
        }
    }
    step.next
}

/// Steps a session until it has consumed all of `input` and written all its output, or is closed.
/// `window` may do something to the session before each step, and says how much space that has.
pub(crate) fn deliver<H, S: Session<H>>(
    session: &mut S,
    host: &mut H,
    input: &mut &[u8],
    mut window: impl FnMut(&mut S, &mut H) -> usize,
    output: &mut Vec<u8>,
) -> Next {
    for _ in 0..1000 + 200 * input.len() {
        let space = window(session, host);
        match step(session, host, input, space, output) {
            Next::Output => {}
            next => return next,
        }
    }
    panic!("a request has few bytes, its answer some hundred steps: this comes to no end");
}
