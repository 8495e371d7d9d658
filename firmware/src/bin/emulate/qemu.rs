//! QEMU, and the ports it forwards.

use core::net::{Ipv4Addr, SocketAddr};
use std::ffi::OsString;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use unstick::Service;
use unstick_firmware::node::ADDRESS;

const QEMU: &str = "qemu-system-arm";

/// Whether QEMU is there.
pub(crate) fn check() -> Result<(), String> {
    let found = Command::new(QEMU).arg("--version").stdout(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("{QEMU} is missing: on Debian type `apt-get install {QEMU}`")),
    }
}

/// A port of this machine for each service, held until QEMU takes it.
pub(crate) struct Ports {
    tcp: Vec<(Service, TcpListener)>,
    udp: Vec<(Service, UdpSocket)>,
}

impl Ports {
    /// Ports that nobody uses.
    pub(crate) fn choose() -> Result<Self, String> {
        let free = (Ipv4Addr::LOCALHOST, 0);
        let choose = || {
            let tcp = Service::ALL.into_iter();
            let udp = Service::ALL.into_iter().filter(|service| service.udp_port().is_some());
            io::Result::Ok(Self {
                tcp: tcp.map(|it| Ok((it, TcpListener::bind(free)?))).collect::<io::Result<_>>()?,
                udp: udp.map(|it| Ok((it, UdpSocket::bind(free)?))).collect::<io::Result<_>>()?,
            })
        };
        choose().map_err(|error| format!("no free port on 127.0.0.1: {error}"))
    }

    /// The URLs that the `unstick` tool takes.
    pub(crate) fn urls(&self) -> impl Iterator<Item = String> {
        let tcp = self.tcp.iter().filter_map(|(service, socket)| {
            Some(format!("{}://{}", service.as_str(), socket.local_addr().ok()?))
        });
        let udp = self.udp.iter().filter_map(|(service, socket)| {
            Some(format!("{}+udp://{}", service.as_str(), socket.local_addr().ok()?))
        });
        tcp.chain(udp)
    }

    /// What QEMU is told about them.
    fn network(&self) -> String {
        let forward = |transport, host: io::Result<SocketAddr>, guest: Option<u16>| {
            let (host, guest, address) = (host.ok()?, guest?, ADDRESS.address());
            Some(format!(",hostfwd={transport}:{host}-{address}:{guest}"))
        };
        let tcp = self.tcp.iter().filter_map(|(service, socket)| {
            forward("tcp", socket.local_addr(), Some(service.tcp_port()))
        });
        let udp = self.udp.iter().filter_map(|(service, socket)| {
            forward("udp", socket.local_addr(), service.udp_port())
        });
        tcp.chain(udp).fold("user,id=n0".into(), |all, one| all + &one)
    }
}

/// Runs the program until it is ended; comes back only with the reason why it could not.
pub(crate) fn run(machine: &str, program: &Path, ports: Ports, more: &[OsString]) -> String {
    let mut qemu = Command::new(QEMU);
    qemu.args(["-M", machine, "-display", "none", "-monitor", "none", "-serial", "stdio"])
        .args(["-netdev", &ports.network(), "-net", "nic,netdev=n0", "-kernel"])
        .arg(program)
        .args(more);
    drop(ports); // QEMU binds them now
    format!("{QEMU} could not be run: {}", become_it(qemu))
}

/// This process becomes QEMU, so that whatever ends it ends QEMU.
#[cfg(unix)]
fn become_it(mut command: Command) -> io::Error {
    std::os::unix::process::CommandExt::exec(&mut command)
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
