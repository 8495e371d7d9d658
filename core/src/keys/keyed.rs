//! A session around another session, which alone sees what is said.

mod ends;

pub use ends::{Accept, Offer};

use super::cipher::{Forged, KEY, TAG};
use super::handshake::Ciphers;
use super::inbox::Inbox;
use super::{Key, Role};
use crate::bytes::copy;
use crate::endpoint::Service;
use crate::limits::{HANDSHAKE, Limits, MESSAGE, MESSAGE_LEAST, MESSAGE_MOST};
use crate::serve::Serve;
use crate::serve::host::{Counter, Host};
use crate::session::{Closed, Next, Phase, Session, Step};
use crate::time::Instant;
use crate::wire::frame::{self, PREFIX};
use ends::{End, Greeted, Wire};
use heapless::Vec;

/// Bytes of a frame beside its plaintext.
const OVERHEAD: usize = PREFIX + TAG;

/// The least space that a frame is written to in place: a greeting fits.
const SPACE: usize = 64;

/// A server's session that keys can be put around. There are no defaults, so that a session in between
/// that forgets to pass one on does not compile.
pub trait Guarded {
    /// Whether it is only for who has a key, where the node has keys: that of the command service.
    fn asks_for_key(&self) -> bool;

    /// The peer has the key of that id, and may do what its role allows.
    fn restrict(&mut self, id: u8, role: Role);
}

/// The server's end of a keyed connection, with room for messages of `M` bytes, 64 to 65,535.
pub type KeyedServer<S, const M: usize = MESSAGE> = Keyed<S, Accept, M>;

/// The client's end of a keyed connection, with room for messages of `M` bytes, 64 to 65,535.
pub type KeyedClient<S, const M: usize = MESSAGE> = Keyed<S, Offer, M>;

/// A session around another session: what the inner one says is sealed, what it hears was opened.
///
/// A message on its way in is kept until it is whole, because nothing of it may be used before its tag is
/// verified. What the inner session writes is sealed where it stands in the output; where that has fewer
/// than 64 bytes of space a short message is made here, and written in pieces.
///
/// Whatever is wrong closes the connection without a word.
///
/// Around a session that does not [ask for a key](Guarded::asks_for_key), or on a host that
/// [has none](Host::keys), a server's end changes nothing, so that a node begins the same for all.
pub struct Keyed<S, E, const M: usize> {
    inner: S,
    end: E,
    inbox: Inbox<M>,
    /// Once the handshake is done.
    channel: Option<Channel>,
    /// What the output had no space for.
    rest: Rest,
    mode: Mode,
    closed: Option<(Closed, Instant)>,
    /// Whether a message has been opened: until then the peer may be a recording.
    heard: bool,
    ended: bool,
    /// Whether the inner session has been told so.
    told: bool,
    finishing: bool,
}

/// What it does with bytes.
#[derive(Clone, Copy)]
enum Mode {
    /// It has not been stepped.
    New,
    /// It passes them on.
    Open,
    /// It opens and seals them, since then.
    Keyed(Instant),
}

/// What both ends have after the handshake.
struct Channel {
    ciphers: Ciphers,
    /// Bytes of the longest message that the peer takes.
    limit: usize,
}

impl<S, const M: usize> KeyedServer<S, M> {
    /// A session at the start of a connection, for whoever has a key of the [host](Host::keys)'s.
    pub fn accept(inner: S) -> Self {
        Self::new(inner, Accept::new())
    }
}

impl<S, const M: usize> KeyedClient<S, M> {
    /// A session at the start of a connection, with this key. `secret` is random and fresh for each: who
    /// knows it can read the connection, and who repeats it has others repeat what they said.
    pub fn offer(inner: S, key: Key, secret: [u8; KEY]) -> Self {
        Self::new(inner, Offer::new(key, secret))
    }
}

impl<S, E, const M: usize> Keyed<S, E, M> {
    fn new(inner: S, end: E) -> Self {
        const { assert!(M >= MESSAGE_LEAST && M <= MESSAGE_MOST, "room for 64 to 65,535 bytes") };
        Self {
            inner,
            end,
            inbox: Inbox::new(),
            channel: None,
            rest: Rest::default(),
            mode: Mode::New,
            closed: None,
            heard: false,
            ended: false,
            told: false,
            finishing: false,
        }
    }
}

impl<S, E, const M: usize> Keyed<S, E, M> {
    /// A step whose output has [`SPACE`] or nothing. Returns what it waits for, and until when.
    fn run<H>(
        &mut self,
        since: Instant,
        now: Instant,
        host: &mut H,
        input: &mut &[u8],
        output: &mut [u8],
        written: &mut usize,
    ) -> Result<(Next, Option<Instant>), Forged>
    where
        S: Session<H>,
        E: End<H, S>,
    {
        let until = since.after(HANDSHAKE);
        let (mut next, mut deadline) = match self.channel {
            Some(_) => self.talk(now, host, input, output, written)?,
            None if self.finishing => (Next::Closed(Closed::Finished), None),
            None => {
                let Self { end, inner, inbox, ended, .. } = self;
                let space = &mut *output;
                let wire = Wire { inbox, ended: *ended, input, output: space, written };
                match end.greet(now, host, inner, wire)? {
                    Greeted::Waiting(next, at) => (next, at),
                    Greeted::Done(channel) => {
                        self.channel = Some(channel);
                        self.talk(now, host, input, output, written)?
                    }
                }
            }
        };
        let is_greeting = self.channel.is_none() || (E::MAY_BE_RECORDED && !self.heard);
        if is_greeting && !matches!(next, Next::Closed(_)) {
            deadline = deadline.into_iter().chain([until]).min();
            if now >= until {
                E::count(host, Counter::Timeouts);
                next = Next::Closed(Closed::Timeout(Phase::Header));
            }
        }
        Ok((next, deadline))
    }

    /// Steps the inner session until it, the input or the output stops.
    fn talk<H>(
        &mut self,
        now: Instant,
        host: &mut H,
        input: &mut &[u8],
        output: &mut [u8],
        written: &mut usize,
    ) -> Result<(Next, Option<Instant>), Forged>
    where
        S: Session<H>,
        E: End<H, S>,
    {
        if !self.end.may_go_on(host) {
            return Err(Forged);
        }
        let Self { inner, inbox, channel, heard, ended, told, .. } = self;
        let Channel { ciphers, limit } = channel.as_mut().ok_or(Forged)?;
        let mut last = None;
        loop {
            let opened = inbox.open(ciphers, input)?;
            *heard |= opened;
            let is_over = *ended && input.is_empty() && inbox.plaintext().is_empty() && !*told;
            if is_over {
                if inbox.is_torn() {
                    return Err(Forged);
                }
                inner.end();
                *told = true;
            }
            if let Some(stopped) = last.filter(|_| !opened && !is_over) {
                return Ok(stopped);
            }
            let space = output.get_mut(*written..).unwrap_or_default();
            let room = match space.len() {
                SPACE.. => space.len().saturating_sub(OVERHEAD).min(limit.saturating_sub(TAG)),
                _ => 0,
            };
            let text = space.get_mut(PREFIX..).and_then(|it| it.get_mut(..room));
            let step = inner.step(now, host, inbox.plaintext(), text.unwrap_or_default());
            inbox.consume(step.consumed);
            if step.written > 0 {
                *written = written.saturating_add(seal(ciphers, space, step.written)?);
            }
            let has_space = output.len().saturating_sub(*written) >= SPACE;
            let more = step.next == Next::Output && step.written > 0 && has_space;
            let is_stuck = !inbox.plaintext().is_empty() || matches!(step.next, Next::Closed(_));
            if is_stuck && !more {
                return Ok((step.next, step.deadline));
            }
            last = Some((step.next, step.deadline)).filter(|_| !more);
        }
    }

    fn close(&mut self, why: Closed, until: Instant) {
        self.closed.get_or_insert((why, until));
        self.channel = None;
        self.inbox.wipe();
    }
}

impl<H, S: Session<H>, E: End<H, S>, const M: usize> Session<H> for Keyed<S, E, M> {
    fn step(&mut self, now: Instant, host: &mut H, input: &[u8], output: &mut [u8]) -> Step {
        if let Mode::New = self.mode {
            let asks = E::asks_for_key(host, &self.inner);
            self.mode = if asks { Mode::Keyed(now) } else { Mode::Open };
            if self.ended && !asks {
                self.inner.end();
            }
        }
        let Mode::Keyed(since) = self.mode else {
            return self.inner.step(now, host, input, output);
        };
        let mut written = self.rest.write(output);
        let space = output.get_mut(written..).unwrap_or_default();
        let mut rest = input;
        let result = match (self.closed, space.len()) {
            (Some((why, until)), _) => Ok((Next::Closed(why), Some(until))),
            (None, 1..SPACE) => {
                let (mut scratch, mut len) = ([0; SPACE], 0);
                let result = self.run(since, now, host, &mut rest, &mut scratch, &mut len);
                let said = scratch.get(..len).unwrap_or_default();
                written = written.saturating_add(self.rest.keep(said, space));
                result
            }
            (None, _) => {
                let mut len = 0;
                let result = self.run(since, now, host, &mut rest, space, &mut len);
                written = written.saturating_add(len);
                result
            }
        };
        let (mut next, mut deadline) = result.unwrap_or_else(|Forged| {
            self.inner.abort(host);
            E::count(host, Counter::Denied);
            (Next::Closed(Closed::Forged), None)
        });
        if let Next::Closed(why) = next {
            let until = deadline.unwrap_or_else(|| now.after(HANDSHAKE));
            self.close(why, until);
            self.end.wipe();
            deadline = Some(until);
        }
        let is_given_up = self.closed.is_some_and(|(_, until)| now >= until);
        if !self.rest.is_empty() && !is_given_up {
            next = Next::Output;
        }
        let consumed = input.len().saturating_sub(rest.len());
        Step { consumed, written, next, deadline }
    }

    fn end(&mut self) {
        self.ended = true;
        if let Mode::Open = self.mode {
            self.inner.end();
        }
    }

    fn finish(&mut self) {
        self.finishing = true;
        self.inner.finish();
    }

    fn abort(&mut self, host: &mut H) {
        if self.closed.is_none() {
            self.inner.abort(host);
            self.close(Closed::Aborted, Instant::ZERO);
            self.end.wipe();
        }
    }
}

impl<H: Host, S: Serve<H> + Guarded, const M: usize> Serve<H> for KeyedServer<S, M> {
    fn begin(service: Service, limits: Limits) -> Self {
        Self::accept(S::begin(service, limits))
    }

    /// A handshake counts as no request.
    fn is_idle(&self) -> bool {
        match (self.mode, &self.channel) {
            (Mode::Keyed(_), None) => true,
            (Mode::Keyed(_), Some(_)) => {
                self.rest.is_empty() && self.inbox.is_between() && self.inner.is_idle()
            }
            _ => self.inner.is_idle(),
        }
    }
}

/// Seals a text that stands behind the place for its prefix. Returns the bytes of its frame.
fn seal(ciphers: &mut Ciphers, space: &mut [u8], len: usize) -> Result<usize, Forged> {
    let (prefix, rest) = space.split_first_chunk_mut::<PREFIX>().ok_or(Forged)?;
    let (text, rest) = rest.split_at_mut_checked(len).ok_or(Forged)?;
    *rest.first_chunk_mut().ok_or(Forged)? = ciphers.send.seal(text)?;
    *prefix = frame::prefix(len.saturating_add(TAG)).map_err(|_| Forged)?;
    Ok(len.saturating_add(OVERHEAD))
}

/// What an output had no space for.
#[derive(Default)]
struct Rest {
    bytes: Vec<u8, SPACE>,
    sent: usize,
}

impl Rest {
    fn is_empty(&self) -> bool {
        self.sent >= self.bytes.len()
    }

    /// Keeps these bytes, and writes of them what there is space for. Returns how many.
    fn keep(&mut self, bytes: &[u8], output: &mut [u8]) -> usize {
        *self = Self { bytes: Vec::from_slice(bytes).unwrap_or_default(), sent: 0 };
        self.write(output)
    }

    fn write(&mut self, output: &mut [u8]) -> usize {
        let len = copy(self.bytes.get(self.sent..).unwrap_or_default(), output);
        self.sent = self.sent.saturating_add(len);
        len
    }
}

#[cfg(test)]
mod tests;
