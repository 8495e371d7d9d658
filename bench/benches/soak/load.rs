//! What clients do to a node: what they should, and what they should not.

use core::time::Duration;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Instant;
use unstick_std::client::blocking::Client;
use unstick_std::client::{Ask, Body, Error};

/// Clients at once.
const CLIENTS: usize = 8;
/// How long a client by hand waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of a load.
#[derive(Default)]
pub(crate) struct Load {
    /// Requests answered, as they should be.
    pub(crate) answered: u64,
    /// Connections that were refused, and those that a client gave up by itself.
    pub(crate) failed: u64,
}

impl Load {
    /// Puts clients on a node for that long.
    pub(crate) fn put_on(urls: &HashMap<String, String>, time: Duration) -> Self {
        let until = Instant::now() + time;
        thread::scope(|scope| {
            let each = |client| scope.spawn(move || one_client(client, urls, until));
            let clients: Vec<_> = (0..CLIENTS).map(each).collect();
            let loads = clients.into_iter().map(|it| it.join().expect("a client's assertion"));
            loads.fold(Self::default(), |sum, it| Self {
                answered: sum.answered + it.answered,
                failed: sum.failed + it.failed,
            })
        })
    }
}

fn one_client(client: usize, urls: &HashMap<String, String>, until: Instant) -> Load {
    let mut load = Load::default();
    for round in 0.. {
        if Instant::now() >= until {
            break;
        }
        // Another order for each client.
        let done = match (round + client * 3) % 11 {
            0 => calls(&urls["command"], 50),
            1 => calls(&urls["frame"], 10),
            2 => calls(&urls["message"], 10),
            3 => calls(&urls["command+udp"], 10),
            4 => file(&urls["command"], client, round),
            5 => echo(&urls["echo"]),
            6 => waits(&urls["command"]),
            7 => given_up(&urls["command"], &half_a_request()),
            8 => given_up(&urls["command"], &request(r#"{"id":1,"command":"count 5000"}"#)),
            9 => given_up(&urls["echo"], b""),
            _ => program(&urls["command"]),
        };
        match done {
            Ok(answered) => load.answered += answered,
            Err(Refused) => load.failed += 1,
        }
    }
    load
}

/// A connection was not let in, or gave way to another: a node may have few places.
struct Refused;

impl From<Error> for Refused {
    fn from(_: Error) -> Self {
        Self
    }
}

impl From<std::io::Error> for Refused {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

/// The number of requests answered.
type Done = Result<u64, Refused>;

fn calls(url: &str, count: u64) -> Done {
    let client = Client::connect(url)?;
    for number in 0..count {
        // A datagram's answer is at most three times as long.
        let reply = client.call(&format!("upper a request of some length, number {number}"))?;
        assert_eq!(reply.text(), format!("A REQUEST OF SOME LENGTH, NUMBER {number}"));
    }
    Ok(count)
}

/// A file of any size, up and down; a node may have no room for it.
fn file(url: &str, client: usize, round: usize) -> Done {
    let body: Vec<u8> = (0..round * 997 % 40_000).map(|at| (at * 31 + round) as u8).collect();
    let node = Client::connect(url)?;
    let size = body.len() as u64;
    let put = Ask::new(format!("put soak{client}"))
        .body(Body::new(std::io::Cursor::new(body.clone()), size));
    if node.ask(put)?.is_ok() {
        assert_eq!(node.call(&format!("get soak{client}"))?.body, body);
        assert!(node.call(&format!("remove soak{client}"))?.is_ok());
    }
    Ok(3)
}

fn echo(url: &str) -> Done {
    let mut stream = connect(url)?;
    let mut reply = [0; 4096];
    for _ in 0..4 {
        stream.write_all(&[b'a'; 4096])?;
        stream.read_exact(&mut reply)?;
        assert_eq!(reply, [b'A'; 4096]);
    }
    Ok(4)
}

/// Answers that are late, and one that is long.
fn waits(url: &str) -> Done {
    let client = Client::connect(url)?;
    assert_eq!(client.call("wait 20")?.text(), "waited");
    assert_eq!(client.call("count 3000")?.body.len(), 13_893);
    assert!(!client.call("nothing of that name")?.is_ok());
    Ok(3)
}

/// Asks, and goes: with a reset, an end, or half an answer read.
fn given_up(url: &str, request: &[u8]) -> Done {
    for how in 0..3 {
        let mut stream = connect(url)?;
        stream.write_all(request)?;
        match how {
            0 => {}
            1 => stream.shutdown(Shutdown::Write)?,
            _ => {
                stream.set_read_timeout(Some(Duration::from_millis(20)))?;
                let _ = stream.read(&mut [0; 100]);
            }
        }
    }
    Ok(0)
}

fn half_a_request() -> Vec<u8> {
    [request(r#"{"id":1,"command":"put half","total_size":9}"#), b"half".into()].concat()
}

fn request(header: &str) -> Vec<u8> {
    let prefix = u32::try_from(header.len()).expect("it is short").to_le_bytes();
    [&prefix, header.as_bytes()].concat()
}

/// One that a node may not have.
fn program(url: &str) -> Done {
    let reply = Client::connect(url)?.call("true")?;
    assert!(reply.is_ok() || reply.text().contains("there is no command"));
    Ok(1)
}

fn connect(url: &str) -> Result<TcpStream, Refused> {
    let (_, address) = url.split_once("://").expect("a URL");
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
