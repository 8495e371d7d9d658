//! The node on smoltcp, played from another smoltcp stack over a wire in memory.

#[path = "../../smoltcp-demo/tests/world/mod.rs"]
mod world;

use core::time::Duration;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::RecvError;
use std::io::{self, ErrorKind};
use unstick::datagram::ETHERNET;
use unstick_conformance::fixture;
use unstick_conformance::{Link, play, scenarios};
use world::{NODE, World};

/// Rings of a small device, and of a desktop.
const SMALL: usize = 2048;
const LARGE: usize = 1 << 16;

/// Until a datagram has left.
const SOON: Duration = Duration::from_secs(2);

/// A client's TCP connection.
struct Connection {
    world: World,
    handle: SocketHandle,
}

impl Link for Connection {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.world.send(self.handle, bytes);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<Option<usize>> {
        let mut received = Err(ErrorKind::TimedOut.into());
        self.world.run(patience.into(), |world| {
            received = match world.tcp(self.handle).recv_slice(buffer) {
                Ok(0) => return false,
                Ok(len) => Ok(Some(len)),
                Err(RecvError::Finished) => Ok(None),
                Err(RecvError::InvalidState) => Err(ErrorKind::ConnectionReset.into()),
            };
            true
        });
        received
    }

    fn finish(&mut self) -> io::Result<()> {
        self.world.tcp(self.handle).close();
        Ok(())
    }

    fn pause(&mut self, time: Duration) {
        self.world.run(time.into(), |_| false);
    }
}

/// A client's UDP socket.
struct Datagrams {
    world: World,
    handle: SocketHandle,
    port: u16,
}

impl Link for Datagrams {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let to = (smoltcp::wire::IpAddress::from(NODE), self.port);
        self.world.udp(self.handle).send_slice(bytes, to).map_err(io::Error::other)?;
        let left = |world: &mut World| world.udp(self.handle).send_queue() == 0;
        if self.world.run(SOON.into(), left) { Ok(()) } else { Err(ErrorKind::TimedOut.into()) }
    }

    fn receive(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<Option<usize>> {
        let mut received = Err(ErrorKind::TimedOut.into());
        self.world.run(patience.into(), |world| {
            if let Ok((len, _)) = world.udp(self.handle).recv_slice(buffer) {
                received = Ok(Some(len));
            }
            received.is_ok()
        });
        received
    }

    fn finish(&mut self) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}

fn plays_as_written<const RING: usize>() {
    let mut differences = String::new();
    for scenario in scenarios() {
        // The client's stack sends no fragments.
        if scenario.is_udp() && scenario.sends().any(|send| send.len() > ETHERNET) {
            continue;
        }
        let setup = scenario.setup;
        let mut world = World::new::<RING>(fixture::node(setup), setup.limits(), setup.datagram());
        let played = if scenario.is_udp() {
            let port = scenario.endpoint.port();
            let handle = match scenario.from_own_port {
                true => world.datagrams_from(port),
                false => world.datagrams(),
            };
            play(&scenario, &mut Datagrams { world, handle, port })
        } else {
            let handle = world.connected(scenario.endpoint.service());
            play(&scenario, &mut Connection { world, handle })
        };
        if let Err(difference) = played {
            differences += &format!("{}\n{difference}\n", scenario.name);
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn every_scenario_plays_as_written_on_rings_of_a_device() {
    plays_as_written::<SMALL>();
}

#[test]
fn every_scenario_plays_as_written_on_rings_of_a_desktop() {
    plays_as_written::<LARGE>();
}
