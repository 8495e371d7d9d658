//! The node's TAP interface: what it has in place of an Ethernet controller.

use core::fmt;
use core::net::Ipv4Addr;
use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use smoltcp_tap::Tap;
use tun_rs::{DeviceBuilder, Layer};

use crate::namespace::with_sudo;

/// The device file that makes TAP interfaces.
const TUN: &str = "/dev/net/tun";

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
    /// Whether the kernel sums up and cuts what is sent.
    pub(crate) offload: bool,
}

/// Makes the interface, or attaches to the one of that name and leaves it unchanged, address and MTU
/// included; only if it is down, it is brought up.
pub(crate) fn open(config: &TapConfig) -> Result<Tap, OpenError> {
    let existed = if_nametoindex(config.name.as_str()).is_ok();
    let builder = DeviceBuilder::new().name(&config.name).layer(Layer::L2).offload(config.offload);
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
    Tap::new(device).map_err(|e| error(Why::Other, e))
}

/// Whether the interface was brought up. Whether it is "running" is another matter, which the kernel
/// finds out only some time after we attached.
fn is_up(name: &str) -> bool {
    getifaddrs().is_ok_and(|mut all| {
        all.any(|one| one.interface_name == name && one.flags.contains(InterfaceFlags::IFF_UP))
    })
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
