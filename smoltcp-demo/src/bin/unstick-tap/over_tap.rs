//! The node on smoltcp behind a TAP interface, in a network namespace of our own.

use crate::cable::{self, Cable};
use crate::client::{conversations, run_conversation};
use crate::host::Host;
use crate::job::{desktop_node, failed, is_fit, over_sockets};
use crate::node::{Address, Node};
use crate::tap::TapConfig;
use crate::{Failure, namespace};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use smoltcp::wire::Ipv4Cidr;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use unstick::{Endpoint, Service};
use unstick_conformance::{Played, Scenario, Setup};
use unstick_std::node::{Listening, Ports};

const PREFIX: u8 = 24;

/// Opens an interface with frames as on a real cable, and one that leaves them to the kernel, unless that
/// is not wanted. To be called before anything that may start a thread.
pub(crate) fn open(cable: &cable::Args) -> Result<Vec<OverTap>, Failure> {
    namespace::enter().map_err(|error| Failure::NoTap(error.to_string()))?;
    let mut all = vec![OverTap::open("smoltcp over TAP", 0, false, cable)?];
    if cable.offloads() {
        all.push(OverTap::open("and with offload", 1, true, cable)?);
    }
    Ok(all)
}

/// The node on smoltcp, which is made anew when a scenario needs another setup.
pub(crate) struct OverTap {
    name: &'static str,
    /// The kernel's end of the interface, and the node's.
    kernel: Ipv4Addr,
    node: Ipv4Addr,
    /// The cable while no node runs on it.
    cable: Option<Cable>,
    /// Whether all arrives.
    clean: bool,
    running: Option<OnThread>,
}

/// A node that runs on a thread of its own, and returns the cable.
struct OnThread {
    setup: Setup,
    wake: UnixStream,
    thread: JoinHandle<io::Result<Cable>>,
}

impl OverTap {
    fn open(
        name: &'static str,
        number: u8,
        offload: bool,
        cable: &cable::Args,
    ) -> Result<Self, Failure> {
        let [kernel, node] = [100, 1].map(|host| Ipv4Addr::new(192, 168, 69 + number, host));
        let interface = format!("unstick{number}");
        let tap =
            TapConfig { name: interface, mtu: 1500, address: kernel, prefix: PREFIX, offload };
        let clean = cable.faults().is_none();
        Ok(Self { name, kernel, node, cable: Some(cable.open(&tap)?), clean, running: None })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The kernel's end.
    pub(crate) fn host(&self) -> IpAddr {
        self.kernel.into()
    }

    pub(crate) fn play(&mut self, scenario: &Scenario) -> Option<Played> {
        // On a bad cable nobody promises that a datagram arrives.
        if !self.clean && scenario.is_udp() {
            return None;
        }
        if let Err(error) = self.prepare(scenario.setup) {
            return Some(failed(&error));
        }
        over_sockets(scenario, Some(SocketAddr::new(self.node.into(), scenario.endpoint.port())))
    }

    fn prepare(&mut self, setup: Setup) -> io::Result<()> {
        if self.running.as_ref().is_some_and(|node| is_fit(node.setup, setup)) {
            return Ok(());
        }
        let gone = || io::Error::other("the TAP interface is gone");
        let mut cable = self.stop()?.ok_or_else(gone)?;
        let (wake, woken) = UnixStream::pair()?;
        let node = Node {
            address: Address::Fixed(Ipv4Cidr::new(self.node, PREFIX)),
            ports: Ports::DEFAULT,
            limits: setup.limits(),
            datagram: setup.datagram(),
            host: Host::of(setup),
        };
        let thread = thread::Builder::new()
            .name("smoltcp-node".into())
            .spawn(move || node.run(&mut cable, woken, |_| {}).map(|()| cable))?;
        self.running = Some(OnThread { setup, wake, thread });
        Ok(())
    }

    /// The other way round: the client on smoltcp, the node on the desktop. Whether all went well.
    pub(crate) fn talk(mut self, out: &mut impl Write) -> Result<bool, Failure> {
        writeln!(out, "\n{} as the client, the desktop as the node:", self.name)?;
        let Some(mut cable) = self.stop()? else { return Ok(false) };
        let node = desktop_node(Setup::Default, [self.host()]).map_err(Failure::Other)?;
        let there = |socket: &&Listening| {
            socket.endpoint == Endpoint::tcp(Service::Command)
                && socket.address.ip() == IpAddr::V4(self.kernel)
        };
        let Some(SocketAddr::V4(to)) = node.listening().iter().find(there).map(|it| it.address)
        else {
            return Err(Failure::Other(format!(
                "the desktop node does not listen on {}",
                self.kernel
            )));
        };
        let mut all = true;
        for conversation in conversations() {
            let result = run_conversation(&mut cable, (self.node, PREFIX), to, &conversation);
            all &= result.is_ok();
            let word = result.map_or_else(|wrong| format!("DIFFERS: {wrong}"), |()| "ok".into());
            writeln!(out, "{:32}  {word}", conversation.name)?;
        }
        Ok(all)
    }

    /// Stops the node, if one runs; the cable, unless it was lost before.
    fn stop(&mut self) -> io::Result<Option<Cable>> {
        let Some(OnThread { wake, thread, .. }) = self.running.take() else {
            return Ok(self.cable.take());
        };
        drop(wake);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the node panicked"))).map(Some)
    }
}
