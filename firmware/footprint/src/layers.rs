//! The layers of the core, each driven as a device would use it.

use crate::{input, output};
use core::hint::black_box;
use static_cell::StaticCell;
use unstick::frame::{self, Decoder, Oversize};
use unstick::header::{Fields, Header};
use unstick::host::{Identity, Node};
use unstick::limits::HEADER;
use unstick::message::{self, Kind, Reader};
use unstick::store::RamStore;
use unstick::{Instant, Limits, Server, Service, Session as _};

/// Files of a [`Device`].
pub const FILES: usize = 4;

/// Bytes of each file of a [`Device`].
pub const FILE: usize = 256;

/// A node with the commands every node has, and a few small files in RAM.
pub type Device = Node<RamStore<[u8; FILE], FILES>>;

/// Frames in and out: the payload is borrowed from the input.
pub fn frame() {
    static DECODER: StaticCell<Decoder> = StaticCell::new();
    let decoder = DECODER.init(Decoder::new(black_box(0), Oversize::DEFAULT));
    while black_box(true) {
        let mut chunk = input();
        while let Ok(Some(event)) = decoder.decode(&mut chunk) {
            black_box(event);
        }
        let _ = black_box(frame::encode(input(), output()));
    }
}

/// Headers in and out.
pub fn header() {
    while black_box(true) {
        let _ = black_box(Header::parse(input()));
        let _ = black_box(black_box(Fields::default()).write(output()));
    }
}

/// Messages whose bodies are streamed and hashed, in and out.
pub fn message() {
    static READER: StaticCell<Reader<HEADER>> = StaticCell::new();
    let reader = READER.init_with(|| Reader::new(Kind::Request));
    while black_box(true) {
        let mut chunk = input();
        while let Ok(Some(event)) = reader.read(&mut chunk) {
            black_box(event);
        }
        let _ = black_box(message::write_header(&black_box(Fields::default()), output()));
    }
}

/// One connection's session, on a node with the commands every node has.
pub fn commands() {
    static NODE: StaticCell<Device> = StaticCell::new();
    static SERVER: StaticCell<Server<Device>> = StaticCell::new();
    let node = NODE.init_with(device);
    let server = SERVER.init_with(|| Server::new(Service::Command, Limits::DEFAULT));
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

/// A node with empty files.
#[must_use]
pub fn device() -> Device {
    Node::new(identity(), RamStore::new([[0; FILE]; FILES]))
}

pub(crate) fn identity() -> Identity<'static> {
    Identity::new("device", "1.0").target("bare").datagram(unstick::datagram::ETHERNET)
}
