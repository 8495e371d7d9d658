//! Scenarios in a world: the links of its client.

use super::{NODE, World};
use core::time::Duration;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::RecvError;
use std::io::{self, ErrorKind};
use unstick::datagram::ETHERNET;
use unstick_conformance::{Link, Played, Scenario, fixture};

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

/// Plays a scenario in a world of its own, whose node has rings of `RING` bytes. `None` where the
/// client's stack, which sends no fragments, cannot send what the scenario says.
pub fn play<const RING: usize>(scenario: &Scenario) -> Option<Played> {
    if scenario.is_udp() && scenario.sends().any(|send| send.len() > ETHERNET) {
        return None;
    }
    let (setup, port) = (scenario.setup, scenario.endpoint.port());
    let mut world = World::new::<RING>(fixture::node(setup), setup.limits(), setup.datagram());
    Some(if scenario.is_udp() {
        let handle = match scenario.from_own_port {
            true => world.datagrams_from(port),
            false => world.datagrams(),
        };
        unstick_conformance::play(scenario, &mut Datagrams { world, handle, port })
    } else {
        let handle = world.connected(scenario.endpoint.service());
        unstick_conformance::play(scenario, &mut Connection { world, handle })
    })
}
