//! The two ends of a keyed connection, as far as they differ: the handshake, and what comes of it.

use super::{Channel, Guarded, SPACE};
use crate::keys::Key;
use crate::keys::cipher::{Forged, KEY, TAG};
use crate::keys::handshake::{Initiator, Message, Responder};
use crate::keys::inbox::Inbox;
use crate::limits::{MESSAGE_LEAST, MESSAGE_MOST};
use crate::serve::host::{Counter, Host};
use crate::session::{Closed, Next};
use crate::time::Instant;
use crate::wire::frame;
use zeroize::Zeroizing;

/// What a client's first frame begins with: this protocol and its version. The key's id follows.
const MAGIC: [u8; 3] = *b"UK\x01";

/// Bytes of the magic and the key's id, which are the handshake's prologue.
const PROLOGUE: usize = MAGIC.len() + 1;

/// Bytes of what each side says in the handshake: the longest transport message that it takes.
const LIMIT: usize = 4;

/// Bytes of a handshake message.
pub(super) const GREETING: usize = KEY + LIMIT + TAG;

/// Bytes of a client's first frame.
pub(super) const HELLO: usize = PROLOGUE + GREETING;
/// How far a handshake is.
pub(super) enum Greeted {
    /// It waits for this, or until then.
    Waiting(Next, Option<Instant>),
    /// It is done.
    Done(Channel),
}

/// What a handshake works on besides its end.
pub(super) struct Wire<'a, 'i, 'o, const M: usize> {
    pub(super) inbox: &'a mut Inbox<M>,
    pub(super) ended: bool,
    pub(super) input: &'a mut &'i [u8],
    pub(super) output: &'o mut [u8],
    pub(super) written: &'a mut usize,
}

/// The two ends, as far as they differ.
pub(super) trait End<H, S> {
    /// Whether the peer has still to show, after the handshake, that it is no recording.
    const MAY_BE_RECORDED: bool;

    /// Whether a key is asked for.
    fn asks_for_key(host: &mut H, inner: &S) -> bool;

    /// Goes on with the handshake.
    fn greet<const M: usize>(
        &mut self,
        now: Instant,
        host: &mut H,
        inner: &mut S,
        wire: Wire<'_, '_, '_, M>,
    ) -> Result<Greeted, Forged>;

    /// Whether the key is still one.
    fn may_go_on(&self, host: &mut H) -> bool;

    fn count(host: &mut H, counter: Counter);

    fn wipe(&mut self);
}

/// The server's part of a handshake.
pub struct Accept(Accepting);

enum Accepting {
    /// The client's first frame, once it has come.
    Hello(Option<[u8; HELLO]>),
    /// The client has this key.
    Done(Key),
    Closed,
}

impl Accept {
    pub(super) const fn new() -> Self {
        Self(Accepting::Hello(None))
    }
}

/// The client's part of a handshake.
pub struct Offer(Offering);

enum Offering {
    /// With this key, and a secret that is fresh.
    Say {
        key: Key,
        secret: Zeroizing<[u8; KEY]>,
    },
    Hear(Initiator),
    Done,
}
impl Offer {
    pub(super) fn new(key: Key, secret: [u8; KEY]) -> Self {
        Self(Offering::Say { key, secret: Zeroizing::new(secret) })
    }
}

impl<H: Host, S: Guarded> End<H, S> for Accept {
    const MAY_BE_RECORDED: bool = true;

    fn asks_for_key(host: &mut H, inner: &S) -> bool {
        inner.asks_for_key() && host.keys().is_some()
    }

    fn greet<const M: usize>(
        &mut self,
        now: Instant,
        host: &mut H,
        inner: &mut S,
        wire: Wire<'_, '_, '_, M>,
    ) -> Result<Greeted, Forged> {
        let Wire { inbox, ended, input, output, written } = wire;
        let Accepting::Hello(hello) = &mut self.0 else { return Err(Forged) };
        if hello.is_none() {
            *hello = inbox.frame(input, HELLO, HELLO)?.and_then(|it| it.first_chunk().copied());
        }
        let Some(hello) = *hello else {
            return match (ended, inbox.is_torn()) {
                (true, true) => Err(Forged),
                (true, false) => Ok(Greeted::Waiting(Next::Closed(Closed::End), None)),
                (false, _) => Ok(Greeted::Waiting(Next::Input, None)),
            };
        };
        if output.len() < SPACE {
            return Ok(Greeted::Waiting(Next::Output, None));
        }
        let (prologue, greeting) = hello.split_first_chunk::<PROLOGUE>().ok_or(Forged)?;
        let [magic @ .., id] = *prologue;
        let keys = host.keys().filter(|_| magic == MAGIC).ok_or(Forged)?;
        let key = keys.key(id).ok_or(Forged)?;
        let Parts { public, mut limit, tag } = Parts::of(greeting.first_chunk())?;
        let first = Message { public, payload: &mut limit, tag };
        let responder = Responder::new(prologue, key.secret(), first)?;
        let limit = message_limit(limit)?;
        // Not before it is known that somebody has the key: who has none makes nobody wait.
        if let Err(at) = keys.pace(now) {
            return Ok(Greeted::Waiting(Next::Wait, Some(at)));
        }
        let secret = keys.ephemeral().ok_or(Forged)?;
        let mut payload = most::<M>();
        let (ciphers, answer) = responder.finish(&secret, &mut payload)?;
        *written = write_frame(output, &[], &answer).ok_or(Forged)?;
        inner.restrict(key.id(), key.role());
        self.0 = Accepting::Done(key);
        Ok(Greeted::Done(Channel { ciphers, limit }))
    }

    fn may_go_on(&self, host: &mut H) -> bool {
        let Accepting::Done(key) = &self.0 else { return false };
        host.keys().and_then(|keys| keys.key(key.id())).is_some_and(|it| it.is(key))
    }

    fn count(host: &mut H, counter: Counter) {
        host.count(counter, 1);
    }

    fn wipe(&mut self) {
        self.0 = Accepting::Closed;
    }
}

impl<C, S> End<C, S> for Offer {
    const MAY_BE_RECORDED: bool = false;

    fn asks_for_key(_: &mut C, _: &S) -> bool {
        true
    }

    fn greet<const M: usize>(
        &mut self,
        _: Instant,
        _: &mut C,
        _: &mut S,
        wire: Wire<'_, '_, '_, M>,
    ) -> Result<Greeted, Forged> {
        let Wire { inbox, ended, input, output, written } = wire;
        if let Offering::Say { key, secret } = &self.0 {
            if output.len() < SPACE {
                return Ok(Greeted::Waiting(Next::Output, None));
            }
            let [a, b, c] = MAGIC;
            let prologue = [a, b, c, key.id()];
            let mut payload = most::<M>();
            let (initiator, message) =
                Initiator::new(&prologue, key.secret(), **secret, &mut payload)?;
            *written = write_frame(output, &prologue, &message).ok_or(Forged)?;
            self.0 = Offering::Hear(initiator);
        }
        let Some(frame) = inbox.frame(input, GREETING, GREETING)? else {
            let next = if ended { Next::Closed(Closed::Unwelcome) } else { Next::Input };
            return Ok(Greeted::Waiting(next, None));
        };
        let Parts { public, mut limit, tag } = Parts::of(frame.first_chunk())?;
        let Offering::Hear(initiator) = core::mem::replace(&mut self.0, Offering::Done) else {
            return Err(Forged);
        };
        let ciphers = initiator.finish(Message { public, payload: &mut limit, tag })?;
        Ok(Greeted::Done(Channel { ciphers, limit: message_limit(limit)? }))
    }

    fn may_go_on(&self, _: &mut C) -> bool {
        true
    }

    fn count(_: &mut C, _: Counter) {}

    fn wipe(&mut self) {
        self.0 = Offering::Done;
    }
}
/// The parts of a handshake message.
struct Parts {
    public: [u8; KEY],
    /// Sealed.
    limit: [u8; LIMIT],
    tag: [u8; TAG],
}

impl Parts {
    fn of(message: Option<&[u8; GREETING]>) -> Result<Self, Forged> {
        let (public, rest) = message.and_then(|it| it.split_first_chunk()).ok_or(Forged)?;
        let (limit, rest) = rest.split_first_chunk().ok_or(Forged)?;
        Ok(Self { public: *public, limit: *limit, tag: *rest.first_chunk().ok_or(Forged)? })
    }
}

/// Bytes of the longest message that a peer takes which has said that.
fn message_limit(said: [u8; LIMIT]) -> Result<usize, Forged> {
    let most = usize::try_from(u32::from_le_bytes(said)).unwrap_or(MESSAGE_MOST).min(MESSAGE_MOST);
    if most < MESSAGE_LEAST { Err(Forged) } else { Ok(most) }
}

/// What the peer is told of that.
fn most<const M: usize>() -> [u8; LIMIT] {
    u32::try_from(M).unwrap_or_default().to_le_bytes()
}

/// Writes a handshake message in its frame. Returns the number of bytes.
pub(super) fn write_frame(
    output: &mut [u8],
    prologue: &[u8],
    message: &Message<'_>,
) -> Option<usize> {
    let prefix = frame::prefix(prologue.len().checked_add(GREETING)?).ok()?;
    let mut len = 0_usize;
    for part in [&prefix, prologue, &message.public, message.payload, &message.tag] {
        output.get_mut(len..)?.get_mut(..part.len())?.copy_from_slice(part);
        len = len.saturating_add(part.len());
    }
    Some(len)
}
