//! A node and a client on one interface, beside a socket of the user's own, over a device that
//! returns every frame.
//!
//! ```text
//! cargo run --package unstick-smoltcp --example loopback
//! ```

mod device;

use device::Loopback;
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::phy::Device as _;
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use unstick::datagram::ETHERNET;
use unstick::host::{Identity, Node};
use unstick::store::RamStore;
use unstick::{Caller, Cancelled, Client, Limits, ReplyEvent, Request, Service};
use unstick_smoltcp::{
    Connection, Scratch, Stack, TcpBuffers, UdpBuffers, UdpSlots, core_time, stack_time,
};

const ADDRESS: IpAddress = IpAddress::v4(127, 0, 0, 1);

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut device = Loopback::default();
    let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
    let mut iface = Interface::new(config, &mut device, Instant::ZERO);
    iface.update_ip_addrs(|all| all.extend([IpCidr::new(ADDRESS, 8)]));
    let mut storage = [const { SocketStorage::EMPTY }; 4];
    let mut sockets = SocketSet::new(&mut storage[..]);

    // The node: commands on TCP, echo on UDP.
    let mut node = Node::new(Identity::new("loop", "1.0"), RamStore::new([[0; 256]; 2]));
    let (mut input, mut output) = ([0; 2048], [0; 2048]);
    let scratch = Scratch { input: &mut input, output: &mut output };
    let mtu = device.capabilities().ip_mtu();
    let mut stack = Stack::<_, 1, 1>::new(Limits::DEFAULT, mtu, scratch);
    let (mut rings, mut datagrams) = (TcpBuffers::<2048, 2048>::new(), UdpBuffers::<4096>::new());
    let mut slots = UdpSlots::<4>::new();
    let commands = sockets.add(rings.socket());
    stack.listen(&mut sockets, commands, Service::Command, 8088)?;
    let echo = sockets.add(datagrams.socket(&mut slots));
    stack.bind(&mut sockets, echo, Service::Echo, 8092, ETHERNET)?;

    // The client: a session on a socket that connects.
    let mut rings = TcpBuffers::<2048, 2048>::new();
    let asking = sockets.add(rings.socket());
    let socket = sockets.get_mut::<tcp::Socket<'_>>(asking);
    socket.connect(iface.context(), (ADDRESS, 8088), 50_000)?;
    let client: Client = Client::new(Service::Command, Limits::DEFAULT);
    let (mut connection, mut ask) = (Connection::new(client), Ask(Vec::new()));
    let (mut input, mut output) = ([0; 2048], [0; 2048]);
    let mut scratch = Scratch { input: &mut input, output: &mut output };

    // A socket of the user's own.
    let (mut datagrams, mut slots) = (UdpBuffers::<4096>::new(), UdpSlots::<4>::new());
    let mut own = datagrams.socket(&mut slots);
    own.bind(50_001)?;
    own.send_slice(b"from a socket of one's own", (ADDRESS, 8092))?;
    let own = sockets.add(own);

    let (mut now, mut echoed) = (Instant::ZERO, Vec::new());
    while connection.closed().is_none() || echoed.is_empty() {
        let deadline = stack.poll(now, &mut node, &mut iface, &mut device, &mut sockets);
        let socket = sockets.get_mut(asking);
        let later = connection.poll(core_time(now), &mut ask, socket, &mut scratch);
        if ask.0 == b"HELLO" {
            connection.session.finish();
        }
        if let Ok((bytes, _)) = sockets.get_mut::<udp::Socket<'_>>(own).recv() {
            echoed.extend_from_slice(bytes);
        }
        // Nobody waits for the time here: it passes.
        now = deadline.into_iter().chain(later.map(stack_time)).min().unwrap_or(now);
    }
    println!("the node's command: {}", String::from_utf8_lossy(&ask.0));
    println!("the socket's echo:  {}", String::from_utf8_lossy(&echoed));
    assert_eq!((&ask.0[..], &echoed[..]), (&b"HELLO"[..], &b"FROM A SOCKET OF ONE'S OWN"[..]));
    Ok(())
}

/// Asks once, and keeps the answer.
struct Ask(Vec<u8>);

impl Caller for Ask {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        (index == 0).then_some(Request::new("upper hello"))
    }

    fn reply(&mut self, _: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        if let ReplyEvent::Body(piece) = event {
            self.0.extend_from_slice(piece);
        }
        Ok(())
    }
}
