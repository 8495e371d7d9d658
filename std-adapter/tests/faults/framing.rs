//! Faults 1 to 10: bytes, and when they come.

use super::*;
use unstick::Limits;
use unstick_std::client::blocking::Client;

/// The prefix alone is answered, in a sentence, and nothing more is waited for.
fn assert_refused_at_its_prefix(prefix: u32, sentence: &str) {
    let node = start(any());
    let mut stream = connect(&node, Service::Command);
    stream.write_all(&prefix.to_le_bytes()).unwrap();
    let said = all_said(&mut stream);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].body, sentence);
    assert!(serves(&node));
}

#[test]
fn fault_01_a_prefix_of_ones() {
    assert_refused_at_its_prefix(
        u32::MAX,
        "a prefix declares -1 bytes; 0 to 2147483647 are possible",
    );
}

#[test]
fn fault_02_the_most_negative_prefix() {
    assert_refused_at_its_prefix(
        0x8000_0000,
        "a prefix declares -2147483648 bytes; 0 to 2147483647 are possible",
    );
}

#[test]
fn fault_03_the_limit_and_one_more() {
    let node = start(any().files(Storage::Memory { largest: 1000 }));
    for (size, status) in [(1000, "ok"), (1001, "too-large")] {
        let said = said_to(&node, &put(1, "put a", &vec![b'x'; size]));
        assert_eq!(said[0].status(), status, "a body of {size}");
    }
    for (len, status) in [(1024, "ok"), (1025, "too-large")] {
        let text = "x".repeat(len - r#"{"id":1,"command":"echo "}"#.len());
        let said = said_to(&node, &request(1, &format!("echo {text}")));
        assert_eq!(said[0].status(), status, "a header of {len}");
    }
}

#[test]
fn fault_04_empty_frames_do_not_spin() {
    let node = start(any());
    let url = format!("frame://{}", node.address(Endpoint::tcp(Service::Frame)).unwrap());
    let client = Client::connect(&*url).unwrap();
    for _ in 0..100 {
        assert_eq!(client.call("echo ").unwrap().body, b"");
    }
    // And the other way: a header of no bytes is fault 12.
    let mut stream = connect(&node, Service::Echo);
    assert!(echoes(&mut stream));
}

#[test]
fn fault_05_a_split_at_every_byte() {
    let node = start(any());
    let conversation = [
        put(1, "put a", b"hello"),
        request(2, "get a"),
        put(3, "sum", b"1\n2\n"),
        request(4, "count 12"),
        request(5, "nope"),
    ]
    .concat();
    let whole = said_to(&node, &conversation);
    assert_eq!(whole.len(), 5);
    for cut in 0..=conversation.len() {
        let mut stream = connect(&node, Service::Command);
        let (first, rest) = conversation.split_at(cut);
        stream.write_all(first).unwrap();
        std::thread::yield_now(); // so that the node may see the first part alone
        stream.write_all(rest).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(all_said(&mut stream), whole, "cut at {cut}");
    }
    let mut stream = connect(&node, Service::Command);
    for byte in conversation {
        stream.write_all(&[byte]).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(all_said(&mut stream), whole, "byte by byte");
}

#[test]
fn fault_06_many_requests_in_one_write() {
    let node = start(any());
    let mut other = connect(&node, Service::Echo);
    let many: Vec<_> = (1..=2000).flat_map(|id| request(id, &format!("upper n{id}"))).collect();
    let mut stream = connect(&node, Service::Command);
    let mut writer = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(&many).unwrap());
    assert!(echoes(&mut other), "nobody waits for all of them");
    for id in 1..=2000 {
        let reply = Reply::read(&mut stream).expect("an answer");
        assert_eq!((&reply.header["id"], reply.body), (&Value::from(id), format!("N{id}")));
    }
    writing.join().unwrap();
}

#[test]
fn fault_07_a_byte_at_a_time() {
    let limits = Limits::DEFAULT.with_header(Duration::from_millis(200));
    let node = start(any().limits(limits));
    let mut stream = connect(&node, Service::Command);
    let request = request(1, &format!("echo {}", "x".repeat(900)));
    // Each byte comes long before the deadline; all of them would take ten times as long.
    let sent = request.iter().take_while(|byte| {
        std::thread::sleep(Duration::from_millis(2));
        stream.write_all(&[**byte]).is_ok()
    });
    let sent = sent.count();
    assert!(sent < request.len() || all_said(&mut stream).is_empty(), "it was answered");
    assert_eq!(stat(&node, "timeouts"), 1);
}

/// Half a request, of which nothing comes to be, whatever ends it.
fn assert_undone(end: impl Fn(&TcpStream)) {
    let node = start(any().connections(2));
    for cut in [2, 20, 60] {
        let mut stream = connect(&node, Service::Command);
        stream.write_all(&put(1, "put a", &[b'x'; 100])[..cut]).unwrap();
        end(&stream);
        drop(stream);
    }
    until("a free place", || serves(&node) && serves(&node));
    assert_eq!(said_to(&node, &request(1, "list"))[0].body, "");
}

#[test]
fn fault_08_an_end_inside_a_request() {
    assert_undone(|stream| stream.shutdown(Shutdown::Write).unwrap());
}

#[test]
fn fault_09_a_reset_inside_a_request() {
    assert_undone(|stream| {
        socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
}

#[test]
fn fault_10_a_peer_that_never_reads() {
    let limits = Limits::DEFAULT.with_stall(Duration::from_millis(200));
    let node = start(any().limits(limits));
    let mut stream = connect(&node, Service::Command);
    // 79 MB, which no buffer of a system holds.
    stream.write_all(&request(1, "count 10000000")).unwrap();
    until("an end of its patience", || stat(&node, "timeouts") == 1);
}
