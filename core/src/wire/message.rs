//! Messages: a header frame, then the `total_size` bytes of body that its header declares.
//!
//! [`Reader`] reads a stream of them, cut anywhere, whose bodies may be larger than all memory:
//! a body is handed out in pieces of the caller's input and hashed on the way. [`decode`] and
//! [`encode`] are for a message that lies whole in one buffer, which is what a datagram carries.
//!
//! ```
//! use unstick::message::{Event, Integrity, Kind, MessageError, Place, Reader};
//!
//! let stream = b"\x26\0\0\0{\"command\":\"put a.txt\",\"total_size\":5}hello";
//! let mut reader = Reader::<1024>::new(Kind::Request);
//! let (mut body, mut integrity) = (Vec::new(), None);
//! for mut chunk in stream.chunks(7) {
//!     while let Some(event) = reader.read(&mut chunk)? {
//!         match event {
//!             Event::Header { header, size } => {
//!                 assert_eq!(header.command.unwrap(), "put a.txt");
//!                 assert_eq!(size, 5);
//!             }
//!             Event::Body(piece) => body.extend_from_slice(piece),
//!             Event::End(end) => integrity = Some(end.integrity),
//!         }
//!     }
//! }
//! reader.end()?; // the stream ends between messages
//! assert_eq!(reader.place(), Place::Between);
//! assert_eq!(body, b"hello");
//! assert_eq!(integrity, Some(Integrity::Unverified)); // the header has no digest
//! # Ok::<(), MessageError>(())
//! ```

use crate::limits::HEADER;
use crate::wire::digest::{Digest, Digester, Hasher};
use crate::wire::frame::{self, FrameError, PREFIX, PrefixReader};
use crate::wire::header::{Fields, Header, HeaderError};
use core::fmt;
use heapless::Vec;

/// Which side's messages are read: it decides what a missing `total_size` means (rule H5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// Requests: no `total_size` means no body.
    Request,
    /// Replies: no `total_size` is an error.
    Reply,
}

impl Kind {
    fn size(self, header: &Header<'_>) -> Result<u64, HeaderError> {
        match (header.total_size, self) {
            (Some(size), _) => Ok(size),
            (None, Self::Request) => Ok(0),
            (None, Self::Reply) => Err(HeaderError::Missing { field: "total_size" }),
        }
    }

    /// Whether a body of that size is hashed whose header declares that digest.
    fn hashes(self, size: u64, declared: Option<Digest>) -> bool {
        declared.is_some() || (self == Self::Request && size > 0)
    }
}

/// What a [`Reader`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A header is whole; its message's body follows.
    Header {
        /// The header.
        header: Header<'a>,
        /// Bytes of the body.
        size: u64,
    },
    /// The next bytes of the body, never empty.
    Body(&'a [u8]),
    /// The body is whole.
    End(End),
}

/// What is known of a body once it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct End {
    /// Whether it is the body that was sent.
    pub integrity: Integrity,
    /// Its digest, computed on the way: of a request's body that has bytes, because it may be kept,
    /// and of any body whose header has a digest. `None` otherwise, and without feature `md5`.
    pub digest: Option<Digest>,
}

impl End {
    /// Of a body whose header declares that digest, and which has this one.
    fn of(declared: Option<Digest>, digest: Option<Digest>) -> Self {
        let integrity = match (declared, digest) {
            (Some(declared), Some(actual)) if declared != actual => {
                Integrity::Mismatch { declared, actual }
            }
            (Some(_), Some(_)) => Integrity::Verified,
            _ => Integrity::Unverified,
        };
        Self { integrity, digest }
    }
}

/// What became of a body's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Integrity {
    /// The header's digest is the body's.
    Verified,
    /// The header has no digest, or this build has no MD5.
    Unverified,
    /// The body is not the one that was sent.
    Mismatch {
        /// The header's digest.
        declared: Digest,
        /// The body's.
        actual: Digest,
    },
}

/// Reads messages from a stream; `N` is the header limit in bytes, and about what this holds.
#[derive(Clone, Debug)]
pub struct Reader<const N: usize = HEADER> {
    kind: Kind,
    /// Whether a body is sure to be what was sent.
    #[cfg(feature = "noise")]
    is_sealed: bool,
    state: State,
    /// The header so far, where the input tore it.
    torn: Vec<u8, N>,
}

#[derive(Clone, Debug)]
enum State {
    Prefix(PrefixReader),
    Header { len: usize },
    Body { left: u64, hash: Option<Hash> },
    Failed(MessageError),
}

/// What a body that is hashed has been so far.
#[derive(Clone, Debug)]
struct Hash {
    hasher: Hasher,
    declared: Option<Digest>,
}

/// Where in a message a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between messages.
    Between,
    /// In a prefix or header, or past an error.
    Header,
    /// In a body.
    Body,
}

impl<const N: usize> Reader<N> {
    /// A reader of that side's messages, at the start of a stream.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let state = State::Prefix(PrefixReader::default());
        Self {
            kind,
            #[cfg(feature = "noise")]
            is_sealed: false,
            state,
            torn: Vec::new(),
        }
    }

    /// From now on only a body whose header has a digest is hashed: something else sees to it that what
    /// comes is what was sent.
    #[cfg(feature = "noise")]
    pub(crate) fn sealed(&mut self) {
        self.is_sealed = true;
    }

    /// Takes bytes off `input` up to and including the next event; `None` when it is used up.
    ///
    /// An empty body still has its [`Event::End`]. After an error the reader returns it for ever: the
    /// next message's start is not known.
    pub fn read<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'a>>, MessageError> {
        self.read_with(None, input)
    }

    /// The same, and the digests of bodies are the digester's, if there is one: of a stream it is always
    /// the same one, or none.
    pub fn read_with<'a, 'i: 'a>(
        &'a mut self,
        digester: Option<&mut dyn Digester>,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'a>>, MessageError> {
        if let State::Prefix(prefix) = &mut self.state {
            let Some(declared) = prefix.read(input) else { return Ok(None) };
            match frame::check(declared, u32::try_from(N).unwrap_or(frame::MAX)) {
                Ok(len) => self.state = State::Header { len: len as usize },
                Err(error) => return Err(self.fail(MessageError::Frame(error))),
            }
            self.torn.clear();
        }
        match self.state {
            State::Header { len } => self.header(len, input),
            State::Body { .. } => Ok(self.body(digester, input)),
            State::Failed(error) => Err(error),
            State::Prefix(_) => Ok(None),
        }
    }

    /// End of input: an error that says what is missing if it falls inside a message.
    pub fn end(&self) -> Result<(), MessageError> {
        let missing = match &self.state {
            State::Prefix(prefix) => prefix.missing(),
            State::Header { len } => len.saturating_sub(self.torn.len()),
            State::Body { left: 0, .. } => return Ok(()),
            State::Body { left, .. } => return Err(MessageError::Incomplete { missing: *left }),
            State::Failed(error) => return Err(*error),
        };
        match missing as u64 {
            0 => Ok(()),
            missing => Err(MessageError::Frame(FrameError::Incomplete { missing })),
        }
    }

    /// Bytes of the body begun that are still to come; 0 outside of a body.
    #[must_use]
    pub fn left(&self) -> u64 {
        if let State::Body { left, .. } = &self.state { *left } else { 0 }
    }

    /// Where the next byte belongs.
    #[must_use]
    pub fn place(&self) -> Place {
        match &self.state {
            State::Prefix(prefix) if prefix.missing() == 0 => Place::Between,
            State::Prefix(_) | State::Header { .. } | State::Failed(_) => Place::Header,
            State::Body { .. } => Place::Body,
        }
    }

    const fn is_sealed(&self) -> bool {
        #[cfg(feature = "noise")]
        return self.is_sealed;
        #[cfg(not(feature = "noise"))]
        return false;
    }

    fn fail(&mut self, error: MessageError) -> MessageError {
        self.state = State::Failed(error);
        error
    }

    fn header<'a, 'i: 'a>(
        &'a mut self,
        len: usize,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'a>>, MessageError> {
        let is_sealed = self.is_sealed();
        let Self { kind, state, torn, .. } = self;
        let wanted = len.saturating_sub(torn.len());
        let (piece, rest) = input.split_at_checked(wanted).unwrap_or((*input, &[]));
        *input = rest;
        let bytes: &'a [u8] = if torn.is_empty() && piece.len() == len {
            piece
        } else {
            // It fits: `len` is at most `N`.
            let _ = torn.extend_from_slice(piece);
            if torn.len() < len {
                return Ok(None);
            }
            torn
        };
        let mut header = Header::default();
        let size = match header.read(bytes).and_then(|()| kind.size(&header)) {
            Ok(size) => size,
            Err(error) => {
                let error = MessageError::Header(error);
                *state = State::Failed(error);
                return Err(error);
            }
        };
        let declared = header.md5;
        let hashes = kind.hashes(if is_sealed { 0 } else { size }, declared);
        *state = State::Body {
            left: size,
            hash: hashes.then(|| Hash { hasher: Hasher::default(), declared }),
        };
        Ok(Some(Event::Header { header, size }))
    }

    fn body<'i>(
        &mut self,
        digester: Option<&mut dyn Digester>,
        input: &mut &'i [u8],
    ) -> Option<Event<'i>> {
        let State::Body { left, hash } = &mut self.state else { return None };
        if *left == 0 {
            let end = match hash {
                Some(hash) => End::of(hash.declared, digester.unwrap_or(&mut hash.hasher).finish()),
                None => End { integrity: Integrity::Unverified, digest: None },
            };
            self.state = State::Prefix(PrefixReader::default());
            return Some(Event::End(end));
        }
        if input.is_empty() {
            return None;
        }
        let most = usize::try_from(*left).unwrap_or(usize::MAX);
        let (piece, rest) = input.split_at_checked(most).unwrap_or((*input, &[]));
        *input = rest;
        *left = left.saturating_sub(piece.len() as u64);
        if let Some(hash) = hash {
            digester.unwrap_or(&mut hash.hasher).update(piece);
        }
        Some(Event::Body(piece))
    }
}

/// Writes a header frame to the start of `output`. Returns the number of bytes written, or `None` if it
/// does not fit.
pub fn write_header(fields: &Fields<'_>, output: &mut [u8]) -> Option<usize> {
    let (prefix, rest) = output.split_first_chunk_mut::<PREFIX>()?;
    let len = fields.write(rest)?;
    *prefix = frame::prefix(len).ok()?;
    Some(len.saturating_add(PREFIX))
}

/// Writes a whole message to the start of `output`. Returns the number of bytes written, or `None` if it
/// does not fit. `fields.total_size` must be the length of `body`.
pub fn encode(fields: &Fields<'_>, body: &[u8], output: &mut [u8]) -> Option<usize> {
    let head = write_header(fields, output)?;
    let end = head.checked_add(body.len())?;
    output.get_mut(head..end)?.copy_from_slice(body);
    Some(end)
}

/// Reads a buffer that must hold one message and nothing else. Returns its header and body.
///
/// The body is checked against its digest by [`verify`], which costs time and is the caller's call.
pub fn decode<const N: usize>(
    kind: Kind,
    message: &[u8],
) -> Result<(Header<'_>, &[u8]), MessageError> {
    let (header, rest) = split::<N>(message)?;
    let size = kind.size(&header).map_err(MessageError::Header)?;
    let seen = rest.len() as u64;
    if size == seen { Ok((header, rest)) } else { Err(MessageError::Size { declared: size, seen }) }
}

/// Reads the header at the start of `message`. Returns it and whatever follows.
///
/// For a buffer that may hold less than the whole message: a datagram that was cut, or a reply with
/// status `truncated`, which has no body though its `total_size` says more (rule U4).
pub fn split<const N: usize>(message: &[u8]) -> Result<(Header<'_>, &[u8]), MessageError> {
    let mut input = message;
    let mut prefix = PrefixReader::default();
    let incomplete = |missing| MessageError::Frame(FrameError::Incomplete { missing });
    let Some(declared) = prefix.read(&mut input) else {
        return Err(incomplete(PREFIX.saturating_sub(message.len()) as u64));
    };
    let limit = u32::try_from(N).unwrap_or(frame::MAX);
    let len = frame::check(declared, limit).map_err(MessageError::Frame)? as usize;
    let missing = len.saturating_sub(input.len()) as u64;
    let (header, rest) = input.split_at_checked(len).ok_or_else(|| incomplete(missing))?;
    Ok((Header::parse(header).map_err(MessageError::Header)?, rest))
}

/// Compares a whole body with the digest its header declares.
#[must_use]
pub fn verify(kind: Kind, header: &Header<'_>, body: &[u8]) -> End {
    let digest =
        if kind.hashes(body.len() as u64, header.md5) { Hasher::digest(body) } else { None };
    End::of(header.md5, digest)
}

/// What is wrong with a message. After one of these a stream has no known boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MessageError {
    /// Its header's frame is wrong.
    Frame(FrameError),
    /// Its header is wrong.
    Header(HeaderError),
    /// The input ended inside its body.
    Incomplete {
        /// Bytes that were still to come.
        missing: u64,
    },
    /// It lies whole in one buffer, and its body is not as long as it says.
    Size {
        /// Bytes the header declares.
        declared: u64,
        /// Bytes there are.
        seen: u64,
    },
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(FrameError::Oversized { declared, limit }) => {
                let (declared, limit) = (u64::from(*declared), u64::from(*limit));
                write!(f, "a header of {declared} bytes is over the limit of {limit}")
            }
            Self::Frame(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::Incomplete { missing } => {
                write!(f, "the input ended inside a body, {missing} bytes are missing")
            }
            Self::Size { declared, seen } => {
                write!(f, "the header declares a body of {declared} bytes, there are {seen}")
            }
        }
    }
}

impl core::error::Error for MessageError {}

#[cfg(test)]
mod tests;
