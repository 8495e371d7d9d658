//! The servers, each a process of its own.

use bytes::Bytes;
use core::net::SocketAddr;
use futures_util::{FutureExt as _, SinkExt, StreamExt as _};
use mio::net::{TcpListener as MioListener, TcpStream as MioStream};
use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};
use std::io::{self, Read as _, Write as _};
use std::process::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use unstick_bench::{Served, address_at_end};

/// One of them.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Whether it runs commands; else it is an echo.
    pub(crate) commands: bool,
}

const RAW_TOKIO: &str = "raw tokio";
const RAW_MIO: &str = "raw mio";
const NODE: &str = "`unstick serve`";
const SEND: &str = "tokio-util and serde_json, `send`";
const TOGETHER: &str = "the same, one write for all that came";

/// All of them; the first of each work is what the others are compared with.
pub(crate) const ALL: [Kind; 6] = [
    Kind { name: RAW_TOKIO, commands: false },
    Kind { name: RAW_MIO, commands: false },
    Kind { name: NODE, commands: false },
    Kind { name: SEND, commands: true },
    Kind { name: TOGETHER, commands: true },
    Kind { name: NODE, commands: true },
];

/// One that runs, until it is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    _process: Served,
}

impl Server {
    pub(crate) fn start(kind: &Kind) -> Self {
        let service = if kind.commands { "command" } else { "echo" };
        let (process, address) = if kind.name == NODE {
            unstick_bench::node(service, &[])
        } else {
            let mut command = Command::new(std::env::current_exe().expect("this is a file"));
            Served::start(command.args(["--serve", kind.name]), address_at_end)
        };
        Self { name: kind.name, address, _process: process }
    }
}

/// Bytes of a read, as our node has them.
const PIECE: usize = 64 * 1024;

/// Serves for ever, and says where.
pub(crate) fn serve(name: &str) -> ! {
    if name == RAW_MIO {
        panic!("it ended: {:?}", mio());
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended: io::Result<()> = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // An error is that the client has gone.
            if name == RAW_TOKIO {
                tokio::spawn(raw(stream));
            } else {
                tokio::spawn(commands(stream, name == TOGETHER));
            }
        }
    });
    panic!("it ended: {ended:?}");
}

async fn raw(mut stream: TcpStream) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match stream.read(&mut piece).await? {
            0 => return Ok(()),
            len => stream.write_all(&piece[..len]).await?,
        }
    }
}

#[derive(Deserialize)]
struct Request<'a> {
    id: u64,
    command: &'a str,
}

#[derive(Serialize)]
struct Reply<'a> {
    id: u64,
    status: &'a str,
    filename: &'a str,
    total_size: usize,
    md5: String,
}

/// What our command service does with `upper`, as one would write it on tokio-util: each answer is sent, or
/// those to requests that came together leave together.
async fn commands(stream: TcpStream, together: bool) -> io::Result<()> {
    let codec = LengthDelimitedCodec::builder().little_endian().new_codec();
    let mut framed = Framed::new(stream, codec);
    framed.set_backpressure_boundary(PIECE);
    loop {
        let next = match framed.next().now_or_never() {
            Some(next) => next,
            None => {
                SinkExt::<Bytes>::flush(&mut framed).await?;
                framed.next().await
            }
        };
        let Some(frame) = next.transpose()? else { return Ok(()) };
        let request: Request<'_> = serde_json::from_slice(&frame)?;
        let text = request.command.strip_prefix("upper ").unwrap_or_default().to_ascii_uppercase();
        let digest = unstick::digest::Hasher::digest(text.as_bytes());
        let md5 = digest.map(|digest| digest.to_string()).unwrap_or_default();
        let reply =
            Reply { id: request.id, status: "ok", filename: "", total_size: text.len(), md5 };
        framed.feed(Bytes::from(serde_json::to_vec(&reply)?)).await?;
        framed.write_buffer_mut().extend_from_slice(text.as_bytes());
        if !together {
            SinkExt::<Bytes>::flush(&mut framed).await?;
        }
    }
}

/// A connection, and what could not be written at once.
struct Connection {
    stream: MioStream,
    left: Vec<u8>,
}

fn mio() -> io::Result<()> {
    const LISTENER: Token = Token(usize::MAX);
    let mut listener = MioListener::bind("127.0.0.1:0".parse().expect("an address"))?;
    println!("listening {}", listener.local_addr()?);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let token = Token(connections.len());
                    let both = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, token, both)?;
                    connections.push(Some(Connection { stream, left: Vec::new() }));
                }
                continue;
            }
            let place = &mut connections[event.token().0];
            if place.as_mut().is_some_and(|it| it.go_on(&mut piece).is_err()) {
                *place = None;
            }
        }
    }
}

impl Connection {
    /// Until it would block; an error is also that the client has gone.
    fn go_on(&mut self, piece: &mut [u8]) -> io::Result<()> {
        loop {
            while !self.left.is_empty() {
                match self.stream.write(&self.left) {
                    Ok(len) => drop(self.left.drain(..len)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            match self.stream.read(piece) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => match self.stream.write(&piece[..len]) {
                    Ok(sent) => self.left.extend_from_slice(&piece[sent..len]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.left.extend_from_slice(&piece[..len]);
                    }
                    Err(error) => return Err(error),
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
