//! What a node provides to its sessions.

use super::command::{Command, Role};
use super::reply::{Refusal, Status};
use super::store::Store;
use super::task::{NoTask, Task};
use crate::datagram::ETHERNET;
use crate::endpoint::Endpoint;
#[cfg(feature = "noise")]
use crate::keys::Keys;
use crate::time::Instant;
use crate::wire::digest::Digester;
use core::net::SocketAddr;

/// A node, as its sessions see it: commands, files, counters, and who it is.
///
/// [`Node`] is one ready-made, for a node that a single thread drives. A node with other needs (the
/// desktop's is shared between tasks) implements this itself.
pub trait Host: Sized + 'static {
    /// Where bodies come from and go to.
    type Store: Store;

    /// The commands that go on after their row has run; [`NoTask`] where there are none.
    type Task: Task<Self>;

    /// The node's own commands, besides those every node has.
    fn commands(&self) -> &[Command<Self>];

    /// The node's files.
    fn store(&mut self) -> &mut Self::Store;

    /// Who this node is.
    fn identity(&self) -> Identity<'_>;

    /// Adds `count` to a counter.
    fn count(&mut self, counter: Counter, count: u64);

    /// The counters.
    fn counters(&self) -> Counters;

    /// Is told whom the session that runs next serves, by drivers that know it: once, or before each
    /// step where several sessions share the host. Does nothing by default.
    fn visited(&mut self, endpoint: Endpoint, peer: SocketAddr) {
        let _ = (endpoint, peer);
    }

    /// Is told of each request and each reply, for a log. Does nothing by default.
    fn access(&mut self, access: Access<'_>) {
        let _ = access;
    }

    /// Who makes the digests of requests' bodies; by default `None`, and the session does.
    fn digester(&mut self) -> Option<&mut dyn Digester> {
        None
    }

    /// What whoever reaches the node may do, where it has no keys; by default everything.
    fn anyone(&self) -> Role {
        Role::Full
    }

    /// The keys that commands are for; by default `None`, and there are none.
    #[cfg(feature = "noise")]
    fn keys(&mut self) -> Option<&mut dyn Keys> {
        None
    }
}

/// Whether commands are only for who has a key.
#[cfg_attr(not(feature = "noise"), expect(clippy::needless_pass_by_ref_mut))]
pub(crate) fn asks_for_keys<H: Host>(host: &mut H) -> bool {
    #[cfg(feature = "noise")]
    return host.keys().is_some();
    #[cfg(not(feature = "noise"))]
    return {
        let _ = host;
        false
    };
}

/// The source type of a host's store.
pub type SourceOf<H> = <<H as Host>::Store as Store>::Source;

/// The sink type of a host's store.
pub type SinkOf<H> = <<H as Host>::Store as Store>::Sink;

/// Who a node is: what `info` and `uptime` answer.
///
/// ```
/// use unstick::host::Identity;
///
/// let identity = Identity::new("pump-7", env!("CARGO_PKG_VERSION")).target("thumbv7m");
/// assert_eq!(identity.datagram, unstick::datagram::ETHERNET);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Identity<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// What it runs on.
    pub target: &'a str,
    /// The largest datagram it sends, in bytes of UDP payload.
    pub datagram: usize,
    /// The most connections it has at once, over all services; 0 where that is not known.
    pub connections: usize,
    /// Limits that only this node has, by the names that `info` is to give them; of a time in
    /// milliseconds the name ends in `_ms`.
    pub limits: &'a [(&'a str, u64)],
    /// When it started.
    pub started: Instant,
}

impl<'a> Identity<'a> {
    /// A node of this name and version that started at [`Instant::ZERO`] and sends datagrams of at
    /// most [`ETHERNET`] bytes.
    #[must_use]
    pub const fn new(name: &'a str, version: &'a str) -> Self {
        let (target, datagram, connections, limits) = ("", ETHERNET, 0, &[] as &[_]);
        Self { name, version, target, datagram, connections, limits, started: Instant::ZERO }
    }

    /// What it runs on.
    #[must_use]
    pub const fn target(self, target: &'a str) -> Self {
        Self { target, ..self }
    }

    /// The largest datagram it sends, in bytes of UDP payload.
    #[must_use]
    pub const fn datagram(self, datagram: usize) -> Self {
        Self { datagram, ..self }
    }

    /// The most connections it has at once, over all services.
    #[must_use]
    pub const fn connections(self, connections: usize) -> Self {
        Self { connections, ..self }
    }

    /// Limits that only this node has.
    #[must_use]
    pub const fn limits(self, limits: &'a [(&'a str, u64)]) -> Self {
        Self { limits, ..self }
    }

    /// When it started.
    #[must_use]
    pub const fn started(self, started: Instant) -> Self {
        Self { started, ..self }
    }
}

/// What a session says of a request, for a log.
#[derive(Clone, Copy, Debug)]
pub enum Access<'a> {
    /// It has come: its command and arguments, or why there are none. What it says is a stranger's.
    Request(Result<&'a str, &'a Refusal>),
    /// Its answer is known.
    Reply {
        /// The status of the reply.
        status: Status,
        /// Bytes of its body.
        size: u64,
    },
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Counter {
    /// Requests begun, and datagrams of the UDP echo.
    Frames,
    /// Bytes taken in.
    Bytes,
    /// Requests refused because something in them is over a limit.
    Oversized,
    /// Datagrams cut on arrival, and UDP replies that did not fit.
    Truncated,
    /// Requests refused because they break a rule or name no command, and datagrams dropped.
    Rejected,
    /// Connections that were lost.
    Resets,
    /// Connections closed upon a deadline.
    Timeouts,
    /// Requests refused because they are not allowed.
    Denied,
    /// Requests refused because they cannot be answered now.
    Busy,
    /// Requests refused because their command failed, as for want of room.
    Failed,
    /// Connections refused because all that there may be were taken.
    Refused,
    /// Connections ended to make room for a new one.
    Evicted,
}

impl Counter {
    /// Every counter, in the order of `stats`.
    pub const ALL: [Self; 12] = [
        Self::Frames,
        Self::Bytes,
        Self::Oversized,
        Self::Truncated,
        Self::Rejected,
        Self::Resets,
        Self::Timeouts,
        Self::Denied,
        Self::Busy,
        Self::Failed,
        Self::Refused,
        Self::Evicted,
    ];

    /// The name in `stats`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Bytes => "bytes",
            Self::Oversized => "oversized",
            Self::Truncated => "truncated",
            Self::Rejected => "rejected",
            Self::Resets => "resets",
            Self::Timeouts => "timeouts",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Evicted => "evicted",
        }
    }
}

/// The value of each [`Counter`]. They stop at their largest value rather than start over.
///
/// ```
/// use unstick::host::{Counter, Counters};
///
/// let mut counters = Counters::default();
/// counters.count(Counter::Frames, 2);
/// assert_eq!(counters.get(Counter::Frames), 2);
/// for (counter, count) in counters.iter() {
///     println!("{} {count}", counter.as_str());
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters([u64; Counter::ALL.len()]);

impl Counters {
    /// Adds to a counter.
    #[inline(never)] // it is called from everywhere
    pub fn count(&mut self, counter: Counter, count: u64) {
        if let Some(value) = self.0.get_mut(counter as usize) {
            *value = value.saturating_add(count);
        }
    }

    /// The value of a counter.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0.get(counter as usize).copied().unwrap_or_default()
    }

    /// Each counter and its value.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.into_iter().zip(self.0)
    }
}

/// A node that one thread drives: a store, a table of commands, and whatever `context` they need.
///
/// `C` is the user's own: LEDs, sensors, settings. Commands reach it as `node.context`. `T` is what
/// they may start: one task, or [several](crate::tasks).
///
/// ```
/// use core::fmt::Write as _;
/// use unstick::command::{Answer, Command};
/// use unstick::host::{Identity, Node};
/// use unstick::store::RamStore;
///
/// struct Led(bool);
/// type Lamp = Node<RamStore<[u8; 256], 2>, Led>;
///
/// const COMMANDS: &[Command<Lamp>] = &[Command::new("toggle", |node, _, text| {
///     node.context.0 = !node.context.0;
///     write!(text, "{}", if node.context.0 { "on" } else { "off" })?;
///     Ok(Answer::Text)
/// })];
///
/// let store = RamStore::new([[0; 256]; 2]); // two files of 256 bytes
/// let node = Node::with(Identity::new("lamp-3", "1.0"), store, COMMANDS, Led(false));
/// ```
pub struct Node<S: Store + 'static, C: 'static = (), T: Task<Self> + 'static = NoTask> {
    /// Who it is.
    pub identity: Identity<'static>,
    /// Its own commands, besides those every node has.
    pub commands: &'static [Command<Self>],
    /// Its files.
    pub store: S,
    /// Its counters.
    pub counters: Counters,
    /// What its commands work on.
    pub context: C,
    /// The keys that commands are for; without, whoever reaches it may run them.
    #[cfg(feature = "noise")]
    pub keys: Option<&'static mut (dyn Keys + Send)>,
}

impl<S: Store> Node<S> {
    /// A node with the commands every node has, and no context.
    pub const fn new(identity: Identity<'static>, store: S) -> Self {
        Self::with(identity, store, &[], ())
    }
}

impl<S: Store, C, T: Task<Self>> Node<S, C, T> {
    /// A node with commands of its own, and what they work on.
    pub const fn with(
        identity: Identity<'static>,
        store: S,
        commands: &'static [Command<Self>],
        context: C,
    ) -> Self {
        Self {
            identity,
            commands,
            store,
            counters: Counters([0; Counter::ALL.len()]),
            context,
            #[cfg(feature = "noise")]
            keys: None,
        }
    }
}

impl<S: Store, C, T: Task<Self> + 'static> Host for Node<S, C, T> {
    type Store = S;
    type Task = T;

    fn commands(&self) -> &[Command<Self>] {
        self.commands
    }

    fn store(&mut self) -> &mut S {
        &mut self.store
    }

    fn identity(&self) -> Identity<'_> {
        self.identity
    }

    fn count(&mut self, counter: Counter, count: u64) {
        self.counters.count(counter, count);
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    #[cfg(feature = "noise")]
    fn keys(&mut self) -> Option<&mut dyn Keys> {
        self.keys.as_deref_mut().map(|keys| -> &mut dyn Keys { keys })
    }
}
