//! The problem and the cure: what a receiver sees when messages stick together on TCP, and when a
//! datagram is cut on UDP, beside what Unstick delivers.
//!
//! ```text
//! cargo run --package unstick-std --example sticky
//! ```

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use unstick::datagram::Datagram;
use unstick::frame::{Assembler, Frame, Oversize, encode};
use unstick_std::udp::Socket;

const MESSAGES: [&str; 3] = ["led on", "led off", "reboot"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    println!("TCP: three messages are sent, {MESSAGES:?}");
    let plain: Vec<_> = MESSAGES.iter().map(|message| message.as_bytes().to_vec()).collect();
    let received = over_tcp(&plain)?;
    println!("  one receive sees   {:?}", String::from_utf8_lossy(&received));

    let mut framed = Vec::new();
    for message in MESSAGES {
        let mut frame = [0; 64];
        let len = encode(message.as_bytes(), &mut frame)?;
        framed.push(frame[..len].to_vec());
    }
    let received = over_tcp(&framed)?;
    let (mut frames, mut rest) = (Assembler::<64>::new(Oversize::Close), &received[..]);
    print!("  Unstick delivers  ");
    while let Some(Frame::Whole(message)) = frames.next_frame(&mut rest)? {
        print!(" {:?}", String::from_utf8_lossy(message));
    }

    let sent = b"set rate 2500";
    println!("\n\nUDP: {:?} is sent to a buffer of 12 bytes", text(sent));
    let receiver = std::net::UdpSocket::bind("127.0.0.1:0")?;
    let sender = std::net::UdpSocket::bind("127.0.0.1:0")?;
    sender.send_to(sent, receiver.local_addr()?)?;
    let mut buffer = [0; 12];
    let len = receiver.recv(&mut buffer)?;
    println!("  the receive says   {len} bytes, no error: {:?}", text(&buffer[..len]));

    let mut receiver = Socket::bind("127.0.0.1:0".parse()?)?;
    sender.send_to(sent, receiver.local_addr()?)?;
    let (datagram, _) = receiver.receive(&mut buffer).await?;
    match datagram {
        Datagram::Whole(bytes) => println!("  Unstick says       whole: {:?}", text(bytes)),
        Datagram::Truncated { head, len } => {
            let len = len.map_or_else(|| "more".into(), |len| len.to_string());
            println!("  Unstick says       cut: {} of {len} bytes are here", head.len());
        }
        _ => {}
    }
    Ok(())
}

/// What a receiver has once all sends have arrived.
fn over_tcp(sends: &[Vec<u8>]) -> io::Result<Vec<u8>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut sender = TcpStream::connect(listener.local_addr()?)?;
    let (mut receiver, _) = listener.accept()?;
    for send in sends {
        sender.write_all(send)?;
    }
    let all = sends.iter().map(Vec::len).sum();
    let mut buffer = [0; 1024];
    while receiver.peek(&mut buffer)? < all {} // it is on its way
    let len = receiver.read(&mut buffer)?;
    Ok(buffer[..len].to_vec())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
