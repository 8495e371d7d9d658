//! smoltcp's part: one socket for each kind of work, on any device.

use crate::Work;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::{tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr};

/// Bytes of each ring.
const RING: usize = 64 * 1024;

/// A connection that does its part.
struct Part {
    work: Work,
    handle: SocketHandle,
    /// Bytes that are still to be sent or to come, once that is known.
    left: Option<u64>,
}

/// Serves for ever; `wait` sleeps until there is a frame, or that time is over.
pub(crate) fn serve<D: Device>(
    mut device: D,
    address: IpCidr,
    mut wait: impl FnMut(&mut D, Option<Duration>),
) -> ! {
    let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 2]).into());
    let mut iface = Interface::new(config, &mut device, Instant::now());
    iface.update_ip_addrs(|all| all.push(address).expect("there is room for one"));
    let mut sockets = SocketSet::new(Vec::new());
    let mut parts = [Work::Out, Work::In, Work::Echo].map(|work| {
        let ring = || tcp::SocketBuffer::new(vec![0; RING]);
        let mut socket = tcp::Socket::new(ring(), ring());
        // As a node of Unstick sets them.
        socket.set_nagle_enabled(false);
        Part { work, handle: sockets.add(socket), left: None }
    });
    let ring = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 16], vec![0; RING]);
    let mut socket = udp::Socket::new(ring(), ring());
    socket.bind(Work::Datagrams.port()).expect("it is not 0");
    let datagrams = sockets.add(socket);
    loop {
        iface.poll(Instant::now(), &mut device, &mut sockets);
        let mut moved = false;
        for part in &mut parts {
            moved |= part.run(sockets.get_mut(part.handle));
        }
        let socket = sockets.get_mut::<udp::Socket<'_>>(datagrams);
        let mut datagram = [0; 2048];
        while socket.can_send()
            && let Ok((len, from)) = socket.recv_slice(&mut datagram)
        {
            let _ = socket.send_slice(&datagram[..len], from.endpoint);
            moved = true;
        }
        if moved {
            iface.poll_egress(Instant::now(), &mut device, &mut sockets);
        }
        let delay = iface.poll_delay(Instant::now(), &sockets);
        wait(&mut device, delay);
    }
}

impl Part {
    /// Does what can be done. Whether anything was.
    fn run(&mut self, socket: &mut tcp::Socket<'_>) -> bool {
        if !socket.is_open() {
            self.left = None;
            socket.listen(self.work.port()).expect("it is not 0");
            return false;
        }
        if !socket.may_recv() && socket.may_send() && socket.state() == tcp::State::CloseWait {
            socket.close();
            return true;
        }
        if self.left.is_none() {
            if socket.recv_queue() < 8 {
                return false;
            }
            let mut bytes = [0; 8];
            let _ = socket.recv_slice(&mut bytes);
            self.left = Some(u64::from_le_bytes(bytes));
        }
        let left = self.left.as_mut().expect("it has just been set");
        match self.work {
            Work::Out => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let sent = socket.send(|space| {
                    let len = space.len().min(most);
                    space[..len].fill(7);
                    (len, len)
                });
                *left -= sent.unwrap_or_default() as u64;
                sent.is_ok_and(|len| len > 0)
            }
            Work::In => {
                let mut moved = false;
                while let Ok(len @ 1..) = socket.recv(|bytes| (bytes.len(), bytes.len())) {
                    *left = left.saturating_sub(len as u64);
                    moved = true;
                }
                if *left == 0 && socket.can_send() {
                    let _ = socket.send_slice(&[1]);
                    *left = u64::MAX;
                }
                moved
            }
            Work::Echo | Work::Datagrams => {
                let mut moved = false;
                let mut piece = [0; 16 * 1024];
                loop {
                    let space = (socket.send_capacity() - socket.send_queue()).min(piece.len());
                    let Ok(len @ 1..) = socket.recv_slice(&mut piece[..space]) else { break };
                    let _ = socket.send_slice(&piece[..len]);
                    moved = true;
                }
                moved
            }
        }
    }
}
