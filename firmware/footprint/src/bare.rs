//! An echo on smoltcp without us: the same sockets, the same memory, the same services upper-cased,
//! and the same calls of the stack for a datagram: one to receive, one to send, one for the deadline.

use crate::memory::{self, Buffers, SEND, Sockets, TCP, UDP, interface};
use crate::wire::Wire;
use smoltcp::iface::{Interface, PollIngressSingleResult, SocketHandle, SocketSet};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use unstick::{Endpoint, Service};

/// The port of the connections.
pub const PORT: u16 = Endpoint::tcp(Service::Echo).port();

/// The ports of the datagrams.
pub const UDP_PORTS: [u16; UDP] = [8092, 8093];

/// An echo with its network.
pub struct Echo {
    sockets: SocketSet<'static>,
    connections: [SocketHandle; TCP],
    datagrams: [SocketHandle; UDP],
    buffer: &'static mut [u8; SEND],
    interface: &'static mut Interface,
    /// The device.
    pub wire: &'static mut Wire,
}

impl Echo {
    /// The echo, listening, once.
    pub fn start() -> Self {
        let (buffers, Sockets { storage, slots }) = memory::take();
        let Buffers { connections, datagrams, output, wire, .. } = buffers;
        let mut sockets = SocketSet::new(storage.as_mut_slice());
        let connections = connections.each_mut().map(|rings| {
            let mut socket = rings.socket();
            socket.set_nagle_enabled(false);
            sockets.add(socket)
        });
        let [first, second] = datagrams;
        let [first_slots, second_slots] = slots;
        let datagrams = [first.socket(first_slots), second.socket(second_slots)];
        let datagrams = datagrams.map(|socket| sockets.add(socket));
        for (handle, port) in datagrams.into_iter().zip(UDP_PORTS) {
            let _ = sockets.get_mut::<udp::Socket<'_>>(handle).bind(port);
        }
        Self { sockets, connections, datagrams, buffer: output, interface: interface(wire), wire }
    }

    /// Receives, answers and sends. Returns when to call again.
    pub fn poll(&mut self, now: Instant) -> Option<Instant> {
        let Self { sockets, connections, datagrams, buffer, interface, wire } = self;
        while interface.poll_ingress_single(now, *wire, sockets) != PollIngressSingleResult::None {
            for handle in &mut *datagrams {
                let socket = sockets.get_mut::<udp::Socket<'_>>(*handle);
                if let Ok((bytes, from)) = socket.recv() {
                    let reply = upper(bytes, buffer.as_mut_slice());
                    let _ = socket.send_slice(reply, from);
                }
            }
        }
        for handle in connections {
            let socket = sockets.get_mut::<tcp::Socket<'_>>(*handle);
            if socket.is_listening() {
                continue; // nobody has come
            }
            if !socket.is_open() {
                let _ = socket.listen(PORT);
            }
            let len = socket.recv_slice(buffer.as_mut_slice()).unwrap_or_default();
            let bytes = buffer.get_mut(..len).unwrap_or_default();
            bytes.make_ascii_uppercase();
            let _ = socket.send_slice(bytes);
            if socket.state() == tcp::State::CloseWait {
                socket.close();
            }
        }
        interface.poll_egress(now, *wire, sockets);
        interface.poll_at(now, sockets)
    }
}

fn upper<'b>(bytes: &[u8], buffer: &'b mut [u8]) -> &'b [u8] {
    let Some(space) = buffer.get_mut(..bytes.len()) else { return &[] };
    space.copy_from_slice(bytes);
    space.make_ascii_uppercase();
    space
}
