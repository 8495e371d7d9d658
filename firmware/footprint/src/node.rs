//! The whole node: all services on a smoltcp stack.

use crate::layers::{Device, device};
use crate::memory::{self, Buffers, Sockets, TCP, UDP, interface};
use crate::wire::Wire;
use smoltcp::iface::Interface;
use smoltcp::phy::Device as _;
use smoltcp::time::Instant;
use static_cell::StaticCell;
use unstick::datagram::ETHERNET;
use unstick::{Limits, Service};
use unstick_smoltcp::{Scratch, SetupError, Stack};

/// A node with its network.
pub struct Whole {
    stack: &'static mut Stack<'static, Device, TCP, UDP>,
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
        let stack = STACK.init_with(|| Stack::new(Limits::DEFAULT, mtu, storage, scratch));
        let services = Service::ALL.into_iter().flat_map(|service| [service; 2]);
        for (service, rings) in services.zip(connections) {
            stack.listen(service, service.tcp_port(), rings.socket())?;
        }
        let services = Service::ALL.into_iter().filter_map(|it| Some((it, it.udp_port()?)));
        for (((service, port), rings), slots) in services.zip(datagrams).zip(slots) {
            stack.bind(service, port, ETHERNET, rings.socket(slots))?;
        }
        Ok(Self { stack, host: HOST.init_with(device), interface: interface(wire), wire })
    }

    /// Receives, answers and sends; gives when to call again.
    pub fn poll(&mut self, now: Instant) -> Option<Instant> {
        self.stack.poll(now, self.host, self.interface, self.wire)
    }
}
