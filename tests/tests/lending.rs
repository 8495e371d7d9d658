//! However a connection ends, the store has back what it lent: no slot stays taken, and of a file
//! that did not come whole nothing stays (rule M2).

use unstick::session::Phase;
use unstick::{Closed, Instant, Limits, Next, Server, Service, Session};
use unstick_conformance::fixture::{self, Node};
use unstick_conformance::{FILES, Setup};

/// A node with one file, and a session in the middle of a request's body or of a reply's.
fn in_the_middle_of(header: &str, body: &str) -> (Node, Server<Node>) {
    let mut node = fixture::node(Setup::Default);
    let old = "o".repeat(300);
    assert!(ask(&mut node, r#"{"command":"put old","total_size":300}"#, &old).contains("stored"));
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    let request = message(header, body);
    let step = server.step(Instant::ZERO, &mut node, &request, &mut [0; 150]);
    assert_eq!(step.consumed, request.len());
    assert!(matches!(step.next, Next::Input | Next::Output));
    (node, server)
}

fn in_a_put() -> (Node, Server<Node>) {
    in_the_middle_of(r#"{"command":"put old","total_size":99}"#, "not all of it")
}

fn in_a_get() -> (Node, Server<Node>) {
    in_the_middle_of(r#"{"command":"get old"}"#, "")
}

fn message(header: &str, body: &str) -> Vec<u8> {
    let len = i32::try_from(header.len()).unwrap();
    [&len.to_le_bytes()[..], header.as_bytes(), body.as_bytes()].concat()
}

/// The reply to a request on a connection of its own.
fn ask(node: &mut Node, header: &str, body: &str) -> String {
    let mut server = Server::<Node>::new(Service::Command, Limits::DEFAULT);
    let mut output = [0; 1024];
    let request = message(header, body);
    let step = server.step(Instant::ZERO, node, &request, &mut output);
    assert_eq!((step.consumed, step.next), (request.len(), Next::Input));
    String::from_utf8_lossy(&output[..step.written]).into_owned()
}

#[track_caller]
fn all_came_back(mut node: Node) {
    let list = ask(&mut node, r#"{"command":"list"}"#, "");
    assert!(list.ends_with("}     300 old\n"), "{list}");
    assert!(ask(&mut node, r#"{"command":"remove old"}"#, "").ends_with("removed old"));
    for file in 0..FILES {
        let put = format!(r#"{{"command":"put {file}","total_size":3}}"#);
        let stored = ask(&mut node, &put, "new");
        assert!(stored.ends_with(&format!("stored {file}, 3 bytes")), "{stored}");
    }
}

#[test]
fn when_the_connection_is_lost() {
    for (mut node, mut server) in [in_a_put(), in_a_get()] {
        server.abort(&mut node);
        all_came_back(node);
    }
}

#[test]
fn when_the_peer_ends_in_a_body() {
    let (mut node, mut server) = in_a_put();
    server.end();
    let step = server.step(Instant::ZERO, &mut node, &[], &mut [0; 1024]);
    assert!(matches!(step.next, Next::Closed(Closed::Protocol(_))));
    all_came_back(node);
}

#[test]
fn when_a_deadline_passes() {
    for ((mut node, mut server), phase) in [(in_a_put(), Phase::Body), (in_a_get(), Phase::Output)]
    {
        let late = Instant::ZERO.after(Limits::DEFAULT.stall);
        let step = server.step(late, &mut node, &[], &mut []);
        assert_eq!(step.next, Next::Closed(Closed::Timeout(phase)));
        all_came_back(node);
    }
}

#[test]
fn when_all_goes_well_again_and_again() {
    let (mut node, mut server) = in_a_get();
    server.abort(&mut node);
    for _ in 0..3 * FILES {
        let old = "o".repeat(300);
        ask(&mut node, r#"{"command":"get old"}"#, "");
        ask(&mut node, r#"{"command":"put old","total_size":300}"#, &old);
        let wrong =
            r#"{"command":"put old","total_size":3,"md5":"00000000000000000000000000000000"}"#;
        assert!(ask(&mut node, wrong, "new").contains("failed"));
    }
}

#[test]
fn a_session_that_is_to_finish_takes_no_new_request() {
    let mut node = fixture::node(Setup::Default);
    let mut server = Server::<Node>::new(Service::Command, Limits::DEFAULT);
    let request = message(r#"{"command":"upper a"}"#, "");
    let mut output = [0; 1024];
    // The first is begun, the second waits behind it: the first is answered, and that is all.
    let step = server.step(Instant::ZERO, &mut node, &request.repeat(2), &mut output[..7]);
    assert_eq!(step.next, Next::Output);
    server.finish();
    let rest = &request.repeat(2)[step.consumed..];
    let step = server.step(Instant::ZERO, &mut node, rest, &mut output);
    assert_eq!((step.consumed, step.next), (0, Next::Closed(Closed::Finished)));
}
