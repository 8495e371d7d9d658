//! The kernel's part: our end of each connection, and the far end where that is a kernel too.

use crate::Work;
use core::net::Ipv4Addr;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Instant;

/// Bytes of a read and a write.
const PIECE: usize = 64 * 1024;

/// Bytes of a datagram.
const DATAGRAM: usize = 64;

/// Does the work with whom is at that address; returns how long it took.
pub(crate) fn work(work: Work, address: Ipv4Addr, bytes: usize, datagrams: usize) -> Duration {
    try_work(work, address, bytes, datagrams).expect("the far end does its part")
}

fn try_work(work: Work, address: Ipv4Addr, bytes: usize, datagrams: usize) -> io::Result<Duration> {
    let to = (address, work.port());
    if work == Work::Datagrams {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut reply = [0; DATAGRAM];
        // The first one has to look the neighbour up.
        for _ in 0..10 {
            socket.send(&[1; DATAGRAM])?;
            if socket.recv(&mut reply).is_ok() {
                break;
            }
        }
        let start = Instant::now();
        for _ in 0..datagrams {
            socket.send(&[1; DATAGRAM])?;
            assert_eq!(socket.recv(&mut reply)?, DATAGRAM);
        }
        return Ok(start.elapsed());
    }
    let mut stream = TcpStream::connect(to)?;
    // How much is to come, or to be sent.
    stream.write_all(&(bytes as u64).to_le_bytes())?;
    let start = Instant::now();
    match work {
        Work::Out => read(&mut stream, bytes)?,
        Work::In => {
            write(&mut stream, bytes)?;
            stream.read_exact(&mut [0])?; // it has all of it
        }
        Work::Echo | Work::Datagrams => {
            let mut writer = stream.try_clone()?;
            let writing = thread::spawn(move || write(&mut writer, bytes));
            read(&mut stream, bytes)?;
            writing.join().expect("it does not panic")?;
        }
    }
    Ok(start.elapsed())
}

fn read(stream: &mut TcpStream, mut bytes: usize) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    while bytes > 0 {
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => bytes -= len,
        }
    }
    Ok(())
}

fn write(stream: &mut TcpStream, mut bytes: usize) -> io::Result<()> {
    let piece = vec![7; PIECE];
    while bytes > 0 {
        bytes -= stream.write(&piece[..bytes.min(PIECE)])?;
    }
    Ok(())
}

/// The far end, as smoltcp is elsewhere: each kind of work at its port, for ever.
pub(crate) fn serve() -> ! {
    for work in [Work::Out, Work::In, Work::Echo] {
        let listener = TcpListener::bind(("0.0.0.0", work.port())).expect("the port is free");
        thread::spawn(move || {
            for stream in listener.incoming() {
                // An error is that the other end has gone.
                let _ = stream.and_then(|stream| answer(work, stream));
            }
        });
    }
    let socket = UdpSocket::bind(("0.0.0.0", Work::Datagrams.port())).expect("the port is free");
    println!("ready");
    let mut datagram = [0; 2048];
    loop {
        if let Ok((len, from)) = socket.recv_from(&mut datagram) {
            let _ = socket.send_to(&datagram[..len], from);
        }
    }
}

fn answer(work: Work, mut stream: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes)?;
    let bytes = u64::from_le_bytes(bytes) as usize;
    match work {
        Work::Out => write(&mut stream, bytes),
        Work::In => {
            read(&mut stream, bytes)?;
            stream.write_all(&[1])
        }
        Work::Echo | Work::Datagrams => {
            let mut piece = vec![0; PIECE];
            loop {
                match stream.read(&mut piece)? {
                    0 => return Ok(()),
                    len => stream.write_all(&piece[..len])?,
                }
            }
        }
    }
}
