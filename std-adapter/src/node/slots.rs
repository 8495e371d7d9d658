//! How many connections there are at once, and which one gives way to a new one.

use crate::clock::Clock;
use core::net::{IpAddr, Ipv6Addr};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use unstick::Instant;
use unstick::driver::nonblocking::Runtime as _;
use unstick::limits::GIVE_WAY;

/// The connections of a node, over all its services.
pub(super) struct Slots {
    most: usize,
    clock: Clock,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    guests: BTreeMap<u64, Arc<Guest>>,
}

/// A connection, as far as that decides whether it gives way.
struct Guest {
    /// Who it is from: what it has of the places is compared with what others have.
    from: IpAddr,
    /// When it last moved a byte, in microseconds of the clock.
    moved: AtomicU64,
    finish: CancellationToken,
}

/// The place of a connection, until this is dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    number: u64,
    guest: Arc<Guest>,
}

impl Slots {
    pub(super) fn new(most: usize, clock: Clock) -> Self {
        Self { most, clock, taken: Mutex::default() }
    }

    /// A place for one connection more, which is to finish with `stop`. Where all are taken, the one that
    /// has moved no byte for longest finishes, a second at least; or else the quietest of the peer that has
    /// the most, if it would still have no fewer than this one. What it has begun is still done. Returns the
    /// place, and whether another gives way for it; `None` if there is none.
    pub(super) fn enter(
        self: &Arc<Self>,
        from: IpAddr,
        stop: &CancellationToken,
    ) -> Option<(Slot, bool)> {
        let (now, from) = (self.clock.now(), peer(from));
        let mut taken = self.lock();
        let is_full = taken.guests.len() >= self.most;
        if is_full {
            taken.quiet(now).or_else(|| taken.of_the_greediest(from))?.finish.cancel();
        }
        let number = taken.next;
        taken.next += 1;
        let (moved, finish) = (AtomicU64::new(now.as_micros()), stop.child_token());
        let guest = Arc::new(Guest { from, moved, finish });
        taken.guests.insert(number, Arc::clone(&guest));
        Some((Slot { slots: Arc::clone(self), number, guest }, is_full))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Those that have not been told to finish.
    fn present(&self) -> impl Iterator<Item = &Guest> {
        self.guests.values().map(AsRef::as_ref).filter(|it| !it.finish.is_cancelled())
    }

    /// The one that has moved no byte for longest, and for [`GIVE_WAY`] at least.
    fn quiet(&self, now: Instant) -> Option<&Guest> {
        let idle = |guest: &Guest| now.since(Instant::from_micros(guest.moved.load(Relaxed)));
        self.present().filter(|it| idle(it) >= GIVE_WAY).min_by_key(|it| it.moved.load(Relaxed))
    }

    /// The quietest one of the peer that has the most, where that is more than `from` would have.
    fn of_the_greediest(&self, from: IpAddr) -> Option<&Guest> {
        let mut shares = BTreeMap::<_, usize>::new();
        for guest in self.present() {
            *shares.entry(guest.from).or_default() += 1;
        }
        let own = shares.get(&from).copied().unwrap_or(0).saturating_add(1);
        let (greediest, _) =
            shares.into_iter().filter(|&(_, most)| most > own).max_by_key(|it| it.1)?;
        let theirs = self.present().filter(|it| it.from == greediest);
        theirs.min_by_key(|it| it.moved.load(Relaxed))
    }
}

/// Who an address belongs to: of IPv6 a host has 2^64 to choose from, the network in front of them says who
/// it is (RFC 4291 2.5.4).
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(network).into()
        }
        address => address,
    }
}

impl Slot {
    /// Cancelled when the connection is to finish.
    pub(super) fn finish(&self) -> CancellationToken {
        self.guest.finish.clone()
    }

    /// Notes that bytes have moved.
    pub(super) fn moved(&self, now: Instant) {
        self.guest.moved.store(now.as_micros(), Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().guests.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(most: usize) -> Arc<Slots> {
        Arc::new(Slots::new(most, Clock::new()))
    }

    #[test]
    fn a_busy_peer_leaves_others_their_share() {
        let (slots, stop) = (slots(4), CancellationToken::new());
        let enter = |from: &str| slots.enter(from.parse().unwrap(), &stop);
        let greedy: Vec<_> = (0..4).map(|_| enter("10.0.0.1").unwrap()).collect();
        let finishing = || greedy.iter().filter(|(it, _)| it.guest.finish.is_cancelled()).count();
        assert!(greedy.iter().all(|(_, evicts)| !evicts));
        assert!(enter("10.0.0.1").is_none(), "its own share is taken");
        let (_second, evicts) = enter("10.0.0.2").unwrap();
        assert!(evicts);
        assert_eq!(finishing(), 1);
        let _third = enter("::ffff:10.0.0.2").unwrap();
        assert_eq!(finishing(), 2);
        assert!(enter("10.0.0.2").is_none(), "both have half of them");
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let (slots, stop) = (slots(2), CancellationToken::new());
        let enter = |from: &str| slots.enter(from.parse().unwrap(), &stop);
        let _first = enter("2001:db8::1").unwrap();
        let _second = enter("2001:db8::2").unwrap();
        assert!(enter("2001:db8::3").is_none());
        assert!(enter("2001:db8:0:1::3").is_some());
    }
}
