//! A TAP interface as a smoltcp [`Device`]: what the node has in place of an Ethernet controller.
//!
//! One buffer for each direction lives as long as the device, so a frame costs one system call and
//! no allocation. All that knows how a frame looks on the file descriptor is in this file:
//! segmentation offload (`IFF_VNET_HDR`) would put its header in front of both buffers and its
//! promises into [`Device::capabilities`].

use core::fmt;
use core::net::Ipv4Addr;
use core::time::Duration;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use smoltcp::wire::EthernetFrame;
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use crate::namespace::with_sudo;

/// The device file that makes TAP interfaces.
const TUN: &str = "/dev/net/tun";

/// The most that stands before an IP packet: the Ethernet header and a VLAN tag.
const HEADERS: usize = EthernetFrame::<&[u8]>::header_len() + 4;

/// The interface to make, as the kernel sees it.
#[derive(Clone, Debug)]
pub(crate) struct TapConfig {
    /// The name of the interface.
    pub(crate) name: String,
    /// The largest IP packet.
    pub(crate) mtu: u16,
    /// The kernel's own address on it; the node has another one of the same network.
    pub(crate) address: Ipv4Addr,
    /// How many bits of it name the network.
    pub(crate) prefix: u8,
}

/// An open TAP interface.
pub(crate) struct Tap {
    device: SyncDevice,
    name: String,
    mtu: usize,
    received: Box<[u8]>,
    sending: Box<[u8]>,
    unsent: u64,
    broken: Option<io::Error>,
}

impl Tap {
    /// Makes the interface, or attaches to the one of that name and leaves it unchanged, address and
    /// MTU included; only if it is down, it is brought up.
    pub(crate) fn open(config: &TapConfig) -> Result<Self, OpenError> {
        let existed = if_nametoindex(config.name.as_str()).is_ok();
        let builder = DeviceBuilder::new().name(&config.name).layer(Layer::L2);
        // On somebody else's interface every setting would need a right that attaching does not.
        let builder = if existed {
            builder.inherit_enable_state()
        } else {
            builder.mtu(config.mtu).ipv4(config.address, config.prefix, None)
        };
        let error = |why: Why, error| OpenError { why, error, config: config.clone() };
        let device = builder.build_sync().map_err(|e| error(Why::of(&e, existed), e))?;
        if existed && !is_up(&config.name) {
            device.enabled(true).map_err(|e| error(Why::Down, e))?;
        }
        let prepare = || {
            device.set_nonblocking(true)?;
            device.mtu()
        };
        let mtu = usize::from(prepare().map_err(|e| error(Why::Other, e))?);
        Ok(Self {
            device,
            name: config.name.clone(),
            mtu,
            received: vec![0; mtu + HEADERS].into(),
            sending: vec![0; mtu + HEADERS].into(),
            unsent: 0,
            broken: None,
        })
    }

    /// Sleeps until a frame is there, `wake` is readable, a signal comes, or the time is over;
    /// which of them it was does not matter to a loop that polls everything anyway.
    ///
    /// An error means that the interface is gone: somebody removed it.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        wake: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        if let Some(error) = self.broken.take() {
            let text = format!("the interface {} is gone: {error}", self.name);
            return Err(io::Error::new(error.kind(), text));
        }
        let tap = self.device.as_fd();
        let mut both = [tap, wake.unwrap_or(tap)].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match ppoll(&mut both, timeout.map(TimeSpec::from_duration), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// How many frames the kernel did not take, as when the interface is down; to the stack they
    /// are frames that got lost.
    pub(crate) fn unsent(&self) -> u64 {
        self.unsent
    }
}

impl Device for Tap {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu + EthernetFrame::<&[u8]>::header_len();
        capabilities
    }

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let length = match self.device.recv(&mut self.received) {
            Ok(length) => length,
            Err(error) => {
                use io::ErrorKind::{Interrupted, WouldBlock};
                // smoltcp has no error for a broken device; `wait`, which comes next, reports it to the loop.
                if !matches!(error.kind(), WouldBlock | Interrupted) {
                    self.broken = Some(error);
                }
                return None;
            }
        };
        let frame = &self.received[..length];
        Some((
            RxToken(frame),
            TxToken { device: &self.device, buffer: &mut self.sending, unsent: &mut self.unsent },
        ))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        Some(TxToken { device: &self.device, buffer: &mut self.sending, unsent: &mut self.unsent })
    }
}

/// Whether the interface was brought up. Whether it is "running" is another matter, which the kernel
/// finds out only some time after we attached.
fn is_up(name: &str) -> bool {
    getifaddrs().is_ok_and(|mut all| {
        all.any(|one| one.interface_name == name && one.flags.contains(InterfaceFlags::IFF_UP))
    })
}

/// A frame that came, in the receive buffer of the device.
pub(crate) struct RxToken<'a>(&'a [u8]);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// The right to send one frame, from the transmit buffer of the device.
pub(crate) struct TxToken<'a> {
    device: &'a SyncDevice,
    buffer: &'a mut [u8],
    unsent: &'a mut u64,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let frame = &mut self.buffer[..len];
        let result = f(frame);
        *self.unsent += u64::from(self.device.send(frame).is_err());
        result
    }
}

/// Why there is no TAP interface. The text says it in one sentence, with what to type.
#[derive(Debug)]
pub(crate) struct OpenError {
    why: Why,
    error: io::Error,
    config: TapConfig,
}

#[derive(Debug)]
enum Why {
    NoDriver,
    DriverClosed,
    DriverWithheld,
    NoRight,
    Busy,
    NoTap,
    Down,
    Other,
}

impl Why {
    fn of(error: &io::Error, existed: bool) -> Self {
        // Opening the driver and making the interface fail alike: try the first by itself.
        if let Err(driver) = File::options().read(true).write(true).open(TUN) {
            return match driver.raw_os_error().map(Errno::from_raw) {
                Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => Self::NoDriver,
                Some(Errno::EACCES) => Self::DriverClosed,
                Some(Errno::EPERM) => Self::DriverWithheld,
                _ => Self::Other,
            };
        }
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EPERM | Errno::EACCES) => Self::NoRight,
            Some(Errno::EBUSY) => Self::Busy,
            Some(Errno::EINVAL) if existed => Self::NoTap,
            _ => Self::Other,
        }
    }
}

impl core::error::Error for OpenError {}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, error, config } = self;
        let TapConfig { name, address, prefix, .. } = config;
        let sudo = with_sudo();
        f.write_str("no TAP interface can be had: ")?;
        match why {
            Why::NoDriver => {
                write!(f, "the kernel's driver {TUN} is missing; type `sudo modprobe tun`")
            }
            Why::DriverClosed => write!(
                f,
                "{TUN} is open to root only; type `{sudo}`, or once and for all users `sudo chmod 0666 {TUN}`"
            ),
            Why::DriverWithheld => write!(
                f,
                "this container may not use {TUN}; start it with `--cap-add NET_ADMIN --device {TUN}`"
            ),
            Why::NoRight => write!(
                f,
                "only root may make or take {name}; type `{sudo}`, or make it yours with `sudo ip tuntap add dev {name} mode tap user $USER && sudo ip address add {address}/{prefix} dev {name} && sudo ip link set {name} up`"
            ),
            Why::Busy => write!(
                f,
                "another program has {name} open; end it, or choose another name with `--tap NAME`"
            ),
            Why::NoTap => write!(
                f,
                "{name} exists and is no TAP interface; choose another name with `--tap NAME`"
            ),
            Why::Down => write!(f, "{name} is down ({error}); type `sudo ip link set {name} up`"),
            Why::Other => write!(f, "{name}: {error}"),
        }
    }
}
