//! What the node says of its limits in `info` is true, on a clock that goes as fast as nothing happens.

#[path = "../src/bin/unstick-tap/world/mod.rs"]
mod world;

use core::time::Duration;
use smoltcp::iface::SocketHandle;
use unstick::host::Identity;
use unstick::store::RamStore;
use unstick::{Endpoint, Limits, Node, Service};
use unstick_conformance::bounds::{Peer, drive};
use unstick_conformance::commands::Settings;
use world::{COMMANDS, World};

/// Longer than any limit of time.
const PATIENCE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(3600);

/// Fewer than the client's link carries in one packet, so that there is one more.
const DATAGRAM: usize = 512;

struct Client(World);

impl Peer for Client {
    type Connection = SocketHandle;

    fn connect(&mut self, service: Service) -> SocketHandle {
        let handle = self.0.connect(Endpoint::tcp(service).port());
        self.0.run(PATIENCE, |it| it.tcp(handle).may_send() || !it.tcp(handle).is_open());
        handle
    }

    fn send(&mut self, handle: &mut SocketHandle, bytes: &[u8]) {
        self.0.send(*handle, bytes);
    }

    fn receive(&mut self, handle: &mut SocketHandle, len: usize) -> Vec<u8> {
        let mut bytes = vec![];
        self.0.run(PATIENCE, |it| {
            let socket = it.tcp(*handle);
            let mut space = vec![0; socket.recv_queue().min(len - bytes.len())];
            let came = socket.recv_slice(&mut space);
            bytes.extend_from_slice(&space[..came.unwrap_or(0)]);
            bytes.len() == len || came.is_err()
        });
        bytes
    }

    fn close(&mut self, handle: SocketHandle) {
        self.0.tcp(handle).close();
        self.0.run(PATIENCE, |it| !it.tcp(handle).is_open());
        self.0.sockets.remove(handle);
    }

    fn echo(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let handle = self.0.datagrams();
        let second = smoltcp::time::Duration::from_secs(1);
        self.0.ask(handle, Endpoint::UDP_ECHO.port(), datagram, second)
    }

    fn now(&self) -> Duration {
        Duration::from_micros(self.0.now.total_micros().unsigned_abs())
    }
}

#[test]
fn every_limit_in_info_is_reached_and_passed() {
    let identity = Identity::new("wire", "1.0").target("memory").datagram(DATAGRAM);
    let store = RamStore::new(core::array::from_fn(|_| vec![0; 10_000]));
    let host = Node::with(identity, store, COMMANDS, Settings::new());
    let limits = Limits::DEFAULT.with_answer(Duration::from_secs(20));
    let mut client = Client(World::new::<2048>(host, limits, DATAGRAM));
    let driven = drive(&mut client);
    let due = [
        "answer_ms",
        "connections",
        "datagram",
        "file",
        "files",
        "header",
        "header_ms",
        "idle_ms",
        "request",
        "stall_ms",
        "text",
    ];
    assert_eq!(driven, due);
}
