//! The client against servers that are not ours, against strange ones, and against none.

use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use unstick::Limits;
use unstick::datagram::IPV4_MAXIMUM;
use unstick::digest::Hasher;
use unstick::message::{Integrity, Kind, decode};
use unstick_std::client::blocking::Client;
use unstick_std::client::{Ask, Body, ClientOptions, Error, Progress, RequestError};
use unstick_std::url::Url;

/// A Python server of `tests/peers`; it ends with its standard input.
struct Peer {
    url: Url,
    child: Child,
    input: Option<ChildStdin>,
}

impl Peer {
    /// `None`, loudly, where there is no Python.
    fn start(scheme: &str, program: &str, options: &[&str]) -> Option<Self> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers");
        let child = Command::new("python3")
            .arg(format!("{folder}/{program}"))
            .args(["127.0.0.1", "0"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) if std::env::var_os("CI").is_none() => {
                eprintln!("SKIPPED: python3 cannot be started ({error}), {program} is not tested");
                return None;
            }
            Err(error) => panic!("python3 cannot be started: {error}"),
        };
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening ").unwrap();
        let url = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
        Some(Self { url, input: child.stdin.take(), child })
    }

    fn client(&self) -> Client {
        Client::connect(&self.url).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

#[test]
fn an_echo_server_in_python() {
    let Some(peer) = Peer::start("echo", "echo_server.py", &[]) else { return };
    let client = peer.client();
    for text in ["hello", "", "héllo 文件\n", &"x".repeat(70_000), "again"] {
        assert_eq!(
            client.call(text).unwrap().body,
            text.to_owned().into_bytes().to_ascii_uppercase()
        );
    }
}

#[test]
fn an_echo_server_over_udp_in_python() {
    let Some(peer) = Peer::start("echo+udp", "udp_echo_server.py", &[]) else { return };
    let options = ClientOptions::new().datagram(IPV4_MAXIMUM);
    let client = Client::connect_with(&peer.url, options).unwrap();
    for text in ["hello", "", &"x".repeat(1472), &"y".repeat(65_507), "again"] {
        assert_eq!(client.call(text).unwrap().body, text.to_ascii_uppercase().as_bytes());
    }
    let error = client.call(&"x".repeat(65_508)).unwrap_err();
    assert!(matches!(error, Error::Datagram { .. }), "{error}");
}

#[test]
fn a_frame_server_in_python() {
    let Some(peer) = Peer::start("frame", "frame_server.py", &[]) else { return };
    let client = peer.client();
    assert_eq!(client.call("upper hello").unwrap().body, b"HELLO");
    assert_eq!(client.call("echo ").unwrap().body, b"");
    assert_eq!(client.call("repeat 300000 abc").unwrap().body, b"abc".repeat(300_000));
    let reply = client.call("upper again").unwrap();
    assert_eq!((reply.status, reply.filename, reply.size), (None, None, 5));
    assert_eq!(
        (reply.exit, reply.integrity, &reply.body[..]),
        (None, Integrity::Unverified, &b"AGAIN"[..])
    );
}

#[test]
fn a_message_server_in_python() {
    for (options, filename, integrity) in [
        (&[][..], "a.txt", Integrity::Verified),
        (&["--tutorial"], "a.txt", Integrity::Unverified),
        (&["--name", "文件.txt"], "文件.txt", Integrity::Verified),
        (&["--name", "😀 \"x\".txt"], "😀 \"x\".txt", Integrity::Verified),
    ] {
        let Some(peer) = Peer::start("message", "message_server.py", options) else { return };
        let client = peer.client();
        for (command, body) in [
            ("upper hello", b"HELLO".to_vec()),
            ("repeat 300000 abc", b"abc".repeat(300_000)),
            ("echo ", Vec::new()),
        ] {
            let reply = client.call(command).unwrap();
            assert_eq!((reply.filename.as_deref(), reply.integrity), (Some(filename), integrity));
            assert_eq!((reply.size, reply.body), (body.len() as u64, body));
        }
    }
}

#[test]
fn a_damaged_body_is_an_error_and_the_connection_goes_on() {
    let Some(peer) = Peer::start("message", "message_server.py", &["--bad-md5"]) else { return };
    let client = peer.client();
    for _ in 0..2 {
        let error = client.call("upper hello").unwrap_err();
        let Error::Damaged { declared, actual } = error else { panic!("{error}") };
        assert_eq!(Some(actual), Hasher::digest(b"HELLO"));
        assert_eq!(Some(declared), Hasher::digest(b"HELLO!"));
    }
}

/// A server that handles one connection in its own way.
fn strange(scheme: &str, serve: impl FnOnce(TcpStream) + Send + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || serve(listener.accept().unwrap().0));
    format!("{scheme}://127.0.0.1:{port}").parse().unwrap()
}

fn refused(url: &Url) -> String {
    let second = Duration::from_secs(1);
    let limits = Limits::DEFAULT.with_stall(second).with_answer(second);
    let options = ClientOptions::new().limits(limits).datagram_reply(Duration::from_millis(200));
    let call = |client: Client| client.call("upper hello");
    Client::connect_with(url, options).and_then(call).unwrap_err().to_string()
}

/// A node takes no longer one, of the echo either (rule U2), and would say nothing.
#[test]
fn a_datagram_over_the_limit_is_not_sent() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("echo+udp://{}", socket.local_addr().unwrap()).parse().unwrap();
    let error = Client::connect(&url).unwrap().call(&"a".repeat(1473)).unwrap_err();
    assert!(matches!(error, Error::Datagram { .. }), "{error}");
    assert!(error.to_string().contains("1472"), "{error}");
}

#[test]
fn nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = format!("start a node there, `unstick serve --command {free}`");
    let error = refused(&format!("command://127.0.0.1:{free}").parse().unwrap());
    assert!(error.starts_with("nobody listens on 127.0.0.1") && error.ends_with(&start), "{error}");
}

#[test]
fn another_protocol_is_named_by_its_first_bytes() {
    const SSH: &[u8] = b"SSH-2.0-OpenSSH_9.6p1\r\n";
    for scheme in ["echo", "frame", "message", "command"] {
        // One that waits for more, and one that closes at once.
        for wait in [Duration::from_secs(10), Duration::ZERO] {
            let url = strange(scheme, move |mut stream| {
                stream.write_all(SSH).unwrap();
                thread::sleep(wait);
            });
            let error = refused(&url);
            let service = format!("is no {scheme} service");
            assert!(
                error.contains(&service) && error.contains("\"SSH-2.0-OpenSSH_9.6p1"),
                "{error}"
            );
        }
    }
    let url = strange("command", |mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let error = refused(&url);
    assert!(error.contains("\"HTTP/1.1 400 Bad Request\\r\\n"), "{error}");
}

#[test]
fn a_peer_that_closes_half_way() {
    for (scheme, sent, expected) in [
        ("frame", &b""[..], "closed the connection before it had answered"),
        ("frame", b"\x05\0\0", "1 bytes are missing"),
        ("frame", b"\x05\0\0\0HE", "3 bytes are missing"),
        ("command", b"\x40\0\0\0{\"id\":1", "57 bytes are missing"),
        ("command", b"\x1a\0\0\0{\"id\":1,\"total_size\":1000}HELLO", "995 bytes are missing"),
        ("echo", b"UPPER", "6 bytes are missing"),
    ] {
        let url = strange(scheme, move |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(sent).unwrap();
        });
        let error = refused(&url);
        assert!(error.contains(expected), "{scheme} {}: {error}", sent.escape_ascii());
    }
}

#[test]
fn a_peer_that_does_not_answer() {
    let url = strange("command", |mut stream| drop(stream.read_to_end(&mut Vec::new())));
    let error = refused(&url);
    assert!(error.ends_with("no answer came in time"), "{error}");
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("command+udp://{}", silent.local_addr().unwrap()).parse().unwrap();
    let error = refused(&url);
    assert!(error.contains("no answer") && error.contains("UDP may have lost"), "{error}");
}

#[test]
fn a_reply_over_the_limit_of_memory() {
    let Some(peer) = Peer::start("message", "message_server.py", &[]) else { return };
    let options = ClientOptions::new().reply(1000);
    let client = Client::connect_with(&peer.url, options).unwrap();
    assert_eq!(client.call("repeat 1000 x").unwrap().size, 1000);
    let error = client.call("repeat 1001 x").unwrap_err();
    assert!(matches!(error, Error::TooLarge { size: 1001, limit: 1000 }), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_lost_fails_the_calls_that_wait_and_those_that_follow() {
    let url = strange("command", |mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        stream.write_all(b"\x17\0\0\0{\"id\":1,\"total_size\":5}first").unwrap();
        let _ = stream.read(&mut [0; 1024]);
    });
    let client = unstick_std::client::Client::connect(&url).await.unwrap();
    assert!(client.is_open().await);
    assert_eq!(client.call("uptime").await.unwrap().text(), "first");
    let (second, third) = tokio::join!(client.call("uptime"), client.call("uptime"));
    for lost in [second, third] {
        assert!(
            matches!(lost, Err(Error::Closed { missing: None, .. } | Error::Spent)),
            "{lost:?}"
        );
    }
    assert!(!client.is_open().await);
    assert!(matches!(client.call("uptime").await, Err(Error::Spent)));
}

#[test]
fn a_request_over_udp_is_padded_and_a_late_reply_is_not_taken_for_another() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("command+udp://{}", peer.local_addr().unwrap()).parse().unwrap();
    let answer = thread::spawn(move || {
        let mut buffer = [0; 2048];
        let (len, from) = peer.recv_from(&mut buffer).unwrap();
        let (header, _) = decode::<1024>(Kind::Request, &buffer[..len]).unwrap();
        assert!(header.command.is_some_and(|it| it == *"uptime"));
        for reply in [
            &b"\x17\0\0\0{\"id\":7,\"total_size\":4}late"[..],
            b"",
            b"\x17\0\0\0{\"id\":1,\"total_size\":5}right",
        ] {
            peer.send_to(reply, from).unwrap();
        }
        len
    });
    let reply = Client::connect(&url).unwrap().call("uptime").unwrap();
    assert_eq!(reply.body, b"right");
    assert_eq!(answer.join().unwrap() * 3, 1473, "the first length of which a third is enough");
}

#[test]
fn a_command_in_the_peer_s_encoding() {
    let url = strange("frame", |mut stream| {
        let mut buffer = [0; 64];
        let len = stream.read(&mut buffer).unwrap();
        let reply = [&[u8::try_from(len).unwrap(), 0, 0, 0], &buffer[..len]].concat();
        stream.write_all(&reply).unwrap();
    });
    let options = ClientOptions::new().encoding(encoding_rs::GBK);
    let client = Client::connect_with(&url, options).unwrap();
    let error = client.call("type 😀").unwrap_err();
    assert!(matches!(error, Error::Request(RequestError::Unmappable { .. })), "{error}");
    assert_eq!(client.call("type 文件").unwrap().body, b"type \xCE\xC4\xBC\xFE");
}

/// Not what the system has taken, which would be all of it at once.
#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn progress_is_what_the_peer_has_acknowledged() {
    const SIZE: u64 = 60_000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let url: Url = format!("command://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (told, progress) = std::sync::mpsc::channel();
    let asked = thread::spawn(move || {
        let body = Body::new(&[b'a'; SIZE as usize][..], SIZE);
        let ask = Ask::new("put a").body(body).progress(move |it| told.send(it).unwrap());
        Client::connect(url).unwrap().ask(ask).unwrap().text().into_owned()
    });
    let (mut stream, _) = listener.accept().unwrap();
    // While nobody reads, the peer's system takes a few kilobytes.
    let sent = |it| if let Progress::Sent { bytes, of: SIZE } = it { bytes } else { SIZE };
    while let Ok(it) = progress.recv_timeout(Duration::from_millis(500)) {
        assert!(sent(it) < SIZE / 2, "{it}");
    }
    let mut request = vec![0; 60_000];
    stream.read_exact(&mut request).unwrap();
    stream.write_all(b"\x25\0\0\0{\"id\":1,\"status\":\"ok\",\"total_size\":6}stored").unwrap();
    assert_eq!(asked.join().unwrap(), "stored");
    let all = progress.iter().collect::<Vec<_>>();
    assert!(all.contains(&Progress::Sent { bytes: SIZE, of: SIZE }), "{all:?}");
}
