//! A node on loopback: what one peer does is no other's concern.

use core::net::SocketAddr;
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::time::Instant;
use unstick::datagram::IPV4_MAXIMUM;
use unstick::header::Fields;
use unstick::limits::LINGER_BYTES;
use unstick::message::{self, Kind};
use unstick::{Endpoint, Limits, Service};
use unstick_std::node::{Config, Error, Ports, Running};

const PATIENCE: Duration = Duration::from_secs(20);

fn start(config: Config) -> Running {
    Running::start(config).unwrap()
}

fn any() -> Config {
    Config::new().ports(Ports::ANY)
}

fn connect(node: &Running, service: Service) -> TcpStream {
    let stream = TcpStream::connect(node.address(Endpoint::tcp(service)).unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn socket(node: &Running, service: Service) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(node.address(Endpoint::udp(service).unwrap()).unwrap()).unwrap();
    socket
}

/// A request with no body, or one of zeros.
fn request(command: &str, body: usize) -> Vec<u8> {
    let mut request = vec![0; 1024 + body];
    let fields = Fields { command: Some(command), total_size: body as u64, ..Fields::default() };
    let len = message::encode(&fields, &vec![0; body], &mut request).unwrap();
    request.truncate(len);
    request
}

/// Whether a connection is served: an echo comes back.
fn echoes(stream: &mut TcpStream) -> bool {
    let mut reply = [0; 2];
    stream.write_all(b"hi").is_ok() && stream.read_exact(&mut reply).is_ok() && reply == *b"HI"
}

#[test]
fn beyond_the_cap_connections_are_refused_and_the_others_unharmed() {
    let node = start(any().connections(2));
    let (mut first, mut second) = (connect(&node, Service::Echo), connect(&node, Service::Echo));
    assert!(echoes(&mut first) && echoes(&mut second));
    for service in Service::ALL {
        assert!(echoes(&mut first) && echoes(&mut second), "neither is quiet");
        assert!(!echoes(&mut connect(&node, service)), "two are all there may be");
    }
    assert!(echoes(&mut first) && echoes(&mut second));
    drop(first);
    let begun = Instant::now();
    while !echoes(&mut connect(&node, Service::Echo)) {
        assert!(begun.elapsed() < PATIENCE, "the place is not free again");
    }
    assert!(echoes(&mut second));
}

#[test]
fn peers_that_reset_and_send_rubbish_disturb_nobody() {
    let node = start(any());
    let mut steady = connect(&node, Service::Echo);
    for round in 0..50 {
        for service in Service::ALL {
            let mut stream = connect(&node, service);
            // In the middle of a reply, of a request, or of nothing.
            let rubbish =
                [&request("help", 0)[..], b"\xFF\xFF\xFF\xFF\0{{{", b"help\nhelp\nhe", b""];
            stream.write_all(rubbish[round % rubbish.len()]).unwrap();
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        assert!(echoes(&mut steady));
    }
}

#[test]
fn a_reply_reaches_a_peer_that_goes_on_sending() {
    let node = start(any());
    for _ in 0..20 {
        let mut stream = connect(&node, Service::Command);
        // Too large a file is refused, and too much of it comes to be skipped.
        let request = request("put big", 4 * 1024 * 1024);
        // The node may have closed by the time the last of it is sent.
        let _ = stream.write_all(&request);
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        assert!(String::from_utf8_lossy(&reply).contains("too-large"));
    }
}

#[test]
fn a_peer_that_does_not_stop_sending_is_cut_off() {
    let node = start(any());
    let mut stream = connect(&node, Service::Frame);
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let (piece, mut sent) = (vec![b'x'; 1 << 20], 0_u64);
    while stream.write_all(&piece).is_ok() {
        sent += piece.len() as u64;
        assert!(sent < 4 * LINGER_BYTES, "what the system keeps is far less");
    }
}

#[test]
fn many_at_once_are_all_answered() {
    let node = start(any());
    let address = node.address(Endpoint::tcp(Service::Frame)).unwrap();
    let peers: Vec<_> = (0..100)
        .map(|peer| {
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                for round in 0..20 {
                    let text = format!("{peer:04}{round:04}");
                    stream.write_all(format!("echo {text}\n").as_bytes()).unwrap();
                    let mut reply = [0; 12];
                    stream.read_exact(&mut reply).unwrap();
                    assert_eq!(&reply[4..], text.as_bytes());
                }
            })
        })
        .collect();
    peers.into_iter().for_each(|peer| peer.join().unwrap());
}

#[test]
fn a_peer_that_says_nothing_is_let_go() {
    let limits = Limits::DEFAULT.with_idle(Duration::from_millis(100));
    let node = start(any().limits(limits));
    for service in Service::ALL {
        assert_eq!(connect(&node, service).read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn a_datagram_over_the_limit_is_known_to_be_cut() {
    let node = start(any().datagrams(200));
    let socket = socket(&node, Service::Command);
    let id = unstick::header::Id::parse("7").unwrap();
    let mut sent = [0; 1000];
    let fields =
        Fields { id: Some(id), command: Some("put a"), total_size: 300, ..Fields::default() };
    let len = message::encode(&fields, &[0; 300], &mut sent).unwrap();
    socket.send(&sent[..len]).unwrap();
    let mut reply = [0; 1000];
    let len = socket.recv(&mut reply).unwrap();
    let (header, body) = message::decode::<1024>(Kind::Reply, &reply[..len]).unwrap();
    assert_eq!(header.status.and_then(|it| it.plain()), Some("too-large"));
    assert_eq!(header.id.map(|id| id.raw()), Some("7"));
    assert_eq!(body, b"the datagram is over the limit of 200 bytes");
    let mut stats = connect(&node, Service::Frame);
    stats.write_all(b"stats").unwrap();
    let mut frame = [0; 4];
    stats.read_exact(&mut frame).unwrap();
    let mut text = vec![0; i32::from_le_bytes(frame) as usize];
    stats.read_exact(&mut text).unwrap();
    assert!(String::from_utf8(text).unwrap().contains("truncated  1\n"));
}

#[test]
fn datagrams_are_answered_up_to_the_limit() {
    let node = start(any().datagrams(IPV4_MAXIMUM));
    let socket = socket(&node, Service::Echo);
    let mut reply = vec![0; 70_000];
    for len in [0, 1, 512, 1472, 65_507] {
        socket.send(&vec![b'a'; len]).unwrap();
        assert_eq!(socket.recv(&mut reply).unwrap(), len);
        assert!(reply[..len].iter().all(|byte| *byte == b'A'));
    }
}

#[cfg(target_os = "linux")] // elsewhere 127.0.0.2 is no address of this machine
#[test]
fn two_nodes_are_not_set_to_answering_one_another() {
    let node = start(any());
    let at = |endpoint| node.address(endpoint).unwrap();
    for from in Endpoint::UDP.map(at) {
        let other = UdpSocket::bind(("127.0.0.2", from.port())).unwrap();
        other.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        for to in Endpoint::UDP.map(at) {
            other.send_to(&request("upper x", 0), to).unwrap();
            let answer = other.recv(&mut [0; 64]);
            assert!(answer.is_err(), "{to} answered {from}");
        }
    }
    let asks = socket(&node, Service::Echo);
    asks.send(b"still here").unwrap();
    let mut reply = [0; 64];
    let len = asks.recv(&mut reply).unwrap();
    assert_eq!(&reply[..len], b"STILL HERE");
}

#[test]
fn a_node_that_stops_takes_no_more_and_finishes_what_was_begun() {
    let node = start(any());
    let address = node.address(Endpoint::tcp(Service::Command)).unwrap();
    let mut idle = connect(&node, Service::Echo);
    let mut busy = connect(&node, Service::Command);
    let request = request("put a", 1000);
    let (begun, rest) = request.split_at(500);
    busy.write_all(begun).unwrap();
    // So that the node has seen it: requests of one node are answered in order of arrival.
    assert!(echoes(&mut idle));
    std::thread::sleep(Duration::from_millis(100));
    let stopping = std::thread::spawn(move || node.stop());
    assert_eq!(idle.read(&mut [0]).unwrap(), 0, "an idle connection is closed");
    assert!(refused(address), "nobody is let in");
    busy.write_all(rest).unwrap();
    let mut reply = Vec::new();
    busy.read_to_end(&mut reply).unwrap();
    assert!(reply.ends_with(b"stored a, 1000 bytes"));
    drop((idle, busy));
    stopping.join().unwrap();
}

fn refused(address: SocketAddr) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if TcpStream::connect(address).is_err() {
            return true;
        }
    }
    false
}

#[test]
fn both_ip_versions_are_served_on_one_port() {
    let free = connect(&start(any()), Service::Echo).peer_addr().unwrap().port();
    let ports = Ports::OFF.with(Endpoint::tcp(Service::Echo), Some(free));
    let bind = vec!["0.0.0.0".parse().unwrap(), "::".parse().unwrap()];
    let node = match Running::start(Config::new().bind(bind).ports(ports)) {
        Err(Error::Listen { address, .. }) if address.is_ipv6() => {
            eprintln!("SKIPPED: this machine has no IPv6");
            return;
        }
        node => node.unwrap_or_else(|error| panic!("{error}")),
    };
    assert_eq!(node.listening().len(), 2);
    assert!(echoes(&mut TcpStream::connect(("127.0.0.1", free)).unwrap()));
    if let Ok(mut stream) = TcpStream::connect(("::1", free)) {
        assert!(echoes(&mut stream));
    }
    assert_eq!(node.address(Endpoint::tcp(Service::Frame)), None, "it is off");
}

#[test]
fn a_socket_that_cannot_be_had_is_named() {
    let node = start(any());
    let taken = node.address(Endpoint::tcp(Service::Echo)).unwrap();
    let ports = Ports::OFF.with(Endpoint::tcp(Service::Frame), Some(taken.port()));
    let error = Running::start(Config::new().ports(ports)).err().unwrap().to_string();
    assert!(error.contains(&format!("tcp {taken} for the frame service")), "{error}");
    assert!(error.contains("taken"), "{error}");
    let bind = vec!["192.0.2.1".parse().unwrap()];
    let error = Running::start(any().bind(bind)).err().unwrap().to_string();
    assert!(error.contains("does not have that address"), "{error}");
    let nothing = Running::start(Config::new().ports(Ports::OFF));
    assert!(matches!(nothing, Err(Error::NothingToServe)));
}

#[test]
fn a_peer_that_ends_its_side_still_gets_its_answers() {
    let node = start(any());
    let mut stream = connect(&node, Service::Command);
    stream.write_all(&[request("upper a", 0), request("upper b", 0)].concat()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert!(reply.ends_with(b"B"));
}

/// Whoever holds connections and says nothing keeps nobody out.
#[test]
fn the_connection_that_has_been_quiet_for_longest_gives_way() {
    let node = start(any().connections(2));
    let address = node.address(Endpoint::tcp(Service::Echo)).unwrap();
    let connect = || TcpStream::connect(address).unwrap();
    let echo = |stream: &mut TcpStream| {
        let mut answer = [0];
        let asked = stream.write_all(b"a").and_then(|()| stream.read_exact(&mut answer));
        asked.is_ok() && answer == *b"A"
    };
    let (mut first, mut second) = (connect(), connect());
    assert!(echo(&mut first) && echo(&mut second));
    // The first two are quiet for a second then.
    let mut third = loop {
        let mut stream = connect();
        if echo(&mut stream) {
            break stream;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(first.read(&mut [0]).unwrap(), 0, "it has ended in order");
    assert!(echo(&mut second) && echo(&mut third));
}
