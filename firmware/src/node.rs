//! The node: its memory, its services, its network.

#[cfg(test)]
mod tests;

use crate::commands::{Board, Tasks, commands};
use crate::lan9118::RECEIVE_FIFO;
use crate::registers::Registers;
use core::fmt::{self, Write};
use core::time::Duration;
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::phy::{Device, TxToken};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpCidr, Ipv4Address, Ipv4Cidr,
};
use unstick::datagram::ETHERNET;
use unstick::host::{Counter, Counters, Identity};
use unstick::store::RamStore;
use unstick::{Endpoint, Instant, Limits, Service};
use unstick_smoltcp::{Scratch, SetupError, Stack, TcpBuffers, UdpBuffers, UdpSlots, stack_time};

/// The node's address: the one that QEMU's user networking forwards to.
pub const ADDRESS: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24);

/// Where all other addresses are reached through.
pub const GATEWAY: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// Connections of each service at a time.
pub const CONNECTIONS: usize = 2;

/// Bytes of each connection's receive ring, and so of its window.
pub const RECEIVE: usize = 1260;

/// Bytes of each connection's send ring.
pub const SEND: usize = 2048;

/// Bytes of each datagram service's receive ring.
pub const DATAGRAMS: usize = 4096;

/// Files that there is room for.
pub const FILES: usize = 8;

/// Bytes of each file.
pub const FILE: usize = 64 * 1024;

/// Connections of all services at a time.
pub const TCP: usize = Service::ALL.len() * CONNECTIONS;

/// Datagram services: the echo and the commands.
pub const UDP: usize = Endpoint::UDP.len();

/// Bytes that the controller keeps of a segment besides its payload: 54 of headers, 4 of checksum,
/// and up to 3 to fill a word.
const SEGMENT: usize = 60;

// Peers that fill all of their windows at once, each with one segment, do not overflow the controller.
const _: () = assert!(TCP * (RECEIVE + SEGMENT) <= RECEIVE_FIFO);

/// The files.
pub type Store = RamStore<&'static mut [u8], FILES>;

/// The node, as its sessions see it.
pub type Node<R> = unstick::Node<Store, Board<R>, Tasks>;

/// All buffers. They are zero at the start, so that a `static` of them takes no flash.
pub struct Buffers {
    /// Of the connections.
    pub connections: [TcpBuffers<RECEIVE, SEND>; TCP],
    /// Of the datagram services.
    pub datagrams: [UdpBuffers<DATAGRAMS>; UDP],
    /// For [`Scratch::input`].
    pub input: [u8; RECEIVE],
    /// For [`Scratch::output`].
    pub output: [u8; SEND],
    /// The files.
    pub files: [[u8; FILE]; FILES],
}

impl Buffers {
    /// Empty buffers.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            connections: [const { TcpBuffers::new() }; TCP],
            datagrams: [const { UdpBuffers::new() }; UDP],
            input: [0; RECEIVE],
            output: [0; SEND],
            files: [[0; FILE]; FILES],
        }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

/// What sockets are kept in. It is not zero: make it at run time, or it takes flash.
pub struct Sockets {
    /// The sockets themselves.
    pub storage: [SocketStorage<'static>; TCP + UDP],
    /// The metadata of datagrams that wait: seven in each service.
    pub slots: [UdpSlots<8>; UDP],
}

impl Sockets {
    /// No sockets yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            storage: [const { SocketStorage::EMPTY }; TCP + UDP],
            slots: [const { UdpSlots::new() }; UDP],
        }
    }
}

impl Default for Sockets {
    fn default() -> Self {
        Self::new()
    }
}

/// The services.
pub type Services<R> = Stack<'static, Node<R>, TCP, UDP>;

/// No services yet, over a device with IP packets of at most `mtu` bytes.
///
/// It is large: make it where it stays, and only then [add the services](serve) to it.
pub const fn services<R: Registers>(scratch: Scratch<'static>, mtu: usize) -> Services<R> {
    Stack::new(Limits::DEFAULT, mtu, scratch)
}

/// Serves all services on their default ports.
pub fn serve<R: Registers>(
    services: &mut Services<R>,
    sockets: &mut SocketSet<'static>,
    connections: &'static mut [TcpBuffers<RECEIVE, SEND>; TCP],
    datagrams: &'static mut [UdpBuffers<DATAGRAMS>; UDP],
    slots: &'static mut [UdpSlots<8>; UDP],
) -> Result<(), SetupError> {
    let offered = Service::ALL.into_iter().flat_map(|service| [service; CONNECTIONS]);
    for (service, buffers) in offered.zip(connections) {
        let handle = sockets.add(buffers.socket());
        services.listen(sockets, handle, service, Endpoint::tcp(service).port())?;
    }
    for ((endpoint, buffers), slots) in Endpoint::UDP.into_iter().zip(datagrams).zip(slots) {
        let handle = sockets.add(buffers.socket(slots));
        services.bind(sockets, handle, endpoint.service(), endpoint.port(), ETHERNET)?;
    }
    Ok(())
}

/// The node with these files and its own commands.
pub fn node<R: Registers>(
    identity: Identity<'static>,
    files: &'static mut [[u8; FILE]; FILES],
    board: Board<R>,
) -> Node<R> {
    let store = RamStore::new(files.each_mut().map(|file| file.as_mut_slice()));
    unstick::Node::with(identity, store, commands(), board)
}

/// Writes the line for each service that `unstick serve` writes too.
pub fn write_services(out: &mut impl Write, address: Ipv4Address) -> fmt::Result {
    for endpoint in Endpoint::ALL {
        let (service, transport) = (endpoint.service(), endpoint.transport());
        let port = endpoint.port();
        writeln!(out, "listening {service} {transport} {address}:{port}")?;
    }
    Ok(())
}

/// The network interface on a device.
///
/// `seed` should differ from boot to boot: the first ports and sequence numbers come from it.
pub fn interface<D: Device>(
    device: &mut D,
    address: EthernetAddress,
    seed: u64,
    now: Instant,
) -> Interface {
    let mut config = Config::new(address.into());
    config.random_seed = seed;
    let mut interface = Interface::new(config, device, stack_time(now));
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(IpCidr::Ipv4(ADDRESS));
    });
    // The table has room for more than this one route.
    let _ = interface.routes_mut().add_default_ipv4_route(GATEWAY);
    interface
}

/// Tells the link our address (a gratuitous ARP), so that nobody waits for it or keeps an old one,
/// and asks for the gateway's, so that no first answer waits for that. Returns whether the device took
/// both.
pub fn announce<D: Device>(device: &mut D, address: EthernetAddress, now: Instant) -> bool {
    let ethernet = EthernetRepr {
        src_addr: address,
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Arp,
    };
    [ADDRESS.address(), GATEWAY].into_iter().all(|target_protocol_addr| {
        let arp = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: address,
            source_protocol_addr: ADDRESS.address(),
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr,
        };
        let Some(token) = device.transmit(stack_time(now)) else { return false };
        token.consume(ethernet.buffer_len() + arp.buffer_len(), |bytes| {
            let mut frame = EthernetFrame::new_unchecked(bytes);
            ethernet.emit(&mut frame);
            arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
        });
        true
    })
}

/// Logs the counters that have changed, at most once a second, so that no peer can keep the node busy
/// with its log.
#[derive(Default)]
pub struct CounterLog {
    told: Counters,
    next: Instant,
}

impl CounterLog {
    /// Writes a line for each counter that has changed, those of ordinary work aside.
    pub fn tell(&mut self, now: Instant, counters: Counters, log: &mut impl Write) -> fmt::Result {
        const PAUSE: Duration = Duration::from_secs(1);
        if now < self.next || counters == self.told {
            return Ok(());
        }
        for (counter, count) in counters.iter() {
            if !matches!(counter, Counter::Frames | Counter::Bytes)
                && count > self.told.get(counter)
            {
                writeln!(log, "{} {count}", counter.as_str())?;
                self.next = now.after(PAUSE);
            }
        }
        self.told = counters;
        Ok(())
    }
}
