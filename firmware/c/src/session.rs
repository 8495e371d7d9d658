//! One connection.

use crate::device::Device;
use crate::error::{code, unstick_error};
use crate::memory::{Kind, Slot, fits, place, space, streams, write_text};
use crate::node::unstick_node;
use crate::service::{UNSTICK_LIMITS_DEFAULT, service, unstick_limits, unstick_service};
use core::ffi::c_char;
use core::mem::MaybeUninit;
use unstick::{Closed, Instant, Next, Server, Session as _, Step};

/// Bytes of an `unstick_session`.
#[cfg(target_pointer_width = "32")]
pub const UNSTICK_SESSION_SIZE: usize = 2560;
/// Bytes of an `unstick_session`.
#[cfg(target_pointer_width = "64")]
pub const UNSTICK_SESSION_SIZE: usize = 2592;
/// The same in `uint64_t`, for the alignment.
pub const UNSTICK_SESSION_WORDS: usize = UNSTICK_SESSION_SIZE / 8;

/// The deadline of something that has none.
pub const UNSTICK_NEVER: u64 = u64::MAX;

/// The server's side of one connection, in memory of yours; nothing of it is for you to read.
#[repr(C)]
pub struct unstick_session {
    opaque: [MaybeUninit<u64>; UNSTICK_SESSION_WORDS],
}

fits!(unstick_session, Slot<Session>);

impl Kind for Session {
    const READY: u32 = 0x7365_7373;

    fn is_over(&self) -> bool {
        self.closed.is_some()
    }
}

pub(crate) struct Session {
    server: Server<Device>,
    closed: Option<Closed>,
}

/// What a session waits for.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_next {
    /// More input; all there was has been consumed.
    Input,
    /// Space in the output: send what was written, then step again.
    Output,
    /// A task of a command. Nothing is to be read from the peer until its answer is out: step again at
    /// `deadline_us`, or when what it waits for has happened.
    Wait,
    /// Nothing: it is over. Send what was written, close, discard what still comes. So it is after a
    /// wrong call too, that no loop goes on with it: look at `error`.
    Closed,
}

/// Why a session is over.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum unstick_reason {
    /// It is not.
    None,
    /// The input ended where it may.
    End,
    /// `unstick_session_finish` was called, and every request that had begun is done.
    Finished,
    /// The peer broke a rule.
    Protocol,
    /// The peer announced more than the session skips.
    Oversized,
    /// The peer speaks another protocol, or sent more behind an unknown command.
    Foreign,
    /// A body ended before its announced size, on our side.
    BodyFailed,
    /// A deadline passed.
    Timeout,
    /// The connection was lost.
    Aborted,
    /// It may not be: the step was called wrongly, see `error`.
    Misuse,
}

/// What a step did.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct unstick_step {
    /// Bytes consumed from the front of the input.
    pub consumed: usize,
    /// Bytes written to the front of the output.
    pub written: usize,
    /// When to step again in any case, or `UNSTICK_NEVER`; once the session is closed, when to give
    /// up sending what was written: each byte that the peer takes moves that on.
    pub deadline_us: u64,
    /// What the session waits for.
    pub next: unstick_next,
    /// Why it is over.
    pub reason: unstick_reason,
    /// How the call was wrong; then nothing was consumed, nothing written, and `next` is
    /// `UNSTICK_NEXT_CLOSED`. The session is as it was: call rightly, or abort it, or it keeps what
    /// it has of the node, as a file that is half there.
    pub error: unstick_error,
}

/// Starts a session, for a connection that has just been opened.
///
/// It may be in memory of an earlier session that is closed or was aborted. Zero other memory
/// before, and this when a call that used it was cut off. `limits` are copied; NULL stands for
/// `UNSTICK_LIMITS_DEFAULT`. Errors: `NULL` or `MEMORY` for the session, `IN_USE` until it is closed,
/// aborted or zeroed, `VALUE` for the service.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_session_start(
    session: *mut unstick_session,
    service: MaybeUninit<unstick_service>,
    limits: Option<&unstick_limits>,
) -> unstick_error {
    let limits = limits.unwrap_or(&UNSTICK_LIMITS_DEFAULT).limits();
    code(self::service(service).and_then(|service| {
        let make = || Session { server: Server::new(service, limits), closed: None };
        // SAFETY: the session is NULL or memory of its size.
        unsafe { Slot::start(session.cast(), make) }
    }))
}

/// Consumes input, writes output, and says what it waits for. A session has the same node in all its
/// steps. It takes up to 4096 bytes of stack, see above, and what your commands take.
///
/// Show it all that has come and was not consumed, once after each receive: a bare request ends with
/// its line or where a receive ended, and the session keeps count of that. Show it as much space as
/// you like. Either may be empty, with any pointer. A step too many does no harm. Input and output
/// must not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_session_step(
    session: *mut unstick_session,
    node: *mut unstick_node,
    now_us: u64,
    input: *const u8,
    input_len: usize,
    output: *mut u8,
    output_len: usize,
) -> unstick_step {
    let objects = [place(session), place(node)];
    // SAFETY: session and node are NULL, zeroed or started, input and output as the header documents them.
    let step = unsafe {
        Slot::<Session>::borrow(session.cast()).and_then(|mut session| {
            let mut node = Slot::<Device>::borrow(node.cast())?;
            let (input, output) = streams(input, input_len, output, output_len, &objects)?;
            let step = session.server.step(Instant::from_micros(now_us), &mut node, input, output);
            if let Next::Closed(why) = step.next {
                session.closed = Some(why);
            }
            Ok(step)
        })
    };
    step.map_or_else(unstick_step::misuse, unstick_step::of)
}

impl unstick_step {
    fn of(step: Step) -> Self {
        let (next, reason) = match step.next {
            Next::Input => (unstick_next::Input, unstick_reason::None),
            Next::Output => (unstick_next::Output, unstick_reason::None),
            Next::Wait => (unstick_next::Wait, unstick_reason::None),
            Next::Closed(why) => (unstick_next::Closed, reason(why)),
        };
        let deadline_us = step.deadline.map_or(UNSTICK_NEVER, Instant::as_micros);
        let Step { consumed, written, .. } = step;
        Self { consumed, written, deadline_us, next, reason, error: unstick_error::None }
    }

    fn misuse(error: unstick_error) -> Self {
        Self {
            consumed: 0,
            written: 0,
            deadline_us: UNSTICK_NEVER,
            next: unstick_next::Closed,
            reason: unstick_reason::Misuse,
            error,
        }
    }
}

fn reason(why: Closed) -> unstick_reason {
    match why {
        Closed::End => unstick_reason::End,
        Closed::Finished => unstick_reason::Finished,
        Closed::Oversized { .. } => unstick_reason::Oversized,
        Closed::Foreign => unstick_reason::Foreign,
        Closed::BodyFailed => unstick_reason::BodyFailed,
        Closed::Timeout(_) => unstick_reason::Timeout,
        Closed::Aborted => unstick_reason::Aborted,
        // The last are a client's, or of keys, which C has not.
        Closed::Protocol(_)
        | Closed::WrongReply
        | Closed::Unanswered
        | Closed::Unsendable(_)
        | Closed::Refused
        | Closed::Forged
        | Closed::Unwelcome => unstick_reason::Protocol,
    }
}

/// No more input will come, because the peer has closed its side. Step on: what came is still
/// answered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_session_end(session: *mut unstick_session) -> unstick_error {
    // SAFETY: the session is NULL, zeroed or started.
    code(unsafe { Slot::<Session>::borrow(session.cast()) }.map(|mut it| it.server.end()))
}

/// Take no new request, and close once what was begun is done. Step on until it is closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_session_finish(session: *mut unstick_session) -> unstick_error {
    // SAFETY: the session is NULL, zeroed or started.
    code(unsafe { Slot::<Session>::borrow(session.cast()) }.map(|mut it| it.server.finish()))
}

/// Call this when the connection is lost: it returns to the node what the session had of it. A session that is not
/// closed must be aborted before its memory is used for anything else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_session_abort(
    session: *mut unstick_session,
    node: *mut unstick_node,
) -> unstick_error {
    // SAFETY: session and node are NULL, zeroed or started.
    let both = unsafe {
        Slot::<Session>::borrow(session.cast())
            .and_then(|session| Ok((session, Slot::<Device>::borrow(node.cast())?)))
    };
    code(both.map(|(mut session, mut node)| {
        session.server.abort(&mut *node);
        session.closed.get_or_insert(Closed::Aborted);
    }))
}

/// Writes one sentence on why a session is over, cut to `size` bytes with its NUL. Returns its bytes
/// without the NUL. Nothing is written where `size` is 0 or the call is wrong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unstick_session_reason(
    session: *mut unstick_session,
    text: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: the session is NULL, zeroed or started, the text as the header documents it.
    let both = unsafe { (Slot::<Session>::borrow(session.cast()), space(text.cast(), size)) };
    match both {
        (Ok(session), Ok(text)) => match session.closed {
            Some(why) => write_text(text, why),
            None => write_text(text, "the session is not over"),
        },
        _ => 0,
    }
}
