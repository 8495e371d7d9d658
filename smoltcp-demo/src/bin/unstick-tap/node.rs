//! The node on a TAP interface: the stack, its memory, and the loop that drives it.

use crate::cable::Cable;
use crate::host::Host;
use core::net::Ipv4Addr;
use core::time::Duration;
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::phy::Device as _;
use smoltcp::socket::dhcpv4;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Cidr};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use unstick::datagram::ETHERNET;
use unstick::keys::KeyedServer;
use unstick::{Endpoint, Limits, Server, Service, Transport};
use unstick_smoltcp::{Scratch, Stack, TcpBuffers, UdpBuffers, UdpSlots, datagram_limit};
use unstick_std::node::Ports;

/// Connections each service carries at a time.
const BACKLOG: usize = 8;

/// TCP sockets, and UDP sockets.
const TCP: usize = BACKLOG * Service::ALL.len();
const UDP: usize = Endpoint::UDP.len();

/// Bytes of each socket's rings: a desktop has them.
const RING: usize = 64 * 1024;

/// Datagrams that may wait in a UDP socket.
const SLOTS: usize = 64;

/// The session of each connection; where the node has no keys it is as if it were the server's alone.
type Session = KeyedServer<Server<Host>>;

/// How long a node that is to stop waits for what is in flight.
const GRACE: Duration = Duration::from_secs(10);

/// A node that is to run.
pub(crate) struct Node {
    /// Where its address is from.
    pub(crate) address: Address,
    /// What it serves, on which ports.
    pub(crate) ports: Ports,
    /// What a session allows.
    pub(crate) limits: Limits,
    /// The most bytes of a datagram; fewer if the interface carries less.
    pub(crate) datagram: usize,
    /// What the sessions work on.
    pub(crate) host: Host,
}

/// Where a node's address is from.
#[derive(Clone, Copy)]
pub(crate) enum Address {
    /// It is this one.
    Fixed(Ipv4Cidr),
    /// From a DHCP server, which knows the node by this hardware address.
    Dhcp(EthernetAddress),
}

/// All the memory of a node's sockets.
struct Memory {
    tcp: Vec<TcpBuffers<RING, RING>>,
    udp: Vec<UdpBuffers<RING>>,
    slots: Vec<UdpSlots<SLOTS>>,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Memory {
    fn new() -> Self {
        Self {
            tcp: (0..TCP).map(|_| TcpBuffers::new()).collect(),
            udp: (0..UDP).map(|_| UdpBuffers::new()).collect(),
            slots: (0..UDP).map(|_| UdpSlots::new()).collect(),
            input: vec![0; RING],
            output: vec![0; RING],
        }
    }
}

impl Node {
    /// Runs the node until a byte can be read from `wake`, or its end, and then until what is in
    /// flight is done, at most ten seconds more; a second byte ends it at once.
    ///
    /// Calls `ready` with its address once it has one, and again whenever a server assigns another.
    ///
    /// An error is that the interface is gone, or cannot carry what is to be served.
    pub(crate) fn run(
        mut self,
        cable: &mut Cable,
        wake: UnixStream,
        mut ready: impl FnMut(Ipv4Cidr),
    ) -> io::Result<()> {
        wake.set_nonblocking(true)?;
        let clock = Clock::new();
        let (hardware, address) = match self.address {
            Address::Fixed(address) => (made_from(address.address()), Some(address)),
            Address::Dhcp(hardware) => (hardware, None),
        };
        let mut iface = interface(cable, hardware, address, clock.now());
        let mut memory = Memory::new();
        let mut storage = [SocketStorage::EMPTY; TCP + UDP + 1];
        let mtu = cable.capabilities().ip_mtu();
        let most = datagram_limit(mtu, ETHERNET).map_err(io::Error::other)?;
        self.datagram = self.datagram.min(most);
        self.host.identity.datagram = self.datagram;
        let Memory { tcp, udp, slots, input, output } = &mut memory;
        let mut sockets = SocketSet::new(&mut storage[..]);
        let mut stack =
            Stack::<_, TCP, UDP, Session>::new(self.limits, mtu, Scratch { input, output });
        self.serve(&mut stack, &mut sockets, tcp, udp.iter_mut().zip(slots))?;
        self.host.identity.connections = stack.connections();
        let dhcp = address.is_none().then(|| sockets.add(dhcpv4::Socket::new()));
        address.into_iter().for_each(&mut ready);
        let mut wake = Some(wake);
        let mut end = None;
        loop {
            let now = clock.now();
            let deadline = stack.poll(now, &mut self.host, &mut iface, cable, &mut sockets);
            let event = dhcp.and_then(|it| sockets.get_mut::<dhcpv4::Socket<'_>>(it).poll());
            if let Some(event) = event {
                if let Some(address) = configure(&mut iface, &event) {
                    ready(address);
                }
                continue; // the other sockets are to hear of it
            }
            if stack.is_finished(&sockets) || end.is_some_and(|end| now >= end) {
                return Ok(());
            }
            let deadline = deadline.into_iter().chain(end).min();
            rest(cable, clock, deadline, wake.as_ref())?;
            // An error is that nobody wants anything.
            if let Some(Ok(count)) = wake.as_mut().map(|wake| wake.read(&mut [0])) {
                if end.is_some() {
                    return Ok(());
                }
                stack.finish(&mut sockets);
                end = Some(now + GRACE.into());
                if count == 0 {
                    wake = None; // its end would be there to be read for ever
                }
            }
        }
    }

    /// Adds a socket for each connection and datagram service.
    fn serve<'m>(
        &self,
        stack: &mut Stack<'_, Host, TCP, UDP, Session>,
        sockets: &mut SocketSet<'m>,
        tcp: &'m mut [TcpBuffers<RING, RING>],
        udp: impl Iterator<Item = (&'m mut UdpBuffers<RING>, &'m mut UdpSlots<SLOTS>)>,
    ) -> io::Result<()> {
        let (mut tcp, mut udp) = (tcp.iter_mut(), udp);
        for (endpoint, port) in self.ports.iter() {
            let (service, transport) = (endpoint.service(), endpoint.transport());
            let refused = |error| {
                io::Error::other(format!("cannot serve {service} on {transport} {port}: {error}"))
            };
            match transport {
                Transport::Tcp => {
                    for buffers in tcp.by_ref().take(BACKLOG) {
                        let handle = sockets.add(buffers.socket());
                        stack.listen(sockets, handle, service, port).map_err(refused)?;
                    }
                }
                Transport::Udp => {
                    if let Some((buffers, slots)) = udp.next() {
                        let handle = sockets.add(buffers.socket(slots));
                        let limit = self.datagram;
                        stack.bind(sockets, handle, service, port, limit).map_err(refused)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Gives an interface the address and the router that DHCP says. Returns the address, if there is one.
fn configure(iface: &mut Interface, event: &dhcpv4::Event<'_>) -> Option<Ipv4Cidr> {
    let (address, router) = match event {
        dhcpv4::Event::Configured(config) => (Some(config.address), config.router),
        dhcpv4::Event::Deconfigured => (None, None),
    };
    iface.update_ip_addrs(|all| {
        all.clear();
        all.extend(address.map(IpCidr::Ipv4));
    });
    iface.routes_mut().remove_default_ipv4_route();
    if let Some(router) = router {
        // The table has room for more than this one route.
        let _ = iface.routes_mut().add_default_ipv4_route(router);
    }
    address
}

/// A hardware address made from the address, so that nodes on one network differ.
pub(crate) fn made_from(address: Ipv4Addr) -> EthernetAddress {
    let [a, b, c, d] = address.octets();
    EthernetAddress([0x02, 0, a, b, c, d])
}

/// An interface on the cable, with an address if it has one already.
pub(crate) fn interface(
    cable: &mut Cable,
    hardware: EthernetAddress,
    address: Option<Ipv4Cidr>,
    now: Instant,
) -> Interface {
    let mut config = Config::new(hardware.into());
    config.random_seed = fastrand::u64(..);
    let mut iface = Interface::new(config, cable, now);
    iface.update_ip_addrs(|all| all.extend(address.map(IpCidr::Ipv4)));
    iface
}

/// Sleeps until the deadline, a frame, or a byte from `wake`; an error is that the interface is gone.
pub(crate) fn rest(
    cable: &mut Cable,
    clock: Clock,
    deadline: Option<Instant>,
    wake: Option<&UnixStream>,
) -> io::Result<()> {
    let now = clock.now();
    let stack = deadline.map(|deadline| {
        let micros = deadline.total_micros() - now.total_micros();
        Duration::from_micros(micros.max(0).unsigned_abs())
    });
    let cable = cable.get_mut();
    let timeout = stack.into_iter().chain(cable.poll_delay(now)).min();
    cable.device_mut().wait(timeout, wake.map(UnixStream::as_fd))
}

/// Time since the start, for smoltcp.
#[derive(Clone, Copy)]
pub(crate) struct Clock(std::time::Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(std::time::Instant::now())
    }

    pub(crate) fn now(self) -> Instant {
        let micros = self.0.elapsed().as_micros();
        Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}
