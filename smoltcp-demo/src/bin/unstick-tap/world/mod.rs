//! A node and a client, each on a smoltcp stack of its own, a wire between them, and a clock that
//! goes as fast as nothing happens.
#![allow(dead_code, unreachable_pub, reason = "each program that includes it uses a part")]

pub mod links;
mod wire;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address};
use unstick::command::Command;
use unstick::store::RamStore;
use unstick::{Endpoint, Limits, Node, Service};
use unstick_conformance::commands::{Settings, Tasks, rows};
use unstick_smoltcp::{Scratch, Stack, TcpBuffers, UdpBuffers, UdpSlots};
pub use wire::{End, wire};

pub const NODE: Ipv4Address = Ipv4Address::new(192, 168, 69, 1);
pub const NODE_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
pub const CLIENT: Ipv4Address = Ipv4Address::new(192, 168, 69, 100);
pub const CLIENT_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 100]);

/// Connections a service carries at a time.
pub const BACKLOG: usize = 2;
const TCP: usize = BACKLOG * Service::ALL.len();
const UDP: usize = 2;

/// Bytes of the client's rings.
pub const CLIENT_RING: usize = 1 << 16;

/// Time that frames take, there and back.
const ROUND_TRIP: Duration = Duration::from_micros(50);

/// Rounds without a frame or a tick of the clock after which one side must have gone mad.
const SPINS: usize = 1000;

pub type Host = Node<RamStore<Vec<u8>, 8>, Settings, Tasks>;

/// The commands of a node under test.
pub const COMMANDS: &[Command<Host>] = &rows();

/// The node, the client, and what is between them. Its memory is never returned: who makes one ends
/// soon.
pub struct World {
    pub now: Instant,
    pub stack: Stack<'static, Host, TCP, UDP>,
    pub host: Host,
    /// The node's, with room for one of its own.
    pub node_sockets: SocketSet<'static>,
    pub node_iface: Interface,
    node_end: End,
    pub sockets: SocketSet<'static>,
    pub client_iface: Interface,
    pub client_end: End,
    /// Nothing reaches the client.
    pub deaf: bool,
    next_port: u16,
}

impl World {
    /// A node with TCP rings of `RING` bytes each, these limits, and datagrams of at most
    /// `datagram` bytes.
    pub fn new<const RING: usize>(mut host: Host, limits: Limits, datagram: usize) -> Self {
        let now = Instant::from_millis(1000);
        let (mut node_end, mut client_end) = wire();
        let scratch = Scratch { input: leak_bytes(RING), output: leak_bytes(RING.max(1472)) };
        let mut stack = Stack::new(limits, 1500, scratch);
        let mut node_sockets = SocketSet::new(leak_storage(TCP + UDP + 1));
        for service in Service::ALL {
            for _ in 0..BACKLOG {
                let buffers = Box::leak(Box::new(TcpBuffers::<RING, RING>::new()));
                let handle = node_sockets.add(buffers.socket());
                let port = Endpoint::tcp(service).port();
                stack.listen(&mut node_sockets, handle, service, port).unwrap();
            }
        }
        for endpoint in Endpoint::UDP {
            let buffers = Box::leak(Box::new(UdpBuffers::<4096>::new()));
            let slots = Box::leak(Box::new(UdpSlots::<8>::new()));
            let handle = node_sockets.add(buffers.socket(slots));
            let (service, port) = (endpoint.service(), endpoint.port());
            stack.bind(&mut node_sockets, handle, service, port, datagram).unwrap();
        }
        host.identity.connections = stack.connections();
        Self {
            now,
            stack,
            host,
            node_sockets,
            node_iface: interface(&mut node_end, NODE_MAC, NODE, now),
            node_end,
            sockets: SocketSet::new(leak_storage(64)),
            client_iface: interface(&mut client_end, CLIENT_MAC, CLIENT, now),
            client_end,
            deaf: false,
            next_port: 49152,
        }
    }

    /// Lets everything happen until `done`, at most for `patience`; whether it is done.
    pub fn run(&mut self, patience: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now + patience;
        let mut spins = 0;
        loop {
            let Self { stack, host, node_iface, node_end, node_sockets, .. } = self;
            let node = stack.poll(self.now, host, node_iface, node_end, node_sockets);
            if self.deaf {
                self.client_end.lose_frames();
            }
            self.client_iface.poll(self.now, &mut self.client_end, &mut self.sockets);
            if done(self) {
                return true;
            }
            spins += 1;
            assert!(spins < SPINS, "somebody does not rest at {}", self.now);
            if self.node_end.has_frames() || self.client_end.has_frames() {
                self.now += ROUND_TRIP;
                spins = 0;
                continue;
            }
            let client = self.client_iface.poll_at(self.now, &self.sockets);
            let next = node.into_iter().chain(client).min();
            if next.is_some_and(|next| next <= self.now) {
                continue;
            }
            if next.is_none_or(|next| next > until) {
                self.now = until;
                return false;
            }
            self.now = next.unwrap_or(until);
            spins = 0;
        }
    }

    /// Lets everything happen for some time.
    pub fn wait(&mut self, time: Duration) {
        self.run(time, |_| false);
    }

    /// A client's socket that has begun to connect.
    pub fn connect(&mut self, port: u16) -> SocketHandle {
        self.connect_to(NODE, port)
    }

    pub fn connect_to(&mut self, address: impl Into<IpAddress>, port: u16) -> SocketHandle {
        let address = address.into();
        let buffers = Box::leak(Box::new(TcpBuffers::<CLIENT_RING, CLIENT_RING>::new()));
        let mut socket = buffers.socket();
        socket.set_nagle_enabled(false);
        self.next_port += 1;
        socket.connect(self.client_iface.context(), (address, port), self.next_port).unwrap();
        self.sockets.add(socket)
    }

    /// A client's socket that is connected.
    pub fn connected(&mut self, service: Service) -> SocketHandle {
        let handle = self.connect(Endpoint::tcp(service).port());
        let up = self.run(Duration::from_secs(10), |it| it.tcp(handle).may_send());
        assert!(up, "no connection: {}", self.tcp(handle).state());
        handle
    }

    pub fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Sends all of it.
    pub fn send(&mut self, handle: SocketHandle, mut bytes: &[u8]) {
        let sent = self.run(Duration::from_secs(60), |it| {
            let len = it.tcp(handle).send_slice(bytes).unwrap_or(bytes.len());
            bytes = &bytes[len..];
            bytes.is_empty()
        });
        assert!(sent, "{} bytes are not taken", bytes.len());
        self.wait(Duration::ZERO); // they leave before anything else is sent
    }

    /// What comes within `patience`, up to `len` bytes; fewer if that is all.
    pub fn receive(&mut self, handle: SocketHandle, len: usize, patience: Duration) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut end = 0;
        self.run(patience, |it| match it.tcp(handle).recv_slice(&mut bytes[end..]) {
            Ok(count) => {
                end += count;
                end == len
            }
            Err(_) => !matches!(it.tcp(handle).state(), tcp::State::SynSent),
        });
        bytes.truncate(end);
        bytes
    }

    /// A client's UDP socket.
    pub fn datagrams(&mut self) -> SocketHandle {
        self.next_port += 1;
        self.datagrams_from(self.next_port)
    }

    /// A client's UDP socket on this port.
    pub fn datagrams_from(&mut self, port: u16) -> SocketHandle {
        let buffers = Box::leak(Box::new(UdpBuffers::<CLIENT_RING>::new()));
        let slots = Box::leak(Box::new(UdpSlots::<64>::new()));
        let mut socket = buffers.socket(slots);
        socket.bind(port).unwrap();
        self.sockets.add(socket)
    }

    pub fn udp(&mut self, handle: SocketHandle) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Sends a datagram; the answer, if one comes within `patience`.
    pub fn ask(
        &mut self,
        handle: SocketHandle,
        port: u16,
        datagram: &[u8],
        patience: Duration,
    ) -> Option<Vec<u8>> {
        self.udp(handle).send_slice(datagram, (IpAddress::from(NODE), port)).unwrap();
        let mut answer = None;
        self.run(patience, |it| {
            answer = it.udp(handle).recv().ok().map(|(bytes, _)| bytes.to_vec());
            answer.is_some()
        });
        answer
    }
}

fn interface(end: &mut End, mac: EthernetAddress, ip: Ipv4Address, now: Instant) -> Interface {
    let mut iface = Interface::new(Config::new(mac.into()), end, now);
    iface.update_ip_addrs(|all| all.push(IpCidr::new(ip.into(), 24)).unwrap());
    iface
}

fn leak_bytes(len: usize) -> &'static mut [u8] {
    vec![0; len].leak()
}

fn leak_storage(len: usize) -> &'static mut [SocketStorage<'static>] {
    (0..len).map(|_| SocketStorage::EMPTY).collect::<Vec<_>>().leak()
}
