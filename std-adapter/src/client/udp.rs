//! Calls over datagrams: one out, one in.

use super::ask::Ask;
use super::{ClientOptions, Error, Reply, RequestError, TASTE};
use crate::url::Url;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, ErrorKind};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use unstick::datagram::{self, IPV4_MAXIMUM};
use unstick::frame;
use unstick::header::{Fields, Id};
use unstick::limits::{AMPLIFICATION, HEADER};
use unstick::message::{Event, MessageError, Reader, Role, Verdict};
use unstick::{Caller as _, Closed, Service, Status};

#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    /// No datagram is longer, so none is ever cut.
    buffer: Vec<u8>,
    limit: usize,
    patience: Duration,
    /// The id of the last request.
    id: u64,
}

impl Udp {
    pub(super) async fn connect(url: &Url, options: &ClientOptions) -> Result<Self, Error> {
        let unresolved = |source| Error::Unresolved { url: url.clone(), source };
        let mut addresses = tokio::net::lookup_host((url.host.as_str(), url.port))
            .await
            .map_err(unresolved)?
            .collect::<Vec<_>>();
        // Which of them answers is not known before one is asked, so the older kind goes first.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let address = *addresses.first().ok_or_else(|| unresolved(ErrorKind::NotFound.into()))?;
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await.map_err(Error::System)?;
        socket
            .connect(address)
            .await
            .map_err(|source| Error::Unreachable { url: url.clone(), source })?;
        let limit = match url.service {
            Service::Echo => IPV4_MAXIMUM,
            _ => options.datagram,
        };
        let buffer = vec![0; usize::from(u16::MAX)];
        Ok(Self { socket, buffer, limit, patience: options.datagram_reply, id: 0 })
    }

    pub(super) async fn call(&mut self, ask: &mut Ask<'_>) -> Result<Reply, Error> {
        let url = ask.url;
        self.id += 1;
        let request = self.request(url.service, ask)?;
        self.check(url, request.len())?;
        let failed = |error| failed(url, error);
        self.socket.send(&request).await.map_err(failed)?;
        let until = Instant::now() + self.patience;
        let mut strange = None;
        loop {
            let Ok(len) = timeout_at(until, self.socket.recv(&mut self.buffer)).await else {
                return Err(strange
                    .unwrap_or_else(|| Error::NoReply { url: url.clone(), after: self.patience }));
            };
            let reply = &self.buffer[..len.map_err(failed)?];
            match take(url.service, self.id, &request, reply, ask) {
                Ok(true) => break,
                // The answer to an earlier call that was given up, or none to any.
                Ok(false) => strange = Some(foreign(url, Closed::Mismatched, reply)),
                Err(error) => return Err(foreign(url, Closed::Protocol(error), reply)),
            }
        }
        let size = ask.reply.size;
        match ask.result() {
            Some(Ok(reply)) if reply.status.as_deref() == Some(Status::Truncated.as_str()) => {
                Err(Error::Truncated { url: url.clone(), size })
            }
            Some(result) => result,
            None => Err(Error::Spent),
        }
    }

    fn check(&self, url: &Url, len: usize) -> Result<(), Error> {
        datagram::check(len, self.limit)
            .map_err(|error| Error::Datagram { url: url.clone(), error })
    }

    /// The datagram that asks: all of a body lies in it.
    fn request(&self, service: Service, ask: &mut Ask<'_>) -> Result<Vec<u8>, Error> {
        let size = ask.size();
        let len = usize::try_from(size).unwrap_or(usize::MAX);
        self.check(ask.url, len)?;
        let mut body = vec![0; len];
        if let Some(source) = &mut ask.body {
            source.source.read_exact(&mut body).map_err(Error::Source)?;
        }
        if service == Service::Echo {
            return Ok(body);
        }
        let id = self.id.to_string();
        let fields = Fields {
            id: Id::parse(&id).ok(),
            command: Some(ask.command),
            total_size: size,
            md5: ask.md5(),
            ..Fields::default()
        };
        let mut header = vec![0; HEADER];
        let too_long = RequestError::TooLong { service, len: ask.command.len() };
        let written = fields.write(&mut header).ok_or(too_long)?;
        header.truncate(written);
        // A node without a key answers with at most so many times the request's length: white space
        // in the header makes room for the largest reply.
        let wanted = self.limit.div_ceil(AMPLIFICATION);
        let padded = wanted.saturating_sub(frame::PREFIX + len).clamp(header.len(), HEADER);
        let brace = header.len().saturating_sub(1);
        header.splice(brace..brace, core::iter::repeat_n(b' ', padded - header.len()));
        let mut request = vec![0; frame::PREFIX + header.len()];
        frame::encode(&header, &mut request)
            .map_err(|error| Error::Source(io::Error::other(error)))?;
        request.extend_from_slice(&body);
        Ok(request)
    }
}

/// Hands a datagram to the call if it is the reply; gives whether it is.
fn take(
    service: Service,
    id: u64,
    request: &[u8],
    reply: &[u8],
    ask: &mut Ask<'_>,
) -> Result<bool, MessageError> {
    if service == Service::Echo {
        let ours = reply == request.to_ascii_uppercase();
        if ours {
            ask.reply(reply.len() as u64, None);
            // What goes wrong here the call keeps, and tells.
            if reply.is_empty() || ask.body(reply).is_ok() {
                ask.end(Verdict::Unverified);
            }
        }
        return Ok(ours);
    }
    let (mut reader, mut rest) = (Reader::<HEADER>::new(Role::Reply), reply);
    loop {
        match reader.read(&mut rest)? {
            None => return reader.end().map(|()| false),
            Some(Event::Header { header, size }) => {
                // A request that could not be read is refused without its id.
                if header.id.is_some_and(|seen| seen.raw().parse() != Ok(id)) {
                    return Ok(false);
                }
                ask.reply(size, Some(&header));
                if header.status.is_some_and(|status| status == *Status::Truncated.as_str()) {
                    ask.end(Verdict::Unverified);
                    return Ok(true);
                }
            }
            Some(Event::Body(piece)) => {
                if ask.body(piece).is_err() {
                    return Ok(true);
                }
            }
            Some(Event::End(verdict)) => {
                ask.end(verdict);
                return Ok(rest.is_empty());
            }
        }
    }
}

fn failed(url: &Url, source: io::Error) -> Error {
    let url = url.clone();
    match source.kind() {
        // Windows calls it a reset.
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Error::NobodyListens { url },
        _ => Error::Unreachable { url, source },
    }
}

fn foreign(url: &Url, why: Closed, datagram: &[u8]) -> Error {
    let seen = datagram.iter().copied().take(TASTE).collect();
    Error::Foreign { url: url.clone(), why, seen }
}
