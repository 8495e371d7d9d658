//! **Unstick in a simulated internet.**
//!
//! Nodes and clients, each on a smoltcp stack of its own, the desktop's node on a system that is simulated
//! down to its sockets, and between them cables that lose, double, damage, reorder, delay, slow down, shorten
//! and cut. One seed decides all of it; the clock goes as fast as nothing happens.
//!
//! What is looked at, in each run:
//!
//! | | |
//! |---|---|
//! | an answer | is the right one, byte for byte, or none came and the connection has ended |
//! | a file | is one of those that its client has put whole, or not there |
//! | a deadline | does not lie in the past, and nobody steps again and again without anything moving |
//! | after the weather | a new request is answered within a bound |
//! | in the end | every socket listens again, and every file's memory is free |
#![forbid(unsafe_code)]

mod client;
mod datagrams;
mod desktop;
mod device;
mod files;
mod network;
mod script;
pub mod world;

use network::Nic;
use smoltcp::iface::{Config, Interface};
use smoltcp::time::Instant;
use smoltcp::wire::{IpCidr, Ipv4Address};

/// Who is where.
mod address {
    use smoltcp::wire::{EthernetAddress, Ipv4Address};

    pub const DEVICE: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
    pub const DESKTOP: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

    pub fn client(number: usize) -> Ipv4Address {
        Ipv4Address::new(10, 0, 0, 10 + number as u8)
    }

    /// The hardware address of a host.
    pub fn hardware(of: Ipv4Address) -> EthernetAddress {
        let [a, b, c, d] = of.octets();
        EthernetAddress([2, 0, a, b, c, d])
    }
}

fn interface(nic: &mut Nic, of: Ipv4Address, now: Instant, seed: u64) -> Interface {
    let mut config = Config::new(address::hardware(of).into());
    config.random_seed = seed;
    let mut iface = Interface::new(config, nic, now);
    iface.update_ip_addrs(|all| all.push(IpCidr::new(of.into(), 24)).expect("there is room"));
    iface
}

/// As good as random here: 32 bytes from a seed, not all of them zero.
fn secret(seed: u64) -> [u8; 32] {
    core::array::from_fn(|at| seed.to_le_bytes()[at % 8] ^ (at as u8 + 1))
}
