//! The network: hosts, what is on its way between them, and what becomes of it.

use core::cell::RefCell;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, EthernetFrame, EthernetProtocol};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Bytes of the largest frame.
const FRAME: usize = 1514;

/// Frames that wait for a host; more are lost, as in the queue of a switch.
const QUEUE: usize = 256;

/// What the cable of a host does to frames, either way. The default is nothing but some delay.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The share of frames that are lost.
    pub loss: f64,
    /// That come twice.
    pub doubled: f64,
    /// With a bit flipped; no frame has two, which checksums may miss.
    pub damaged: f64,
    /// That are overtaken by later ones.
    pub overtaken: f64,
    pub delay: Duration,
    /// Bytes a second, if that is limited.
    pub rate: Option<u32>,
    /// Bytes of the longest IP packet; longer ones are lost without a word.
    pub mtu: usize,
    /// Nothing comes or goes.
    pub cut: bool,
}

impl Weather {
    /// Nothing happens to frames but a delay.
    pub const FAIR: Self = Self {
        loss: 0.0,
        doubled: 0.0,
        damaged: 0.0,
        overtaken: 0.0,
        delay: Duration::from_millis(1),
        rate: None,
        mtu: 1500,
        cut: false,
    };

    /// Any of all that.
    pub fn any(rng: &mut ChaCha8Rng) -> Self {
        let mut some =
            |most: f64| if rng.random_bool(0.5) { rng.random_range(0.0..most) } else { 0.0 };
        let [loss, doubled, damaged, overtaken] = [some(0.3), some(0.2), some(0.1), some(0.2)];
        Self {
            loss,
            doubled,
            damaged,
            overtaken,
            delay: Duration::from_millis(rng.random_range(1..300)),
            rate: rng.random_bool(0.2).then(|| rng.random_range(2_000..200_000)),
            mtu: if rng.random_bool(0.1) { rng.random_range(576..1500) } else { 1500 },
            cut: rng.random_bool(0.1),
        }
    }
}

/// A host's place in the network.
pub type Place = usize;

pub struct Network {
    rng: ChaCha8Rng,
    ports: Vec<Port>,
    /// Frames on their way, by when they arrive and in which order they left.
    flying: BTreeMap<(Instant, u64), (Place, Vec<u8>)>,
    sent: u64,
    /// Frames that something was done to.
    pub faults: u64,
    /// All frames as they left, if they are kept.
    pub capture: Option<Vec<(Instant, Vec<u8>)>>,
}

struct Port {
    address: EthernetAddress,
    weather: Weather,
    inbox: VecDeque<Vec<u8>>,
    /// When the rate limit has let the last frame through.
    idle_from: Instant,
}

impl Network {
    pub fn new(rng: ChaCha8Rng, capture: bool) -> Self {
        Self {
            rng,
            ports: Vec::new(),
            flying: BTreeMap::new(),
            sent: 0,
            faults: 0,
            capture: capture.then(Vec::new),
        }
    }

    /// A place for a host of this address.
    pub fn join(&mut self, address: EthernetAddress) -> Place {
        self.ports.push(Port {
            address,
            weather: Weather::FAIR,
            inbox: VecDeque::new(),
            idle_from: Instant::ZERO,
        });
        self.ports.len() - 1
    }

    pub fn set(&mut self, place: Place, weather: Weather) {
        self.ports[place].weather = weather;
    }

    /// What waits there is gone, as when a host restarts.
    pub fn forget(&mut self, place: Place) {
        self.ports[place].inbox.clear();
    }

    /// Has what is due arrive. Returns when the next is.
    pub fn arrive(&mut self, now: Instant) -> Option<Instant> {
        while let Some(first) = self.flying.first_entry() {
            if first.key().0 > now {
                return Some(first.key().0);
            }
            let (place, frame) = first.remove();
            let inbox = &mut self.ports[place].inbox;
            if inbox.len() < QUEUE {
                inbox.push_back(frame);
            } else {
                self.faults += 1;
            }
        }
        None
    }

    fn send(&mut self, now: Instant, from: Place, frame: Vec<u8>) {
        if let Some(capture) = &mut self.capture {
            capture.push((now, frame.clone()));
        }
        let to = EthernetFrame::new_unchecked(&frame[..]).dst_addr();
        for place in 0..self.ports.len() {
            if place != from && (to.is_broadcast() || to == self.ports[place].address) {
                self.cross(now, from, place, frame.clone());
            }
        }
    }

    /// A frame crosses the sender's cable, and the receiver's.
    fn cross(&mut self, now: Instant, from: Place, to: Place, mut frame: Vec<u8>) {
        let (mut due, mut twice, mut damaged) = (now, false, false);
        // An address resolution has no checksum, and few tries: the weather is not to test those.
        let is_ip = EthernetFrame::new_unchecked(&frame[..]).ethertype() == EthernetProtocol::Ipv4;
        for place in [from, to] {
            let Self { rng, ports, .. } = self;
            let Port { weather, idle_from, .. } = &mut ports[place];
            let mut hit = |share: f64| is_ip && rng.random_bool(share);
            // Always all the draws, so that one fault more or less does not move the others.
            let [lost, doubled, flipped, overtaken] =
                [weather.loss, weather.doubled, weather.damaged, weather.overtaken].map(&mut hit);
            if weather.cut || lost || frame.len() - 14 > weather.mtu {
                self.faults += 1;
                return;
            }
            self.faults += [doubled, flipped, overtaken].map(u64::from).iter().sum::<u64>();
            (twice, damaged) = (twice | doubled, damaged | flipped);
            due += weather.delay;
            if overtaken {
                due += weather.delay * 2;
            }
            if let Some(rate) = weather.rate {
                let time = Duration::from_micros(frame.len() as u64 * 1_000_000 / u64::from(rate));
                *idle_from = due.max(*idle_from) + time;
                due = *idle_from;
            }
        }
        if damaged {
            let bit = self.rng.random_range(14 * 8..frame.len() * 8);
            frame[bit / 8] ^= 1 << (bit % 8);
        }
        if twice {
            let later = due + Duration::from_millis(self.rng.random_range(0..100));
            self.fly(later, to, frame.clone());
        }
        self.fly(due, to, frame);
    }

    fn fly(&mut self, due: Instant, to: Place, frame: Vec<u8>) {
        self.sent += 1;
        self.flying.insert((due, self.sent), (to, frame));
    }
}

/// A host's end of its cable.
#[derive(Clone)]
pub struct Nic {
    pub network: Rc<RefCell<Network>>,
    pub place: Place,
}

impl phy::Device for Nic {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Received, Sending<'_>)> {
        let frame = self.network.borrow_mut().ports[self.place].inbox.pop_front()?;
        Some((Received(frame), Sending { nic: self, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Sending<'_>> {
        Some(Sending { nic: self, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

pub struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

pub struct Sending<'a> {
    nic: &'a Nic,
    now: Instant,
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.nic.network.borrow_mut().send(self.now, self.nic.place, frame);
        result
    }
}
