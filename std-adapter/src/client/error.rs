//! What can go wrong when a node is asked.

use crate::url::{Url, UrlError};
use core::convert::Infallible;
use core::fmt;
use core::time::Duration;
use std::io;
use unstick::datagram::TooLarge;
use unstick::digest::Digest;
use unstick::frame::{FrameError, PREFIX};
use unstick::message::MessageError;
use unstick::session::Phase;
use unstick::{Closed, Endpoint, Service, Transport};

/// Why there is no reply. Every one is a sentence for a person that says what to do.
///
/// A reply whose status is not `ok` is no error: it is a [`Reply`](super::Reply) with a reason.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    // The request: nothing was sent.
    /// The text is no URL of a service.
    Url(UrlError),
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

    // The key.
    /// The service has no keys: the command service does.
    NotKeyed {
        /// Who was to be asked.
        url: Url,
    },
    /// No connection can be begun, for want of random bytes.
    Key(crate::keys::Error),
    /// The node closed the connection without a word, as it does to who has not one of its keys.
    Unwelcome {
        /// Who was asked.
        url: Url,
    },
    /// The node opens no session for datagrams.
    NoSession {
        /// Who was asked for it.
        url: Url,
        /// Why not, in its words.
        said: String,
    },
    /// What came was not sealed with the key.
    Forged {
        /// Who was asked.
        url: Url,
        /// Whether what came is what a node says that has no keys.
        is_open: bool,
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
    /// The peer speaks another of the services.
    OtherService {
        /// Who was asked.
        url: Url,
        /// What it is.
        is: Service,
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
    /// The connection was over when the call was made, or before it was sent.
    Spent,
}

/// What of a request cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The service cannot carry it.
    Core(unstick::RequestError),
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
            Self::Url(error) => error.fmt(f),
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
                    url.endpoint.transport()
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
            Self::NotKeyed { url } => {
                let endpoint = Endpoint::tcp(Service::Command);
                let right = Url { endpoint, port: endpoint.port(), ..url.clone() };
                write!(f, "keys are for the command service: ask {right}, or without a key")
            }
            Self::Key(error) => error.fmt(f),
            Self::Unwelcome { url } => write!(
                f,
                "{url} closed the connection without a word: is it the right key, and still one of the node's?"
            ),
            Self::NoSession { url, said } => {
                write!(f, "{url} opens no session for datagrams: {}", said.escape_debug())
            }
            Self::Forged { url, is_open: true } => {
                write!(f, "{url} has no keys: ask it without one (without --key)")
            }
            Self::Forged { url, is_open: false } => write!(
                f,
                "what came from {url} was not sealed with the key: it speaks another protocol, or somebody is in between"
            ),
            Self::Foreign { url, why, seen } => {
                let service = url.endpoint.service();
                write!(f, "what answers at {} is no {service} service: ", url.authority())?;
                match why {
                    Closed::WrongReply => write!(f, "more came than a reply")?,
                    Closed::Timeout(_) | Closed::Unanswered => write!(f, "that is no reply")?,
                    why => why.fmt(f)?,
                }
                write!(f, "; what came begins with \"{}\"", seen.escape_ascii())
            }
            Self::OtherService { url, is } => {
                let (service, right) = (url.endpoint.service(), other(url, *is));
                write!(
                    f,
                    "what answers at {} is no {service} service but a {is} service: ask {right}",
                    url.authority()
                )
            }
            Self::Closed { url, missing: None } => {
                write!(f, "{url} closed the connection before it had answered: ask again")?;
                if url.endpoint == Endpoint::tcp(Service::Command) {
                    write!(f, ", or with --key FILE if it asks for a key")?;
                }
                Ok(())
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

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
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
            Self::Core(error) => error.fmt(f),
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
    let is_here = matches!(url.host.as_str(), "localhost" | "127.0.0.1");
    if !is_here {
        line += " --bind ";
        line += &url.host;
    }
    // What is for others than this machine serves only its commands unasked.
    if url.port != url.endpoint.port() || !(is_here || url.endpoint.service() == Service::Command) {
        let udp = if url.endpoint.transport() == Transport::Udp { "udp-" } else { "" };
        line += &format!(" --{udp}{} {}", url.endpoint.service(), url.port);
    }
    format!("`{line}`")
}

/// Another service at the same place.
fn other(url: &Url, is: Service) -> Url {
    Url { endpoint: Endpoint::tcp(is), ..url.clone() }
}

/// The service whose reply begins so, where that is plain: a frame's payload is a header with a status,
/// a header without, or a text.
fn service_of(seen: &[u8]) -> Option<Service> {
    let (prefix, payload) = seen.split_first_chunk::<PREFIX>()?;
    let len = u32::from_le_bytes(*prefix);
    if payload.is_empty() || len > 1024 {
        return None;
    }
    let begins =
        |text: &str| payload.starts_with(&text.as_bytes()[..text.len().min(payload.len())]);
    let text = |byte: &u8| !byte.is_ascii_control() || b"\t\r\n".contains(byte);
    match payload {
        _ if begins("{\"status\":") || begins("{\"id\":") => Some(Service::Command),
        _ if begins("{\"filename\":") => Some(Service::Message),
        [b'{', ..] => None,
        payload if payload.iter().all(text) => Some(Service::Frame),
        _ => None,
    }
}

/// What the end of a session means for its caller, given the first bytes of what came.
pub(super) fn closed(url: &Url, why: Closed, seen: &[u8]) -> Error {
    match why {
        Closed::Unwelcome => return Error::Unwelcome { url: url.clone() },
        Closed::Forged => {
            let is_open = service_of(seen) == Some(Service::Command);
            return Error::Forged { url: url.clone(), is_open };
        }
        _ => {}
    }
    let is_strange = matches!(why, Closed::Protocol(_) | Closed::WrongReply);
    if let Some(is) = service_of(seen).filter(|is| is_strange && *is != url.endpoint.service()) {
        return Error::OtherService { url: url.clone(), is };
    }
    let text = is_text(url, seen);
    let (url, seen) = (url.clone(), seen.to_vec());
    match why {
        Closed::Foreign | Closed::BodyFailed => Error::Source(io::ErrorKind::UnexpectedEof.into()),
        Closed::Unsendable(error) => RequestError::Core(error).into(),
        Closed::Protocol(error) => match missing(&error) {
            Some(missing) if !text => Error::Closed { url, missing: Some(missing) },
            _ => Error::Foreign { url, why, seen },
        },
        Closed::WrongReply => Error::Foreign { url, why, seen },
        _ if text => Error::Foreign { url, why, seen },
        Closed::Timeout(phase) => Error::Timeout { url, phase },
        _ => Error::Closed { url, missing: None },
    }
}

/// Whether a peer that should send frames sends text: no prefix within a limit reads as text, and
/// the greeting of another protocol does.
pub(super) fn is_text(url: &Url, seen: &[u8]) -> bool {
    let text = |byte: &u8| byte.is_ascii_graphic() || b" \t\r\n".contains(byte);
    url.endpoint.service() != Service::Echo
        && seen.first_chunk::<PREFIX>().is_some_and(|prefix| prefix.iter().all(text))
}

/// Bytes that are missing, where that is all that is wrong.
fn missing(error: &MessageError) -> Option<u64> {
    match error {
        MessageError::Incomplete { missing }
        | MessageError::Frame(FrameError::Incomplete { missing }) => Some(*missing),
        _ => None,
    }
}
