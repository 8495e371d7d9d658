//! The poll driver: one session on one smoltcp TCP socket.

use smoltcp::socket::tcp::{RecvError, Socket, State};
use unstick::limits::{LINGER, LINGER_BYTES};
use unstick::{Closed, Instant, Next, Session, Step};

/// Most steps of a session in one poll, so that one connection does not hold up the others.
const STEPS: usize = 8;

/// Memory that connections share, because only one of them is polled at a time.
#[derive(Debug)]
pub struct Scratch<'a> {
    /// Where received bytes are joined that lie in two parts in a socket's ring. At least as long
    /// as the longest receive ring, or a bare request may be torn (rule B1).
    pub input: &'a mut [u8],
    /// Where a session writes. Not empty; as long as the longest send ring, or a poll takes several
    /// steps to fill that; and as long as the largest datagram, if datagrams are served.
    pub output: &'a mut [u8],
}

/// A session, and how far its connection has come.
///
/// It is a server's session on a socket that has been connected to, or a client's on a socket that
/// has been asked to connect. Call [`Connection::poll`] whenever the interface has been polled and at
/// the deadline it returned, and poll the interface afterwards, until the socket
/// [is no longer open](Socket::is_open).
#[derive(Debug)]
pub struct Connection<S> {
    /// The session.
    pub session: S,
    /// When it last moved a byte.
    moved: Instant,
    ended: bool,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Closing {
    why: Closed,
    unsent: usize,
    since: Instant,
    /// Bytes that have come since, and were discarded.
    discarded: u64,
}

impl<S> Connection<S> {
    /// A session at the start of a connection.
    pub const fn new(session: S) -> Self {
        Self::at(Instant::ZERO, session)
    }

    pub(crate) const fn at(now: Instant, session: S) -> Self {
        Self { session, moved: now, ended: false, closing: None }
    }

    /// When it last moved a byte.
    pub(crate) fn moved(&self) -> Instant {
        self.closing.as_ref().map_or(self.moved, |closing| closing.since)
    }

    /// Why the session is closed; `None` while it is not. Its last output may still be on its way.
    pub fn closed(&self) -> Option<Closed> {
        self.closing.as_ref().map(|closing| closing.why)
    }

    /// Moves what bytes can be moved between the session and the socket, and closes the socket once
    /// the session is over. Returns when to call again if nothing else happens before; `None` if
    /// only a packet, the caller or the host can change anything.
    ///
    /// A socket that was reset, or whose peer is gone, aborts the session.
    pub fn poll<H>(
        &mut self,
        now: Instant,
        host: &mut H,
        socket: &mut Socket<'_>,
        scratch: &mut Scratch<'_>,
    ) -> Option<Instant>
    where
        S: Session<H>,
    {
        if socket.state() == State::Closed {
            self.abort(now, host);
        }
        for _ in 0..STEPS {
            if let Some(closing) = &mut self.closing {
                return closing.linger(now, socket);
            }
            let step = self.step(now, host, socket, scratch);
            if step.consumed > 0 || step.written > 0 {
                self.moved = now;
            }
            let waits = match step.next {
                Next::Input => !socket.can_recv(),
                Next::Output => free(socket) == 0,
                Next::Wait | Next::Closed(_) => true,
            };
            if let Next::Closed(why) = step.next {
                socket.close();
                self.closing =
                    Some(Closing { why, unsent: socket.send_queue(), since: now, discarded: 0 });
            } else if !self.ended && is_finished(socket) {
                self.ended = true;
                self.session.end();
            } else if waits {
                return step.deadline;
            }
        }
        Some(now)
    }

    /// The connection is gone: aborts the session, unless it is closed already.
    pub fn abort<H>(&mut self, now: Instant, host: &mut H)
    where
        S: Session<H>,
    {
        if self.closing.is_none() {
            self.session.abort(host);
            self.closing =
                Some(Closing { why: Closed::Aborted, unsent: 0, since: now, discarded: 0 });
        }
    }

    /// Shows the session every byte that has been received. There is never more output than the socket
    /// takes, so nothing has to be kept here.
    fn step<H>(
        &mut self,
        now: Instant,
        host: &mut H,
        socket: &mut Socket<'_>,
        scratch: &mut Scratch<'_>,
    ) -> Step
    where
        S: Session<H>,
    {
        let Scratch { input, output } = scratch;
        let space = free(socket).min(output.len());
        let output = output.get_mut(..space).unwrap_or_default();
        let whole = socket.recv_queue().min(input.len());
        let step = if socket.peek(whole).map_or(0, <[u8]>::len) < whole {
            // The ring wraps, and would show one receive as two.
            let input = input.get_mut(..whole).unwrap_or_default();
            let len = socket.peek_slice(input).unwrap_or_default();
            let whole = input.get(..len).unwrap_or_default();
            let step = self.session.step(now, host, whole, output);
            let _ = socket.recv_slice(input.get_mut(..step.consumed).unwrap_or_default());
            step
        } else {
            let mut step = None;
            let _ = socket.recv(|bytes| {
                let step = step.insert(self.session.step(now, host, bytes, output));
                (step.consumed, ())
            });
            // Not connected yet, or the input has ended: the session may go on without it.
            step.unwrap_or_else(|| self.session.step(now, host, &[], output))
        };
        let _ = socket.send_slice(output.get(..step.written).unwrap_or_default());
        step
    }
}

impl Closing {
    /// Discards what the peer still sends, so that the window opens for its FIN and no reset
    /// overtakes our last reply.
    fn linger(&mut self, now: Instant, socket: &mut Socket<'_>) -> Option<Instant> {
        while let Ok(discarded @ 1..) = socket.recv(|bytes| (bytes.len(), bytes.len())) {
            self.discarded = self.discarded.saturating_add(discarded as u64);
        }
        if !socket.is_open() {
            return None;
        }
        if socket.send_queue() != self.unsent {
            self.unsent = socket.send_queue();
            self.since = now;
        }
        let deadline = self.since.after(LINGER);
        if now >= deadline || self.discarded > LINGER_BYTES {
            socket.abort();
        }
        Some(deadline)
    }
}

/// Bytes the socket takes now; none while or once it is not connected.
fn free(socket: &Socket<'_>) -> usize {
    if socket.may_send() { socket.send_capacity().saturating_sub(socket.send_queue()) } else { 0 }
}

/// Whether the peer has closed its side and all it sent has been taken.
fn is_finished(socket: &mut Socket<'_>) -> bool {
    matches!(socket.recv(|_| (0, ())), Err(RecvError::Finished))
}
