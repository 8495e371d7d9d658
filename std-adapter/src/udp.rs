//! Datagrams that are known to be whole, or cut on arrival.

use core::net::SocketAddr;
use std::io;
use tokio::net::UdpSocket;
use unstick::datagram::Datagram;

/// Receives one datagram into `buffer`: what arrived, and who sent it.
///
/// A datagram longer than the buffer is [`Datagram::Truncated`], with its true length. (Plain
/// `recv_from` says nothing of it on Unix and forgets the sender on Windows.) Nothing is lost when
/// the future is dropped before it is ready.
pub async fn receive<'b>(
    socket: &UdpSocket,
    buffer: &'b mut [u8],
) -> io::Result<(Datagram<'b>, SocketAddr)> {
    let (len, from) = receive_into(socket, buffer).await?;
    let kept = len.min(buffer.len());
    Ok((Datagram::received(&buffer[..kept], len), from))
}

/// Returns the true length, which may be more than the buffer's.
#[cfg(target_os = "linux")]
async fn receive_into(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    use rustix::net::{RecvFlags, recvfrom};

    let receive = || {
        let (_, len, from) = recvfrom(socket, &mut *buffer, RecvFlags::TRUNC)?;
        Ok((len, from))
    };
    let (len, from) = socket.async_io(tokio::io::Interest::READABLE, receive).await?;
    let from = from.ok_or_else(|| io::Error::other("a datagram without a sender"))?;
    Ok((len, SocketAddr::try_from(from)?))
}

/// Other systems do not tell the true length, so the datagram goes first where any fits.
#[cfg(not(target_os = "linux"))]
async fn receive_into(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let mut whole = vec![0; usize::from(u16::MAX)];
    let (len, from) = socket.recv_from(&mut whole).await?;
    let kept = len.min(buffer.len());
    buffer[..kept].copy_from_slice(&whole[..kept]);
    Ok((len, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_datagram_is_whole_empty_or_known_to_be_cut() {
        let node = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        peer.connect(node.local_addr().unwrap()).await.unwrap();
        let sender = peer.local_addr().unwrap();
        let mut buffer = [0xA5; 8];
        for (sent, expected) in [
            (&b"12345678"[..], Datagram::Whole(b"12345678")),
            (b"", Datagram::Empty),
            (&[b'x'; 20], Datagram::Truncated { head: b"xxxxxxxx", len: Some(20) }),
        ] {
            peer.send(sent).await.unwrap();
            assert_eq!(receive(&node, &mut buffer).await.unwrap(), (expected, sender));
        }
    }
}
