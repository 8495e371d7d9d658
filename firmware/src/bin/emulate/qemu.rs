//! QEMU, and the ports it forwards.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use unstick::Endpoint;
use unstick_cross::{Emulated, QEMU};
use unstick_firmware::node::ADDRESS;

/// A board that runs, until this is dropped.
pub(crate) struct Qemu {
    process: Emulated,
    urls: Vec<String>,
}

impl Qemu {
    /// Starts it with a program. QEMU itself takes whatever ports of 127.0.0.1 are free, and is
    /// asked for them: one that is chosen here could be somebody else's before QEMU binds it.
    pub(crate) fn start(machine: &str, program: &Path, more: &[OsString]) -> Result<Self, String> {
        let monitor = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let monitor = monitor.map_err(|error| format!("no port for QEMU's monitor: {error}"))?;
        let address = monitor.local_addr().map_err(|error| error.to_string())?;
        let monitor_option = format!("tcp:{address}");
        let network = network();
        let ours = ["-serial", "stdio", "-monitor", &monitor_option, "-netdev", &network];
        let ours = ours.into_iter().chain(["-net", "nic,netdev=n0"]).map(OsStr::new);
        let arguments = ours.chain(more.iter().map(OsString::as_os_str));
        let mut command = Emulated::command(machine, program, arguments);
        command.stdout(Stdio::piped());
        let process = Emulated::start(command)
            .map_err(|error| format!("{QEMU} could not be run: {error}"))?;
        let mut board = Self { process, urls: Vec::new() };
        let ports = board.accept(&monitor).and_then(|monitor| ask_for_ports(&monitor));
        let ports = ports.map_err(|error| format!("{QEMU} gives no ports: {error}"))?;
        board.urls = urls(&ports);
        Ok(board)
    }

    /// The URLs that the `unstick` tool takes.
    pub(crate) fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Passes the board's log on to stdout for as long as the board runs. Returns why it has ended.
    pub(crate) fn run(mut self) -> String {
        let mut log = self.process.stdout.take();
        if let Some(Err(error)) = log.as_mut().map(|log| io::copy(log, &mut io::stdout())) {
            return format!("the log cannot be printed: {error}");
        }
        match self.process.wait() {
            Ok(status) => format!("{QEMU} has ended: {status}"),
            Err(error) => format!("{QEMU} is gone: {error}"),
        }
    }

    /// The connection that QEMU makes, unless it ends before.
    fn accept(&mut self, monitor: &TcpListener) -> io::Result<TcpStream> {
        const PAUSE: Duration = Duration::from_millis(5);
        monitor.set_nonblocking(true)?;
        loop {
            match monitor.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => break accepted.map(|(stream, _)| stream),
            }
            if let Some(status) = self.process.try_wait()? {
                break Err(io::Error::other(format!("it has ended: {status}")));
            }
            thread::sleep(PAUSE);
        }
    }
}

/// QEMU's option for the node's endpoints; port 0 is any that is free.
fn network() -> String {
    Endpoint::ALL.iter().fold("user,id=n0".into(), |all, it| {
        let (transport, address, guest) = (it.transport(), ADDRESS.address(), it.port());
        format!("{all},hostfwd={transport}:127.0.0.1:0-{address}:{guest}")
    })
}

/// Where each of [`Endpoint::ALL`] is reached here.
fn urls(ports: &[u16]) -> Vec<String> {
    let url = |(endpoint, port)| format!("{endpoint}://127.0.0.1:{port}");
    Endpoint::ALL.iter().zip(ports).map(url).collect()
}

/// The port here that leads to each of [`Endpoint::ALL`].
fn ask_for_ports(mut monitor: &TcpStream) -> io::Result<Vec<u16>> {
    const PATIENCE: Duration = Duration::from_secs(10);
    monitor.set_nonblocking(false)?;
    monitor.set_read_timeout(Some(PATIENCE))?;
    monitor.write_all(b"info usernet\n")?;
    read_ports(monitor)
}

fn read_ports(monitor: impl Read) -> io::Result<Vec<u16>> {
    let mut ports: Vec<_> = Endpoint::ALL.iter().map(|it| (it, None)).collect();
    for line in BufReader::new(monitor).lines() {
        let line = line?;
        let Some((transport, host, guest)) = forwarded(&line) else { continue };
        for (it, port) in &mut ports {
            if it.transport().as_str() == transport && it.port() == guest {
                *port = Some(host);
            }
        }
        if let Some(all) = ports.iter().map(|(_, port)| *port).collect() {
            return Ok(all);
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// A line of the monitor about a forwarded port: transport, the port here, the node's port.
fn forwarded(line: &str) -> Option<(&'static str, u16, u16)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [kind, _file, _host, host, _guest, guest, ..] = words[..] else { return None };
    let transport = match kind {
        "TCP[HOST_FORWARD]" => "tcp",
        "UDP[HOST_FORWARD]" => "udp",
        _ => return None,
    };
    Some((transport, host.parse().ok()?, guest.parse().ok()?))
}

/// Has the kernel end this process with the thread that started it.
#[cfg(target_os = "linux")]
pub(crate) fn die_with_parent() -> Result<(), String> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::SIGKILL)
        .map_err(|errno| format!("--die-with-parent is refused: {errno}"))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn die_with_parent() -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As QEMU 7.2 writes it, its echo of the question before.
    const TOLD: &str = "(qemu) i\x1b[K\x1b[Dinfo usernet\x1b[K\r
Hub -1 (n0):\r
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r
  TCP[HOST_FORWARD]  12       127.0.0.1 40004       10.0.2.15  8088     0     0\r
  TCP[HOST_FORWARD]  11       127.0.0.1 40003       10.0.2.15  8087     0     0\r
  TCP[HOST_FORWARD]  10       127.0.0.1 40002       10.0.2.15  8086     0     0\r
  TCP[HOST_FORWARD]   9       127.0.0.1 40001       10.0.2.15  8080     0     0\r
  UDP[236 sec]       14       127.0.0.1 55555       10.0.2.15  8092     0     0\r
  UDP[HOST_FORWARD]  13       127.0.0.1 40006       10.0.2.15  8093     0     0\r
  UDP[HOST_FORWARD]   8       127.0.0.1 40005       10.0.2.15  8092     0     0\r
(qemu) ";

    #[test]
    fn the_monitor_tells_the_ports() {
        let ports = read_ports(TOLD.as_bytes()).unwrap();
        assert_eq!(ports, [40001, 40002, 40003, 40004, 40005, 40006]);
        let urls = urls(&ports);
        assert_eq!(urls[0], "echo://127.0.0.1:40001");
        assert_eq!(urls[5], "command+udp://127.0.0.1:40006");
    }

    #[test]
    fn a_monitor_that_ends_too_early_is_an_error() {
        let (told, _) = TOLD.split_once("  UDP[HOST_FORWARD]   8").unwrap();
        assert_eq!(read_ports(told.as_bytes()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
