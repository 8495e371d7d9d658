//! Every limit and every default, in one place.

use core::time::Duration;

/// Bytes of a bare request (rule B1): what one `recv(1024)` of the tutorials takes.
pub const REQUEST: usize = 1024;

/// Bytes of a JSON header, by default (rule H1).
pub const HEADER: usize = 1024;

/// Bytes of reply text a command can write, by default; longer bodies come from a source.
pub const TEXT: usize = 1024;

/// Bytes of an `id` as it stands on the wire, quotes and escapes included (rule C2).
pub const ID: usize = 64;

/// Bytes of a file name in UTF-8.
pub const NAME: usize = 255;

/// Bytes of the sentence that explains a refusal; a longer one is cut.
pub const REASON: usize = 160;

/// Levels of nesting in a header (rule H4).
pub const DEPTH: usize = 8;

/// Keys of all objects open at once in a header, which is what finding duplicates costs (rule H4).
pub const KEYS: usize = 32;

/// A UDP reply without a key is at most this many times as long as its request (rule U4).
pub const AMPLIFICATION: usize = 3;

/// How long a peer has to finish a connection that it began (its SYN is answered, ours is not): a
/// socket that waits for it can serve nobody else.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// Bytes of the longest message that a keyed connection takes, by default.
pub const MESSAGE: usize = 1024;

/// Bytes of a message that each end of a keyed connection takes at least.
pub const MESSAGE_LEAST: usize = 64;

/// Bytes that no message of a keyed connection is longer than: Noise's own limit (revision 34, 3).
pub const MESSAGE_MOST: usize = 65_535;

/// Time from one handshake of a keyed connection that a node answers to the next, so that a flood of them
/// leaves it time for all else.
pub const HANDSHAKES_APART: Duration = Duration::from_millis(100);

/// How often a peer with nothing to say is asked whether it is there. Some questions may get lost.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a peer may be silent, the questions of [`KEEP_ALIVE`] unanswered; then it is taken for
/// gone.
pub const SILENCE: Duration = Duration::from_secs(60);

/// How long a connection that a node has closed waits for its peer to take the next byte of what was
/// sent, or to close as well. Then it is reset.
pub const LINGER: Duration = Duration::from_secs(10);

/// How many bytes it takes from the peer meanwhile, and discards, so that no reset overtakes its last
/// reply. Then it is reset.
pub const LINGER_BYTES: u64 = 16 * 1024 * 1024;

/// How long a connection must have moved no byte, between requests, before it gives way to a new one
/// where all are taken.
pub const GIVE_WAY: Duration = Duration::from_secs(1);

/// How long a datagram's reply waits for the stack to learn its receiver's hardware address. Two
/// questions a second apart fit in. Then it is dropped, or one forged sender could silence a service.
pub const NEIGHBOR: Duration = Duration::from_millis(1500);

/// What one session allows and how long it waits. [`Limits::DEFAULT`] is what nodes use.
///
/// ```
/// use core::time::Duration;
/// use unstick::Limits;
///
/// let patient = Limits::DEFAULT.with_answer(Duration::from_secs(600));
/// assert_eq!(patient.idle, Limits::DEFAULT.idle);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Limits {
    /// What happens to a request whose body is refused before it has come.
    pub oversize: Oversize,
    /// Longest wait between requests; then the connection is closed.
    pub idle: Duration,
    /// Longest time from the first byte of a header to its last. Not renewed by each byte, so a
    /// peer that sends a byte a second holds a session no longer than this.
    pub header: Duration,
    /// Longest wait without a byte moving while a body comes, or output is not taken.
    pub stall: Duration,
    /// Longest wait for a command to have its answer ready, or the next piece of it.
    pub answer: Duration,
}

impl Limits {
    /// The defaults: skip up to 64 KiB, idle 5 min, header 10 s, stall 30 s, answer 60 s.
    pub const DEFAULT: Self = Self {
        oversize: Oversize::DEFAULT,
        idle: Duration::from_secs(300),
        header: Duration::from_secs(10),
        stall: Duration::from_secs(30),
        answer: Duration::from_secs(60),
    };

    /// The same with another oversize policy.
    #[must_use]
    pub const fn with_oversize(self, oversize: Oversize) -> Self {
        Self { oversize, ..self }
    }

    /// The same with another longest wait between requests.
    #[must_use]
    pub const fn with_idle(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }

    /// The same with another longest time for a header.
    #[must_use]
    pub const fn with_header(self, header: Duration) -> Self {
        Self { header, ..self }
    }

    /// The same with another longest wait for a byte to move.
    #[must_use]
    pub const fn with_stall(self, stall: Duration) -> Self {
        Self { stall, ..self }
    }

    /// The same with another longest wait for an answer.
    #[must_use]
    pub const fn with_answer(self, answer: Duration) -> Self {
        Self { answer, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What happens to something larger than its limit (rule F4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Oversize {
    /// Report it, then close.
    Close,
    /// Read and discard exactly the declared bytes, report it and go on. There is no `Skip`
    /// without a budget: a peer could make us read for ever.
    Skip {
        /// The most bytes discarded for one item; a larger item is closed upon.
        budget: u64,
    },
}

impl Oversize {
    /// Skip up to 64 KiB.
    pub const DEFAULT: Self = Self::Skip { budget: 64 * 1024 };

    /// Whether `len` bytes are to be skipped.
    #[must_use]
    pub const fn skips(self, len: u64) -> bool {
        match self {
            Self::Close => false,
            Self::Skip { budget } => len <= budget,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_is_changed_alone() {
        let [one, two, three, four] = [1, 2, 3, 4].map(Duration::from_secs);
        let all = Limits {
            oversize: Oversize::Close,
            idle: one,
            header: two,
            stall: three,
            answer: four,
        };
        let built = Limits::default()
            .with_answer(four)
            .with_stall(three)
            .with_header(two)
            .with_idle(one)
            .with_oversize(Oversize::Close);
        assert_eq!(built, all);
        assert_eq!(
            all.with_idle(Limits::DEFAULT.idle),
            Limits { idle: Limits::DEFAULT.idle, ..all }
        );
    }

    /// The numbers of docs/protocol.md, F4 and T2.
    #[test]
    fn numbers_of_the_page() {
        assert_eq!(Oversize::DEFAULT, Oversize::Skip { budget: 65_536 });
        assert_eq!((LINGER, LINGER_BYTES), (Duration::from_secs(10), 16_777_216));
    }

    #[test]
    fn what_is_skipped() {
        let skip = Oversize::Skip { budget: 5 };
        assert_eq!([0, 5, 6].map(|len| skip.skips(len)), [true, true, false]);
        assert!(!Oversize::Close.skips(0));
    }
}
