//! The memory of a node's sockets: the same with us and without.

use crate::wire::Wire;
use smoltcp::iface::{Config, Interface, SocketStorage};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};
use static_cell::{ConstStaticCell, StaticCell};
use unstick_smoltcp::{TcpBuffers, UdpBuffers, UdpSlots};

/// Sockets for connections: two of each service, as the firmware has them.
pub const TCP: usize = 8;

/// Sockets for datagrams.
pub const UDP: usize = 2;

/// Bytes of a connection's receive ring.
pub const RECEIVE: usize = 1280;

/// Bytes of a connection's send ring.
pub const SEND: usize = 2048;

/// Bytes of a datagram socket's receive ring.
pub const DATAGRAMS: usize = 4096;

/// The node's hardware address.
pub const HARDWARE: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);

/// The node's address.
pub const ADDRESS: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(192, 168, 69, 1), 24);

/// All buffers. They are zero at the start, so that a `static` of them takes no flash.
pub struct Buffers {
    /// The rings of the connections.
    pub connections: [TcpBuffers<RECEIVE, SEND>; TCP],
    /// The rings of the datagram sockets.
    pub datagrams: [UdpBuffers<DATAGRAMS>; UDP],
    /// What is read from a socket.
    pub input: [u8; RECEIVE],
    /// What is written to a socket.
    pub output: [u8; SEND],
    /// The device.
    pub wire: Wire,
}

/// What sockets are kept in. It is not zero.
pub struct Sockets {
    /// The sockets.
    pub storage: [SocketStorage<'static>; TCP + UDP],
    /// The metadata of datagrams.
    pub slots: [UdpSlots<8>; UDP],
}

/// All of it, once.
pub fn take() -> (&'static mut Buffers, &'static mut Sockets) {
    static BUFFERS: ConstStaticCell<Buffers> = ConstStaticCell::new(Buffers {
        connections: [const { TcpBuffers::new() }; TCP],
        datagrams: [const { UdpBuffers::new() }; UDP],
        input: [0; RECEIVE],
        output: [0; SEND],
        wire: Wire::IDLE,
    });
    static SOCKETS: StaticCell<Sockets> = StaticCell::new();
    let sockets = SOCKETS.init_with(|| Sockets {
        storage: [const { SocketStorage::EMPTY }; TCP + UDP],
        slots: [const { UdpSlots::new() }; UDP],
    });
    (BUFFERS.take(), sockets)
}

/// The network interface.
pub fn interface(wire: &mut Wire) -> &'static mut Interface {
    static INTERFACE: StaticCell<Interface> = StaticCell::new();
    INTERFACE.init_with(|| {
        let mut interface = Interface::new(Config::new(HARDWARE.into()), wire, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let _ = addresses.push(ADDRESS.into());
        });
        interface
    })
}
