//! Datagrams that are known to be whole or cut on arrival, and replies that leave from the address
//! that was asked.

use crate::system::own_port;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use socket2::{Domain, Protocol, SockRef, Type};
use std::io;
use std::sync::Mutex;
use std::time::Instant;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use unstick::datagram::Datagram;

/// Replies a second that leave by sockets of their own.
const ASIDE: u32 = 256;

/// A socket that answers datagrams.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use unstick_std::udp::Socket;
///
/// let mut socket = Socket::bind("127.0.0.1:0".parse().unwrap())?;
/// let peer = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// peer.send_to(b"hello", socket.local_addr()?)?;
///
/// let mut buffer = [0; 1500];
/// let (datagram, route) = socket.receive(&mut buffer).await?;
/// let reply = datagram.bytes().to_ascii_uppercase();
/// socket.reply(&reply, &route)?;
/// assert_eq!(peer.recv(&mut buffer)?, 5);
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    /// Where the system puts what it says of a datagram beside its bytes.
    control: Vec<u8>,
    aside: Mutex<Aside>,
}

/// How many replies have left by sockets of their own in this second.
#[derive(Debug)]
struct Aside {
    since: Instant,
    count: u32,
}

/// Where a datagram came from, and which of our addresses it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Who sent it, as far as that can be believed.
    pub peer: SocketAddr,
    /// Which of our addresses was asked, and by which interface; `None` where the system does not say.
    local: Option<(IpAddr, u32)>,
    /// Whether it was sent to a broadcast or multicast address, as far as the system says.
    pub broadcast: bool,
}

impl Socket {
    /// A socket that listens there. It must be called within a tokio runtime.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket =
            socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            // So that `::` and `0.0.0.0` can be listened on side by side.
            socket.set_only_v6(true)?;
        }
        own_port(&socket)?;
        system::ask_for_destination(&socket, address)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let aside = Mutex::new(Aside { since: Instant::now(), count: 0 });
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(Self { socket, control: system::control(), aside })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Receives one datagram into `buffer`: what arrived, and its way here.
    ///
    /// A datagram longer than the buffer is [`Datagram::Truncated`], with its true length. (Plain
    /// `recv_from` says nothing of it on Unix and forgets the sender on Windows.) Nothing is lost when
    /// the future is dropped before it is ready.
    pub async fn receive<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<(Datagram<'b>, Route)> {
        let (len, route) = system::receive(&self.socket, &mut self.control, buffer).await?;
        let kept = len.min(buffer.len());
        Ok((Datagram::received(&buffer[..kept], len), route))
    }

    /// Sends a reply the way a datagram came, from the address that was asked (RFC 1122, 4.1.3.5).
    ///
    /// It never waits: while replies to hosts that are not there fill the system's queue, up to 256 a
    /// second leave by sockets of their own; more are an error of kind
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    pub fn reply(&self, bytes: &[u8], route: &Route) -> io::Result<()> {
        let sent =
            self.socket.try_io(Interest::WRITABLE, || system::send(&self.socket, bytes, route));
        match sent {
            // Only there does waiting for the dead hold up the living, and a port can be shared safely.
            Err(error) if cfg!(unix) && error.kind() == io::ErrorKind::WouldBlock => {
                self.send_aside(bytes, route)
            }
            sent => sent,
        }
    }

    /// Sends it by a socket of its own with the same address, which is gone at once.
    fn send_aside(&self, bytes: &[u8], route: &Route) -> io::Result<()> {
        {
            let mut aside = self.aside.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if aside.since.elapsed() > Duration::from_secs(1) {
                *aside = Aside { since: Instant::now(), count: 0 };
            }
            aside.count = aside.count.saturating_add(1);
            if aside.count > ASIDE {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        let mut address = self.local_addr()?;
        if let Some((ip, _)) = route.local {
            address.set_ip(ip);
        }
        let socket =
            socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_reuse_address(true)?;
        let ours = SockRef::from(&self.socket);
        // Only for this moment, or another program could have the port as well.
        ours.set_reuse_address(true)?;
        let bound = socket.bind(&address.into());
        ours.set_reuse_address(false)?;
        bound?;
        socket.connect(&route.peer.into())?; // it must take no datagram of anybody else
        socket.send(bytes).map(drop)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use super::Route;
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
    use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo};
    use nix::sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg,
        setsockopt,
    };
    use std::io::{self, IoSlice, IoSliceMut};
    use std::os::fd::AsRawFd as _;
    use tokio::io::Interest;
    use tokio::net::UdpSocket;

    pub(super) fn ask_for_destination(
        socket: &socket2::Socket,
        address: SocketAddr,
    ) -> io::Result<()> {
        match address {
            SocketAddr::V4(_) => setsockopt(socket, Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) => setsockopt(socket, Ipv6RecvPacketInfo, &true)?,
        }
        Ok(())
    }

    pub(super) fn control() -> Vec<u8> {
        nix::cmsg_space!(in_pktinfo, in6_pktinfo)
    }

    /// Returns the true length, which may be more than the buffer's.
    pub(super) async fn receive(
        socket: &UdpSocket,
        control: &mut Vec<u8>,
        buffer: &mut [u8],
    ) -> io::Result<(usize, Route)> {
        let receive = || {
            let mut pieces = [IoSliceMut::new(&mut *buffer)];
            let received = recvmsg::<SockaddrStorage>(
                socket.as_raw_fd(),
                &mut pieces,
                Some(&mut *control),
                MsgFlags::MSG_TRUNC,
            )?;
            let peer = received.address.as_ref().and_then(address);
            let peer = peer.ok_or_else(|| io::Error::other("a datagram without a sender"))?;
            let mut route = Route { peer, local: None, broadcast: false };
            for message in received.cmsgs()? {
                match message {
                    ControlMessageOwned::Ipv4PacketInfo(info) => {
                        let local = Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr));
                        route.local = Some((local.into(), info.ipi_ifindex.cast_unsigned()));
                        // What is sent to one of our own addresses is sent to that.
                        route.broadcast = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
                    }
                    ControlMessageOwned::Ipv6PacketInfo(info) => {
                        let asked = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                        route.broadcast = asked.is_multicast();
                        route.local = Some((asked.into(), number(info.ipi6_ifindex)));
                    }
                    _ => {}
                }
            }
            Ok((received.bytes, route))
        };
        socket.async_io(Interest::READABLE, receive).await
    }

    pub(super) fn send(socket: &UdpSocket, bytes: &[u8], route: &Route) -> io::Result<()> {
        let (v4, v6);
        let source = match route.local {
            Some((IpAddr::V4(ip), _)) => {
                let ipi_spec_dst = in_addr { s_addr: u32::from(ip).to_be() };
                // Routing chooses the interface.
                v4 = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst, ipi_addr: in_addr { s_addr: 0 } };
                Some(ControlMessage::Ipv4PacketInfo(&v4))
            }
            Some((IpAddr::V6(ip), interface)) => {
                // A link-local address means nothing without its interface (RFC 4007).
                let interface = if ip.is_unicast_link_local() { interface } else { 0 };
                let ipi6_ifindex = number(interface);
                v6 = in6_pktinfo { ipi6_addr: in6_addr { s6_addr: ip.octets() }, ipi6_ifindex };
                Some(ControlMessage::Ipv6PacketInfo(&v6))
            }
            None => None,
        };
        let peer = SockaddrStorage::from(route.peer);
        let pieces = [IoSlice::new(bytes)];
        sendmsg(socket.as_raw_fd(), &pieces, source.as_slice(), MsgFlags::empty(), Some(&peer))?;
        Ok(())
    }

    /// The number of an interface, which has a sign on Android.
    fn number<From, To: TryFrom<From> + Default>(from: From) -> To {
        To::try_from(from).unwrap_or_default()
    }

    fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = storage.as_sockaddr_in().map(|it| SocketAddr::V4((*it).into()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|it| SocketAddr::V6((*it).into())))
    }
}

/// Other systems tell neither the true length nor, without more, the address that was asked: the
/// datagram goes first where any fits, and a reply leaves from the address that routing chooses.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use super::Route;
    use core::net::SocketAddr;
    use std::io;
    use tokio::net::UdpSocket;

    pub(super) fn ask_for_destination(_: &socket2::Socket, _: SocketAddr) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn control() -> Vec<u8> {
        vec![0; usize::from(u16::MAX)]
    }

    pub(super) async fn receive(
        socket: &UdpSocket,
        whole: &mut [u8],
        buffer: &mut [u8],
    ) -> io::Result<(usize, Route)> {
        let (len, peer) = socket.recv_from(whole).await?;
        let kept = len.min(buffer.len());
        buffer[..kept].copy_from_slice(&whole[..kept]);
        Ok((len, Route { peer, local: None, broadcast: false }))
    }

    pub(super) fn send(socket: &UdpSocket, bytes: &[u8], route: &Route) -> io::Result<()> {
        socket2::SockRef::from(socket).send_to(bytes, &route.peer.into()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_datagram_is_whole_empty_or_known_to_be_cut() {
        let mut node = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        peer.connect(node.local_addr().unwrap()).await.unwrap();
        let mut buffer = [0xA5; 8];
        for (sent, expected) in [
            (&b"12345678"[..], Datagram::Whole(b"12345678")),
            (b"", Datagram::Empty),
            (&[b'x'; 20], Datagram::Truncated { head: b"xxxxxxxx", len: Some(20) }),
        ] {
            peer.send(sent).await.unwrap();
            let (datagram, route) = node.receive(&mut buffer).await.unwrap();
            assert_eq!((datagram, route.peer), (expected, peer.local_addr().unwrap()));
            assert!(!route.broadcast);
        }
    }

    /// The peer takes an answer from the address that it has asked, and from no other.
    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_reply_leaves_from_the_address_that_was_asked() {
        let mut node = Socket::bind("0.0.0.0:0".parse().unwrap()).unwrap();
        let port = node.local_addr().unwrap().port();
        for asked in ["127.0.0.1", "127.0.0.2", "127.9.9.9"] {
            let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            peer.connect((asked, port)).await.unwrap();
            peer.send(b"a").await.unwrap();
            let mut buffer = [0; 8];
            let (_, route) = node.receive(&mut buffer).await.unwrap();
            node.reply(b"A", &route).unwrap();
            assert_eq!(peer.recv(&mut buffer).await.unwrap(), 1);
            node.send_aside(b"AA", &route).unwrap();
            assert_eq!(peer.recv(&mut buffer).await.unwrap(), 2);
        }
        // Nobody else may have the port all the same.
        assert!(UdpSocket::bind(("127.0.0.1", port)).await.is_err());
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn what_was_sent_to_all_is_known() {
        let mut node = Socket::bind("0.0.0.0:0".parse().unwrap()).unwrap();
        let port = node.local_addr().unwrap().port();
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        peer.set_broadcast(true).unwrap();
        peer.send_to(b"a", ("127.255.255.255", port)).await.unwrap();
        let (_, route) = node.receive(&mut [0; 8]).await.unwrap();
        assert!(route.broadcast);
    }
}
