mod hindered;

use super::*;
use crate::limits::Limits;
use crate::serve::host::{Counter, Identity};
use crate::serve::store::RamStore;
use crate::session::Phase;
use crate::{Caller, Cancelled, Client, Host, Node, ReplyEvent, Request, Server, Service};
use core::cell::{Cell, RefCell};
use embedded_io::{ErrorKind, ErrorType};
use std::string::String;
use std::vec::Vec;

/// A peer that refused a body and reset the connection: what it said is there to be read, and no
/// byte can be written.
struct Refuser(&'static [u8]);

impl ErrorType for Refuser {
    type Error = ErrorKind;
}

impl embedded_io::Read for Refuser {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let len = buffer.len().min(self.0.len()).min(7);
        if len == 0 {
            return Err(ErrorKind::ConnectionReset);
        }
        let (now, later) = self.0.split_at(len);
        buffer.split_at_mut(len).0.copy_from_slice(now);
        self.0 = later;
        Ok(len)
    }
}

impl embedded_io::Write for Refuser {
    fn write(&mut self, _: &[u8]) -> Result<usize, ErrorKind> {
        Err(ErrorKind::BrokenPipe)
    }
    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl embedded_io_async::Read for Refuser {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        embedded_io::Read::read(self, buffer)
    }
}

impl embedded_io_async::Write for Refuser {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        embedded_io::Write::write(self, bytes)
    }
    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

const REFUSAL: &[u8] = b"\x29\0\0\0{\"id\":1,\"status\":\"denied\",\"total_size\":2}no";

#[derive(Default)]
struct Putter {
    said: String,
}

impl Caller for Putter {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        (index == 0).then_some(Request::new("put a").with_body(1_000_000, None))
    }
    fn supply(&mut self, _: u64, output: &mut [u8]) -> usize {
        output.len()
    }
    fn reply(&mut self, _: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        if let ReplyEvent::Body(piece) = event {
            self.said.push_str(core::str::from_utf8(piece).map_err(|_| Cancelled)?);
        }
        Ok(())
    }
}

fn buffered() -> Buffered<Client, [u8; 64]> {
    Buffered::new(Client::new(Service::Command, Limits::DEFAULT), [0; 64], [0; 64])
}

struct Still;

impl blocking::Clock for Still {
    fn now(&mut self) -> Instant {
        Instant::ZERO
    }
    fn rest(&mut self, _: Option<Instant>) {}
}

impl nonblocking::Runtime for Still {
    fn now(&self) -> Instant {
        Instant::ZERO
    }
    async fn sleep_until(&self, _: Instant) {
        core::future::pending().await
    }
    async fn host_ready(&self) {
        core::future::pending().await
    }
}

#[test]
fn a_refusal_is_heard_though_the_body_cannot_be_sent() {
    let mut putter = Putter::default();
    let closed = blocking::run(&mut buffered(), &mut putter, &mut Refuser(REFUSAL), &mut Still);
    assert_eq!((closed, putter.said.as_str()), (Ok(Closed::Refused), "no"));

    let (mut putter, mut buffered) = (Putter::default(), buffered());
    let (mut reader, mut writer) = (Refuser(REFUSAL), Refuser(b""));
    let run = nonblocking::run(&mut buffered, &mut putter, &mut reader, &mut writer, &Still);
    let closed = embassy_futures::block_on(run);
    assert_eq!((closed, putter.said.as_str()), (Ok(Closed::Refused), "no"));
}

#[test]
fn a_write_that_fails_without_a_word_is_an_error() {
    let mut putter = Putter::default();
    let result = blocking::run(&mut buffered(), &mut putter, &mut Refuser(b""), &mut Still);
    assert_eq!(result, Err(Error::Write(ErrorKind::BrokenPipe)));
}

/// A peer that sends a line, but not before it was asked twice, and keeps what it receives.
struct Slow {
    line: &'static [u8],
    asked: bool,
    received: Vec<u8>,
}

impl ErrorType for Slow {
    type Error = ErrorKind;
}

impl embedded_io_async::Read for Slow {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        if !core::mem::replace(&mut self.asked, true) {
            embassy_futures::yield_now().await;
        }
        let (now, later) = self.line.split_at(self.line.len().min(buffer.len()));
        buffer.split_at_mut(now.len()).0.copy_from_slice(now);
        self.line = later;
        Ok(now.len())
    }
}

impl embedded_io_async::Write for Slow {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.received.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// A peer that reads nothing.
struct Deaf;

impl ErrorType for Deaf {
    type Error = ErrorKind;
}

impl embedded_io_async::Write for Deaf {
    async fn write(&mut self, _: &[u8]) -> Result<usize, ErrorKind> {
        core::future::pending().await
    }
    async fn flush(&mut self) -> Result<(), ErrorKind> {
        core::future::pending().await
    }
}

/// Where time passes when it is waited for.
struct Passing(Cell<Instant>);

impl nonblocking::Runtime for Passing {
    fn now(&self) -> Instant {
        self.0.get()
    }
    async fn sleep_until(&self, deadline: Instant) {
        self.0.set(deadline);
    }
    async fn host_ready(&self) {
        core::future::pending().await
    }
}

#[test]
fn a_peer_that_does_not_read_is_waited_for_once() {
    let mut buffered = Buffered::new(shared(Service::Echo), [0; 4], [0; 4]);
    let mut reader = Slow { line: b"too long", asked: true, received: Vec::new() };
    let (node, passing) = (host(), Passing(Cell::new(Instant::ZERO)));
    let (mut node, mut writer) = (&node, Deaf);
    let run = nonblocking::run(&mut buffered, &mut node, &mut reader, &mut writer, &passing);
    assert_eq!(embassy_futures::block_on(run), Ok(Closed::Timeout(Phase::Output)));
    assert_eq!(passing.0.get(), Instant::ZERO.after(Limits::DEFAULT.stall));
}

/// A peer that takes a byte every twenty seconds, by a clock that it moves.
struct Patient<'c> {
    clock: &'c Cell<Instant>,
    taken: Vec<u8>,
}

impl ErrorType for Patient<'_> {
    type Error = ErrorKind;
}

impl embedded_io_async::Write for Patient<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.clock.set(self.clock.get().after(Duration::from_secs(20)));
        embassy_futures::yield_now().await; // so that whoever waits for the time sees it
        self.taken.extend(bytes.first());
        Ok(1)
    }
    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Time that stands still but for that.
struct Moved<'c>(&'c Cell<Instant>);

impl nonblocking::Runtime for Moved<'_> {
    fn now(&self) -> Instant {
        self.0.get()
    }
    async fn sleep_until(&self, deadline: Instant) {
        if deadline > self.0.get() {
            core::future::pending().await
        }
    }
    async fn host_ready(&self) {
        core::future::pending().await
    }
}

/// Rule T1 says the next byte: neither a full buffer nor the end of input makes it all of them.
#[test]
fn a_peer_that_reads_slowly_gets_everything() {
    for line in [&b"a line that is longer than the buffers"[..], b"short"] {
        let mut buffered = Buffered::new(shared(Service::Echo), [0; 8], [0; 8]);
        let mut reader = Slow { line, asked: true, received: Vec::new() };
        let (node, clock) = (host(), Cell::new(Instant::ZERO));
        let mut host = &node;
        let mut writer = Patient { clock: &clock, taken: Vec::new() };
        let runtime = Moved(&clock);
        let run = nonblocking::run(&mut buffered, &mut host, &mut reader, &mut writer, &runtime);
        assert_eq!(embassy_futures::block_on(run), Ok(Closed::End));
        assert_eq!(writer.taken, line.to_ascii_uppercase());
    }
}

fn host() -> RefCell<Node<RamStore<[u8; 0], 0>>> {
    RefCell::new(Node::new(Identity::new("host", "1").target("test"), RamStore::new([])))
}

fn shared<H: Host>(service: Service) -> Shared<Server<H>> {
    Shared(Server::new(service, Limits::DEFAULT))
}

#[test]
fn a_pump_is_driven_by_hand() {
    let mut buffered = Buffered::new(shared(Service::Frame), [0; 64], [0; 64]);
    let (node, mut line, mut sent) = (host(), &b"upper by hand"[..], Vec::new());
    loop {
        let next = buffered.step(Instant::ZERO, &mut &node).next;
        sent.extend_from_slice(buffered.unsent());
        buffered.sent(buffered.unsent().len());
        if let Next::Closed(why) = next {
            break assert_eq!(why, Closed::End);
        }
        if buffered.wants_input() {
            let count = embedded_io::Read::read(&mut line, buffered.space()).unwrap();
            buffered.received(count);
        }
    }
    assert_eq!(sent, b"\x07\0\0\0BY HAND");
}

#[test]
fn two_tasks_share_a_host_while_both_wait() {
    let node = host();
    let serve = async |line| {
        let mut buffered = Buffered::new(shared(Service::Frame), [0; 64], [0; 64]);
        let mut reader = Slow { line, asked: false, received: Vec::new() };
        let mut writer = Slow { line: b"", asked: false, received: Vec::new() };
        let run =
            nonblocking::run(&mut buffered, &mut &node, &mut reader, &mut writer, &Still).await;
        (run, writer.received)
    };
    let both = embassy_futures::join::join(serve(b"upper a"), serve(b"upper b"));
    let (first, second) = embassy_futures::block_on(both);
    assert_eq!(first, (Ok(Closed::End), b"\x01\0\0\0A".to_vec()));
    assert_eq!(second, (Ok(Closed::End), b"\x01\0\0\0B".to_vec()));
    assert_eq!(node.borrow().counters.get(Counter::Frames), 2);
}

#[test]
fn a_session_waits_while_its_host_is_lent_elsewhere() {
    let node = host();
    let mut session = shared(Service::Echo);
    let mut step = || session.step(Instant::ZERO, &mut &node, b"a", &mut [0; 8]);
    let lent = node.borrow_mut();
    let waiting = step();
    assert_eq!((waiting.consumed, waiting.written, waiting.next), (0, 0, Next::Wait));
    drop(lent);
    let stepped = step();
    assert_eq!((stepped.consumed, stepped.written, stepped.next), (1, 1, Next::Input));
}
