//! A whole node on smoltcp, from Ethernet frames up. Its peers know its address and speak TCP well
//! enough to reach its sessions, and then say anything, in any order, damaged or not; time passes.
//! What the node sends is well formed, it comes to rest at each moment, and in the end every socket
//! listens, nothing is lent, and somebody new is served.

mod peers;

use crate::node::{self, Host, assert_nothing_lent};
use peers::{ECHO, Peers};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};
use unstick::datagram::ETHERNET;
use unstick::host::Counter;
use unstick::{Endpoint, Limits, Server, Service};
use unstick_smoltcp::{Scratch, Stack, TcpBuffers, UdpBuffers, UdpSlots};

const NODE: Ipv4Address = Ipv4Address::new(192, 168, 69, 1);
const NODE_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const MTU: usize = 1500;
/// Bytes of an Ethernet frame, its check sequence aside.
const FRAME: usize = MTU + 14;

/// Two connections for commands and one for each other service.
const SERVICES: [Service; 5] =
    [Service::Echo, Service::Frame, Service::Message, Service::Command, Service::Command];
const TCP: usize = SERVICES.len();
const UDP: usize = Endpoint::UDP.len();

/// Steps at one moment, each of which may send: far more than it takes to send all rings.
const STEPS: usize = 200;

/// What happens, an event after another; see `Peers::event`.
pub fn run(bytes: &[u8]) {
    reaches_a_session(bytes);
}

/// The same. Returns whether a service was asked something.
pub fn reaches_a_session(bytes: &[u8]) -> bool {
    let mut rings = [const { TcpBuffers::<1100, 600>::new() }; TCP];
    let mut datagrams = [const { UdpBuffers::<4096>::new() }; UDP];
    let mut slots = [const { UdpSlots::<4>::new() }; UDP];
    let mut storage = [SocketStorage::EMPTY; TCP + UDP];
    let (mut input, mut output) = ([0; 1100], [0; ETHERNET]);

    let scratch = Scratch { input: &mut input, output: &mut output };
    let mut stack = Stack::new(Limits::DEFAULT, MTU, scratch);
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handles: Vec<_> = SERVICES
        .into_iter()
        .zip(&mut rings)
        .map(|(service, rings)| {
            let handle = sockets.add(rings.socket());
            let port = Endpoint::tcp(service).port();
            stack.listen(&mut sockets, handle, service, port).expect("it can be served");
            handle
        })
        .collect();
    for (endpoint, rings) in Endpoint::UDP.into_iter().zip(datagrams.iter_mut().zip(&mut slots)) {
        let handle = sockets.add(rings.0.socket(rings.1));
        let (service, port) = (endpoint.service(), endpoint.port());
        stack.bind(&mut sockets, handle, service, port, ETHERNET).expect("it can be served");
    }
    let mut wire = Wire::default();
    let now = Instant::from_secs(1);
    let mut iface = Interface::new(Config::new(NODE_MAC.into()), &mut wire, now);
    iface.update_ip_addrs(|all| all.push(IpCidr::new(NODE.into(), 24)).expect("it has room"));
    let mut world =
        World { stack, host: node::new(), sockets, iface, wire, peers: Peers::new(), now };

    let mut rest = bytes;
    while let Some(event) = world.peers.event(&mut rest) {
        world.wire.incoming = event.frame;
        world.now += event.passed;
        world.poll();
    }
    let reached = world.host.counters.get(Counter::Frames) > 0;
    world.assert_recovers(&handles);
    reached
}

struct World<'a> {
    stack: Stack<'a, Host, TCP, UDP, Server<Host, 256, 256>>,
    host: Host,
    sockets: SocketSet<'a>,
    iface: Interface,
    wire: Wire,
    peers: Peers,
    now: Instant,
}

impl World<'_> {
    /// Until it wants nothing before some later time, which is returned.
    fn poll(&mut self) -> Option<Instant> {
        let Self { stack, host, sockets, iface, wire, peers, now } = self;
        for _ in 0..STEPS {
            let at = stack.poll(*now, host, iface, wire, sockets);
            wire.sent.drain(..).for_each(|frame| peers.hear(&frame));
            if at.is_none_or(|at| at > *now) && wire.incoming.is_none() {
                return at;
            }
        }
        panic!("it never comes to rest");
    }

    /// Nobody says anything more; then somebody new does.
    fn assert_recovers(&mut self, handles: &[SocketHandle]) {
        // Longer than any limit, of which several may follow one another.
        let end = self.now + Duration::from_secs(2000);
        let listens = |it: &Self| {
            handles.iter().all(|handle| it.sockets.get::<tcp::Socket<'_>>(*handle).is_listening())
        };
        while let Some(at) = self.poll() {
            assert!(at <= end || listens(self), "a socket is held for ever");
            self.now = at;
            if at > end {
                break;
            }
        }
        assert!(listens(self), "a socket does not listen again");
        assert_nothing_lent(&mut self.host.store);

        self.wire.incoming = Some(self.peers.begin(ECHO));
        self.poll();
        self.wire.incoming = Some(self.peers.say(ECHO, b"hello"));
        self.poll();
        assert_eq!(self.peers.heard(ECHO), b"HELLO");
    }
}

/// A device with the frame that comes next and those that were sent.
#[derive(Default)]
struct Wire {
    incoming: Option<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Incoming(Vec<u8>);
struct Outgoing<'w>(&'w mut Vec<Vec<u8>>);

impl phy::RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        assert!(len <= FRAME, "a frame of {len} bytes does not fit the link");
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push(frame);
        result
    }
}

impl phy::Device for Wire {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let Self { incoming, sent } = self;
        incoming.take().map(|frame| (Incoming(frame), Outgoing(sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}
