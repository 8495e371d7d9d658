//! A bad cable: a [`Device`] around a device that loses, damages, doubles, reorders and slows down
//! frames in both directions, as a seed says.
//!
//! smoltcp's `FaultInjector` knows neither duplicates nor reordering and draws from one sequence
//! for both directions; here each direction has its own, so that the fate of its n-th frame
//! depends on the seed and on n alone.

use core::num::NonZeroU32;
use core::time::Duration;

use fastrand::Rng;
use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetFrame, EthernetProtocol};

/// How long a reordered frame is held back: later frames overtake it, yet it arrives before a
/// sender takes it for lost and sends it again.
const HELD: smoltcp::time::Duration = smoltcp::time::Duration::from_millis(10);

/// How many frames wait in one direction, as in the queue of a switch; more are lost.
const QUEUE: usize = 128;

/// What happens to the frames of either direction, each in percent of them; to all but ARP, which
/// only the rate limit touches. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Faults {
    /// Where the chances start from.
    pub(crate) seed: u64,
    /// Frames that do not arrive.
    pub(crate) loss: f64,
    /// Frames that arrive with one bit flipped.
    pub(crate) corruption: f64,
    /// Frames that arrive twice.
    pub(crate) duplication: f64,
    /// Frames that are overtaken by later ones.
    pub(crate) reordering: f64,
    /// Bytes a second, if that is limited.
    pub(crate) rate: Option<NonZeroU32>,
}

impl Faults {
    /// Whether no fault is configured.
    pub(crate) fn is_none(&self) -> bool {
        let Self { seed, .. } = *self;
        *self == Self { seed, ..Self::default() }
    }
}

/// A device behind a bad cable. Without faults it passes on the tokens of the device itself.
pub(crate) struct Faulty<D> {
    device: D,
    clean: bool,
    inward: Direction,
    outward: Direction,
    /// The frame that the stack is being shown.
    shown: Vec<u8>,
}

impl<D: Device> Faulty<D> {
    /// Puts the bad cable between the stack and `device`.
    pub(crate) fn new(device: D, faults: &Faults) -> Self {
        Self {
            device,
            clean: faults.is_none(),
            inward: Direction::new(faults.clone(), 0),
            outward: Direction::new(faults.clone(), 1),
            shown: Vec::new(),
        }
    }

    /// What the cable has done to frames, in a line; `None` if it is a good one.
    pub(crate) fn told(&self) -> Option<String> {
        if self.clean {
            return None;
        }
        let both = [&self.inward, &self.outward].map(|it| it.done);
        let of = |count: fn(&Done) -> u64| both.iter().map(count).sum::<u64>();
        Some(format!(
            "of {} frames the cable lost {}, damaged {}, doubled {}, held back {}",
            of(|it| it.frames),
            of(|it| it.lost),
            of(|it| it.damaged),
            of(|it| it.doubled),
            of(|it| it.held)
        ))
    }

    /// The device at the other end of the cable.
    pub(crate) fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// How long the frames on the cable can do without a poll; `None` if there are none. The loop
    /// sleeps no longer than this, besides what the stack asks for.
    pub(crate) fn poll_delay(&self, now: Instant) -> Option<Duration> {
        let lanes = [&self.inward, &self.outward];
        let due = lanes.into_iter().flat_map(|lane| &lane.waiting).map(|frame| frame.due).min()?;
        let micros = due.total_micros() - now.total_micros();
        Some(Duration::from_micros(micros.max(0).unsigned_abs()))
    }
}

impl<D: Device> Device for Faulty<D> {
    type RxToken<'a>
        = Received<'a, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = Sending<'a, D>
    where
        Self: 'a;

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        if self.clean {
            let (rx, tx) = self.device.receive(now)?;
            return Some((Received::Clean(rx), Sending::Clean(tx)));
        }
        self.outward.send_due(&mut self.device, now);
        let frame = loop {
            if let Some(index) = self.inward.next_due(now) {
                break self.inward.waiting.swap_remove(index).bytes;
            }
            let (rx, _) = self.device.receive(now)?;
            let mut frame = self.inward.spare(0);
            rx.consume(|bytes| frame.extend_from_slice(bytes));
            self.inward.accept(now, frame);
        };
        self.inward.spares.push(core::mem::replace(&mut self.shown, frame));
        let (device, lane) = (&mut self.device, &mut self.outward);
        Some((Received::Faulty(&self.shown), Sending::Faulty { device, lane, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        if self.clean {
            return self.device.transmit(now).map(Sending::Clean);
        }
        let (device, lane) = (&mut self.device, &mut self.outward);
        lane.send_due(device, now);
        Some(Sending::Faulty { device, lane, now })
    }
}

/// A frame that came over the cable.
pub(crate) enum Received<'a, R> {
    Clean(R),
    Faulty(&'a [u8]),
}

impl<R: RxToken> RxToken for Received<'_, R> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, f: F) -> T {
        match self {
            Self::Clean(token) => token.consume(f),
            Self::Faulty(frame) => f(frame),
        }
    }
}

/// The right to put one frame on the cable.
pub(crate) enum Sending<'a, D: Device + 'a> {
    Clean(D::TxToken<'a>),
    Faulty { device: &'a mut D, lane: &'a mut Direction, now: Instant },
}

impl<D: Device> TxToken for Sending<'_, D> {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, len: usize, f: F) -> T {
        match self {
            Self::Clean(token) => token.consume(len, f),
            Self::Faulty { device, lane, now } => {
                let mut frame = lane.spare(len);
                let result = f(&mut frame);
                lane.accept(now, frame);
                lane.send_due(device, now);
                result
            }
        }
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        // A device behind a bad cable has not been made to offload anything.
        if let Self::Clean(token) = self {
            token.set_meta(meta);
        }
    }
}

/// What has been done to frames.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    frames: u64,
    lost: u64,
    damaged: u64,
    doubled: u64,
    held: u64,
}

/// One direction of the cable.
pub(crate) struct Direction {
    faults: Faults,
    rng: Rng,
    waiting: Vec<Waiting>,
    /// Buffers of frames that have left, for those that come.
    spares: Vec<Vec<u8>>,
    /// When the rate limit has let the last frame through.
    idle_from: Instant,
    accepted: u64,
    done: Done,
}

struct Waiting {
    due: Instant,
    order: u64,
    bytes: Vec<u8>,
}

impl Direction {
    fn new(faults: Faults, direction: u64) -> Self {
        Self {
            // Neighbouring seeds produce unrelated sequences; twice the seed keeps the directions of
            // one run apart from those of the next.
            rng: Rng::with_seed(faults.seed.wrapping_mul(2).wrapping_add(direction)),
            faults,
            waiting: Vec::new(),
            spares: Vec::new(),
            idle_from: Instant::ZERO,
            accepted: 0,
            done: Done::default(),
        }
    }

    fn spare(&mut self, len: usize) -> Vec<u8> {
        let mut frame = self.spares.pop().unwrap_or_default();
        frame.clear();
        frame.resize(len, 0);
        frame
    }

    /// Decides what becomes of a frame, and queues what is left of it.
    fn accept(&mut self, now: Instant, mut frame: Vec<u8>) {
        // The kernel gives an address up after three unanswered questions: with ARP on the bad
        // cable a run would now and then test its patience instead of the protocol.
        let spared = EthernetFrame::new_checked(&frame)
            .is_ok_and(|frame| frame.ethertype() == EthernetProtocol::Arp);
        // Always all the draws, so that one fault more or less does not move the others.
        let mut hit = |percent: f64| self.rng.f64() * 100.0 < percent && !spared;
        let lost = hit(self.faults.loss);
        let corrupted = hit(self.faults.corruption);
        let doubled = hit(self.faults.duplication);
        let held = hit(self.faults.reordering);
        let place = self.rng.f64();
        let lost = lost || self.waiting.len() >= QUEUE;
        self.done.frames += 1;
        self.done.lost += u64::from(lost);
        if lost {
            return self.spares.push(frame);
        }
        self.done.damaged += u64::from(corrupted);
        self.done.doubled += u64::from(doubled);
        self.done.held += u64::from(held);
        if corrupted {
            let bit = (place * (frame.len() * 8) as f64) as usize;
            if let Some(byte) = frame.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
        if doubled {
            let mut copy = self.spare(0);
            copy.extend_from_slice(&frame);
            self.queue(now, copy, false);
        }
        self.queue(now, frame, held);
    }

    fn queue(&mut self, now: Instant, bytes: Vec<u8>, held: bool) {
        let mut due = now.max(self.idle_from);
        if let Some(rate) = self.faults.rate {
            let micros = bytes.len() as u64 * 1_000_000 / u64::from(rate.get());
            due += smoltcp::time::Duration::from_micros(micros);
            self.idle_from = due;
        }
        if held {
            due += HELD;
        }
        self.accepted += 1;
        self.waiting.push(Waiting { due, order: self.accepted, bytes });
    }

    /// The place of the frame that leaves next, if its time has come.
    fn next_due(&self, now: Instant) -> Option<usize> {
        let due = self.waiting.iter().enumerate().filter(|(_, frame)| frame.due <= now);
        due.min_by_key(|(_, frame)| (frame.due, frame.order)).map(|(index, _)| index)
    }

    fn send_due<D: Device>(&mut self, device: &mut D, now: Instant) {
        while let Some(index) = self.next_due(now) {
            let Some(token) = device.transmit(now) else { return };
            let frame = self.waiting.swap_remove(index).bytes;
            token.consume(frame.len(), |bytes| bytes.copy_from_slice(&frame));
            self.spares.push(frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of one direction, frame by frame, when a thousand numbered ones went in, one
    /// each millisecond.
    fn run(faults: Faults) -> Vec<(i64, Vec<u8>)> {
        let mut lane = Direction::new(faults, 0);
        let mut out = Vec::new();
        for millis in 0..2000 {
            let now = Instant::from_millis(millis);
            if millis < 1000 {
                lane.accept(now, (millis as u32).to_be_bytes().repeat(25));
            }
            while let Some(index) = lane.next_due(now) {
                out.push((millis, lane.waiting.swap_remove(index).bytes));
            }
        }
        out
    }

    #[test]
    fn the_seed_decides_everything() {
        let bad = |seed| Faults {
            seed,
            loss: 10.0,
            corruption: 10.0,
            duplication: 10.0,
            reordering: 10.0,
            rate: NonZeroU32::new(90_000),
        };
        assert_eq!(run(bad(1)), run(bad(1)));
        assert_ne!(run(bad(1)), run(bad(2)));
    }

    #[test]
    fn each_fault_does_what_it_says_and_no_more() {
        let clean = run(Faults::default());
        assert_eq!(clean.len(), 1000);
        let frames = |faults| run(faults).into_iter().map(|(_, frame)| frame);
        let sent = || clean.iter().map(|(_, frame)| frame.clone());

        let lost = frames(Faults { loss: 15.0, ..Faults::default() });
        assert!((100..200).contains(&(1000 - lost.len())));

        let damaged = frames(Faults { corruption: 100.0, ..Faults::default() });
        for (is, was) in damaged.zip(sent()) {
            let flipped = is.iter().zip(&was).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
            assert_eq!(flipped, 1);
        }

        let doubled = frames(Faults { duplication: 100.0, ..Faults::default() });
        assert!(doubled.eq(sent().flat_map(|frame| [frame.clone(), frame])));

        let mut reordered: Vec<_> =
            frames(Faults { reordering: 15.0, ..Faults::default() }).collect();
        assert!(!reordered.iter().cloned().eq(sent()));
        reordered.sort();
        assert!(reordered.into_iter().eq(sent()));

        // A hundred bytes a millisecond come, fifty leave, and the queue does not grow for ever.
        let slow = run(Faults { rate: NonZeroU32::new(50_000), ..Faults::default() });
        assert_eq!(slow.iter().filter(|(millis, _)| *millis < 1000).count(), 499);
        assert_eq!(slow.len(), 499 + QUEUE);
    }
}
