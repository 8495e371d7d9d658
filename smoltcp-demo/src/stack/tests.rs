//! What the stack is made of, and what it is not made with.

use super::*;
use smoltcp::iface::SocketStorage;
use smoltcp::socket::{tcp, udp};
use std::string::ToString;
use unstick::Node;
use unstick::datagram::{CLASSIC, ETHERNET};
use unstick::store::RamStore;

/// A stack with one socket of each kind, and a set to put sockets in.
struct Bench<'a> {
    stack: Stack<'a, Node<RamStore<[u8; 0], 0>>, 1, 1>,
    sockets: SocketSet<'a>,
}

impl<'a> Bench<'a> {
    fn listen(
        &mut self,
        service: Service,
        port: u16,
        socket: Socket<'a>,
    ) -> Result<(), SetupError> {
        let handle = self.sockets.add(socket);
        self.stack.listen(&mut self.sockets, handle, service, port)
    }

    fn bind(
        &mut self,
        service: Service,
        limit: usize,
        socket: udp::Socket<'a>,
    ) -> Result<(), SetupError> {
        let handle = self.sockets.add(socket);
        self.stack.bind(&mut self.sockets, handle, service, 80, limit)
    }
}

fn setup(
    mtu: usize,
    scratch: usize,
    test: impl FnOnce(&mut Bench<'_>) -> Result<(), SetupError>,
) -> std::string::String {
    let (mut input, mut output) = ([0; 2048], [0; 2048]);
    let scratch = Scratch { input: &mut input[..scratch], output: &mut output[..scratch] };
    let mut storage = [SocketStorage::EMPTY; 2];
    let sockets = SocketSet::new(&mut storage[..]);
    let stack = Stack::new(Limits::DEFAULT, mtu, scratch);
    test(&mut Bench { stack, sockets }).expect_err("it must be refused").to_string()
}

#[test]
fn what_cannot_work_is_refused_in_a_sentence() {
    let tcp = |receive, send| {
        let ring = |len| tcp::SocketBuffer::new(std::vec![0; len].leak());
        Socket::new(ring(receive), ring(send))
    };
    let udp = |receive, send| {
        let ring = |(len, slots)| {
            let slots = std::vec![udp::PacketMetadata::EMPTY; slots].leak();
            udp::PacketBuffer::new(slots, std::vec![0; len].leak())
        };
        udp::Socket::new(ring(receive), ring(send))
    };
    assert_eq!(
        setup(1500, 2048, |it| it.listen(Service::Echo, 80, tcp(1024, 512))),
        "a receive ring of 1024 bytes is too short: make it 1025 bytes or more"
    );
    assert_eq!(
        setup(1500, 2000, |it| it.listen(Service::Echo, 80, tcp(2048, 512))),
        "the input scratch of 2000 bytes is too short: make it 2048 bytes or more"
    );
    assert_eq!(
        setup(1500, 2048, |it| it.listen(Service::Echo, 0, tcp(2048, 512))),
        "port 0 cannot be served: choose a port from 1 to 65535"
    );
    assert_eq!(
        setup(1500, 2048, |it| {
            it.listen(Service::Echo, 80, tcp(2048, 512))?;
            it.listen(Service::Echo, 80, tcp(2048, 512))
        }),
        "there is no room for one more socket: make the stack larger"
    );
    assert_eq!(
        setup(1500, 2048, |it| it.bind(Service::Frame, CLASSIC, udp((2048, 2), (2048, 1)))),
        "the frame service has no datagrams: serve it over TCP"
    );
    assert_eq!(
        setup(9000, 2048, |it| it.bind(Service::Echo, CLASSIC, udp((4096, 2), (2048, 1)))),
        "a receive ring of 4096 bytes is too short: make it 8972 bytes or more"
    );
    assert_eq!(
        setup(1280, 2048, |it| it.bind(Service::Echo, ETHERNET, udp((4096, 2), (2048, 1)))),
        "a datagram of 1472 bytes is over the limit of 1252 that the device and its ring can carry"
    );
    assert_eq!(
        setup(1500, 2048, |it| it.bind(Service::Echo, CLASSIC, udp((4096, 1), (2048, 1)))),
        "2 metadata slots are needed, there are 1"
    );
    assert_eq!(
        setup(1500, 2048, |it| it.bind(Service::Echo, CLASSIC, udp((4096, 2), (2048, 2)))),
        "a UDP send ring has 2 metadata slots: give it 1"
    );
}
