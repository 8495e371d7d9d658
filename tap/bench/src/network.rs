//! The interfaces, each with its far end: smoltcp on one of three devices, or another kernel.

use crate::stack;
use core::net::Ipv4Addr;
use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::wire::{IpCidr, Ipv4Cidr};
use smoltcp_tap::Tap;
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::thread;
use tun_rs::{DeviceBuilder, Layer};
use unstick_bench::Served;

/// Whom the kernel talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// smoltcp on its own device.
    TunTapInterface,
    /// smoltcp on ours, without and with offload.
    Plain,
    Offload,
    /// Another kernel on a veth pair, which offloads.
    Kernel,
}

impl Device {
    pub(crate) const ALL: [Self; 4] =
        [Self::TunTapInterface, Self::Plain, Self::Offload, Self::Kernel];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TunTapInterface => "smoltcp's `TunTapInterface`",
            Self::Plain => "`smoltcp-tap`, no offload",
            Self::Offload => "`smoltcp-tap`",
            Self::Kernel => "two kernels, a veth pair",
        }
    }

    const fn host(self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, 80 + self as u8, number)
    }
}

/// All of them, as long as this is there.
pub(crate) struct Network {
    _far: Served,
}

impl Network {
    pub(crate) fn new() -> Self {
        run("ip link set lo up");
        stock();
        ours(Device::Plain, false);
        ours(Device::Offload, true);
        Self { _far: far() }
    }

    /// The far end's address.
    pub(crate) fn address(&self, device: Device) -> Ipv4Addr {
        device.host(1)
    }
}

fn cidr(device: Device) -> IpCidr {
    Ipv4Cidr::new(device.host(1), 24).into()
}

fn stock() {
    let near = Device::TunTapInterface.host(100);
    run("ip tuntap add dev stock mode tap");
    run(&format!("ip address add {near}/24 dev stock"));
    run("ip link set stock up");
    thread::spawn(|| {
        let device = TunTapInterface::new("stock", Medium::Ethernet).expect("it has been made");
        stack::serve(device, cidr(Device::TunTapInterface), |device, delay| {
            wait(device.as_raw_fd(), delay).expect("it stays");
        })
    });
}

fn ours(which: Device, offload: bool) {
    let name = if offload { "offload" } else { "plain" };
    let builder = DeviceBuilder::new().name(name).layer(Layer::L2).offload(offload);
    let device = builder.ipv4(which.host(100), 24, None).build_sync().expect("root can make it");
    thread::spawn(move || {
        let tap = Tap::new(device).expect("it has just been made");
        stack::serve(tap, cidr(which), |tap, delay| {
            tap.wait(delay.map(Into::into), None).expect("it stays");
        })
    });
}

fn far() -> Served {
    let this = std::env::current_exe().expect("this program is a file");
    let mut command = Command::new("unshare");
    command.arg("--net").arg(this).arg("--far");
    let (served, ()) = Served::start(&mut command, |line| (line == "ready").then_some(()));
    let (near, far) = (Device::Kernel.host(100), Device::Kernel.host(1));
    let process = served.id();
    run(&format!("ip link add near type veth peer name far netns {process}"));
    run(&format!("ip address add {near}/24 dev near"));
    run("ip link set near up");
    run(&format!("nsenter --net --target {process} ip address add {far}/24 dev far"));
    run(&format!("nsenter --net --target {process} ip link set far up"));
    served
}

fn run(line: &str) {
    let mut words = line.split(' ');
    let status = Command::new(words.next().unwrap_or_default()).args(words).status();
    assert!(status.is_ok_and(|status| status.success()), "`{line}` fails");
}
