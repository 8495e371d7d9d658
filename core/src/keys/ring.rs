//! The keys of a node, and the secrets of its handshakes.

use super::cipher::KEY;
use super::datagrams::DatagramSession;
use super::handshake::hkdf;
use super::key::Key;
use crate::limits::HANDSHAKES_APART;
use crate::time::Instant;
use core::fmt;
use core::time::Duration;
use heapless::Vec;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What a node that asks for keys provides; [`Keyring`] is one ready-made.
pub trait Keys {
    /// The key of that id; `None` if there is none, or none any more.
    fn key(&self, id: u8) -> Option<Key>;

    /// A secret for one handshake, random or as good as that, and never the same again; `None` where
    /// there is no source of such: then nobody gets in.
    fn ephemeral(&mut self) -> Option<Zeroizing<[u8; KEY]>>;

    /// Lends the places for sessions for datagrams; where there are none, which is so by default, commands are
    /// answered over TCP only.
    fn sessions(&mut self, with: &mut dyn FnMut(&mut [Option<DatagramSession>])) {
        with(&mut []);
    }

    /// Whether a handshake may be answered now, which counts as one; else when to ask again. A handshake
    /// takes a small processor a good part of a second.
    fn pace(&mut self, now: Instant) -> Result<(), Instant>;
}

/// At most `N` keys, the secrets of handshakes, and `D` sessions for datagrams, of 170 bytes each.
///
/// ```
/// use unstick::keys::{Ephemerals, Key, Keyring, Role};
///
/// # fn random() -> [u8; 32] { [1; 32] }
/// let mut keys = Keyring::<4>::new(Ephemerals::random(random()));
/// keys.add(Key::new(1, Role::Full, random())?).expect("there is room for four");
/// # Ok::<(), unstick::keys::KeyError>(())
/// ```
#[derive(Debug)]
pub struct Keyring<const N: usize, const D: usize = 4> {
    keys: Vec<Key, N>,
    sessions: [Option<DatagramSession>; D],
    ephemerals: Option<Ephemerals>,
    /// Between two handshakes.
    apart: Duration,
    /// When the next handshake may be answered.
    next: Instant,
}

impl<const N: usize, const D: usize> Keyring<N, D> {
    /// No keys: so nobody gets in. Nor does anybody without ephemerals, see [`Ephemerals`].
    #[must_use]
    pub const fn new(ephemerals: Option<Ephemerals>) -> Self {
        Self {
            keys: Vec::new(),
            sessions: [const { None }; D],
            ephemerals,
            apart: HANDSHAKES_APART,
            next: Instant::ZERO,
        }
    }

    /// The same with another time between two handshakes than [`HANDSHAKES_APART`].
    #[must_use]
    pub fn apart(self, apart: Duration) -> Self {
        Self { apart, ..self }
    }

    /// Adds a key, in the place of one of the same id. Returns it where there is no room.
    pub fn add(&mut self, key: Key) -> Result<(), Key> {
        match self.keys.iter_mut().find(|it| it.id() == key.id()) {
            Some(it) => {
                *it = key;
                Ok(())
            }
            None => self.keys.push(key),
        }
    }

    /// Removes a key; who is connected with it is closed upon. Returns whether there was one.
    pub fn remove(&mut self, id: u8) -> bool {
        let before = self.keys.len();
        self.keys.retain(|key| key.id() != id);
        self.keys.len() < before
    }
}

impl<const N: usize, const D: usize> Keys for Keyring<N, D> {
    fn key(&self, id: u8) -> Option<Key> {
        self.keys.iter().find(|key| key.id() == id).cloned()
    }

    fn ephemeral(&mut self) -> Option<Zeroizing<[u8; KEY]>> {
        self.ephemerals.as_mut().map(Ephemerals::next)
    }

    fn sessions(&mut self, with: &mut dyn FnMut(&mut [Option<DatagramSession>])) {
        with(&mut self.sessions);
    }

    fn pace(&mut self, now: Instant) -> Result<(), Instant> {
        if now < self.next {
            return Err(self.next);
        }
        self.next = now.after(self.apart);
        Ok(())
    }
}

/// Secrets, one for each handshake, none of which tells of another.
///
/// They are made from one start, which must never be the same twice: a secret that is used twice lets
/// who has recorded the first connection play it again.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Ephemerals {
    chain: [u8; KEY],
}

impl Ephemerals {
    /// From 32 bytes of a hardware source of randomness, read at each start of the device; `None` if they
    /// are all zeros, which a source that is not running returns.
    #[must_use]
    pub fn random(seed: [u8; KEY]) -> Option<Self> {
        (seed != [0; KEY]).then_some(Self { chain: seed })
    }

    /// For a device without such a source: from a secret of its own, which is random and was given to it
    /// once, and the number of its start. That number is kept in flash, and is **committed before it is
    /// used**: were the power to fail in between, the next start must have another. `None` if the secret is
    /// all zeros.
    #[must_use]
    pub fn counted(secret: &[u8; KEY], start: u64) -> Option<Self> {
        let [chain] = hkdf(secret, &start.to_le_bytes());
        (*secret != [0; KEY]).then_some(Self { chain })
    }

    fn next(&mut self) -> Zeroizing<[u8; KEY]> {
        let [chain, secret] = hkdf(&self.chain, b"unstick");
        self.chain = chain;
        Zeroizing::new(secret)
    }
}

impl fmt::Debug for Ephemerals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ephemerals")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Role;

    fn key(id: u8, byte: u8) -> Key {
        Key::new(id, Role::Full, [byte; KEY]).unwrap()
    }

    #[test]
    fn a_key_is_there_until_it_is_removed() {
        let mut keys = Keyring::<2>::new(None);
        assert!(keys.key(1).is_none() && keys.ephemeral().is_none());
        assert!(keys.add(key(1, 1)).is_ok() && keys.add(key(2, 2)).is_ok());
        assert!(keys.add(key(3, 3)).is_err(), "there is no room");
        assert!(keys.add(key(2, 4)).is_ok(), "it takes the other's place");
        assert_eq!(keys.key(2).unwrap().secret(), &[4; KEY]);
        assert!(keys.remove(1) && !keys.remove(1));
        assert!(keys.key(1).is_none());
    }

    #[test]
    fn handshakes_are_paced() {
        let mut keys = Keyring::<1>::new(None);
        let second = Instant::from_millis(1000);
        assert_eq!(keys.pace(second), Ok(()));
        let next = second.after(HANDSHAKES_APART);
        assert_eq!(keys.pace(second), Err(next));
        assert_eq!(keys.pace(next), Ok(()));
        let mut keys = keys.apart(Duration::from_millis(1));
        assert_eq!(keys.pace(next.after(HANDSHAKES_APART)), Ok(()));
        let later = next.after(HANDSHAKES_APART).after(Duration::from_millis(1));
        assert_eq!(keys.pace(next.after(HANDSHAKES_APART)), Err(later));
    }

    #[test]
    fn no_secret_comes_twice() {
        let mut all = std::collections::HashSet::new();
        for mut ephemerals in [
            Ephemerals::random([1; KEY]),
            Ephemerals::random([2; KEY]),
            Ephemerals::counted(&[1; KEY], 1),
            Ephemerals::counted(&[1; KEY], 2),
            Ephemerals::counted(&[2; KEY], 1),
        ]
        .map(Option::unwrap)
        {
            (0..10).for_each(|_| assert!(all.insert(*ephemerals.next())));
        }
        assert!(Ephemerals::random([0; KEY]).is_none());
        assert!(Ephemerals::counted(&[0; KEY], 7).is_none());
    }
}
