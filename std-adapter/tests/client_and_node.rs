//! The client and our node.

use core::time::Duration;
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};
use unstick::Service;
use unstick::digest::Hasher;
use unstick::message::Integrity;
use unstick_std::client::blocking::Client;
use unstick_std::client::{Ask, Body, Error, Progress, RequestError};
use unstick_std::node::{Config, Ports, Running};
use unstick_std::url::Url;

fn node() -> (Running, impl Fn(&str) -> Url) {
    let config = Config::new().ports(Ports::ANY);
    let node = Running::start(config).unwrap();
    let listening = node.listening().to_vec();
    let url = move |scheme: &str| {
        let sockets = listening.iter();
        sockets.map(|it| it.url()).find(|url| url.endpoint.scheme() == scheme).unwrap()
    };
    (node, url)
}

fn body(bytes: &[u8]) -> Body {
    Body::new(Cursor::new(bytes.to_vec()), bytes.len() as u64)
}

/// A sink that can be looked into.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_to_our_node_and_back() {
    let (_node, url) = node();
    let client = Client::connect(url("command")).unwrap();
    let content: Vec<u8> = (0..15_000_u32).flat_map(u32::to_le_bytes).collect();
    let size = content.len() as u64;
    let body = body(&content).md5(Hasher::digest(&content));
    let told = Arc::<Mutex<Vec<Progress>>>::default();
    let tell = || {
        let told = Arc::clone(&told);
        move |progress| told.lock().unwrap().push(progress)
    };
    let reply = client.ask(Ask::new("put a.bin").body(body).progress(tell())).unwrap();
    assert!(reply.is_ok(), "{reply}");
    assert!(told.lock().unwrap().contains(&Progress::Sent { bytes: size, of: size }));
    let sink = Shared::default();
    let ask = Ask::new("get a.bin").sink(sink.clone()).progress(tell());
    let reply = client.ask(ask).unwrap();
    assert_eq!(told.lock().unwrap().last(), Some(&Progress::Received { bytes: size, of: size }));
    assert_eq!((reply.filename.as_deref(), reply.integrity), (Some("a.bin"), Integrity::Verified));
    assert!(*sink.0.lock().unwrap() == content && reply.body.is_empty());
}

#[test]
fn a_refusal_is_a_reply_and_the_sink_gets_nothing() {
    let (_node, url) = node();
    let client = Client::connect(url("command")).unwrap();
    let sink = Shared::default();
    let reply = client.ask(Ask::new("get none").sink(sink.clone())).unwrap();
    assert_eq!((reply.status.as_deref(), sink.0.lock().unwrap().len()), (Some("failed"), 0));
    assert_eq!(reply.text(), "there is no file `none`; try list");
    // A body far longer than what the node skips: it answers before it has it, then closes.
    let body = Body::new(io::repeat(0), 1 << 30);
    let reply = client.ask(Ask::new("put ../x").body(body)).unwrap();
    assert_eq!(reply.status.as_deref(), Some("denied"));
    assert!(!client.is_open());
    assert!(client.call("uptime").unwrap_err().is_closed());
}

#[test]
fn what_cannot_be_sent_is_said_before_anything_is() {
    let (_node, url) = node();
    let frame = Client::connect(url("frame")).unwrap();
    for (command, part) in [
        ("", "the command is empty"),
        ("upper a\nupper b", "has a line break"),
        (&"x".repeat(1025), "1025 bytes is over the limit of 1024"),
    ] {
        let error = frame.call(command).unwrap_err();
        assert!(matches!(error, Error::Request(_)) && error.to_string().contains(part), "{error}");
    }
    let error = frame.ask(Ask::new("put x").body(body(b"x"))).unwrap_err();
    let no_body = unstick::RequestError::Body { service: Service::Frame };
    assert!(matches!(&error, Error::Request(RequestError::Core(it)) if *it == no_body), "{error}");
    assert_eq!(frame.call(&format!("upper {}", "x".repeat(1018))).unwrap().size, 1018);
    let command = Client::connect(url("command")).unwrap();
    let error = command.call(&"x".repeat(1000)).unwrap_err();
    assert!(error.to_string().contains("does not fit a header of 1024"), "{error}");
    assert!(command.call(&format!("upper {}", "x".repeat(900))).unwrap().is_ok());
}

#[test]
fn a_body_that_ends_early_is_our_fault_and_ends_the_connection() {
    let (_node, url) = node();
    let client = Client::connect(url("command")).unwrap();
    let body = Body::new(&b"short"[..], 6);
    let error = client.ask(Ask::new("put x").body(body)).unwrap_err();
    assert!(matches!(error, Error::Source(_)), "{error}");
    assert!(matches!(client.call("uptime"), Err(Error::Spent)));
}

#[test]
fn the_command_service_over_udp() {
    let (_node, url) = node();
    let client = Client::connect(url("command+udp")).unwrap();
    assert_eq!(client.call("upper hello").unwrap().body, b"HELLO");
    // The padded request leaves room for a reply much longer than the command.
    assert!(client.call("help").unwrap().size > 400);
    let content = vec![b'x'; 1200];
    let put = client.ask(Ask::new("put x").body(body(&content))).unwrap();
    assert!(put.is_ok(), "{}", put.text());
    assert_eq!(client.call("get x").unwrap().body, content);
    let content = vec![b'y'; 1473];
    let error = client.ask(Ask::new("put y").body(body(&content))).unwrap_err();
    assert!(error.to_string().contains("1473 bytes is over the limit of 1472"), "{error}");
    let over_tcp = Client::connect(url("command")).unwrap();
    over_tcp.ask(Ask::new("put y").body(body(&content))).unwrap();
    let error = client.call("get y").unwrap_err();
    assert!(matches!(error, Error::Truncated { size: 1473, .. }), "{error}");
    assert!(error.to_string().contains("command://127.0.0.1:PORT"), "{error}");
}

#[tokio::test]
async fn calls_run_in_spawned_tasks() {
    let (_node, url) = node();
    let tasks = ["command", "frame", "command+udp"].map(|scheme| {
        let url = url(scheme);
        tokio::spawn(async move {
            let client = unstick_std::client::Client::connect(&url).await?;
            client.call("upper hello").await
        })
    });
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().body, b"HELLO");
    }
}

#[tokio::test]
async fn many_calls_at_once_on_one_connection_each_get_their_own_answer() {
    let (_node, url) = node();
    for scheme in ["command", "frame", "command+udp"] {
        let client = unstick_std::client::Client::connect(url(scheme)).await.unwrap();
        let calls = (0..200).map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.call(&format!("upper a{n}")).await })
        });
        for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(call.await.unwrap().unwrap().text(), format!("A{n}"), "{scheme}");
        }
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_takes_nobody_elses_answer() {
    let (_node, url) = node();
    let client = unstick_std::client::Client::connect(url("command")).await.unwrap();
    let content = vec![b'x'; 60_000];
    client.ask(Ask::new("put x").body(body(&content))).await.unwrap();
    for _ in 0..20 {
        let given_up = client.call("get x");
        let _ = tokio::time::timeout(Duration::from_micros(200), given_up).await;
        assert_eq!(client.call("upper next").await.unwrap().text(), "NEXT");
    }
    assert!(client.is_open().await);
}

#[test]
fn files_are_put_and_got_whole_or_not_at_all() {
    let (_node, url) = node();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let content: Vec<u8> = (0..60_000_u32).map(|n| (n / 7) as u8).collect();
    std::fs::write(at("here"), &content).unwrap();
    let client = Client::connect(url("command")).unwrap();
    assert!(client.put_file(at("here"), "there", |_| {}).unwrap().is_ok());
    let reply = client.get_file("there", at("back"), |_| {}).unwrap();
    assert_eq!(reply.integrity, Integrity::Verified);
    assert!(std::fs::read(at("back")).unwrap() == content);
    // A refusal leaves what was there, and nothing beside it.
    let reply = client.get_file("none", at("back"), |_| {}).unwrap();
    assert_eq!(reply.to_string(), "failed: there is no file `none`; try list");
    assert!(std::fs::read(at("back")).unwrap() == content);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let error = client.put_file(at("gone"), "there", |_| {}).unwrap_err();
    assert!(matches!(error, Error::Source(_)), "{error}");
}

/// A name has several addresses, and the node is at one of them.
#[test]
fn every_address_of_a_name_is_tried() {
    use core::net::{IpAddr, Ipv6Addr};
    use std::net::ToSocketAddrs as _;
    let found: Vec<IpAddr> =
        ("localhost", 1).to_socket_addrs().unwrap().map(|address| address.ip()).collect();
    for ip in [IpAddr::from([127, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()] {
        let config = Config::new().ports(Ports::ANY).bind([ip]);
        let (true, Ok(node)) = (found.contains(&ip), Running::start(config)) else {
            eprintln!("SKIPPED: localhost is not {ip} here");
            continue;
        };
        for socket in node.listening() {
            let (endpoint, port) = (socket.endpoint, socket.address.port());
            let url = format!("{endpoint}://localhost:{port}");
            let client =
                Client::connect(url.as_str()).unwrap_or_else(|error| panic!("{url}: {error}"));
            if endpoint.service() != Service::Echo {
                assert_eq!(client.call("upper hello").unwrap().text(), "HELLO", "{url}");
            }
        }
    }
}
