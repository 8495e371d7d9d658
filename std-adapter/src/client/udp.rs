//! Calls over datagrams: one out, one in, one after another.

use super::call::Call;
use super::{Ask, Body, ClientOptions, Error, RequestError, SHOWN, addresses};
use crate::keys::random;
use crate::url::Url;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};
use unstick::datagram::{CLASSIC, Datagram, check};
use unstick::keys::{DatagramKey, ID, Key, OVERHEAD};
use unstick::{
    Cancelled, Closed, DatagramClient, DatagramReply, Endpoint, NotTheReply, ReplyEvent, Request,
    Service,
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
    /// The datagram that asks, or what is sealed in it.
    request: Vec<u8>,
    /// No datagram is longer, so none is ever cut.
    received: Vec<u8>,
    patience: Duration,
    sealed: Option<Sealed>,
}

/// What there is besides where a key is asked for.
#[derive(Debug)]
struct Sealed {
    url: Url,
    options: ClientOptions,
    key: Key,
    /// The session that the node has opened; `None` once it did not answer, because it may have forgotten it.
    session: Option<DatagramKey>,
    /// The sealed datagram that asks.
    request: Vec<u8>,
    /// The opened one that answers.
    reply: Vec<u8>,
}

impl Handle {
    pub(super) async fn connect(url: &Url, options: &ClientOptions) -> Result<Self, Error> {
        let limit = options.datagram;
        let (socket, client, sealed) = match &options.key {
            Some(key) => {
                let (socket, session) = open_session(url, key, options).await?;
                let (request, reply) = (vec![0; limit], vec![0; usize::from(u16::MAX)]);
                let (url, options, key) = (url.clone(), options.clone(), key.clone());
                let session = Some(session);
                let sealed = Sealed { url, options, key, session, request, reply };
                (socket, DatagramClient::command(), Some(sealed))
            }
            None => {
                let (socket, client) = find(url, options).await?;
                (socket, client, None)
            }
        };
        let overhead = if sealed.is_some() { OVERHEAD } else { 0 };
        let request = vec![0; limit.saturating_sub(overhead)];
        let (received, patience) = (vec![0; usize::from(u16::MAX)], options.datagram_reply);
        let udp = Udp { socket, client, request, received, patience, sealed };
        Ok(Self(Arc::new(Mutex::new(udp))))
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

/// A socket for whoever answers.
async fn find(url: &Url, options: &ClientOptions) -> Result<(UdpSocket, DatagramClient), Error> {
    let service = url.endpoint.service();
    let addresses = addresses::look_up(url).await?;
    // Of several the one that answers is the right one.
    let several = addresses.len() > 1;
    let race = addresses::race(addresses, move |address| open(service, address, several));
    timeout(options.datagram_reply, race)
        .await
        .map_err(|_| Error::NoReply { url: url.clone(), after: options.datagram_reply })?
        .map_err(|error| failed(url, error))
}

/// Opens a session over TCP (rule K8), and a socket for the address that has answered there.
async fn open_session(
    url: &Url,
    key: &Key,
    options: &ClientOptions,
) -> Result<(UdpSocket, DatagramKey), Error> {
    let over = Endpoint::tcp(Service::Command);
    let own = || Url { endpoint: over, host: url.host.clone(), port: over.port() };
    let over = options.session.clone().unwrap_or_else(own);
    let connection = super::connection::Handle::connect(&over, options).await?;
    let (id, secret) = (random::<ID>().map_err(Error::Key)?, random().map_err(Error::Key)?);
    let line = format!("udp {:08x}", u32::from_be_bytes(*id));
    let ask = Ask::new(line)
        .body(Body::new(io::Cursor::new(secret.clone().to_vec()), secret.len() as u64));
    let (call, reply) = Call::new(&over, ask, encoding_rs::UTF_8, options.reply)?;
    connection.send(call).await?;
    let reply = reply.await.unwrap_or(Err(Error::Spent))?;
    if !reply.is_ok() {
        return Err(Error::NoSession { url: over, said: reply.text().into_owned() });
    }
    let socket = connected((connection.peer().ip(), url.port).into());
    let socket = socket.await.map_err(|error| failed(url, error))?;
    Ok((socket, DatagramKey::new(key, *id, &secret)))
}

/// A socket for one address.
async fn connected(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}

/// A socket for one address, and the client that has asked there whether somebody `answers`, if that
/// is to be known: with a request that changes nothing, as it may reach several.
async fn open(
    service: Service,
    address: SocketAddr,
    answers: bool,
) -> io::Result<(UdpSocket, DatagramClient)> {
    let socket = connected(address).await?;
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
        let datagram = match &mut self.sealed {
            Some(sealed) => sealed.seal(request, &mut self.socket).await?,
            None => request,
        };
        self.socket.send(datagram).await.map_err(|error| failed(&url, error))?;
        let until = Instant::now() + self.patience;
        let mut stray = None;
        loop {
            let Ok(len) = timeout_at(until, self.socket.recv(&mut self.received)).await else {
                self.sealed.iter_mut().for_each(|it| it.session = None);
                return Err(stray.unwrap_or(Error::NoReply { url, after: self.patience }));
            };
            let bytes = &self.received[..len.map_err(|error| failed(&url, error))?];
            let bytes = match &mut self.sealed {
                // What does not open is somebody else's, or the answer to an earlier call.
                Some(sealed) => match sealed.open(bytes) {
                    Some(bytes) => bytes,
                    None => continue,
                },
                None => bytes,
            };
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

impl Sealed {
    /// The datagram that asks; over a new socket if it needs a new session.
    async fn seal(&mut self, request: &[u8], socket: &mut UdpSocket) -> Result<&[u8], Error> {
        if self.session.is_none() {
            let (new, session) = open_session(&self.url, &self.key, &self.options).await?;
            (*socket, self.session) = (new, Some(session));
        }
        let session = self.session.as_mut();
        let len = session.and_then(|session| session.seal(request, &mut self.request));
        // There is room for it, and 2^64 requests have not been made.
        Ok(&self.request[..len.unwrap_or_default()])
    }

    fn open(&mut self, datagram: &[u8]) -> Option<&[u8]> {
        self.session.as_ref()?.open(datagram, &mut self.reply)
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
