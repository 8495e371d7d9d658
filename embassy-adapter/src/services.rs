//! What the tasks of one node share.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::poll_fn;
use core::marker::PhantomData;
use core::task::{Poll, Waker};
use embassy_net::Stack;
use embassy_sync::waitqueue::MultiWakerRegistration;
use embassy_time::Timer;
use heapless::Vec;
use unstick::driver::nonblocking;
use unstick::{Host, Instant, Limits, Server, Service};

/// A node that several tasks of one executor serve: each runs [`serve_tcp`](Self::serve_tcp) or
/// [`serve_udp`](Self::serve_udp), `TASKS` of them at most.
///
/// `S` is the session of each connection: a [`Server`], or one that answers
/// [who has a key](unstick::keys::KeyedServer).
///
/// Nothing here waits while it borrows the host, and neither must a task of yours: who holds a borrow
/// of it across an `.await` holds all connections up, and loses the datagrams that come.
pub struct Services<'d, H, const TASKS: usize, S = Server<H>> {
    pub(crate) stack: Stack<'d>,
    pub(crate) limits: Limits,
    pub(crate) host: RefCell<H>,
    /// The ports of the datagram services, whose own replies are not answered (rule U5).
    pub(crate) ports: RefCell<Vec<u16, TASKS>>,
    /// Who waits for one of these to change.
    waiting: RefCell<MultiWakerRegistration<TASKS>>,
    end: Cell<End>,
    begun: Cell<usize>,
    woken: Cell<u32>,
    session: PhantomData<fn() -> S>,
}

/// How what has begun is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// It need not.
    Open,
    Finish,
    Abort,
}

impl<'d, H: Host, const TASKS: usize, S> Services<'d, H, TASKS, S> {
    /// The node on this stack; nothing is served yet.
    pub const fn new(stack: Stack<'d>, host: H, limits: Limits) -> Self {
        const { assert!(TASKS > 0, "there is a task for each socket") };
        Self {
            stack,
            limits,
            host: RefCell::new(host),
            ports: RefCell::new(Vec::new()),
            waiting: RefCell::new(MultiWakerRegistration::new()),
            end: Cell::new(End::Open),
            begun: Cell::new(0),
            woken: Cell::new(0),
            session: PhantomData,
        }
    }

    /// The host that all sessions share.
    pub const fn host(&self) -> &RefCell<H> {
        &self.host
    }

    /// Has every session look whether the host is ready now: for tasks of commands that answered
    /// [`Progress::Wait`](unstick::Progress::Wait). From an interrupt, wake a task that calls this.
    pub fn wake(&self) {
        self.woken.set(self.woken.get().wrapping_add(1));
        self.changed();
    }

    /// Takes no new connection and no new request. What was begun comes to its end, then the calls that
    /// serve return.
    pub fn finish(&self) {
        self.end.set(self.end.get().max(End::Finish));
        self.changed();
    }

    /// Resets every connection, so that no peer waits for what will not come, and has the calls that serve
    /// return: for a device that is about to restart. What the connections had begun is undone.
    /// [`finished`](Self::finished) waits until the resets have left.
    pub fn abort(&self) {
        self.end.set(End::Abort);
        self.changed();
    }

    /// Waits until nothing is left that was begun: no connection, and no datagram whose reply has not
    /// left. It may be dropped, and called again.
    pub async fn finished(&self) {
        self.until(|| self.end.get() >= End::Finish && self.begun.get() == 0).await;
    }

    pub(crate) async fn finishing(&self) {
        self.until(|| self.end.get() >= End::Finish).await;
    }

    pub(crate) async fn aborting(&self) {
        self.until(|| self.end.get() == End::Abort).await;
    }

    /// Until it is dropped, [`finished`](Self::finished) waits.
    pub(crate) fn begin(&self) -> Registration<'_, 'd, H, TASKS, S> {
        self.begun.set(self.begun.get().saturating_add(1));
        Registration(self)
    }

    /// Remembers a port that datagrams are served on.
    pub(crate) fn claim(&self, port: u16) -> Result<(), ServeError> {
        let ports = &mut *self.ports.borrow_mut();
        if ports.contains(&port) {
            return Ok(()); // its first call was dropped
        }
        ports.push(port).map_err(|_| ServeError::Full { tasks: TASKS })
    }

    pub(crate) fn runtime(&self) -> impl nonblocking::Runtime {
        Runtime(async || {
            let seen = self.woken.get();
            self.until(|| self.woken.get() != seen).await;
        })
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        poll_fn(|context| {
            if condition() {
                return Poll::Ready(());
            }
            self.register(context.waker());
            Poll::Pending
        })
        .await;
    }

    /// Not inlined: all that waits comes here.
    #[inline(never)]
    fn register(&self, waker: &Waker) {
        self.waiting.borrow_mut().register(waker);
    }

    #[inline(never)]
    fn changed(&self) {
        self.waiting.borrow_mut().wake();
    }
}

/// A connection, or datagrams whose replies have not left.
pub(crate) struct Registration<'a, 'd, H: Host, const TASKS: usize, S>(
    &'a Services<'d, H, TASKS, S>,
);

impl<H: Host, const TASKS: usize, S> Drop for Registration<'_, '_, H, TASKS, S> {
    fn drop(&mut self) {
        self.0.begun.set(self.0.begun.get().saturating_sub(1));
        self.0.changed();
    }
}

impl<H, const TASKS: usize, S> fmt::Debug for Services<'_, H, TASKS, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("end", &self.end)
            .field("begun", &self.begun)
            .finish_non_exhaustive()
    }
}

/// embassy's clock for the core's async driver, and what makes the host ready: `pending` where
/// nothing does but time.
#[derive(Clone, Copy, Debug)]
pub struct Runtime<F>(
    /// Returns when the host may have become ready; see
    /// [`host_ready`](nonblocking::Runtime::host_ready).
    pub F,
);

impl<F: AsyncFn()> nonblocking::Runtime for Runtime<F> {
    fn now(&self) -> Instant {
        now()
    }

    async fn sleep_until(&self, deadline: Instant) {
        Timer::at(embassy_time::Instant::from_micros(deadline.as_micros())).await;
    }

    async fn host_ready(&self) {
        (self.0)().await;
    }
}

/// embassy's time as the core's.
pub(crate) fn now() -> Instant {
    Instant::from_micros(embassy_time::Instant::now().as_micros())
}

/// Why something cannot be served at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServeError {
    /// The port is 0.
    Port,
    /// The service has no datagrams.
    Service {
        /// The service.
        service: Service,
    },
    /// There are more calls than there is room for.
    Full {
        /// The calls there is room for.
        tasks: usize,
    },
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port => write!(f, "port 0 cannot be served: choose a port from 1 to 65535"),
            Self::Service { service } => {
                write!(f, "the {service} service has no datagrams: serve it over TCP")
            }
            Self::Full { tasks } => {
                write!(f, "there is room for {tasks} tasks: make the number of `Services` larger")
            }
        }
    }
}

impl core::error::Error for ServeError {}
