//! A TCP peer without a stack, which says what no stack would, and what happens then.

use crate::frames::{PLAIN, segment};
use crate::world::{CLIENT, PATIENCE, Wire, World};
use core::time::Duration;
use smoltcp::wire::{EthernetFrame, Ipv4Packet, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber};
use std::thread::sleep;
use std::time::Instant;

/// Longer than a board waits before it probes a window that is closed or too small.
const PROBED: Duration = Duration::from_secs(4);

/// One end of a connection. It is reset when this is dropped.
pub(crate) struct Peer {
    wire: Wire,
    ports: (u16, u16),
    /// What it sends next.
    seq: TcpSeqNumber,
    /// What it wants next.
    ack: TcpSeqNumber,
    /// How much it says that it has room for.
    pub(crate) window: u16,
}

impl Peer {
    /// Connects to a port of the board: with one window in its first segment, with the other from
    /// then on, and with this segment size. It tries again while it is refused, at once or when it
    /// is in: whoever was there before may not be gone yet.
    pub(crate) fn open(world: &mut World, port: u16, windows: [u16; 2], size: u16) -> Self {
        const PAUSE: Duration = Duration::from_millis(100);
        let until = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < until, "port {port} is closed");
            let mut peer = Self {
                wire: world.wire.clone(),
                ports: (world.next_port(), port),
                seq: TcpSeqNumber(1000),
                ack: TcpSeqNumber(0),
                window: windows[0],
            };
            let syn = TcpRepr { control: TcpControl::Syn, max_seg_size: Some(size), ..PLAIN };
            peer.send(syn);
            let answered = peer.hear(PAUSE, |peer, tcp| {
                peer.ack = tcp.seq_number() + 1;
                tcp.syn()
            });
            peer.window = windows[1];
            peer.say(b"");
            if answered && !peer.hear(PAUSE, |_, tcp| tcp.rst()) {
                return peer;
            }
        }
    }

    /// Sends these bytes, and what it wants and has room for.
    pub(crate) fn say(&mut self, payload: &[u8]) {
        self.send(TcpRepr { control: TcpControl::Psh, payload, ..self.plain() });
    }

    /// The same, and with it a segment size, which belongs on the first segment only.
    pub(crate) fn say_with_size(&mut self, payload: &[u8], size: u16) {
        let control = TcpControl::Psh;
        self.send(TcpRepr { control, payload, max_seg_size: Some(size), ..self.plain() });
    }

    /// The same as its last words.
    pub(crate) fn say_last(&mut self, payload: &[u8]) {
        self.send(TcpRepr { control: TcpControl::Fin, payload, ..self.plain() });
    }

    /// Takes so many bytes, each as it comes, as long as they come. After the byte of a probe a
    /// segment may begin with it once more.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        self.hear(PATIENCE, |peer, tcp| {
            if tcp.seq_number() <= peer.ack
                && let Some(new @ [_, ..]) = tcp.payload().get(peer.ack - tcp.seq_number()..)
            {
                taken.extend_from_slice(new);
                peer.ack += new.len();
                peer.say(b"");
            }
            taken.len() >= len
        });
        taken
    }

    /// Looks on for a while at what the board makes of it.
    pub(crate) fn look_on(&mut self) {
        self.hear(PROBED, |_, _| false);
    }

    fn plain(&self) -> TcpRepr<'static> {
        TcpRepr { ack_number: Some(self.ack), ..PLAIN }
    }

    fn send(&mut self, tcp: TcpRepr<'_>) {
        let (src_port, dst_port) = self.ports;
        let (seq_number, window_len) = (self.seq, self.window);
        let tcp = TcpRepr { src_port, dst_port, seq_number, window_len, ..tcp };
        self.wire.send(&segment(&CLIENT, &tcp));
        self.seq += tcp.segment_len();
    }

    /// Passes each segment that comes to `heard`, until that has heard what it wants or the time is
    /// over; whether it has.
    fn hear(
        &mut self,
        time: Duration,
        mut heard: impl FnMut(&mut Self, TcpPacket<&[u8]>) -> bool,
    ) -> bool {
        let until = Instant::now() + time;
        while Instant::now() < until {
            let Some(frame) = self.wire.receive_frame() else {
                sleep(Duration::from_millis(1));
                continue;
            };
            let Ok(frame) = EthernetFrame::new_checked(&*frame) else { continue };
            let Ok(packet) = Ipv4Packet::new_checked(frame.payload()) else { continue };
            let Ok(tcp) = TcpPacket::new_checked(packet.payload()) else { continue };
            if (tcp.dst_port(), tcp.src_port()) == self.ports && heard(self, tcp) {
                return true;
            }
        }
        false
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.send(TcpRepr { control: TcpControl::Rst, ..self.plain() });
    }
}
