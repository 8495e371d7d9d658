//! Calls over datagrams: one out, one in, one after another.

use super::call::Call;
use super::{ClientOptions, Error, RequestError, SHOWN, addresses};
use crate::url::Url;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};
use unstick::datagram::{CLASSIC, Datagram, check};
use unstick::{
    Cancelled, Closed, DatagramClient, DatagramReply, NotTheReply, ReplyEvent, Request, Service,
};

/// Time from one question whether somebody is there to the next.
const AGAIN: Duration = Duration::from_secs(1);

/// A handle of a socket.
#[derive(Clone, Debug)]
pub(super) struct Handle(Arc<Mutex<Udp>>);

#[derive(Debug)]
struct Udp {
    socket: UdpSocket,
    client: DatagramClient,
    /// The datagram that asks.
    request: Vec<u8>,
    /// No datagram is longer, so none is ever cut.
    received: Vec<u8>,
    patience: Duration,
}

impl Handle {
    pub(super) async fn connect(url: &Url, options: &ClientOptions) -> Result<Self, Error> {
        let service = url.endpoint.service();
        let limit = options.datagram;
        let addresses = addresses::look_up(url).await?;
        // Of several the one that answers is the right one.
        let several = addresses.len() > 1;
        let race = addresses::race(addresses, move |address| open(service, address, several));
        let (socket, client) = timeout(options.datagram_reply, race)
            .await
            .map_err(|_| Error::NoReply { url: url.clone(), after: options.datagram_reply })?
            .map_err(|error| failed(url, error))?;
        let (request, received) = (vec![0; limit], vec![0; usize::from(u16::MAX)]);
        let patience = options.datagram_reply;
        Ok(Self(Arc::new(Mutex::new(Udp { socket, client, request, received, patience }))))
    }

    /// Calls, once the calls before are done.
    pub(super) async fn call(&self, mut call: Call) {
        let answered = self.0.lock().await.call(&mut call).await;
        match answered {
            Ok(()) => call.finish(),
            Err(error) => call.end(Err(error)),
        }
    }
}

/// A socket for one address, and the client that has asked there whether somebody `answers`, if that
/// is to be known: with a request that changes nothing, as it may reach several.
async fn open(
    service: Service,
    address: SocketAddr,
    answers: bool,
) -> io::Result<(UdpSocket, DatagramClient)> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    let (mut client, request, body) = match service {
        Service::Echo => (DatagramClient::echo(), Request::from_bytes(b""), &b"a"[..]),
        _ => (DatagramClient::command(), Request::new("echo"), &b""[..]),
    };
    if answers {
        let (mut probe, mut came) = ([0; CLASSIC], [0; CLASSIC]);
        let len = client.request(&request, body, &mut probe).map_err(io::Error::other)?;
        socket.send(&probe[..len]).await?;
        loop {
            // It may have got lost.
            let Ok(count) = timeout(AGAIN, socket.recv(&mut came)).await else {
                socket.send(&probe[..len]).await?;
                continue;
            };
            let count = count?;
            let came = Datagram::received(&came[..count], count);
            if client.reply(&probe[..len], came).is_ok() {
                break;
            }
        }
    }
    Ok((socket, client))
}

impl Udp {
    async fn call(&mut self, call: &mut Call) -> Result<(), Error> {
        let url = call.url.clone();
        let body = self.body(call)?;
        let asked = self.client.request(&call.request(), &body, &mut self.request);
        let len = asked.map_err(|error| refused(&url, error))?;
        let request = &self.request[..len];
        self.socket.send(request).await.map_err(|error| failed(&url, error))?;
        let until = Instant::now() + self.patience;
        let mut stray = None;
        loop {
            let Ok(len) = timeout_at(until, self.socket.recv(&mut self.received)).await else {
                return Err(stray.unwrap_or(Error::NoReply { url, after: self.patience }));
            };
            let bytes = &self.received[..len.map_err(|error| failed(&url, error))?];
            match self.client.reply(request, Datagram::received(bytes, bytes.len())) {
                Ok(reply) => return deliver(call, &reply).map_err(|Cancelled| Error::Spent),
                // The answer to an earlier call that was given up, or none to any.
                Err(why) => {
                    let seen = bytes.iter().copied().take(SHOWN).collect();
                    let why = match why {
                        NotTheReply::Message(error) => Closed::Protocol(error),
                        NotTheReply::Unrelated | NotTheReply::Incomplete => Closed::WrongReply,
                    };
                    stray = Some(Error::Foreign { url: url.clone(), why, seen });
                }
            }
        }
    }

    /// All of the body, which has to fit the datagram.
    fn body(&self, call: &mut Call) -> Result<Vec<u8>, Error> {
        let size = usize::try_from(call.request().size).unwrap_or(usize::MAX);
        let fits = check(size, self.request.len());
        fits.map_err(|error| Error::Datagram { url: call.url.clone(), error })?;
        let (mut body, mut at) = (vec![0; size], 0);
        while at < size {
            match call.supply(0, &mut body[at..]) {
                0 => return Err(Error::Source(ErrorKind::UnexpectedEof.into())),
                len => at += len,
            }
        }
        Ok(body)
    }
}

/// Hands a reply to its call.
fn deliver(call: &mut Call, reply: &DatagramReply<'_>) -> Result<(), Cancelled> {
    let DatagramReply { header, body, integrity, truncated } = *reply;
    let size = truncated.unwrap_or(body.len() as u64);
    call.reply(ReplyEvent::Begin { size, header })?;
    if !body.is_empty() {
        call.reply(ReplyEvent::Body(body))?;
    }
    call.reply(ReplyEvent::End(integrity))
}

fn refused(url: &Url, error: unstick::RequestError) -> Error {
    match error {
        unstick::RequestError::Datagram(error) => Error::Datagram { url: url.clone(), error },
        error => RequestError::Core(error).into(),
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
