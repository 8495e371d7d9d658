//! The whole node: all services on a smoltcp stack.

use crate::layers::{Device, device};
use crate::memory::{self, Buffers, Sockets, TCP, UDP, interface};
use crate::wire::Wire;
use smoltcp::iface::{Interface, SocketSet};
use smoltcp::phy::Device as _;
use smoltcp::time::Instant;
use static_cell::StaticCell;
use unstick::datagram::ETHERNET;
use unstick::{Endpoint, Limits, Service};
use unstick_smoltcp::{Scratch, SetupError, Stack};

/// A node with its network.
pub struct Whole {
    stack: &'static mut Stack<'static, Device, TCP, UDP>,
    sockets: SocketSet<'static>,
    host: &'static mut Device,
    interface: &'static mut Interface,
    /// The device.
    pub wire: &'static mut Wire,
}

impl Whole {
    /// The node, listening, once.
    pub fn start() -> Result<Self, SetupError> {
        static STACK: StaticCell<Stack<'static, Device, TCP, UDP>> = StaticCell::new();
        static HOST: StaticCell<Device> = StaticCell::new();
        let (buffers, Sockets { storage, slots }) = memory::take();
        let Buffers { connections, datagrams, input, output, wire } = buffers;
        let mtu = wire.capabilities().ip_mtu();
        let scratch = Scratch { input, output };
        let stack = STACK.init_with(|| Stack::new(Limits::DEFAULT, mtu, scratch));
        let mut sockets = SocketSet::new(storage.as_mut_slice());
        let services = Service::ALL.into_iter().flat_map(|service| [service; 2]);
        for (service, rings) in services.zip(connections) {
            let handle = sockets.add(rings.socket());
            stack.listen(&mut sockets, handle, service, Endpoint::tcp(service).port())?;
        }
        for ((endpoint, rings), slots) in Endpoint::UDP.into_iter().zip(datagrams).zip(slots) {
            let handle = sockets.add(rings.socket(slots));
            stack.bind(&mut sockets, handle, endpoint.service(), endpoint.port(), ETHERNET)?;
        }
        let (host, interface) = (HOST.init_with(device), interface(wire));
        Ok(Self { stack, sockets, host, interface, wire })
    }

    /// Receives, answers and sends. Returns when to call again.
    pub fn poll(&mut self, now: Instant) -> Option<Instant> {
        self.stack.poll(now, self.host, self.interface, self.wire, &mut self.sockets)
    }
}
