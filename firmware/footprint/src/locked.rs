//! A node that answers only who has a key.

use crate::layers::{Device, FILE, FILES, device};
use crate::{input, output};
use core::hint::black_box;
use static_cell::StaticCell;
use unstick::host::{Counter, Counters, Identity};
use unstick::keys::{Ephemerals, KeyedServer, Keyring, Keys};
use unstick::store::RamStore;
use unstick::{Command, Host, Instant, Limits, NoTask, Server, Service, Session as _};

/// One keyed connection's session, and a node's keys.
pub fn keys() {
    static NODE: StaticCell<Locked> = StaticCell::new();
    static SERVER: StaticCell<KeyedServer<Server<Locked>>> = StaticCell::new();
    let node = NODE.init_with(|| Locked::new(Ephemerals::random(black_box([1; 32]))));
    if let Ok(key) = black_box("").parse() {
        let _ = node.keys.add(key);
    }
    let server =
        SERVER.init_with(|| KeyedServer::accept(Server::new(Service::Command, Limits::DEFAULT)));
    while black_box(true) {
        let _ = black_box(server.step(black_box(Instant::ZERO), node, input(), output()));
        match black_box(0) {
            0 => server.end(),
            1 => server.finish(),
            2 => server.abort(node),
            _ => {}
        }
    }
}

/// A [`Device`] with keys.
pub struct Locked {
    device: Device,
    /// Its keys.
    pub keys: Keyring<4>,
}

impl Locked {
    /// One without keys yet.
    #[must_use]
    pub fn new(ephemerals: Option<Ephemerals>) -> Self {
        Self { device: device(), keys: Keyring::new(ephemerals) }
    }
}

impl Host for Locked {
    type Store = RamStore<[u8; FILE], FILES>;
    type Task = NoTask;

    fn commands(&self) -> &[Command<Self>] {
        &[]
    }

    fn store(&mut self) -> &mut Self::Store {
        &mut self.device.store
    }

    fn identity(&self) -> Identity<'_> {
        self.device.identity
    }

    fn count(&mut self, counter: Counter, count: u64) {
        self.device.counters.count(counter, count);
    }

    fn counters(&self) -> Counters {
        self.device.counters
    }

    fn keys(&mut self) -> Option<&mut dyn Keys> {
        Some(&mut self.keys)
    }
}
