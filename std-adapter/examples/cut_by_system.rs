//! Asks this system what it does with a datagram that is longer than the buffer, and Unstick what it
//! says of the same: a row of the table under rule U3 of docs/protocol.md.

use std::io;
use std::net::UdpSocket;
use unstick_std::udp::Socket;
use unstick_std::unstick::datagram::Datagram;

const SENT: [u8; 20] = [b'x'; 20];

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let peer = UdpSocket::bind("127.0.0.1:0")?;
    let mut buffer = [0; 8];

    let socket = UdpSocket::bind("127.0.0.1:0")?;
    peer.send_to(&SENT, socket.local_addr()?)?;
    let (error, len, from) = match socket.recv_from(&mut buffer) {
        Ok((len, from)) => ("none".into(), Some(len), Some(from)),
        Err(error) => (format!("{}", error.raw_os_error().unwrap_or_default()), None, None),
    };
    let delivered = buffer.iter().take_while(|it| **it == b'x').count();
    let told = |is: bool| if is { "yes" } else { "no" };
    let length = told(len == Some(SENT.len()));
    let sender = told(from == peer.local_addr().ok());

    let mut socket = Socket::bind("127.0.0.1:0".parse().map_err(io::Error::other)?)?;
    peer.send_to(&SENT, socket.local_addr()?)?;
    let (datagram, route) = socket.receive(&mut buffer).await?;
    let unstick = match datagram {
        Datagram::Truncated { head, len: Some(len) } if route.peer == peer.local_addr()? => {
            format!("cut, {} of {len} bytes", head.len())
        }
        other => format!("{other:?}"),
    };
    let system = match std::env::consts::OS {
        "linux" => "Linux",
        "windows" => "Windows",
        other => other,
    };
    println!("| {system} | {delivered} | {error} | {length} | {sender} | {unstick} |");
    Ok(())
}
