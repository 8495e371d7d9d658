//! Faults 23 to 28: datagrams. 25 (fragments) is smoltcp's, 27 (replay) comes with keys.

use super::*;
use core::sync::atomic::{AtomicBool, Ordering};
use unstick::limits::AMPLIFICATION;

/// The answer to a datagram.
fn answer(socket: &UdpSocket, datagram: &[u8]) -> Vec<u8> {
    socket.send(datagram).unwrap();
    let mut reply = vec![0; 65_536];
    let len = socket.recv(&mut reply).expect("an answer");
    reply.truncate(len);
    reply
}

/// A request that is long enough for its answer.
fn padded(command: &str) -> Vec<u8> {
    let pad = " ".repeat(400);
    message(&format!(r#"{{"id":1,"command":"{command}"}}{pad}"#), b"")
}

#[test]
fn fault_23_datagrams_without_a_byte() {
    let node = start(any());
    assert_eq!(answer(&socket(&node, Service::Echo), b""), b"");
    let command = socket(&node, Service::Command);
    let before = stat(&node, "rejected");
    command.send(b"").unwrap();
    // It is the next one that is answered.
    assert_eq!(Reply::of(&answer(&command, &padded("upper hello"))).body, "HELLO");
    assert_eq!(stat(&node, "rejected"), before + 1);
}

#[test]
fn fault_24_a_datagram_over_the_limit() {
    let node = start(any().datagrams(400));
    let long = put(7, "put a", &[b'x'; 400]);
    let reply = Reply::of(&answer(&socket(&node, Service::Command), &long));
    assert_eq!((reply.status(), &reply.header["id"]), ("too-large", &Value::from(7)));
    assert_eq!(reply.body, "the datagram is over the limit of 400 bytes");
    assert_eq!(said_to(&node, &request(1, "list"))[0].body, "");
    // An echo of a part would be a lie.
    let echo = socket(&node, Service::Echo);
    echo.send(&[b'a'; 401]).unwrap();
    assert_eq!(answer(&echo, b"b"), b"B");
}

#[test]
fn fault_26_a_reply_is_at_most_three_times_its_request() {
    let node = start(any());
    let socket = socket(&node, Service::Command);
    for command in ["help", "info", "stats", "list", "upper hello", "nope"] {
        for request in [request(1, command), padded(command)] {
            let reply = answer(&socket, &request);
            assert!(reply.len() <= AMPLIFICATION * request.len(), "{command}");
            let reply = Reply::of(&reply);
            assert!(reply.status() != "truncated" || reply.body.is_empty());
        }
    }
    assert_eq!(Reply::of(&answer(&socket, &request(1, "help"))).status(), "truncated");
}

#[test]
fn fault_28_a_flood_of_datagrams() {
    let node = start(any());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for service in [Service::Echo, Service::Command] {
            let (flood, done) = (socket(&node, service), &done);
            scope.spawn(move || {
                for _ in 0..200_000 {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let _ = flood.send(&[b'x'; 1000]); // refused once the node has gone
                }
            });
        }
        let mut stream = connect(&node, Service::Echo);
        for _ in 0..100 {
            assert!(echoes(&mut stream) && serves(&node), "connections are served all the same");
        }
        done.store(true, Ordering::Relaxed);
    });
}
