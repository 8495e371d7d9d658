//! A board in QEMU, the wire to it, and a client at the other end.

use crate::frames::Neighbour;
use core::time::Duration;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::{tcp, udp};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread::sleep;
use std::time::Instant;
use unstick_cross::Emulated;
use unstick_firmware::node::ADDRESS;

/// The board's hardware address, which QEMU gives it.
pub(crate) const BOARD: EthernetAddress = EthernetAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]);

/// The client.
pub(crate) const CLIENT: Neighbour = Neighbour {
    hardware: EthernetAddress([2, 0, 0, 0, 0, 1]),
    address: Ipv4Address::new(10, 0, 2, 2),
};

/// How long a board may take to answer again: a SYN holds a socket for 5 s.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    qemu: Emulated,
    folder: PathBuf,
    pub(crate) wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    start: Instant,
    port: u16,
}

impl World {
    /// A board that has just started with this program, in this ELF file.
    pub(crate) fn new(program: &str, elf: &str) -> Self {
        let folder = format!("unstick-faults-{}-{program}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).unwrap();
        let (here, there) = (folder.join("here"), folder.join("there"));
        let socket = UnixDatagram::bind(&here).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let network = format!(
            "dgram,id=n0,local.type=unix,local.path={},remote.type=unix,remote.path={}",
            there.display(),
            here.display()
        );
        let arguments = ["-serial", "stdio", "-monitor", "none", "-netdev", &network];
        let arguments = arguments.into_iter().chain(["-net", "nic,netdev=n0"]);
        let mut command = Emulated::command("mps2-an385", Path::new(elf), arguments);
        command.stdout(log);
        let qemu = Emulated::start(command).unwrap();
        let mut wire = Wire { socket: Rc::new(socket), peer: there };
        let config = Config::new(CLIENT.hardware.into());
        let mut interface = Interface::new(config, &mut wire, smoltcp::time::Instant::ZERO);
        interface.update_ip_addrs(|all| all.push(IpCidr::new(CLIENT.address.into(), 24)).unwrap());
        let sockets = SocketSet::new(Box::leak(Box::new([SocketStorage::EMPTY; 8])).as_mut_slice());
        let start = Instant::now();
        let mut world = Self { qemu, folder, wire, interface, sockets, start, port: 40_000 };
        world.wait_for_starts(1);
        world
    }

    /// Waits until the board has started so many times, and serves.
    pub(crate) fn wait_for_starts(&mut self, starts: usize) {
        const SERVING: &str = "listening command udp";
        self.run(PATIENCE, |world| world.log().matches(SERVING).count() == starts);
    }

    /// Sends a frame as it is.
    pub(crate) fn send(&self, frame: &[u8]) {
        self.wire.send(frame);
        // Nobody else takes what the board sends.
        while self.wire.receive_frame().is_some() {}
    }

    /// The echo service answers, over UDP and over TCP, and so does the command service.
    pub(crate) fn expect_answers(&mut self, after: &str) {
        let until = Instant::now() + PATIENCE;
        while !(self.datagram(8092, b"abc") == b"ABC"
            && self.exchange(8080, b"abc") == b"ABC"
            && self.exchange(8088, b"\x16\0\0\0{\"command\":\"upper ok\"}").ends_with(b"OK"))
        {
            assert!(Instant::now() < until, "no answer after {after}\n{}", self.log());
        }
    }

    /// What is answered to these bytes on a connection, before we close it or are left alone.
    pub(crate) fn exchange(&mut self, port: u16, bytes: &[u8]) -> Vec<u8> {
        let handle = self.connect(port);
        let (mut sent, mut answer) = (0, Vec::new());
        self.run(Duration::from_secs(2), |world| {
            let socket = world.sockets.get_mut::<tcp::Socket<'_>>(handle);
            if socket.may_send() && sent < bytes.len() {
                sent += socket.send_slice(&bytes[sent..]).unwrap_or_default();
                if sent == bytes.len() {
                    socket.close();
                }
            }
            let mut take = |came: &mut [u8]| {
                answer.extend_from_slice(came);
                (came.len(), came.len())
            };
            while socket.recv(&mut take).is_ok_and(|len| len > 0) {}
            !socket.is_open() || socket.state() == tcp::State::TimeWait
        });
        self.sockets.remove(handle);
        answer
    }

    /// What is answered to a datagram; nothing if that takes too long.
    pub(crate) fn datagram(&mut self, port: u16, bytes: &[u8]) -> Vec<u8> {
        let slots = || vec![udp::PacketMetadata::EMPTY; 4].leak();
        let ring = || udp::PacketBuffer::new(slots(), vec![0; 4096].leak());
        let mut socket = udp::Socket::new(ring(), ring());
        socket.bind(self.next_port()).unwrap();
        socket.send_slice(bytes, (IpAddress::from(ADDRESS.address()), port)).unwrap();
        let handle = self.sockets.add(socket);
        let mut answer = Vec::new();
        self.run(Duration::from_secs(2), |world| {
            let socket = world.sockets.get_mut::<udp::Socket<'_>>(handle);
            socket.recv().is_ok_and(|(came, _)| {
                answer = came.to_vec();
                true
            })
        });
        self.sockets.remove(handle);
        answer
    }

    /// How many of so many clients get inside at once. Then all are gone.
    pub(crate) fn crowd(&mut self, port: u16, clients: usize) -> usize {
        let handles: Vec<_> = (0..clients).map(|_| self.connect(port)).collect();
        self.run(Duration::from_secs(1), |_| false);
        let mut inside = 0;
        for handle in &handles {
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(*handle);
            inside += usize::from(socket.state() == tcp::State::Established);
            socket.abort();
        }
        self.run(Duration::from_millis(100), |_| false);
        for handle in handles {
            self.sockets.remove(handle);
        }
        inside
    }

    /// What the board has told so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    fn connect(&mut self, port: u16) -> SocketHandle {
        let ring = || tcp::SocketBuffer::new(vec![0; 4096].leak());
        let mut socket = tcp::Socket::new(ring(), ring());
        let (to, from) = ((IpAddress::from(ADDRESS.address()), port), self.next_port());
        socket.connect(self.interface.context(), to, from).unwrap();
        self.sockets.add(socket)
    }

    /// A port of the client that nothing has come from yet.
    pub(crate) fn next_port(&mut self) -> u16 {
        self.port += 1;
        self.port
    }

    /// Polls the client's stack until something is the case or the time is over.
    fn run(&mut self, time: Duration, mut done: impl FnMut(&mut Self) -> bool) {
        let until = Instant::now() + time;
        loop {
            let ended = self.qemu.try_wait().unwrap();
            assert!(ended.is_none(), "QEMU has ended: {ended:?}\n{}", self.log());
            let is_done = done(self);
            // Once more when it is done, for the last acknowledgement.
            let now = self.start.elapsed().as_micros() as i64;
            let now = smoltcp::time::Instant::from_micros(now);
            self.interface.poll(now, &mut self.wire, &mut self.sockets);
            if is_done || Instant::now() > until {
                return;
            }
            sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Frames as datagrams. Copies have one queue: who takes a frame takes it from all.
#[derive(Clone)]
pub(crate) struct Wire {
    socket: Rc<UnixDatagram>,
    peer: PathBuf,
}

impl Wire {
    pub(crate) fn send(&self, frame: &[u8]) {
        self.socket.set_nonblocking(false).unwrap();
        match self.socket.send_to(frame, &self.peer) {
            Ok(_) => {}
            // It is not there yet.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
            Err(error) => panic!("{} bytes cannot be sent: {error}", frame.len()),
        }
    }

    pub(crate) fn receive_frame(&self) -> Option<Vec<u8>> {
        self.socket.set_nonblocking(true).unwrap();
        let mut frame = vec![0; 2048];
        let len = self.socket.recv(&mut frame).ok()?;
        frame.truncate(len);
        Some(frame)
    }
}

impl Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Received, Sending<'_>)> {
        Some((Received(self.receive_frame()?), Sending(self)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sending<'_>> {
        Some(Sending(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

pub(crate) struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        f(&self.0)
    }
}

pub(crate) struct Sending<'a>(&'a Wire);

impl phy::TxToken for Sending<'_> {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, len: usize, f: F) -> T {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.send(&frame);
        result
    }
}
