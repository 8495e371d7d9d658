//! The node as it is in a device: on smoltcp, with files in memory.

use crate::network::Nic;
use crate::{address, interface, secret};
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use unstick::command::Command;
use unstick::host::Identity;
use unstick::keys::{Ephemerals, Key, KeyedServer, Keyring, Keys};
use unstick::store::RamStore;
use unstick::{Endpoint, Limits, Node, Server, Service, datagram};
use unstick_conformance::commands::{Settings, Tasks, rows};
use unstick_smoltcp::{Scratch, Stack};

type Host = Node<RamStore<Vec<u8>, FILES>, Settings, Tasks>;

const COMMANDS: &[Command<Host>] = &rows();

/// Files that it keeps, one that is on its way in included.
pub const FILES: usize = 8;
/// Bytes of the longest.
pub const FILE: usize = 32 * 1024;

/// Connections that a service carries at a time.
const BACKLOG: usize = 2;
const TCP: usize = BACKLOG * Service::ALL.len();
const UDP: usize = 2;
/// Bytes of each ring.
const RING: usize = 2048;

/// The one that a device has, in memory that a restart does not return.
fn keyring(key: Key, seed: u64) -> &'static mut (dyn Keys + Send) {
    let mut ring = Keyring::<1>::new(Ephemerals::random(secret(seed)));
    ring.add(key).expect("there is room for one");
    Box::leak(Box::new(ring))
}

pub struct Device {
    stack: Stack<'static, Host, TCP, UDP, KeyedServer<Server<Host>>>,
    host: Host,
    sockets: SocketSet<'static>,
    connections: Vec<SocketHandle>,
    iface: Interface,
    nic: Nic,
}

impl Device {
    /// With a key, if it asks for one.
    pub fn start(mut nic: Nic, now: Instant, seed: u64, key: Option<Key>) -> Self {
        let identity = Identity::new("device", "1.0").target("simulated");
        let identity = identity.datagram(datagram::ETHERNET).connections(TCP);
        let store = RamStore::new(core::array::from_fn(|_| vec![0; FILE]));
        let mut host = Node::with(identity, store, COMMANDS, Settings::new());
        host.keys = key.map(|key| keyring(key, seed));
        // The one memory that a restart does not return.
        let scratch = Scratch { input: vec![0; RING].leak(), output: vec![0; RING].leak() };
        let mut stack = Stack::new(Limits::DEFAULT, 1500, scratch);
        let mut sockets = SocketSet::new(Vec::new());
        let mut connections = Vec::new();
        for service in Service::ALL.into_iter().flat_map(|service| [service; BACKLOG]) {
            let ring = || tcp::SocketBuffer::new(vec![0; RING]);
            let handle = sockets.add(tcp::Socket::new(ring(), ring()));
            let port = Endpoint::tcp(service).port();
            stack.listen(&mut sockets, handle, service, port).expect("it can be served");
            connections.push(handle);
        }
        for endpoint in Endpoint::UDP {
            let ring = |slots, len| {
                udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; slots], vec![0; len])
            };
            let handle = sockets.add(udp::Socket::new(ring(9, 4096), ring(1, datagram::ETHERNET)));
            let (service, port) = (endpoint.service(), endpoint.port());
            stack
                .bind(&mut sockets, handle, service, port, datagram::ETHERNET)
                .expect("it can be served");
        }
        let iface = interface(&mut nic, address::DEVICE, now, seed);
        Self { stack, host, sockets, connections, iface, nic }
    }

    /// Returns when to call again.
    pub fn poll(&mut self, now: Instant) -> Option<Instant> {
        let Self { stack, host, iface, nic, sockets, .. } = self;
        stack.poll(now, host, iface, nic, sockets)
    }

    /// Sockets that have a connection, or had one and do not listen again.
    pub fn taken(&self) -> usize {
        let listens =
            |handle: &&SocketHandle| !self.sockets.get::<tcp::Socket<'_>>(**handle).is_listening();
        self.connections.iter().filter(listens).count()
    }
}
