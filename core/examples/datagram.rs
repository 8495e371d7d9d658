//! A UDP client and a UDP server that know what was cut.
//!
//! ```text
//! cargo run --package unstick --example datagram
//! ```

use core::error::Error;
use core::time::Duration;
use std::io;
use std::net::UdpSocket;
use std::thread;
use unstick::datagram::{self, Datagram, ETHERNET, Envelope};
use unstick::host::{Identity, Node};
use unstick::store::RamStore;
use unstick::{DatagramClient, Instant, Request, Service};

fn main() -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    thread::spawn(move || serve(&socket));

    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    println!("{}", ask(&socket, "upper hello", b"")?);
    println!("{}", ask(&socket, "put a.txt", &[b'x'; 1000])?);
    println!("{}", ask(&socket, "get a.txt", b"")?.len()); // the request was padded for that
    println!("{}", ask(&socket, "put b.txt", &[b'x'; 2000]).expect_err("it does not fit"));
    // What would be cut on arrival is refused by a node, too.
    socket.send(&[b'x'; 2000])?;
    println!("{}", ask(&socket, "stats", b"")?);
    Ok(())
}

/// Answers every datagram of the command service.
fn serve(socket: &UdpSocket) -> io::Result<()> {
    let store = RamStore::new([[0; 2048]; 2]); // two files of 2 KiB
    let mut node = Node::new(Identity::new("bench", "1.0"), store);
    // One byte more than is allowed: so a datagram that is too long is seen to be.
    let (mut request, mut reply) = ([0; ETHERNET + 1], [0; ETHERNET]);
    loop {
        let (len, from) = socket.recv_from(&mut request)?;
        let came = Datagram::received(&request[..len.min(ETHERNET)], len);
        let envelope = Envelope {
            from_port: from.port(),
            own_ports: &[socket.local_addr()?.port()],
            broadcast: false,
        };
        let now = Instant::ZERO; // no command here looks at the time
        let answer = datagram::answer(Service::Command, now, &mut node, envelope, came, &mut reply);
        if let Some(len) = answer {
            socket.send_to(&reply[..len], from)?;
        }
    }
}

/// Asks once: no datagram is sent that is too long, and no other one taken for the reply.
fn ask(socket: &UdpSocket, command: &str, body: &[u8]) -> Result<String, Box<dyn Error>> {
    let mut client = DatagramClient::command();
    let (mut request, mut came) = ([0; ETHERNET], [0; ETHERNET + 1]);
    let len = client.request(&Request::new(command), body, &mut request)?;
    socket.send(&request[..len])?;
    loop {
        let seen = socket.recv(&mut came)?;
        let datagram = Datagram::received(&came[..seen.min(ETHERNET)], seen);
        match client.reply(&request[..len], datagram) {
            Ok(reply) => return Ok(String::from_utf8_lossy(reply.body).into_owned()),
            Err(stray) => eprintln!("{stray}"),
        }
    }
}
