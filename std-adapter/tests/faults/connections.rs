//! Faults 30, 31 and 34: many connections. 29 and 33 are smoltcp's, 32 comes with keys.

use super::*;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use unstick::Limits;

#[test]
fn fault_30_more_clients_than_places() {
    let node = start(any().connections(20));
    let mut inside: Vec<_> = (0..20).map(|_| connect(&node, Service::Echo)).collect();
    for _ in 0..3 {
        for stream in &mut inside {
            assert!(echoes(stream));
        }
        assert!(!echoes(&mut connect(&node, Service::Echo)), "there is no place for it");
    }
    drop(inside);
    until("a free place", || echoes(&mut connect(&node, Service::Echo)));
}

/// Both ends of a thousand connections are in this process.
#[cfg(unix)]
#[test]
fn fault_31_a_thousand_clients_that_say_nothing() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("what the system allows");

    let limits = Limits::DEFAULT.with_idle(Duration::from_secs(2));
    let node = start(any().connections(1000).limits(limits));
    let mut busy = connect(&node, Service::Echo);
    let idle: Vec<_> = (0..999).map(|_| connect(&node, Service::Command)).collect();
    assert!(echoes(&mut busy));
    for mut stream in idle {
        assert_eq!(stream.read(&mut [0; 1]).expect("an end"), 0, "it was let go without a word");
    }
    assert!(serves(&node));
}

#[test]
fn fault_34_a_storm_of_resets() {
    let node = start(any());
    let mut steady = connect(&node, Service::Echo);
    for round in 0..1000 {
        let stream = connect(&node, Service::ALL[round % 4]);
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
    assert!(echoes(&mut steady) && serves(&node));
}

/// A node with few descriptors, and more clients than that.
#[cfg(unix)]
#[test]
fn fault_34_no_descriptor_is_left() {
    let mut node = Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_unstick"), "serve"])
        .args(["--echo", "0", "--frame", "off", "--message", "off", "--command", "off"])
        .args(["--udp-echo", "off", "--udp-command", "off"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(node.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().rsplit(' ').next().unwrap().to_owned();
    let connect = || {
        let stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let mut first = connect();
    assert!(echoes(&mut first));
    let many: Vec<_> = (0..100).map(|_| connect()).collect();
    assert!(echoes(&mut first), "who is inside is served");
    drop(many);
    until("a new client's answer", || echoes(&mut connect()));
    assert!(echoes(&mut first));
    node.kill().unwrap();
    node.wait().unwrap();
}
