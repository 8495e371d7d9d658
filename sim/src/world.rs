//! A run: all hosts, the clock and the weather, from a seed.

use crate::address;
use crate::client::Peer;
use crate::desktop::Desktop;
use crate::device::Device;
use crate::network::{Network, Nic, Place, Weather};
use crate::script::Script;
use crate::secret;
use core::cell::RefCell;
use core::fmt;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::Ipv4Address;
use std::rc::Rc;
use std::sync::Arc;
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::time;
use unstick::Limits;
use unstick::keys::{Key, Role};

/// Rounds at one moment after which somebody must have gone mad.
const SPINS: u32 = 10_000;
/// How long after the weather a new request may take: three tries of an address resolution, a connection that
/// has to wait for a place, and the longest command before it.
const SOON: Duration = Duration::from_secs(20);
/// After how long no frame is on its way any more.
const LANDED: Duration = Duration::from_secs(30);
/// How late a deadline may be noticed, as far as a client sees that.
const PROMPT: Duration = Duration::from_secs(3);
/// How long after the last request every connection has ended, those included whose client is gone.
const QUIET: Duration = Duration::from_secs(400);

/// How much happens.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub clients: usize,
    /// How long clients ask and the weather changes.
    pub time: Duration,
    /// Whether to keep all frames.
    pub capture: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { clients: 5, time: Duration::from_secs(120), capture: false }
    }
}

/// What came of a run.
pub struct Outcome {
    /// Time that passed there.
    pub simulated: Duration,
    /// Frames that something was done to, changes of weather, restarts.
    pub faults: u64,
    /// Requests that were answered.
    pub answered: u64,
    /// What must not have been, if anything.
    pub broken: Option<String>,
    /// All frames, if they were kept.
    pub capture: Vec<(Instant, Vec<u8>)>,
}

/// Runs a seed.
pub fn run(seed: u64, options: Options) -> Outcome {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without threads can be made").block_on(async {
        let mut world = World::new(seed, options);
        let broken = world.live(options.time).await.err();
        let World { network, peers, now, .. } = world;
        let mut network = network.borrow_mut();
        Outcome {
            simulated: now - Instant::ZERO,
            faults: network.faults,
            answered: peers.iter().map(Peer::answered).sum(),
            broken: broken.map(|Broken { what }| format!("at {now}: {what}")),
            capture: network.capture.take().unwrap_or_default(),
        }
    })
}

struct World {
    start: time::Instant,
    now: Instant,
    rng: ChaCha8Rng,
    /// What nodes ask for, if anything.
    key: Option<Key>,
    network: Rc<RefCell<Network>>,
    device: Device,
    device_nic: Nic,
    desktop: Desktop,
    desktop_nic: Nic,
    peers: Vec<Peer>,
    /// Told when the desktop's node has something for its system.
    outward: Arc<Notify>,
    /// When the weather changes.
    change: Instant,
    spins: u32,
}

/// What must not be.
struct Broken {
    what: String,
}

fn broken(what: impl fmt::Display) -> Broken {
    Broken { what: what.to_string() }
}

impl World {
    fn new(seed: u64, options: Options) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let now = Instant::ZERO;
        let fork = |rng: &mut ChaCha8Rng| ChaCha8Rng::seed_from_u64(rng.next_u64());
        let network = Rc::new(RefCell::new(Network::new(fork(&mut rng), options.capture)));
        let join = |of| Nic {
            place: network.borrow_mut().join(address::hardware(of)),
            network: Rc::clone(&network),
        };
        let outward = Arc::new(Notify::new());
        let (device_nic, desktop_nic) = (join(address::DEVICE), join(address::DESKTOP));
        // A world in three has keys.
        let key = seed
            .is_multiple_of(3)
            .then(|| Key::new(1, Role::Full, secret(seed)).expect("it is a key"));
        let device = Device::start(device_nic.clone(), now, rng.next_u64(), key.clone());
        let (nic, told) = (desktop_nic.clone(), Arc::clone(&outward));
        let desktop = Desktop::start(nic, now, rng.next_u64(), told, key.clone());
        let peers = (0..options.clients).map(|number| {
            let nic = join(address::client(number));
            Peer::start(nic, number, now, rng.next_u64(), fork(&mut rng), key.clone())
        });
        let peers = peers.collect();
        Self {
            start: time::Instant::now(),
            now,
            rng,
            key: key.clone(),
            network,
            device,
            device_nic,
            desktop,
            desktop_nic,
            peers,
            outward,
            change: now,
            spins: 0,
        }
    }

    /// Everything that happens.
    async fn live(&mut self, storm: Duration) -> Result<(), Broken> {
        let until = self.now + storm;
        while self.now < until {
            self.weather();
            let next = self.act(false)?;
            self.sleep(next.min(self.change).min(until)).await;
        }
        for place in 0..self.peers.len() + 2 {
            self.network.borrow_mut().set(place, Weather::FAIR);
        }
        // Who still talks comes to an end, by a deadline at the latest.
        self.rest("a client does not come to its end", |it| it.peers.iter().all(Peer::rests))
            .await?;
        for node in [address::DEVICE, address::DESKTOP] {
            let took = self.ask(node, Script::probe).await?;
            if took > SOON {
                return Err(broken(format_args!(
                    "{node} answers after the weather, but in {took}"
                )));
            }
        }
        self.rest("connections are left", |it| it.device.taken() + it.desktop.taken() == 0).await?;
        // From here on nothing is left of before, frames on their way included.
        let landed = self.now + LANDED;
        self.rest("time stands still", |it| it.now >= landed).await?;
        let (clients, files) = (self.peers.len(), crate::device::FILES);
        for node in [address::DEVICE, address::DESKTOP] {
            self.ask(node, || Script::last(clients, files)).await?;
            let before = self.frames(node).await?;
            let took = self.ask(node, Script::probe).await?;
            if took > PROMPT {
                return Err(broken(format_args!("{node} lets go of a client after {took}")));
            }
            let counted = self.frames(node).await? - before;
            if counted != 2 {
                return Err(broken(format_args!("{node} counts {counted} requests of 2")));
            }
            let ended = self.now;
            self.rest("an end is not seen", |it| it.device.taken() + it.desktop.taken() == 0)
                .await?;
            if self.now - ended > PROMPT {
                let took = self.now - ended;
                return Err(broken(format_args!(
                    "{node} sees after {took} that its client has ended"
                )));
            }
            let began = self.now;
            self.peers[0].dribble(began, node);
            self.rest("a client may dribble for ever", |it| it.peers[0].rests()).await?;
            let took = self.now - began;
            if took > Duration::from(Limits::DEFAULT.header) + PROMPT {
                return Err(broken(format_args!("{node} listens to half a header for {took}")));
            }
        }
        Ok(())
    }

    /// How many requests a node has counted.
    async fn frames(&mut self, node: Ipv4Address) -> Result<u64, Broken> {
        self.ask(node, Script::stats).await?;
        let line = self.peers[0].told().lines().find_map(|line| line.strip_prefix("frames"));
        line.and_then(|count| count.trim().parse().ok())
            .ok_or_else(|| broken(format_args!("{node} does not count")))
    }

    /// Asks all of a script of a node, which has to answer. Returns how long it took.
    async fn ask(
        &mut self,
        node: Ipv4Address,
        script: impl Fn() -> Script,
    ) -> Result<Duration, Broken> {
        let (asked, answered) = (self.now, self.peers[0].replies());
        let all = script().asked.len() as u64;
        self.peers[0].ask(node, script());
        self.rest("a client does not come to its end", |it| it.peers[0].rests()).await?;
        match self.peers[0].replies() - answered {
            some if some < all => Err(broken(format_args!(
                "{node} answers {some} of {all} requests after the weather"
            ))),
            _ => Ok(self.now - asked),
        }
    }

    /// Lets everything come to its end.
    async fn rest(&mut self, otherwise: &str, done: impl Fn(&Self) -> bool) -> Result<(), Broken> {
        let until = self.now + QUIET;
        loop {
            let next = self.act(true)?;
            if done(self) {
                return Ok(());
            }
            if self.now >= until {
                let (device, desktop) = (self.device.taken(), self.desktop.taken());
                return Err(broken(format_args!(
                    "{otherwise}; sockets taken: {device} of the device, {desktop} of the desktop"
                )));
            }
            self.sleep(next.min(until)).await;
        }
    }

    /// The weather changes, and hosts restart.
    fn weather(&mut self) {
        if self.now < self.change {
            return;
        }
        self.change = self.now + Duration::from_millis(self.rng.random_range(100..10_000));
        let place: Place = self.rng.random_range(0..self.peers.len() + 2);
        let weather = match self.rng.random_bool(0.5) {
            true => Weather::any(&mut self.rng),
            false => Weather::FAIR,
        };
        let mut network = self.network.borrow_mut();
        network.faults += 1;
        network.set(place, weather);
        if self.rng.random_bool(0.03) {
            network.forget(self.device_nic.place);
            drop(network);
            let (nic, key) = (self.device_nic.clone(), self.key.clone());
            self.device = Device::start(nic, self.now, self.rng.next_u64(), key);
            self.peers.iter_mut().for_each(|peer| peer.node_restarted(address::DEVICE));
        } else if self.rng.random_bool(0.03) {
            network.forget(self.desktop_nic.place);
            drop(network);
            let (nic, outward) = (self.desktop_nic.clone(), Arc::clone(&self.outward));
            let key = self.key.clone();
            self.desktop = Desktop::start(nic, self.now, self.rng.next_u64(), outward, key);
            self.peers.iter_mut().for_each(|peer| peer.node_restarted(address::DESKTOP));
        }
    }

    /// All that can happen now happens. Returns when the next thing does; `quiet` clients begin nothing.
    fn act(&mut self, quiet: bool) -> Result<Instant, Broken> {
        let now = self.now;
        self.network.borrow_mut().arrive(now);
        let device = self.device.poll(now);
        if let Some(at) = device.filter(|at| *at < now) {
            return Err(broken(format_args!("the device's deadline {at} is past")));
        }
        let mut next = device.into_iter().chain(self.desktop.poll(now)).min();
        for peer in &mut self.peers {
            next = next.into_iter().chain(peer.poll(now, quiet)).min();
            if let Some(what) = peer.broken.take() {
                return Err(broken(what));
            }
        }
        let arrives = self.network.borrow_mut().arrive(now);
        // Where nothing is to come there is time enough.
        let next = next.into_iter().chain(arrives).min().unwrap_or(now + QUIET).max(now);
        self.spins = if next > now { 0 } else { self.spins + 1 };
        match self.spins {
            SPINS => Err(broken("somebody does not rest")),
            _ => Ok(next),
        }
    }

    /// The time passes, or as much of it as the desktop's node has nothing for its system.
    async fn sleep(&mut self, until: Instant) {
        let micros = until.total_micros().unsigned_abs();
        let wake = self.start + core::time::Duration::from_micros(micros);
        tokio::select! {
            biased;
            () = self.outward.notified() => {}
            () = time::sleep_until(wake) => {}
        }
        self.now = Instant::from_micros(self.start.elapsed().as_micros() as i64);
    }
}
