//! **A Linux TAP interface for [smoltcp]**, which leaves checksums and the cutting of large TCP segments to the
//! kernel: one system call moves up to 64 KiB, where it moves 1500 bytes otherwise.
//!
//! The kernel's driver hands frames over with a header before each (`IFF_VNET_HDR`), in which either side
//! says what is still to be done with the frame. A frame between two programs on one machine is never cut
//! nor summed up at all.
//!
//! ```no_run
//! use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
//! use smoltcp::time::Instant;
//! use smoltcp::wire::EthernetAddress;
//! use smoltcp_tap::Tap;
//! use tun_rs::{DeviceBuilder, Layer};
//!
//! let builder = DeviceBuilder::new().name("tap0").layer(Layer::L2).ipv4("192.168.69.100", 24, None);
//! let mut tap = Tap::new(builder.offload(true).build_sync()?)?;
//! let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
//! let start = std::time::Instant::now();
//! let now = || Instant::from_micros(start.elapsed().as_micros() as i64);
//! let mut iface = Interface::new(config, &mut tap, now());
//! let mut storage = [SocketStorage::EMPTY; 4];
//! let mut sockets = SocketSet::new(&mut storage[..]);
//! loop {
//!     iface.poll(now(), &mut tap, &mut sockets);
//!     // ... use the sockets ...
//!     let delay = iface.poll_delay(now(), &sockets);
//!     tap.wait(delay.map(Into::into), None)?; // an error is that the interface is gone
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! | | with `offload(true)` | without |
//! |---|---|---|
//! | a TCP segment | up to 64 KiB, either way | what the MTU carries |
//! | checksums of TCP and UDP | the kernel's | smoltcp's |
//! | a checksum that nobody has looked at yet, as of a frame from a real network | looked at here; what is damaged is dropped and counted | smoltcp's |
//! | datagrams sent as one (`UDP_SEGMENT`) | taken apart here | the kernel's |
//!
//! smoltcp does not know which of its frames were looked at: with offload it believes all, so the
//! datagrams that it puts together of IP fragments (`proto-ipv4-fragmentation`) have no checksum that
//! anybody looks at. The interface itself, its name, addresses, MTU and owner, is [tun-rs]'s to make.
//!
//! [smoltcp]: smoltcp
//! [tun-rs]: tun_rs

#![cfg(target_os = "linux")]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod burst;
mod datagrams;
mod header;
mod transport;

pub use header::HeaderError;

use burst::Burst;
use core::fmt;
use core::num::{NonZeroU16, NonZeroUsize};
use core::time::Duration;
use datagrams::Datagrams;
use header::{Checksum, Header, Kind};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;
use smoltcp::wire::{ETHERNET_HEADER_LEN, IPV6_HEADER_LEN};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use transport::Transport;
use tun_rs::SyncDevice;

/// The most bytes of an IP packet, where its length is 16 bits (RFC 791 3.1); of IPv6 without its header
/// (RFC 8200 3).
const LONGEST: usize = u16::MAX as usize;

/// Bytes of a VLAN tag, which may come with a frame.
const TAG: usize = 4;

/// A TAP interface as a smoltcp device.
///
/// It has two buffers of a frame each, 64 KiB with offload, and allocates nothing after.
pub struct Tap {
    device: SyncDevice,
    name: String,
    mtu: usize,
    offload: bool,
    received: Box<[u8]>,
    sending: Box<[u8]>,
    /// What is left to show of a frame in `received`, and one of them.
    datagrams: Option<(Datagrams, usize)>,
    datagram: Vec<u8>,
    burst: Burst,
    dropped: Dropped,
    wrong: Option<HeaderError>,
    broken: Option<io::Error>,
}

/// Frames that were lost here; to the stack they are as if lost on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The kernel did not take them, as when the interface is down.
    pub unsent: u64,
    /// They came with a wrong checksum.
    pub damaged: u64,
    /// They came with an offload header that makes no sense; [`Tap::header_error`] says of the last why.
    pub refused: u64,
}

impl Tap {
    /// Takes an interface of [`Layer::L2`](tun_rs::Layer), with offload if it was built so.
    ///
    /// An error is the system's. It is switched to non-blocking, and its MTU is to stay as it is.
    pub fn new(device: SyncDevice) -> io::Result<Self> {
        device.set_nonblocking(true)?;
        let name = device.name()?;
        let mtu = usize::from(device.mtu()?);
        let offload = device.tcp_gso();
        let packet = if offload { IPV6_HEADER_LEN + LONGEST } else { mtu };
        let buffer = || vec![0; header::LEN + ETHERNET_HEADER_LEN + TAG + packet].into();
        Ok(Self {
            device,
            name,
            mtu,
            offload,
            received: buffer(),
            sending: buffer(),
            datagrams: None,
            datagram: Vec::new(),
            burst: Burst::default(),
            dropped: Dropped::default(),
            wrong: None,
            broken: None,
        })
    }

    /// The interface, for its name and addresses.
    pub fn interface(&self) -> &SyncDevice {
        &self.device
    }

    /// Sleeps until a frame is there, `wake` is readable, a signal comes, or the time is over; for ever
    /// without a time. Which of them it was does not matter to a loop that polls everything anyway.
    ///
    /// An error means that the interface is gone: somebody removed it.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
        wake: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        if let Some(error) = self.broken.take() {
            let text = format!("the interface {} is gone: {error}", self.name);
            return Err(io::Error::new(error.kind(), text));
        }
        if self.datagrams.is_some() {
            return Ok(());
        }
        let tap = self.device.as_fd();
        let mut both = [tap, wake.unwrap_or(tap)].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let before = std::time::Instant::now();
        match ppoll(&mut both, timeout.map(TimeSpec::from_duration), None) {
            Ok(_) => self.burst.waited(before.elapsed()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    /// How many frames have been lost here.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// What was wrong with the last frame that was refused.
    pub fn header_error(&self) -> Option<HeaderError> {
        self.wrong
    }

    /// Reads the next frame. Returns where in `received` it lies; the frame itself is in `datagram` if
    /// that is none.
    fn read(&mut self) -> Option<Option<(usize, usize)>> {
        loop {
            if let Some((datagrams, len)) = &mut self.datagrams {
                let all = self.received.get(header::LEN..*len).unwrap_or_default();
                if datagrams.next(all, &mut self.datagram).is_some() {
                    return Some(None);
                }
                self.datagrams = None;
            }
            if !self.burst.goes_on() {
                return None;
            }
            let len = match self.device.recv(&mut self.received) {
                Ok(len) => len,
                Err(error) => {
                    use io::ErrorKind::{Interrupted, WouldBlock};
                    // smoltcp has no error for a broken device; `wait`, which comes next, reports it.
                    if !matches!(error.kind(), WouldBlock | Interrupted) {
                        self.broken = Some(error);
                    }
                    return None;
                }
            };
            if !self.offload {
                return Some(Some((0, len)));
            }
            let (header, frame) = match Header::parse(self.received.get(..len).unwrap_or_default())
            {
                Ok(parsed) => parsed,
                Err(error) => {
                    self.dropped.refused += 1;
                    self.wrong = Some(error);
                    continue;
                }
            };
            if header.checksum == Checksum::Unchecked
                && Transport::find(frame).is_some_and(|it| !it.is_right(frame))
            {
                self.dropped.damaged += 1;
                continue;
            }
            match header.segments.filter(|it| it.kind == Kind::Udp) {
                None => return Some(Some((header::LEN, len))),
                Some(segments) => {
                    self.datagrams = Datagrams::of(frame, segments.size).map(|it| (it, len));
                }
            }
        }
    }
}

impl Device for Tap {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = ETHERNET_HEADER_LEN + self.mtu;
        if self.offload {
            let ChecksumCapabilities { udp, tcp, .. } = ChecksumCapabilities::ignored();
            (capabilities.checksum.udp, capabilities.checksum.tcp) = (udp, tcp);
            let segmentation = &mut capabilities.segmentation;
            segmentation.tcpv4 = NonZeroUsize::new(ETHERNET_HEADER_LEN + LONGEST);
            segmentation.tcpv6 = NonZeroUsize::new(ETHERNET_HEADER_LEN + IPV6_HEADER_LEN + LONGEST);
        }
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let place = self.read()?;
        let Self { device, offload, received, sending, datagram, dropped, .. } = self;
        let frame = match place {
            Some((start, end)) => received.get(start..end).unwrap_or_default(),
            None => datagram,
        };
        let token = TxToken { device, buffer: sending, offload: *offload, size: None, dropped };
        Some((RxToken(frame), token))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        let Self { device, offload, sending, dropped, .. } = self;
        Some(TxToken { device, buffer: sending, offload: *offload, size: None, dropped })
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, mtu, offload, dropped, .. } = self;
        f.debug_struct("Tap")
            .field("name", name)
            .field("mtu", mtu)
            .field("offload", offload)
            .field("dropped", dropped)
            .finish_non_exhaustive()
    }
}

/// A frame that came, in a buffer of the device.
#[derive(Debug)]
pub struct RxToken<'a>(&'a [u8]);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// The right to send one frame, from a buffer of the device.
pub struct TxToken<'a> {
    device: &'a SyncDevice,
    buffer: &'a mut [u8],
    offload: bool,
    /// The payload of each segment that the kernel is to make of it.
    size: Option<NonZeroU16>,
    dropped: &'a mut Dropped,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let (header, rest) = self.buffer.split_at_mut(header::LEN);
        let frame = &mut rest[..len];
        let result = f(frame);
        let sent = if self.offload {
            let transport = Transport::find(frame);
            let todo = transport.map(|it| it.leave_to_kernel(frame, self.size));
            header.copy_from_slice(&todo.unwrap_or_default().to_bytes());
            self.device.send(&self.buffer[..header::LEN + len])
        } else {
            self.device.send(frame)
        };
        self.dropped.unsent += u64::from(sent.is_err());
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.size = meta.segmentation_offload_size;
    }
}

impl fmt::Debug for TxToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TxToken")
    }
}
