//! What can go wrong when a node is asked.

use crate::url::{Transport, Url};
use core::fmt;
use core::time::Duration;
use std::io;
use unstick::datagram::TooLarge;
use unstick::digest::Digest;
use unstick::frame::{FrameError, PREFIX};
use unstick::limits::{HEADER, REQUEST};
use unstick::message::MessageError;
use unstick::session::Phase;
use unstick::{Closed, Service};

/// Why there is no reply. Every one is a sentence for a person that says what to do.
///
/// A reply whose status is not `ok` is no error: it is a [`Reply`](super::Reply) with a reason.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    // The request: nothing was sent.
    /// The request cannot be sent as it is.
    Request(RequestError),
    /// The request is over the limit of a datagram.
    Datagram {
        /// Who was to be asked.
        url: Url,
        /// Its bytes, and the limit.
        error: TooLarge,
    },

    // The way to the peer.
    /// The host's name has no address.
    Unresolved {
        /// Where the client was to connect to.
        url: Url,
        /// What the system said.
        source: io::Error,
    },
    /// The host is there, and nobody listens on the port.
    NobodyListens {
        /// Where the client was to connect to.
        url: Url,
    },
    /// The host cannot be reached.
    Unreachable {
        /// Where the client was to connect to.
        url: Url,
        /// What the system said.
        source: io::Error,
    },
    /// The host did not answer the attempt to connect.
    ConnectTimeout {
        /// Where the client was to connect to.
        url: Url,
        /// How long it tried.
        after: Duration,
    },
    /// No datagram came back.
    NoReply {
        /// Who was asked.
        url: Url,
        /// How long the client waited.
        after: Duration,
    },

    // The peer.
    /// The peer does not speak the service's protocol, or breaks its rules.
    Foreign {
        /// Who was asked.
        url: Url,
        /// The rule it breaks.
        why: Closed,
        /// The first bytes it sent, at most 32.
        seen: Vec<u8>,
    },
    /// The peer closed the connection before or inside its reply.
    Closed {
        /// Who was asked.
        url: Url,
        /// Bytes of the reply that are missing, where it had begun.
        missing: Option<u64>,
    },
    /// The peer let a deadline pass.
    Timeout {
        /// Who was asked.
        url: Url,
        /// What did not happen in time.
        phase: Phase,
    },
    /// The reply's body is not the one its header declares. The connection goes on.
    Damaged {
        /// The header's digest.
        declared: Digest,
        /// The body's.
        actual: Digest,
    },
    /// The reply does not fit a datagram.
    Truncated {
        /// Who was asked.
        url: Url,
        /// Bytes of the body.
        size: u64,
    },

    // This side.
    /// The reply's body is longer than the client takes into memory.
    TooLarge {
        /// Bytes of the body.
        size: u64,
        /// The limit: [`ClientOptions::reply`](super::ClientOptions::reply).
        limit: u64,
    },
    /// The request's body could not be read, or ended before its size.
    Source(io::Error),
    /// The reply's body could not be written.
    Sink(io::Error),
    /// The system gives no socket or no runtime.
    System(io::Error),
    /// An earlier call ended this connection, or was dropped half way.
    Spent,
}

/// What of a request cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// It is empty, which no bare request can be.
    Empty,
    /// It has a line break, which ends a bare request.
    LineBreak,
    /// It is longer than a bare request, or a header, can be.
    TooLong {
        /// The service.
        service: Service,
        /// Bytes of the command.
        len: usize,
    },
    /// It has a body, and the service carries none.
    Body {
        /// The service.
        service: Service,
    },
    /// The encoding does not have one of its characters.
    Unmappable {
        /// The encoding's name.
        encoding: &'static str,
    },
}

impl Error {
    /// Whether the peer closed the connection: connecting anew may help.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Spent)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Datagram { url, error } => {
                write!(f, "{error}: ask over TCP, {}", url.over_tcp())
            }
            Self::Unresolved { url, .. } => {
                let host = &url.host;
                write!(f, "the host `{host}` is not known: check the name, or use an IP address")
            }
            Self::NobodyListens { url } => {
                let (address, start) = (url.authority(), start(url));
                write!(
                    f,
                    "nobody listens on {address} ({}): start a node there, {start}",
                    url.transport
                )
            }
            Self::Unreachable { url, source } => {
                write!(f, "cannot reach {}: {source}", url.authority())
            }
            Self::ConnectTimeout { url, after } => {
                let address = url.authority();
                write!(
                    f,
                    "{address} did not answer within {after:?}: is it on, and is there a way to it?"
                )
            }
            Self::NoReply { url, after } => write!(
                f,
                "no answer from {url} within {after:?}: UDP may have lost the request or the reply, \
                 ask again, or over TCP: {}",
                url.over_tcp()
            ),
            Self::Foreign { url, why, seen } => {
                let service = url.service.as_str();
                write!(f, "what answers at {} is no {service} service: ", url.authority())?;
                match why {
                    Closed::Mismatched => write!(f, "more came than a reply")?,
                    Closed::Timeout(_) | Closed::Unanswered => write!(f, "that is no reply")?,
                    why => why.fmt(f)?,
                }
                write!(f, "; what came begins with \"{}\"", seen.escape_ascii())
            }
            Self::Closed { url, missing: None } => {
                write!(f, "{url} closed the connection before it had answered: ask again")
            }
            Self::Closed { url, missing: Some(missing) } => write!(
                f,
                "{url} closed the connection inside its answer, {missing} bytes are missing: ask again"
            ),
            Self::Timeout { url, phase } => write!(f, "{url}: {}", Closed::Timeout(*phase)),
            Self::Damaged { declared, actual } => write!(
                f,
                "the body is damaged, its md5 is {actual} and the header says {declared}: ask again"
            ),
            Self::Truncated { url, size } => write!(
                f,
                "the reply of {size} bytes does not fit a datagram: ask again over TCP, {}",
                url.over_tcp()
            ),
            Self::TooLarge { size, limit } => write!(
                f,
                "the reply of {size} bytes is over this client's limit of {limit}: stream it instead"
            ),
            Self::Source(error) => write!(f, "cannot read the body to be sent: {error}"),
            Self::Sink(error) => write!(f, "cannot write the reply's body: {error}"),
            Self::System(error) => write!(f, "the system gives no socket: {error}"),
            Self::Spent => write!(f, "the connection is over: connect anew"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Unresolved { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the command is empty: try help"),
            Self::LineBreak => write!(
                f,
                "the command has a line break, which would make it two: use the command service"
            ),
            Self::TooLong { service: Service::Command, len } => write!(
                f,
                "a command of {len} bytes does not fit a header of {HEADER}: send it as a body"
            ),
            Self::TooLong { len, .. } => {
                write!(f, "a command of {len} bytes is over the limit of {REQUEST}")
            }
            Self::Body { service } => write!(
                f,
                "the {} service carries no body with a command: use the command service",
                service.as_str()
            ),
            Self::Unmappable { encoding } => {
                write!(f, "the command has a character that {encoding} does not have")
            }
        }
    }
}

impl core::error::Error for RequestError {}

/// What to type on the host to have the service there.
fn start(url: &Url) -> String {
    let mut line = "unstick serve".to_owned();
    if !matches!(url.host.as_str(), "localhost" | "127.0.0.1") {
        line += " --bind ";
        line += &url.host;
    }
    if Some(url.port) != url.transport.port(url.service) {
        let udp = if url.transport == Transport::Udp { "udp-" } else { "" };
        line += &format!(" --{udp}{} {}", url.service.as_str(), url.port);
    }
    format!("`{line}`")
}

/// What the end of a session means for its caller, given the first bytes of what came.
pub(super) fn closed(url: &Url, why: Closed, seen: &[u8]) -> Error {
    let text = is_text(url, seen);
    let (url, seen) = (url.clone(), seen.to_vec());
    match why {
        Closed::Broken => Error::Source(io::ErrorKind::UnexpectedEof.into()),
        Closed::Protocol(error) => match missing(&error) {
            Some(missing) if !text => Error::Closed { url, missing: Some(missing) },
            _ => Error::Foreign { url, why, seen },
        },
        Closed::Mismatched => Error::Foreign { url, why, seen },
        _ if text => Error::Foreign { url, why, seen },
        Closed::Timeout(phase) => Error::Timeout { url, phase },
        _ => Error::Closed { url, missing: None },
    }
}

/// Whether a peer that should send frames sends text: no prefix within a limit reads as text, and
/// the greeting of another protocol does.
pub(super) fn is_text(url: &Url, seen: &[u8]) -> bool {
    let text = |byte: &u8| byte.is_ascii_graphic() || b" \t\r\n".contains(byte);
    url.service != Service::Echo
        && seen.first_chunk::<PREFIX>().is_some_and(|prefix| prefix.iter().all(text))
}

/// Bytes that are missing, where that is all that is wrong.
fn missing(error: &MessageError) -> Option<u64> {
    match error {
        MessageError::Truncated { missing }
        | MessageError::Frame(FrameError::Truncated { missing }) => Some(*missing),
        _ => None,
    }
}
