//! Links over the sockets of this machine.

use crate::difference::Difference;
use crate::player::{Link, Played};
use crate::scenario::Scenario;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::thread;
use std::time::Instant;
use unstick::{Endpoint, Transport};

/// Connects to a live node; a TCP connection is there within `patience`.
///
/// UDP connects to nobody, so there a node that is not there is first seen by its silence.
pub fn connect(
    endpoint: Endpoint,
    address: SocketAddr,
    patience: Duration,
) -> io::Result<Box<dyn Link>> {
    if endpoint.transport() == Transport::Tcp {
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_nodelay(true)?;
        let sent = None;
        return Ok(Box::new(Stream { stream, early: Vec::new(), patience, sent }));
    }
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    datagrams((any, 0).into(), address)
}

/// A socket for datagrams whose port has the number of the peer's. Not every system lets one send from
/// there; for a peer on 127.0.0.1 it is another loopback address, which Linux has.
pub fn connect_from_own_port(address: SocketAddr) -> io::Result<Box<dyn Link>> {
    let from: IpAddr = match address {
        SocketAddr::V4(to) if to.ip().is_loopback() => Ipv4Addr::new(127, 0, 0, 2).into(),
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    datagrams((from, address.port()).into(), address)
}

fn datagrams(from: SocketAddr, to: SocketAddr) -> io::Result<Box<dyn Link>> {
    let socket = UdpSocket::bind(from)?;
    socket.connect(to)?;
    Ok(Box::new(Datagrams(socket)))
}

/// Plays a scenario on a node, exactly. `None` where this machine has no port to send from that it
/// wants.
pub fn play(scenario: &Scenario, address: SocketAddr, patience: Duration) -> Option<Played> {
    let link = match scenario.from_own_port {
        true => Some(connect_from_own_port(address).ok()?),
        false => None,
    };
    let link = link.map_or_else(|| connect(scenario.endpoint, address, patience), Ok);
    Some(match link {
        Ok(mut link) => crate::play(scenario, &mut *link),
        Err(error) => Err(Box::new(Difference::unreachable(&error))),
    })
}

/// A TCP connection.
struct Stream {
    stream: TcpStream,
    /// What came while something was being sent.
    early: Vec<u8>,
    patience: Duration,
    /// When it last sent, if it has not received since.
    sent: Option<Instant>,
}

/// How long there is between two writes, so that the peer may well receive them one by one.
const APART: Duration = Duration::from_millis(1);

/// How long a write blocks before what has come is looked at.
const TURN: Duration = Duration::from_millis(10);

impl Link for Stream {
    /// A peer that answers before it has read all may be unable to read on until its answer is
    /// read. So a write that blocks takes turns with reads.
    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if let Some(sent) = self.sent.replace(Instant::now()) {
            thread::sleep(APART.saturating_sub(sent.elapsed()));
        }
        self.stream.set_write_timeout(Some(TURN))?;
        let mut since = Instant::now();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(len) => {
                    bytes = &bytes[len..];
                    since = Instant::now();
                }
                Err(error) if is_timeout(&error) => match self.read_early() {
                    Ok(0) if since.elapsed() > self.patience => return Err(error),
                    Ok(0) => {}
                    Ok(_) => since = Instant::now(),
                    Err(_) => return Ok(()), // the peer has closed
                },
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_closed(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<Option<usize>> {
        self.sent = None;
        if !self.early.is_empty() {
            let len = self.early.len().min(buffer.len());
            buffer[..len].copy_from_slice(&self.early[..len]);
            self.early.drain(..len);
            return Ok(Some(len));
        }
        self.stream.set_read_timeout(Some(patience))?;
        let len = receive(patience, || self.stream.read(buffer))?;
        Ok((len > 0).then_some(len))
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.stream.shutdown(Shutdown::Write) {
            Err(error) if !is_closed(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

impl Stream {
    /// Reads what has arrived. Returns the number of bytes, and an error once the peer has closed.
    fn read_early(&mut self) -> io::Result<usize> {
        let mut buffer = vec![0; 1 << 16];
        self.stream.set_read_timeout(Some(TURN))?;
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => {
                self.early.extend_from_slice(&buffer[..len]);
                Ok(len)
            }
            Err(error) if is_timeout(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

struct Datagrams(UdpSocket);

impl Link for Datagrams {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(bytes).map(|_| ())
    }

    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<Option<usize>> {
        self.0.set_read_timeout(Some(patience))?;
        receive(patience, || self.0.recv(buffer)).map(Some)
    }

    fn finish(&mut self) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}

/// Receives once; systems call a timeout by two names, and one of them is chosen here.
fn receive(patience: Duration, mut once: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    let until = Instant::now() + patience;
    loop {
        match once() {
            Err(error) if error.kind() == ErrorKind::Interrupted && Instant::now() < until => {}
            Err(error) if is_timeout(&error) => return Err(ErrorKind::TimedOut.into()),
            received => return received,
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_closed(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
}
