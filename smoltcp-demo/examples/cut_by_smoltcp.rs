//! Asks smoltcp what it does with a datagram that is longer than the buffer, and Unstick what it says
//! of the same: a row of the table under rule U3 of docs/protocol.md.

mod device;

use device::Loopback;
use smoltcp::iface::{Config, Interface, PollResult, SocketSet, SocketStorage};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use unstick::datagram::Datagram;
use unstick_smoltcp::{UdpBuffers, UdpSlots};

const ADDRESS: IpAddress = IpAddress::v4(127, 0, 0, 1);
const SENT: [u8; 20] = [b'x'; 20];

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut device = Loopback::default();
    let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
    let mut iface = Interface::new(config, &mut device, Instant::ZERO);
    iface.update_ip_addrs(|all| all.extend([IpCidr::new(ADDRESS, 8)]));
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let (mut buffers, mut slots) = (UdpBuffers::<4096>::new(), UdpSlots::<4>::new());
    let mut socket = buffers.socket(&mut slots);
    socket.bind(8092)?;
    let handle = sockets.add(socket);
    let mut buffer = [0; 8];
    let mut now = Instant::ZERO;
    let mut send = |sockets: &mut SocketSet<'_>| {
        let socket = sockets.get_mut::<smoltcp::socket::udp::Socket<'_>>(handle);
        let sent = socket.send_slice(&SENT, (ADDRESS, 8092));
        // Its own hardware address has to be found first, which takes a second at most.
        for _ in 0..2 {
            while iface.poll(now, &mut device, sockets) != PollResult::None {}
            now += Duration::from_secs(1);
        }
        sent
    };

    send(&mut sockets)?;
    let socket = sockets.get_mut::<smoltcp::socket::udp::Socket<'_>>(handle);
    let (error, len, from) = match socket.recv_slice(&mut buffer) {
        Ok((len, from)) => ("none".into(), Some(len), Some(from)),
        Err(error) => (format!("{error:?}"), None, None),
    };
    let delivered = buffer.iter().take_while(|it| **it == b'x').count();
    let told = |is: bool| if is { "yes" } else { "no" };
    let (length, sender) = (told(len == Some(SENT.len())), told(from.is_some()));

    send(&mut sockets)?;
    let socket = sockets.get_mut::<smoltcp::socket::udp::Socket<'_>>(handle);
    // As the stack takes it: the whole lies in the socket's ring.
    let (bytes, _) = socket.recv()?;
    let head = &bytes[..buffer.len().min(bytes.len())];
    let unstick = match Datagram::received(head, bytes.len()) {
        Datagram::Truncated { head, len: Some(len) } => {
            format!("cut, {} of {len} bytes", head.len())
        }
        other => format!("{other:?}"),
    };
    println!("| smoltcp | {delivered} | `{error}` | {length} | {sender} | {unstick} |");
    Ok(())
}
