//! A session, driven by hand.

use crate::clock::Clock;
use core::time::Duration;
use unstick::{Instant, Next, Session, Step};

/// Bytes of the largest window.
pub(crate) const LARGE: usize = 4096;

/// Steps a session, whose side of the drive contract it watches. Takes off `input` what the session
/// takes, and adds to `output` what it writes.
pub(crate) fn step<H, S: Session<H>>(
    session: &mut S,
    host: &mut H,
    now: Instant,
    input: &mut &[u8],
    space: usize,
    output: &mut Vec<u8>,
) -> Step {
    let mut window = [0xA5; LARGE];
    let step = session.step(now, host, input, &mut window[..space]);
    assert!(step.consumed <= input.len() && step.written <= space);
    let rest = &window[step.written..space];
    assert_eq!(rest, &[0xA5; LARGE][..rest.len()], "it says how much it wrote");
    *input = &input[step.consumed..];
    output.extend_from_slice(&window[..step.written]);
    match step.next {
        Next::Input => assert!(input.is_empty(), "it waits and has input"),
        Next::Output => assert!(step.consumed + step.written > 0 || space == 0, "it stands"),
        Next::Wait => {}
        Next::Closed(_) => {
            let later = now.after(Duration::from_millis(1));
            let again = session.step(later, host, input, &mut window);
            assert_eq!(again, Step { consumed: 0, written: 0, ..step }, "it is over");
            return step;
        }
    }
    assert!(step.deadline.is_none_or(|at| at > now), "its deadline is past and it goes on");
    step
}

/// Steps a session until it has consumed all of `input` and written all its output, or is closed; a
/// host that is late is waited for. `window` may do something to the session before each step, and
/// says how much space that has.
pub(crate) fn deliver<H, S: Session<H>>(
    session: &mut S,
    host: &mut H,
    clock: &mut Clock,
    input: &mut &[u8],
    mut window: impl FnMut(&mut S, &mut H) -> usize,
    output: &mut Vec<u8>,
) -> Next {
    for _ in 0..2000 + 400 * input.len() {
        let space = window(session, host);
        let step = step(session, host, clock.tick(), input, space, output);
        match (step.next, step.deadline) {
            (Next::Output, _) => {}
            // A caller that has no request is not waited for, and so has no deadline.
            (Next::Wait, Some(_)) => clock.wait(&step),
            (next, _) => return next,
        }
    }
    panic!("a request has few bytes, its answer some hundred steps: this comes to no end");
}
