//! The client and our node.

use unstick::Service;
use unstick::digest::Hasher;
use unstick::message::Verdict;
use unstick_std::client::blocking::Client;
use unstick_std::client::{Body, Error, Progress, RequestError};
use unstick_std::node::{Config, Ports, Running};
use unstick_std::url::{Transport, Url};

fn node() -> (Running, impl Fn(&str) -> Url) {
    let config = Config { ports: Ports::ANY, ..Config::default() };
    let node = Running::start(config).unwrap();
    let addresses = [
        ("command", node.address(Service::Command, Transport::Tcp).unwrap()),
        ("command+udp", node.address(Service::Command, Transport::Udp).unwrap()),
        ("frame", node.address(Service::Frame, Transport::Tcp).unwrap()),
    ];
    let url = move |scheme: &str| {
        let (_, address) = addresses.iter().find(|(name, _)| *name == scheme).unwrap();
        format!("{scheme}://{address}").parse().unwrap()
    };
    (node, url)
}

#[test]
fn a_file_to_our_node_and_back() {
    let (_node, url) = node();
    let mut client = Client::connect(&url("command")).unwrap();
    let content: Vec<u8> = (0..15_000_u32).flat_map(u32::to_le_bytes).collect();
    let size = content.len() as u64;
    let body = Body { source: &mut &content[..], size, md5: Hasher::digest(&content) };
    let mut last = None;
    let reply = client
        .call_with("put a.bin", Some(body), &mut Vec::new(), &mut |it| {
            if let Progress::Sent { .. } = it {
                last = Some(it);
            }
        })
        .unwrap();
    assert!(reply.is_ok(), "{}", reply.text());
    assert_eq!(last, Some(Progress::Sent { bytes: size, of: size }));
    let mut sink = Vec::new();
    let reply = client.call_with("get a.bin", None, &mut sink, &mut |it| last = Some(it)).unwrap();
    assert_eq!(last, Some(Progress::Received { bytes: size, of: size }));
    assert_eq!((reply.filename.as_deref(), reply.verdict), (Some("a.bin"), Verdict::Verified));
    assert!(sink == content && reply.body.is_empty());
}

#[test]
fn a_refusal_is_a_reply_and_the_sink_gets_nothing() {
    let (_node, url) = node();
    let mut client = Client::connect(&url("command")).unwrap();
    let mut sink = Vec::new();
    let reply = client.call_with("get none", None, &mut sink, &mut |_| {}).unwrap();
    assert_eq!((reply.status.as_deref(), sink.len()), (Some("failed"), 0));
    assert_eq!(reply.text(), "there is no file `none`; try list");
    // A body far longer than what the node skips: it answers before it has it, then closes.
    let body = Body { source: &mut std::io::repeat(0), size: 1 << 30, md5: None };
    let reply = client.call_with("put ../x", Some(body), &mut sink, &mut |_| {}).unwrap();
    assert_eq!(reply.status.as_deref(), Some("denied"));
    assert!(!client.is_open());
    assert!(client.call("uptime").unwrap_err().is_closed());
}

#[test]
fn what_cannot_be_sent_is_said_before_anything_is() {
    let (_node, url) = node();
    let mut frame = Client::connect(&url("frame")).unwrap();
    for (command, part) in [
        ("", "the command is empty"),
        ("upper a\nupper b", "has a line break"),
        (&"x".repeat(1025), "1025 bytes is over the limit of 1024"),
    ] {
        let error = frame.call(command).unwrap_err();
        assert!(matches!(error, Error::Request(_)) && error.to_string().contains(part), "{error}");
    }
    let body = Body { source: &mut &b"x"[..], size: 1, md5: None };
    let error = frame.call_with("put x", Some(body), &mut Vec::new(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Request(RequestError::Body { .. })), "{error}");
    assert_eq!(frame.call(&format!("upper {}", "x".repeat(1018))).unwrap().size, 1018);
    let mut command = Client::connect(&url("command")).unwrap();
    let error = command.call(&"x".repeat(1000)).unwrap_err();
    assert!(error.to_string().contains("does not fit a header of 1024"), "{error}");
    assert!(command.call(&format!("upper {}", "x".repeat(900))).unwrap().is_ok());
}

#[test]
fn a_body_that_ends_early_is_our_fault_and_ends_the_connection() {
    let (_node, url) = node();
    let mut client = Client::connect(&url("command")).unwrap();
    let body = Body { source: &mut &b"short"[..], size: 6, md5: None };
    let error = client.call_with("put x", Some(body), &mut Vec::new(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Source(_)), "{error}");
    assert!(matches!(client.call("uptime"), Err(Error::Spent)));
}

#[test]
fn the_command_service_over_udp() {
    let (_node, url) = node();
    let mut client = Client::connect(&url("command+udp")).unwrap();
    assert_eq!(client.call("upper hello").unwrap().body, b"HELLO");
    // The padded request leaves room for a reply much longer than the command.
    assert!(client.call("help").unwrap().size > 400);
    let content = vec![b'x'; 1200];
    let body = Body { source: &mut &content[..], size: 1200, md5: Hasher::digest(&content) };
    let put = client.call_with("put x", Some(body), &mut Vec::new(), &mut |_| {}).unwrap();
    assert!(put.is_ok(), "{}", put.text());
    assert_eq!(client.call("get x").unwrap().body, content);
    let content = vec![b'y'; 1473];
    let body = Body { source: &mut &content[..], size: 1473, md5: None };
    let error = client.call_with("put y", Some(body), &mut Vec::new(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("1473 bytes is over the limit of 1472"), "{error}");
    Client::connect(&url("command"))
        .unwrap()
        .call_with(
            "put y",
            Some(Body { source: &mut &content[..], size: 1473, md5: None }),
            &mut Vec::new(),
            &mut |_| {},
        )
        .unwrap();
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
            let mut client = unstick_std::client::Client::connect(&url).await?;
            client.call("upper hello").await
        })
    });
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().body, b"HELLO");
    }
}
