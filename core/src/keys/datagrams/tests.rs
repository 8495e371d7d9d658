use super::*;
use crate::datagram::{Datagram, Envelope, answer};
use crate::host::Counter;
use crate::keys::tests::{Locked, hex, key, locked};
use crate::keys::{Guarded as _, Role};
use crate::wire::frame;
use crate::{Limits, Next, Server, Service, Session as _};
use std::format;
use std::string::String;
use std::vec::Vec;

const SECRET: [u8; KEY] = [9; KEY];
const NOW: Instant = Instant::from_millis(5);

/// What a node says to a request of the command service that has come with a key.
fn ask(node: &mut Locked, who: &Key, line: &str, body: &[u8]) -> String {
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    server.restrict(who.id(), who.role());
    let header = format!(r#"{{"command":"{line}","total_size":{}}}"#, body.len());
    let mut request = [0; 2000];
    let len = frame::encode(header.as_bytes(), &mut request).unwrap();
    request[len..len + body.len()].copy_from_slice(body);
    let mut output = [0; 2000];
    let step = server.step(NOW, node, &request[..len + body.len()], &mut output);
    assert_eq!(step.next, Next::Input);
    String::from_utf8_lossy(&output[..step.written]).into_owned()
}

fn said(node: &mut Locked, datagram: &[u8]) -> Option<Vec<u8>> {
    let mut output = [0; 1472];
    let envelope = Envelope { from_port: 4000, own_ports: &[8093], broadcast: false };
    let whole = Datagram::Whole(datagram);
    let len = answer(Service::Command, NOW, node, envelope, whole, &mut output)?;
    Some(output[..len].to_vec())
}

fn request(line: &str) -> Vec<u8> {
    let header = format!(r#"{{"id":1,"command":"{line}"}}"#);
    let mut request = [0; 500];
    let len = frame::encode(header.as_bytes(), &mut request).unwrap();
    request[..len].to_vec()
}

fn sealed(session: &mut DatagramKey, line: &str) -> Vec<u8> {
    let mut datagram = [0; 600];
    let len = session.seal(&request(line), &mut datagram).unwrap();
    datagram[..len].to_vec()
}

fn opened(session: &DatagramKey, datagram: &[u8]) -> Option<String> {
    let mut reply = [0; 1500];
    let reply = session.open(datagram, &mut reply)?;
    Some(String::from_utf8_lossy(reply.get(4..)?).into_owned())
}

/// A node with a session that key 1 has opened, and the client's end of it.
fn pair() -> (Locked, DatagramKey) {
    let mut node = locked();
    let reply = ask(&mut node, &key(1), "udp 01020304", &SECRET);
    assert!(reply.ends_with("datagrams of 01020304 are answered"), "{reply}");
    (node, DatagramKey::new(&key(1), [1, 2, 3, 4], &SECRET))
}

#[test]
fn a_request_and_its_reply() {
    let (mut node, mut client) = pair();
    for text in ["a", "b"] {
        let reply = said(&mut node, &sealed(&mut client, &format!("upper {text}"))).unwrap();
        let reply = opened(&client, &reply).unwrap();
        let expected = format!(
            r#"{{"id":1,"status":"ok","filename":"","total_size":1}}{}"#,
            text.to_uppercase()
        );
        assert_eq!(reply, expected, "without a digest (K6)");
    }
    // A reply may be many times as long as its request.
    let reply = said(&mut node, &sealed(&mut client, "help")).unwrap();
    assert!(reply.len() > 500 && opened(&client, &reply).unwrap().contains("udp ID"));
    assert_eq!(node.node.counters.get(Counter::Denied), 0);
}

#[test]
fn bytes_of_a_datagram() {
    let mut client = DatagramKey::new(&key(1), [1, 2, 3, 4], &SECRET);
    assert_eq!(sealed(&mut client, "upper a").len(), request("upper a").len() + OVERHEAD);
    let datagram = sealed(&mut client, "upper a");
    // By Python's cryptography: HKDF of 64 bytes with SHA-256, ChaCha20Poly1305.
    assert_eq!(datagram, hex(include_str!("golden.hex").trim_end()));
}

#[test]
fn what_is_not_sealed_with_a_sessions_key_is_ignored() {
    let (mut node, mut client) = pair();
    let good = sealed(&mut client, "upper a");
    let mut others = Vec::from([
        request("upper a"),
        good[..OVERHEAD - 1].to_vec(),
        good[..good.len() - 1].to_vec(),
        Vec::new(),
        sealed(&mut DatagramKey::new(&key(2), [1, 2, 3, 4], &SECRET), "upper a"),
        sealed(&mut DatagramKey::new(&key(1), [1, 2, 3, 5], &SECRET), "upper a"),
        sealed(&mut DatagramKey::new(&key(1), [1, 2, 3, 4], &[8; KEY]), "upper a"),
    ]);
    others.extend((0..8 * good.len()).map(|bit| {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    }));
    for (number, datagram) in others.iter().enumerate() {
        assert_eq!(said(&mut node, datagram), None, "{number}");
    }
    assert_eq!(node.node.counters.get(Counter::Denied), others.len() as u64);
    // And nothing of it has moved the window.
    assert!(said(&mut node, &good).is_some());
}

#[test]
fn what_comes_twice_or_late_is_ignored() {
    let (mut node, mut client) = pair();
    let all: Vec<_> = (0..200).map(|n| sealed(&mut client, &format!("upper {n}"))).collect();
    let mut takes = |n: usize| said(&mut node, &all[n]).is_some();
    assert!(takes(0) && !takes(0));
    assert!(takes(70) && !takes(70), "ahead of all that came");
    assert!(takes(7) && !takes(7), "sixty-three behind is remembered");
    assert!(!takes(6), "sixty-four behind is not");
    assert!((8..70).rev().all(&mut takes), "each of them once");
    assert!(!(7..=70).any(&mut takes));
    assert!(takes(199) && takes(136) && !takes(135));
}

#[test]
fn a_reply_is_that_of_the_last_request() {
    let (mut node, mut client) = pair();
    let first = said(&mut node, &sealed(&mut client, "upper a")).unwrap();
    let second = sealed(&mut client, "upper b");
    assert_eq!(opened(&client, &first), None, "it comes late");
    assert_eq!(opened(&client, &second), None, "reflected");
    let mut second = said(&mut node, &second).unwrap();
    assert!(opened(&client, &second).is_some());
    second[20] ^= 1;
    assert_eq!(opened(&client, &second), None);
}

#[test]
fn roles_and_keys_that_are_removed() {
    let mut node = locked();
    assert!(ask(&mut node, &key(2), "udp 0000000a", &SECRET).contains("are answered"));
    let mut client = DatagramKey::new(&key(2), [0, 0, 0, 10], &SECRET);
    let denied = said(&mut node, &sealed(&mut client, "remove a")).unwrap();
    assert!(opened(&client, &denied).unwrap().contains(r#""status":"denied""#));
    node.keys.add(Key::new(2, Role::Full, [8; KEY]).unwrap()).unwrap();
    assert_eq!(said(&mut node, &sealed(&mut client, "upper a")), None, "another role");
    node.keys.remove(2);
    assert_eq!(said(&mut node, &sealed(&mut client, "upper a")), None);
}

#[test]
fn sessions_are_opened_in_place_of_the_oldest() {
    let (mut node, mut first) = pair();
    for (who, line, body, status) in [
        (1, "udp 0102030", &SECRET[..], "bad-request"),
        (1, "udp 0102030g", &SECRET, "bad-request"),
        (1, "udp 01020304", &SECRET[1..], "bad-request"),
        (1, "udp 01020304", b"", "bad-request"),
        (2, "udp 01020304", &SECRET, "busy"),
        (2, "udp 00000002", &SECRET, "ok"),
    ] {
        let reply = ask(&mut node, &key(who), line, body);
        assert!(reply.contains(&format!(r#""status":"{status}""#)), "{line}: {reply}");
    }
    // There are two places; the first session's has been used for longest.
    assert!(ask(&mut node, &key(1), "udp 00000003", &SECRET).contains("are answered"));
    assert_eq!(said(&mut node, &sealed(&mut first, "upper a")), None);
    let mut third = DatagramKey::new(&key(1), [0, 0, 0, 3], &SECRET);
    let old = sealed(&mut third, "upper a");
    assert!(said(&mut node, &old).is_some());
    // A new secret begins anew, and what was said with the old one is nothing.
    assert!(ask(&mut node, &key(1), "udp 00000003", &[7; KEY]).contains("are answered"));
    assert_eq!(said(&mut node, &old), None);
}

#[test]
fn who_has_shown_no_key_has_no_such_command() {
    let mut node = locked();
    let mut server = Server::new(Service::Command, Limits::DEFAULT);
    let mut output = [0; 500];
    let request = request("help udp");
    let step = server.step(NOW, &mut node, &request, &mut output);
    assert!(String::from_utf8_lossy(&output[..step.written]).contains("denied"));
    assert!(ask(&mut node, &key(1), "help udp", b"").contains("8 hex digits"));
}
