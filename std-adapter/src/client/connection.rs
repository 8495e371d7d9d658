//! Calls over a connection: a task drives it, its handles put calls into a queue.
//!
//! The queue is the core's `Caller`: call number n is request number n. What waits in memory is
//! bounded by the queue, by the two buffers of the connection, and by what calls take into memory; a
//! sink that is slow holds the connection up, and so its peer.

use super::call::Call;
use super::error::{self, closed};
use super::{ClientOptions, Error, SHOWN, addresses};
use crate::clock::{Alarm, Clock};
use crate::hashing::{Hashing, Unchecked};
use crate::keys::random;
use crate::node::bound_unsent;
use crate::node::limits::MESSAGE;
use crate::system::unacknowledged;
use crate::url::Url;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use embedded_io_async::{ErrorType, Read, Write};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use unstick::digest::Digester;
use unstick::driver::nonblocking::{Runtime, run};
use unstick::driver::{self, Buffered};
use unstick::keys::KeyedClient;
use unstick::message::Integrity;
use unstick::session::Phase;
use unstick::{Caller, Cancelled, Client, Closed, Instant, ReplyEvent, Request, Session};

/// How long a peer that seems to speak another protocol may be silent.
const QUIET: Duration = Duration::from_secs(2);

/// How often a call is told how much of its body the peer has.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes of each buffer: what one read and one write carry.
const BUFFER: usize = 64 * 1024;

/// A handle of a connection, which is closed when the last is dropped.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    peer: SocketAddr,
    calls: mpsc::Sender<Call>,
    wake: Arc<Notify>,
    _open: Arc<DropGuard>,
}

impl Handle {
    pub(super) async fn connect(url: &Url, options: &ClientOptions) -> Result<Self, Error> {
        let after = options.connect;
        let stream = timeout(after, connect(url))
            .await
            .map_err(|_| Error::ConnectTimeout { url: url.clone(), after })??;
        stream.set_nodelay(true).map_err(Error::System)?;
        bound_unsent(&stream);
        let peer = stream.peer_addr().map_err(Error::System)?;
        tracing::debug!("connected to {url}");
        let in_flight = options.in_flight.max(1);
        let (sender, incoming) = mpsc::channel(in_flight);
        let wake = Arc::new(Notify::new());
        let key = match &options.key {
            Some(key) => Some((key.clone(), random::<32>().map_err(Error::Key)?)),
            None => None,
        };
        // Without a key nothing has to be said before the first request.
        let (greeting, greeted) = key.as_ref().map(|_| oneshot::channel()).unzip();
        let (calls, answered) = (VecDeque::new(), None);
        let queue = Queue { incoming, in_flight, first: 0, calls, answered, greeting };
        let client = Client::new(url.endpoint.service(), options.limits);
        let (clock, waking) = (Clock::new(), Arc::clone(&wake));
        let close = CancellationToken::new();
        let open = Arc::new(close.clone().drop_guard());
        let digester: Box<dyn Digester + Send> =
            if options.hashes() { Box::new(Hashing::default()) } else { Box::new(Unchecked) };
        let connection = Connection { stream, queue, digester, is_sealed: key.is_some() };
        let (url, waking) = (url.clone(), (clock, waking));
        match key {
            Some((key, secret)) => {
                let client = KeyedClient::<_, MESSAGE>::offer(client, key, *secret);
                tokio::spawn(drive(url, connection, client, waking, close));
            }
            None => {
                tokio::spawn(drive(url, connection, client, waking, close));
            }
        }
        if let Some(greeted) = greeted {
            greeted.await.unwrap_or(Err(Error::Spent))?;
        }
        Ok(Self { peer, calls: sender, wake, _open: open })
    }

    /// Who has answered.
    pub(super) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Puts a call into the queue; waits while that is full.
    pub(super) async fn send(&self, call: Call) -> Result<(), Error> {
        self.calls.send(call).await.map_err(|_| Error::Spent)?;
        self.wake.notify_one();
        Ok(())
    }

    pub(super) async fn is_open(&self) -> bool {
        // The task has to run for a moment to see what has become of the connection.
        timeout(Duration::from_millis(1), self.calls.closed()).await.is_err()
    }
}

/// The task of a connection.
async fn drive<S>(
    url: Url,
    mut connection: Connection,
    client: S,
    (clock, wake): (Clock, Arc<Notify>),
    close: CancellationToken,
) where
    S: for<'q> Session<Asked<'q>>,
{
    let Connection { stream, queue, digester, is_sealed } = &mut connection;
    let stream = &*stream;
    let seen = Arc::<Mutex<Vec<u8>>>::default();
    let sent = Sent::default();
    let mut reader = Reader { url: url.clone(), stream, seen: Arc::clone(&seen) };
    let mut writer = Writer { stream, sent: &sent };
    let waking = Waking { clock, wake, sent: &sent, alarm: Alarm::new() };
    let mut buffered = Buffered::new(client, vec![0; BUFFER], vec![0; BUFFER]);
    let mut asked = Asked {
        url: &url,
        queue,
        digester: &mut **digester,
        is_sealed: *is_sealed,
        seen: &seen,
        stream,
        sent: &sent,
    };
    let is_sealed = *is_sealed;
    let end = tokio::select! {
        end = run(&mut buffered, &mut asked, &mut reader, &mut writer, &waking) => end,
        () = close.cancelled() => return, // nobody waits for a call
    };
    let seen = core::mem::take(&mut *lock(&seen));
    let why = match end {
        Ok(why) => Ok(why),
        Err(driver::Error::Read(error) | driver::Error::Write(error)) => match error.kind() {
            ErrorKind::TimedOut => Ok(Closed::Timeout(Phase::Body)),
            _ if is_closed(&error) => Ok(Closed::Unanswered),
            _ => Err(error),
        },
        Err(driver::Error::WriteZero) => Ok(Closed::Unanswered),
    };
    // A reset where there would be an end may be all that is seen of it.
    let is_first = is_sealed && queue.first == 0 && seen.is_empty();
    let why = match why {
        Ok(Closed::Unanswered) if is_first => Ok(Closed::Unwelcome),
        why => why,
    };
    queue.end(&url, why, &seen);
}

/// A connection, and the calls that go over it.
struct Connection {
    stream: TcpStream,
    queue: Queue,
    /// Makes the digests of replies.
    digester: Box<dyn Digester + Send>,
    /// Whether all that comes is verified without.
    is_sealed: bool,
}

impl Drop for Connection {
    /// Nobody waits for a call that is under way: a reset says so, where a mere end could be half a
    /// close, and the node would go on with what was asked.
    fn drop(&mut self) {
        if !self.queue.calls.is_empty() {
            let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Calls in the order of their requests.
struct Queue {
    incoming: mpsc::Receiver<Call>,
    in_flight: usize,
    /// The number of the first of the calls.
    first: u64,
    calls: VecDeque<Call>,
    /// The call whose reply is whole. It is ended once nothing strange came behind that.
    answered: Option<Call>,
    /// Told once requests can be sent, where a handshake goes before them.
    greeting: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Queue {
    fn get(&mut self, index: u64) -> Option<&mut Call> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.calls.get_mut(at)
    }

    /// Requests can be sent, or it is known why not.
    fn greet(&mut self, result: impl FnOnce() -> Result<(), Error>) {
        if let Some(greeting) = self.greeting.take() {
            let _ = greeting.send(result()); // nobody may wait for it any more
        }
    }

    /// Ends the call whose reply was good.
    fn settle(&mut self) {
        if let Some(mut call) = self.answered.take() {
            call.finish();
        }
    }

    /// The connection is over: every call is told why.
    fn end(&mut self, url: &Url, why: io::Result<Closed>, seen: &[u8]) {
        if let Ok(Closed::WrongReply) = why
            && let Some(mut call) = self.answered.take()
        {
            call.fail(seen, || closed(url, Closed::WrongReply, seen));
        }
        self.settle();
        self.greet(|| match &why {
            Ok(why) => Err(closed(url, *why, seen)),
            Err(source) => {
                Err(Error::Unreachable { url: url.clone(), source: source.kind().into() })
            }
        });
        self.incoming.close();
        let mut first = Some(why);
        let waiting = core::mem::take(&mut self.calls);
        for mut call in waiting {
            let missing = call.missing();
            call.fail(seen, || match first.take() {
                Some(Ok(Closed::Unanswered)) if missing.is_some() && !error::is_text(url, seen) => {
                    Error::Closed { url: url.clone(), missing }
                }
                Some(Ok(why)) => closed(url, why, seen),
                Some(Err(source)) => Error::Unreachable { url: url.clone(), source },
                None => Error::Closed { url: url.clone(), missing: None },
            });
        }
        while let Ok(mut call) = self.incoming.try_recv() {
            call.fail(seen, || Error::Spent);
        }
    }
}

/// The queue, as the core's client sees it.
struct Asked<'q> {
    url: &'q Url,
    queue: &'q mut Queue,
    digester: &'q mut (dyn Digester + Send),
    is_sealed: bool,
    /// The first bytes of what came since the last reply was whole.
    seen: &'q Mutex<Vec<u8>>,
    stream: &'q TcpStream,
    sent: &'q Sent,
}

impl Asked<'_> {
    /// Tells how far the call is whose reply is next.
    fn tell_sent(&mut self) {
        let front = self.queue.calls.front_mut().filter(|call| call.is_sending());
        self.sent.more.store(front.is_some(), Relaxed);
        if let Some(call) = front {
            let underway = unacknowledged(self.stream);
            call.tell_sent(self.sent.handed.load(Relaxed).saturating_sub(underway));
        }
    }
}

/// How far the bodies of a connection's requests are, in bytes of all of them.
#[derive(Default)]
struct Sent {
    /// Taken from their sources.
    supplied: AtomicU64,
    /// Of those, handed to the system.
    handed: AtomicU64,
    /// Whether a call is to be told more.
    more: AtomicBool,
}

impl Caller for Asked<'_> {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        self.queue.greet(|| Ok(()));
        self.queue.settle();
        self.tell_sent();
        let queue = &mut *self.queue;
        if index == queue.first + queue.calls.len() as u64 && queue.calls.len() < queue.in_flight {
            queue.calls.extend(queue.incoming.try_recv());
        }
        queue.get(index).map(|call| call.request())
    }

    fn supply(&mut self, index: u64, output: &mut [u8]) -> usize {
        self.queue.settle();
        self.tell_sent();
        let supplied = self.sent.supplied.load(Relaxed);
        let len = self.queue.get(index).map_or(0, |call| call.supply(supplied, output));
        self.sent.supplied.store(supplied + len as u64, Relaxed);
        len
    }

    fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        let queue = &mut *self.queue;
        queue.settle();
        let call = queue.get(index).ok_or(Cancelled)?;
        call.reply(match event {
            ReplyEvent::End(_) if self.is_sealed => ReplyEvent::End(Integrity::Verified),
            event => event,
        })?;
        match event {
            // Unless it is no reply at all, which will show.
            ReplyEvent::Begin { .. } if !error::is_text(self.url, &lock(self.seen)) => {
                call.refuse_too_large();
            }
            ReplyEvent::End(_) => {
                queue.answered = queue.calls.pop_front();
                queue.first += 1;
                lock(self.seen).clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn digester(&mut self) -> Option<&mut dyn Digester> {
        Some(self.digester)
    }
}

/// The time, a new call's signal, and now and then a look at how much of a body is on its way.
struct Waking<'s> {
    clock: Clock,
    wake: Arc<Notify>,
    sent: &'s Sent,
    alarm: Alarm,
}

impl Runtime for Waking<'_> {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    async fn sleep_until(&self, deadline: Instant) {
        self.alarm.wait(self.clock, deadline).await;
    }

    async fn host_ready(&self) {
        let most = if self.sent.more.load(Relaxed) { LOOK } else { Duration::MAX };
        let _ = timeout(most, self.wake.notified()).await;
    }
}

/// Remembers how a reply begins, and does not wait long for one that will not come.
struct Reader<'s> {
    url: Url,
    stream: &'s TcpStream,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl ErrorType for Reader<'_> {
    type Error = io::Error;
}

impl Read for Reader<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Text read as a prefix promises half a gigabyte or more: it will not come.
        let is_text = error::is_text(&self.url, &lock(&self.seen));
        let patience = if is_text { QUIET } else { Duration::MAX };
        let read = async {
            loop {
                consume_budget().await; // a peer that is always faster leaves others their turn
                self.stream.readable().await?;
                match self.stream.try_read(buffer) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    read => return read,
                }
            }
        };
        let len = timeout(patience, read).await??;
        let mut seen = lock(&self.seen);
        let space = SHOWN.saturating_sub(seen.len()).min(len);
        seen.extend_from_slice(&buffer[..space]);
        Ok(len)
    }
}

/// Notes what the system has taken.
struct Writer<'s> {
    stream: &'s TcpStream,
    sent: &'s Sent,
}

impl ErrorType for Writer<'_> {
    type Error = io::Error;
}

impl Write for Writer<'_> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            consume_budget().await; // as above
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(len) => {
                    // What is left may be of a body, or not: it counts for one until it is gone.
                    let left = (bytes.len() - len) as u64;
                    let supplied = self.sent.supplied.load(Relaxed);
                    self.sent.handed.store(supplied.saturating_sub(left), Relaxed);
                    return Ok(len);
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock(seen: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connect(url: &Url) -> Result<TcpStream, Error> {
    let addresses = addresses::look_up(url).await?;
    addresses::race(addresses, TcpStream::connect).await.map_err(|source| {
        if source.kind() == ErrorKind::ConnectionRefused {
            Error::NobodyListens { url: url.clone() }
        } else {
            Error::Unreachable { url: url.clone(), source }
        }
    })
}

fn is_closed(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}
