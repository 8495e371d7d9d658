//! Against the kernel itself, in a network namespace that this test makes.
#![cfg(target_os = "linux")]

use core::time::Duration;
use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use smoltcp_tap::Tap;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};

use tun_rs::{DeviceBuilder, Layer};

/// The exit code where no interface can be made.
const NO_TAP: i32 = 77;

/// Starts the test below in a namespace, where it may make an interface.
#[test]
fn frames_of_the_kernel() {
    let this = std::env::current_exe().unwrap();
    let root = ["--map-root-user"].into_iter().filter(|_| !is_root());
    let output = Command::new("unshare")
        .args(root)
        .arg("--net")
        .arg(this)
        .args(["--ignored", "--exact", "in_a_namespace", "--nocapture"])
        .output();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ran = |output: &Output| {
        text(&output.stdout).contains("running 1 test")
            && !text(&output.stderr).contains("no TAP interface")
    };
    let output = match output {
        Ok(output) if ran(&output) => output,
        failed => {
            assert!(std::env::var_os("CI").is_none(), "CI has TAP interfaces: {failed:?}");
            eprintln!("SKIPPED: no TAP interface can be made here: {failed:?}");
            return;
        }
    };
    assert!(output.status.success(), "{}{}", text(&output.stderr), text(&output.stdout));
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}

#[test]
#[ignore = "it wants a network namespace of its own, in which the other test starts it"]
fn in_a_namespace() {
    for offload in [false, true] {
        let builder = DeviceBuilder::new().name("tap0").layer(Layer::L2).offload(offload);
        let device = match builder.ipv4("192.168.86.100", 24, None).build_sync() {
            Ok(device) => device,
            Err(error) => {
                eprintln!("no TAP interface: {error}");
                std::process::exit(NO_TAP);
            }
        };
        let mut tap = Tap::new(device).unwrap();
        let (wake, mut done) = UnixStream::pair().unwrap();
        let client = std::thread::spawn(move || {
            let result = std::panic::catch_unwind(|| {
                bytes_there_and_back();
                datagrams_there_and_back();
                datagrams_sent_as_one_come_one_by_one();
            });
            done.write_all(&[1]).unwrap();
            result
        });
        serve(&mut tap, &wake, || client.is_finished());
        client.join().unwrap().unwrap();
        let dropped = tap.dropped();
        assert_eq!((dropped.damaged, dropped.refused), (0, 0), "offload: {offload}");
        assert_eq!(tap.header_error(), None);
    }
}

/// More than any buffer on the way has, each byte in its place.
fn bytes_there_and_back() {
    let sent: Vec<u8> = (0..4_000_000_u32).map(|at| (at % 251) as u8).collect();
    let mut stream = TcpStream::connect("192.168.86.1:7").unwrap();
    let (mut writer, all) = (stream.try_clone().unwrap(), sent.clone());
    let writing = std::thread::spawn(move || writer.write_all(&all));
    let mut back = vec![0; sent.len()];
    stream.read_exact(&mut back).unwrap();
    writing.join().unwrap().unwrap();
    assert!(back == sent);
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.168.86.1:7").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn datagrams_there_and_back() {
    let socket = socket();
    for len in [0, 1, 2, 1471, 1472] {
        let sent: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        socket.send(&sent).unwrap();
        let mut back = vec![0; 2000];
        let len = socket.recv(&mut back).unwrap();
        assert!(back[..len] == sent, "{len} bytes");
    }
}

fn datagrams_sent_as_one_come_one_by_one() {
    let socket = socket();
    if setsockopt(&socket, UdpGsoSegment, &100).is_err() {
        return; // Linux has it since 4.18
    }
    let sent: Vec<u8> = (0..450_u32).map(|at| (at % 251) as u8).collect();
    socket.send(&sent).unwrap();
    let mut back = [0; 2000];
    for part in sent.chunks(100) {
        let len = socket.recv(&mut back).unwrap();
        assert_eq!(&back[..len], part);
    }
}

/// An echo over TCP and UDP, until that is over.
fn serve(tap: &mut Tap, wake: &UnixStream, over: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    let now = || Instant::from_micros(start.elapsed().as_micros() as i64);
    let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
    let mut iface = Interface::new(config, tap, now());
    iface.update_ip_addrs(|all| {
        all.extend([IpCidr::new(IpAddress::v4(192, 168, 86, 1), 24)]);
    });
    let mut rings = [(); 4].map(|()| vec![0; 65_536]);
    let [received, sending, datagrams, replies] = &mut rings;
    let mut slots = [[udp::PacketMetadata::EMPTY; 16]; 2];
    let [slots, more] = &mut slots;
    let mut storage = [SocketStorage::EMPTY; 2];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let bytes = sockets.add(tcp::Socket::new(
        tcp::SocketBuffer::new(&mut received[..]),
        tcp::SocketBuffer::new(&mut sending[..]),
    ));
    let mut socket = udp::Socket::new(
        udp::PacketBuffer::new(&mut slots[..], &mut datagrams[..]),
        udp::PacketBuffer::new(&mut more[..], &mut replies[..]),
    );
    socket.bind(7).unwrap();
    let datagrams = sockets.add(socket);
    while !over() {
        iface.poll(now(), tap, &mut sockets);
        echo(&mut sockets, bytes, datagrams);
        iface.poll_egress(now(), tap, &mut sockets);
        let delay = iface.poll_delay(now(), &sockets).map(Duration::from);
        // The end is noticed soon.
        let soon = delay.unwrap_or(Duration::MAX).min(Duration::from_millis(50));
        tap.wait(Some(soon), Some(wake.as_fd())).unwrap();
    }
}

fn echo(sockets: &mut SocketSet<'_>, bytes: SocketHandle, datagrams: SocketHandle) {
    let mut piece = [0; 16 * 1024];
    let socket = sockets.get_mut::<tcp::Socket<'_>>(bytes);
    if !socket.is_open() {
        socket.listen(7).unwrap();
    }
    if socket.state() == tcp::State::CloseWait {
        socket.close();
    }
    loop {
        let space = (socket.send_capacity() - socket.send_queue()).min(piece.len());
        let Ok(len @ 1..) = socket.recv_slice(&mut piece[..space]) else { break };
        let _ = socket.send_slice(&piece[..len]);
    }
    let socket = sockets.get_mut::<udp::Socket<'_>>(datagrams);
    while socket.can_send()
        && let Ok((len, from)) = socket.recv_slice(&mut piece)
    {
        socket.send_slice(&piece[..len], from).unwrap();
    }
}
