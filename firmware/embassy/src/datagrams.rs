//! The datagram services: a task for each.

use crate::farewell::Begun;
use crate::{Node, time};
use core::cell::RefCell;
use embassy_net::udp::{PacketMetadata, UdpMetadata, UdpSocket};
use embassy_net::{IpAddress, Stack};
use embassy_time::with_timeout;
use unstick::datagram::{Budget, Datagram, ETHERNET, Ip, Sender, answer};
use unstick::host::Event;
use unstick::limits::NEIGHBOR;
use unstick::{Endpoint, Host as _};
use unstick_firmware::node::{ADDRESS, UDP};

/// Datagrams of full length that a ring holds: two turns of the Ethernet driver.
const FULL: usize = 4;

/// Datagrams of any length that a ring holds, less one for the padding at its end.
const SLOTS: usize = 8;

/// What one of the rings can send.
const BUDGET: Budget =
    Budget { mtu: 1500, ip: Ip::V4, fragments: None, ring: FULL * ETHERNET, slots: SLOTS };

/// The largest datagram in bytes that is answered or sent.
pub(crate) const LIMIT: usize = match BUDGET.payload(1) {
    Ok(limit) => limit,
    Err(_) => panic!("the ring of datagrams is too small"),
};

/// The memory of a service.
pub(crate) struct Buffers {
    receive: [u8; FULL * ETHERNET],
    send: [u8; FULL * ETHERNET],
    output: [u8; LIMIT],
}

impl Buffers {
    pub(crate) const fn new() -> Self {
        Self { receive: [0; FULL * ETHERNET], send: [0; FULL * ETHERNET], output: [0; LIMIT] }
    }
}

/// Where datagrams in the rings begin and where they go. It is not zero at the start.
pub(crate) struct Slots {
    receive: [PacketMetadata; SLOTS],
    send: [PacketMetadata; SLOTS],
}

impl Slots {
    pub(crate) const fn new() -> Self {
        Self { receive: [PacketMetadata::EMPTY; SLOTS], send: [PacketMetadata::EMPTY; SLOTS] }
    }
}

/// Serves the datagrams that come to a port.
#[embassy_executor::task(pool_size = UDP)]
pub(crate) async fn serve(
    endpoint: Endpoint,
    stack: Stack<'static>,
    node: &'static RefCell<Node>,
    buffers: &'static mut Buffers,
    slots: &'static mut Slots,
) {
    let Buffers { receive, send, output } = buffers;
    let mut socket = UdpSocket::new(stack, &mut slots.receive, receive, &mut slots.send, send);
    let _ = socket.bind(endpoint.port());
    loop {
        socket.wait_recv_ready().await;
        let _begun = Begun::new();
        let answered = async {
            for _ in 0..SLOTS {
                if socket.may_recv() {
                    answer_one(endpoint, node, &mut socket, output).await;
                }
            }
            socket.flush().await;
        };
        // Replies that wait for longer are dropped, or one forged sender could silence the service.
        if with_timeout(time::duration(NEIGHBOR), answered).await.is_err() {
            // There is no other way to take a datagram back.
            socket.close();
            let _ = socket.bind(endpoint.port());
            node.borrow_mut().count(Event::Rejected, 1);
        }
    }
}

/// Answers the next datagram.
async fn answer_one(
    endpoint: Endpoint,
    node: &RefCell<Node>,
    socket: &mut UdpSocket<'_>,
    output: &mut [u8; LIMIT],
) {
    let reply = |bytes: &[u8], from: UdpMetadata| {
        let sender = Sender { port: from.endpoint.port, own: &Endpoint::UDP_PORTS };
        let datagram = Datagram::received(bytes.get(..LIMIT).unwrap_or(bytes), bytes.len());
        let host = &mut *node.borrow_mut();
        let len = answer(endpoint.service(), time::now(), host, sender, datagram, output)?;
        // What came by broadcast is answered from our own address.
        let own = from.local_address.filter(|it| *it == IpAddress::Ipv4(ADDRESS.address()));
        Some((len, UdpMetadata { local_address: own, ..UdpMetadata::from(from.endpoint) }))
    };
    if let Some((len, to)) = socket.recv_from_with(reply).await
        && socket.send_to(output.get(..len).unwrap_or_default(), to).await.is_err()
    {
        node.borrow_mut().count(Event::Rejected, 1);
    }
}
