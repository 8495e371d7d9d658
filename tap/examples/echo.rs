//! An echo service on smoltcp behind a TAP interface, which this program asks itself once, through the
//! kernel. It needs the right to make an interface: `sudo`, or a network namespace of one's own, as in
//! `unshare --map-root-user --net cargo run --package smoltcp-tap --example echo`.

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
    use smoltcp::socket::tcp;
    use smoltcp::time::Instant;
    use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
    use smoltcp_tap::Tap;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;
    use tun_rs::{DeviceBuilder, Layer};

    const BYTES: usize = 64 * 1024 * 1024;

    // The kernel's end is 192.168.87.100, smoltcp's 192.168.87.1.
    let builder = DeviceBuilder::new().name("echo0").layer(Layer::L2);
    let mut tap = Tap::new(builder.ipv4("192.168.87.100", 24, None).offload(true).build_sync()?)?;
    let client = std::thread::spawn(|| {
        let mut stream = TcpStream::connect("192.168.87.1:7")?;
        let mut writer = stream.try_clone()?;
        let writing = std::thread::spawn(move || writer.write_all(&vec![7; BYTES]));
        let mut back = vec![0; BYTES];
        stream.read_exact(&mut back)?;
        writing.join().expect("it does not panic")?;
        std::io::Result::Ok(back.iter().all(|byte| *byte == 7))
    });
    let (wake, mut done) = UnixStream::pair()?;
    let asked = std::thread::spawn(move || {
        let result = client.join().expect("it does not panic");
        done.write_all(&[1]).and(result)
    });

    let start = std::time::Instant::now();
    let now = || Instant::from_micros(start.elapsed().as_micros() as i64);
    let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
    let mut iface = Interface::new(config, &mut tap, now());
    iface.update_ip_addrs(|all| {
        all.extend([IpCidr::new(IpAddress::v4(192, 168, 87, 1), 24)]);
    });
    let (mut received, mut sending) = (vec![0; 65_536], vec![0; 65_536]);
    let (received, sending) =
        (tcp::SocketBuffer::new(&mut received[..]), tcp::SocketBuffer::new(&mut sending[..]));
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handle = sockets.add(tcp::Socket::new(received, sending));
    let mut piece = [0; 16 * 1024];
    while !asked.is_finished() {
        iface.poll(now(), &mut tap, &mut sockets);
        let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
        if !socket.is_open() {
            socket.listen(7).expect("a closed socket can listen");
        }
        loop {
            let space = (socket.send_capacity() - socket.send_queue()).min(piece.len());
            let Ok(len @ 1..) = socket.recv_slice(&mut piece[..space]) else { break };
            let _ = socket.send_slice(&piece[..len]);
        }
        iface.poll_egress(now(), &mut tap, &mut sockets);
        let delay = iface.poll_delay(now(), &sockets);
        tap.wait(delay.map(Into::into), Some(wake.as_fd()))?;
    }
    let same = asked.join().expect("it does not panic")?;
    println!("{BYTES} bytes there and back, {}", if same { "the same" } else { "not the same" });
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("only Linux has TAP interfaces");
}
