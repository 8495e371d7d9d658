//! Datagrams with a key: sessions for them, which are opened over a keyed connection.
//!
//! A datagram is the session's id (4 bytes), a counter (8, the lowest first), and the sealed message with its
//! tag. Its reply has the same counter, so that a client knows what it replies to, and no nonce comes twice:
//! a node takes each counter once.

use super::cipher::{self, Forged, KEY, TAG};
use super::handshake::hkdf;
use super::{Key, Keys};
use crate::Answer;
use crate::command::{Call, Outcome};
use crate::serve::host::Host;
use crate::serve::{Refusal, Status, Text};
use crate::time::Instant;
use core::fmt::{self, Write as _};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a session's id.
pub const ID: usize = 4;

/// Bytes of a counter.
const COUNTER: usize = size_of::<u64>();

/// Bytes before what is sealed.
const HEAD: usize = ID + COUNTER;

/// Bytes of a datagram beside what is sealed in it.
pub const OVERHEAD: usize = HEAD + TAG;

/// The keys of a session's two directions: to the node, and from it (RFC 5869, salted with the key that
/// both ends have, from the secret that the client has made, without info).
fn directions(key: &Key, secret: &[u8; KEY]) -> [[u8; KEY]; 2] {
    hkdf(key.secret(), secret)
}

/// Writes the head of a datagram and seals the message behind it. Returns the bytes of the datagram; `None`
/// where it has no room.
fn seal(
    key: &[u8; KEY],
    id: [u8; ID],
    counter: u64,
    message: usize,
    space: &mut [u8],
) -> Option<usize> {
    let (head, rest) = space.split_first_chunk_mut::<HEAD>()?;
    let (text, rest) = rest.split_at_mut_checked(message)?;
    let (place, number) = head.split_first_chunk_mut::<ID>()?;
    *place = id;
    number.copy_from_slice(&counter.to_le_bytes());
    *rest.first_chunk_mut()? = cipher::seal(key, counter, &id, text).ok()?;
    OVERHEAD.checked_add(message)
}

/// The parts of a datagram.
struct Parts<'d> {
    id: [u8; ID],
    counter: u64,
    sealed: &'d [u8],
    tag: &'d [u8; TAG],
}

impl<'d> Parts<'d> {
    fn of(datagram: &'d [u8]) -> Option<Self> {
        let (id, rest) = datagram.split_first_chunk()?;
        let (counter, rest) = rest.split_first_chunk()?;
        let (sealed, tag) = rest.split_last_chunk()?;
        Some(Self { id: *id, counter: u64::from_le_bytes(*counter), sealed, tag })
    }
}

/// A session for datagrams, as a node has it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DatagramSession {
    id: [u8; ID],
    key: Key,
    receive: [u8; KEY],
    send: [u8; KEY],
    #[zeroize(skip)]
    window: Window,
    #[zeroize(skip)]
    used: Instant,
}

impl fmt::Debug for DatagramSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSession").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Which counters have come.
#[derive(Clone, Copy, Default)]
struct Window {
    /// The highest, and one more; 0 where none has.
    next: u64,
    /// Bit n: whether the highest less n has.
    seen: u64,
}

impl Window {
    /// The window once this counter has come, too; `None` where it has already, or is too old to be told.
    fn with(self, counter: u64) -> Option<Self> {
        let next = counter.checked_add(1)?;
        if let Some(ahead) = next.checked_sub(self.next).filter(|ahead| *ahead > 0) {
            let seen = u32::try_from(ahead).ok().and_then(|it| self.seen.checked_shl(it));
            return Some(Self { next, seen: seen.unwrap_or(0) | 1 });
        }
        let bit = 1_u64.checked_shl(u32::try_from(self.next.checked_sub(next)?).ok()?)?;
        (self.seen & bit == 0).then_some(Self { seen: self.seen | bit, ..self })
    }
}

/// A datagram that was opened.
pub(crate) struct Opened {
    /// Whose it is.
    pub(crate) key: Key,
    id: [u8; ID],
    counter: u64,
    /// Bytes of the message.
    pub(crate) len: usize,
    send: zeroize::Zeroizing<[u8; KEY]>,
}

/// Opens a datagram into `message`; `None` if it is not sealed with a session's key, or has come before, or
/// the key is none any more.
pub(crate) fn open(
    keys: &mut dyn Keys,
    now: Instant,
    datagram: &[u8],
    message: &mut [u8],
) -> Option<Opened> {
    let Parts { id, counter, sealed, tag } = Parts::of(datagram)?;
    let text = message.get_mut(..sealed.len())?;
    text.copy_from_slice(sealed);
    let mut opened = None;
    keys.sessions(&mut |sessions| {
        let session = sessions.iter_mut().flatten().find(|it| it.id == id);
        // Verified first: what is forged moves no window.
        if let Some(it) = session
            && let Some(window) = it.window.with(counter)
            && let Ok(()) = cipher::open(&it.receive, counter, &id, text, tag)
        {
            (it.window, it.used) = (window, now);
            let send = zeroize::Zeroizing::new(it.send);
            opened = Some(Opened { key: it.key.clone(), id, counter, len: text.len(), send });
        }
    });
    opened.filter(|it| keys.key(it.key.id()).is_some_and(|key| key.is(&it.key)))
}

/// What a reply to a datagram may fill: all of the output but the place for its head and its tag.
pub(crate) fn space(output: &mut [u8]) -> &mut [u8] {
    let end = output.len().saturating_sub(TAG);
    output.get_mut(HEAD..end).unwrap_or_default()
}

impl Opened {
    /// Seals a reply of so many bytes, which stand in the [`space`]. Returns the bytes of its datagram.
    pub(crate) fn seal(&self, reply: usize, output: &mut [u8]) -> Option<usize> {
        seal(&self.send, self.id, self.counter, reply, output)
    }
}

/// The command `udp ID`: opens a session, whose secret is the body.
pub(crate) fn begin<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    let digits = u32::from_str_radix(call.args, 16).ok().filter(|_| call.args.len() == 2 * ID);
    let (Some(id), Ok(secret)) = (digits, call.body.try_into()) else {
        let why =
            format_args!("udp needs an ID, 8 hex digits, and a body, a secret of {KEY} bytes");
        return Err(Refusal::new(Status::BadRequest, why));
    };
    let keys = host.keys().zip(call.shown.key_id());
    let opened = keys.and_then(|(keys, key_id)| {
        let key = keys.key(key_id)?;
        let [receive, send] = directions(&key, secret);
        let (id, window, used) = (id.to_be_bytes(), Window::default(), call.now);
        let mut new = Some(DatagramSession { id, key, receive, send, window, used });
        let mut is_another = false;
        keys.sessions(&mut |sessions| is_another = !place(sessions, &mut new));
        Some((new.is_none(), is_another))
    });
    match opened {
        Some((true, _)) => {
            write!(text, "datagrams of {} are answered", call.args)?;
            Ok(Answer::Text)
        }
        Some((false, true)) => {
            let why = format_args!("the id {} is another's: choose another", call.args);
            Err(Refusal::new(Status::Busy, why))
        }
        _ => {
            let why = format_args!("this node answers no datagrams with a key: ask over TCP");
            Err(Refusal::new(Status::Denied, why))
        }
    }
}

/// Puts a session in the place of the one of the same id, or in a free one, or in that of who has been silent
/// for longest. Returns whether its id is not that of somebody else.
fn place(sessions: &mut [Option<DatagramSession>], new: &mut Option<DatagramSession>) -> bool {
    let Some(session) = new.as_ref() else { return true };
    let mut oldest = None::<(Option<Instant>, &mut Option<DatagramSession>)>;
    for place in sessions {
        match place {
            Some(it) if it.id == session.id => {
                let is_ours = it.key.is(&session.key);
                if is_ours {
                    *place = new.take();
                }
                return is_ours;
            }
            _ => {}
        }
        let used = place.as_ref().map(|it| it.used);
        if oldest.as_ref().is_none_or(|(least, _)| used < *least) {
            oldest = Some((used, place));
        }
    }
    if let Some((_, place)) = oldest {
        *place = new.take();
    }
    true
}

/// A session for datagrams, as a client has it.
///
/// Its id is random, and so is its secret, fresh for each: a node opens it when the command `udp ID` comes
/// over a connection with the same key, the secret its body (rule K8).
///
/// ```
/// use unstick::keys::{DatagramKey, Key, Role};
///
/// # let random = |byte| [byte; 32];
/// let key = Key::new(1, Role::Full, random(1))?;
/// let mut session = DatagramKey::new(&key, [1, 2, 3, 4], &random(2));
/// let mut datagram = [0; 64];
/// let len = session.seal(b"a request", &mut datagram).expect("there is room for it");
/// assert_eq!(len, 9 + 28);
/// # Ok::<(), unstick::keys::KeyError>(())
/// ```
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct DatagramKey {
    id: [u8; ID],
    send: [u8; KEY],
    receive: [u8; KEY],
    /// The counter of the next request.
    next: u64,
}

impl fmt::Debug for DatagramKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatagramKey")
    }
}

impl DatagramKey {
    /// A session before its first request.
    #[must_use]
    pub fn new(key: &Key, id: [u8; ID], secret: &[u8; KEY]) -> Self {
        let [send, receive] = directions(key, secret);
        Self { id, send, receive, next: 0 }
    }

    /// Seals a request into `datagram`, which has room for it and [`OVERHEAD`]. Returns the bytes of the
    /// datagram; `None` where there is no room, or after 2^64 - 1 requests.
    pub fn seal(&mut self, request: &[u8], datagram: &mut [u8]) -> Option<usize> {
        let counter = self.next;
        let next = counter.checked_add(1)?;
        let space = datagram.get_mut(HEAD..)?.get_mut(..request.len())?;
        space.copy_from_slice(request);
        let len = seal(&self.send, self.id, counter, request.len(), datagram)?;
        self.next = next;
        Some(len)
    }

    /// Opens the reply to the last request into `reply`, which is as long as the datagram. Returns it; `None`
    /// for what is no such reply, which is to be ignored.
    pub fn open<'r>(&self, datagram: &[u8], reply: &'r mut [u8]) -> Option<&'r [u8]> {
        let Parts { id, counter, sealed, tag } = Parts::of(datagram)?;
        if id != self.id || Some(counter) != self.next.checked_sub(1) {
            return None;
        }
        let text = reply.get_mut(..sealed.len())?;
        text.copy_from_slice(sealed);
        let opened: Result<(), Forged> = cipher::open(&self.receive, counter, &id, text, tag);
        opened.ok().map(|()| &*text)
    }
}

#[cfg(test)]
mod tests;
