//! Requests as they are asked for, and as they go out.

use crate::datagram::TooLarge;
use crate::endpoint::Service;
use crate::limits::{HEADER, REQUEST};
use crate::wire::digest::Digest;
use crate::wire::header::{Fields, Header, Id};
use crate::wire::message;
use core::fmt::{self, Write as _};
use heapless::String;

/// A request to be sent.
///
/// ```
/// use unstick::digest::Hasher;
/// use unstick::{Request, Service};
///
/// let request = Request::new("put a.txt").with_body(5, Hasher::digest(b"hello"));
/// assert_eq!(request.check(Service::Command), Ok(()));
/// assert!(request.check(Service::Frame).is_err(), "bare requests have no bodies");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The command and its arguments: UTF-8 on the command service; on the frame and message services
    /// one line, in whatever encoding the peer has. The echo service has none: there only the body is
    /// sent.
    pub line: &'a [u8],
    /// The number of bytes of the body.
    pub size: u64,
    /// The body's digest, which the peer checks the body against.
    pub md5: Option<Digest>,
}

impl<'a> Request<'a> {
    /// A command and its arguments, without a body.
    #[must_use]
    pub const fn new(command: &'a str) -> Self {
        Self::from_bytes(command.as_bytes())
    }

    /// The same in another encoding, for the frame and message services.
    #[must_use]
    pub const fn from_bytes(line: &'a [u8]) -> Self {
        Self { line, size: 0, md5: None }
    }

    /// The same with a body of that size and digest.
    #[must_use]
    pub const fn with_body(self, size: u64, md5: Option<Digest>) -> Self {
        Self { size, md5, ..self }
    }

    /// Whether the service can carry it: one sentence on why not. A session that is given one that
    /// it cannot carry is over, so ask before.
    pub fn check(&self, service: Service) -> Result<(), RequestError> {
        let len = self.line.len();
        match service {
            Service::Echo if len > 0 => Err(RequestError::Body { service }),
            Service::Echo => Ok(()),
            Service::Frame | Service::Message if self.size > 0 => {
                Err(RequestError::Body { service })
            }
            Service::Frame | Service::Message => {
                // One request, wherever the peer's receive ends (rule B1).
                if len == 0 {
                    Err(RequestError::Empty)
                } else if self.line.contains(&b'\n') || self.line.ends_with(b"\r") {
                    Err(RequestError::LineBreak)
                } else if len > REQUEST {
                    Err(RequestError::TooLong { service, len })
                } else {
                    Ok(())
                }
            }
            Service::Command => {
                let command = core::str::from_utf8(self.line).map_err(|_| RequestError::NotUtf8)?;
                // The longest id, so that a command does not begin to fail after many requests.
                let fits = self.fields(command, u64::MAX, |it| it.write(&mut [0; HEADER]));
                fits.map(|_| ()).ok_or(RequestError::TooLong { service, len })
            }
        }
    }

    /// Writes what goes before its body. Returns the number of bytes written, or `None` if it does
    /// not fit.
    pub(super) fn write(&self, service: Service, id: u64, output: &mut [u8]) -> Option<usize> {
        match service {
            Service::Echo => Some(0),
            Service::Frame | Service::Message => {
                output.get_mut(..self.line.len())?.copy_from_slice(self.line);
                Some(self.line.len())
            }
            Service::Command => {
                let command = core::str::from_utf8(self.line).ok()?;
                self.fields(command, id, |fields| message::write_header(fields, output))
            }
        }
    }

    /// Lends the members of its header.
    pub(super) fn fields<R>(
        &self,
        command: &str,
        id: u64,
        f: impl FnOnce(&Fields<'_>) -> Option<R>,
    ) -> Option<R> {
        let mut raw = String::<20>::new();
        write!(raw, "{id}").ok()?;
        f(&Fields {
            id: Id::parse(&raw).ok(),
            command: Some(command),
            total_size: self.size,
            md5: self.md5,
            ..Fields::default()
        })
    }
}

/// Whether a reply answers the request of that id. A failure may have none: then the id could not be
/// read (rule C2).
pub(super) fn answers(header: &Header<'_>, id: u64) -> bool {
    match header.id {
        Some(seen) => seen.raw().parse() == Ok(id),
        None => header.status.is_some_and(|status| status != *"ok"),
    }
}

/// Why a request cannot be sent: a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// It is empty, which no bare request can be.
    Empty,
    /// It has a line break, or a carriage return at its end, which ends a bare request.
    LineBreak,
    /// It is longer than a bare request, or a header, can be.
    TooLong {
        /// The service.
        service: Service,
        /// The number of bytes of the command.
        len: usize,
    },
    /// It has a body and a command, and the service carries only one of them.
    Body {
        /// The service.
        service: Service,
    },
    /// It is not UTF-8, which the command service wants.
    NotUtf8,
    /// It does not fit a datagram.
    Datagram(TooLarge),
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
                "the {service} service carries no body with a command: use the command service"
            ),
            Self::NotUtf8 => write!(f, "the command is not UTF-8"),
            Self::Datagram(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RequestError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn what_a_service_can_carry() {
        let long = "x".repeat(REQUEST);
        for (request, service) in [
            (Request::new(""), Service::Echo),
            (Request::new("").with_body(9, None), Service::Echo),
            (Request::new(&long), Service::Frame),
            (Request::from_bytes(b"\xFF"), Service::Message),
            (Request::new("put a").with_body(u64::MAX, None), Service::Command),
        ] {
            assert_eq!(request.check(service), Ok(()), "{service}");
        }
        let body = |service| Err(RequestError::Body { service });
        for (request, service, why) in [
            (Request::new("x"), Service::Echo, body(Service::Echo)),
            (Request::new("x").with_body(1, None), Service::Message, body(Service::Message)),
            (Request::from_bytes(b"\xFF"), Service::Command, Err(RequestError::NotUtf8)),
        ] {
            assert_eq!(request.check(service), why, "{service}");
        }
    }

    #[test]
    fn why_it_cannot_be_sent() {
        let [frame, command] = [Service::Frame, Service::Command];
        for (why, sentence) in [
            (RequestError::Empty, "the command is empty: try help"),
            (
                RequestError::LineBreak,
                "the command has a line break, which would make it two: use the command service",
            ),
            (
                RequestError::TooLong { service: command, len: 1020 },
                "a command of 1020 bytes does not fit a header of 1024: send it as a body",
            ),
            (
                RequestError::TooLong { service: frame, len: 1025 },
                "a command of 1025 bytes is over the limit of 1024",
            ),
            (
                RequestError::Body { service: frame },
                "the frame service carries no body with a command: use the command service",
            ),
            (RequestError::NotUtf8, "the command is not UTF-8"),
            (
                RequestError::Datagram(TooLarge { len: 9, limit: 8 }),
                "a datagram of 9 bytes is over the limit of 8",
            ),
        ] {
            assert_eq!(format!("{why}"), sentence);
        }
    }
}
