//! Streams that are interrupted, time out, take nothing, or have a last word.

use super::*;
use std::collections::VecDeque;
use std::format;

/// What a read or write does, one after the other; then everything ends or is taken.
#[derive(Default)]
struct Hindered {
    reads: VecDeque<Result<&'static [u8], ErrorKind>>,
    writes: VecDeque<Result<usize, ErrorKind>>,
    taken: Vec<u8>,
    /// How often a read of the async kind is asked before it comes.
    late: usize,
}

type Reads<'a> = &'a [Result<&'static [u8], ErrorKind>];
type Writes<'a> = &'a [Result<usize, ErrorKind>];

impl Hindered {
    fn new(reads: Reads<'_>, writes: Writes<'_>) -> Self {
        let (reads, writes) = (reads.to_vec().into(), writes.to_vec().into());
        Self { reads, writes, ..Self::default() }
    }
}

impl ErrorType for Hindered {
    type Error = ErrorKind;
}

impl embedded_io::Read for Hindered {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let piece = self.reads.pop_front().unwrap_or(Ok(b""))?;
        buffer[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

impl embedded_io::Write for Hindered {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let count = self.writes.pop_front().unwrap_or(Ok(bytes.len()))?.min(bytes.len());
        self.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }
    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl embedded_io_async::Read for Hindered {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        for _ in 0..self.late {
            embassy_futures::yield_now().await;
        }
        embedded_io::Read::read(self, buffer)
    }
}

impl embedded_io_async::Write for Hindered {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        embedded_io::Write::write(self, bytes)
    }
    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// One that takes no byte.
struct Writeless(Hindered);

impl ErrorType for Writeless {
    type Error = ErrorKind;
}

impl embedded_io::Read for Writeless {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.0.read(buffer)
    }
}

impl embedded_io::Write for Writeless {
    fn write(&mut self, _: &[u8]) -> Result<usize, ErrorKind> {
        Err(ErrorKind::BrokenPipe)
    }
    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

type Served = Buffered<Shared<Server<Node<RamStore<[u8; 0], 0>>>>, [u8; 64], [u8; 64]>;

fn served() -> Served {
    Buffered::new(shared(Service::Frame), [0; 64], [0; 64])
}

#[test]
fn who_is_interrupted_or_waits_in_vain_tries_again() {
    const INTERRUPTED: ErrorKind = ErrorKind::Interrupted;
    let reads: Reads<'_> =
        &[Err(INTERRUPTED), Ok(b"upper a\n"), Err(ErrorKind::TimedOut), Ok(b"upper b\n")];
    let writes: Writes<'_> = &[Err(INTERRUPTED), Ok(1), Err(INTERRUPTED), Ok(9)];
    let mut stream = Hindered::new(reads, writes);
    let node = host();
    let closed = blocking::run(&mut served(), &mut &node, &mut stream, &mut Still);
    assert_eq!(closed, Ok(Closed::End));
    assert_eq!(stream.taken, b"\x01\0\0\0A\x01\0\0\0B");
    assert_eq!(node.borrow().counters.get(Counter::Resets), 0);
}

#[test]
fn what_fails_aborts_the_session() {
    const BROKEN: ErrorKind = ErrorKind::BrokenPipe;
    // Behind what was asked there is no last word.
    let request: Reads<'_> = &[Ok(b"upper a\n"), Err(BROKEN)];
    let broken: Reads<'_> = &[Err(BROKEN)];
    let none: Writes<'_> = &[];
    for (reads, writes, error) in [
        (broken, none, Error::Read(BROKEN)),
        (request, &[Err(BROKEN)], Error::Write(BROKEN)),
        (request, &[Ok(0)], Error::WriteZero),
    ] {
        let node = host();
        let mut stream = Hindered::new(reads, writes);
        let result = blocking::run(&mut served(), &mut &node, &mut stream, &mut Still);
        assert_eq!(result, Err(error));
        assert_eq!(node.borrow().counters.get(Counter::Resets), 1);

        let (node, mut served) = (host(), served());
        let mut shared = &node;
        let mut reader = Hindered { late: 1, ..Hindered::new(reads, none) };
        let mut writer = Hindered::new(&[], writes);
        let run = nonblocking::run(&mut served, &mut shared, &mut reader, &mut writer, &Still);
        assert_eq!(embassy_futures::block_on(run), Err(error));
        assert_eq!(node.borrow().counters.get(Counter::Resets), 1);
    }
}

/// The refusal comes only after the write has failed, in pieces.
#[test]
fn a_last_word_is_waited_for() {
    let (first, rest) = REFUSAL.split_at(9);
    let failed = Err(Error::Write(ErrorKind::BrokenPipe));
    for (more, said) in [
        (Ok(rest), Ok(Closed::Refused)),
        (Ok(&b""[..]), failed),
        (Err(ErrorKind::ConnectionReset), failed),
    ] {
        let closed = blocking::run(
            &mut buffered(),
            &mut Putter::default(),
            &mut Writeless(Hindered::new(&[Ok(first), more], &[])),
            &mut Still,
        );
        assert_eq!(closed, said);

        let mut reader = Hindered { late: 1, ..Hindered::new(&[Ok(first), more], &[]) };
        let mut writer = Refuser(b"");
        let (mut putter, mut buffered) = (Putter::default(), buffered());
        let run = nonblocking::run(&mut buffered, &mut putter, &mut reader, &mut writer, &Still);
        assert_eq!(embassy_futures::block_on(run), said);
    }
    // Not longer than its time.
    let mut reader = Hindered { late: usize::MAX, ..Hindered::default() };
    let (mut putter, mut buffered) = (Putter::default(), buffered());
    let passing = Passing(Cell::new(Instant::ZERO));
    let mut writer = Refuser(b"");
    let run = nonblocking::run(&mut buffered, &mut putter, &mut reader, &mut writer, &passing);
    assert_eq!(embassy_futures::block_on(run), failed);
}

#[test]
fn nothing_more_is_sent_to_who_has_refused() {
    let (mut putter, mut buffered) = (Putter::default(), buffered());
    buffered.step(Instant::ZERO, &mut putter);
    assert_eq!(buffered.unsent().len(), 64);
    buffered.space()[..REFUSAL.len()].copy_from_slice(REFUSAL);
    buffered.received(REFUSAL.len());
    let step = buffered.step(Instant::ZERO, &mut putter);
    assert_eq!((step.next, buffered.unsent()), (Next::Closed(Closed::Refused), &b""[..]));
}

#[test]
fn a_byte_sent_renews_the_time_to_close_and_none_does_not() {
    let mut buffered = Buffered::new(shared(Service::Echo), [0; 8], [0; 8]);
    let node = host();
    buffered.space()[..3].copy_from_slice(b"abc");
    buffered.received(3);
    buffered.received(0);
    let stall = Limits::DEFAULT.stall;
    let mut sent = |second: u64, count| {
        buffered.sent(count);
        let now = Instant::from_millis(second * 1000);
        let step = buffered.step(now, &mut &node);
        assert_eq!(step.next, Next::Closed(Closed::End));
        step.deadline.unwrap().since(Instant::ZERO.after(stall)).as_secs()
    };
    assert_eq!([sent(0, 0), sent(1, 0), sent(2, 1), sent(3, 0), sent(4, 2)], [0, 0, 2, 2, 4]);
}

#[test]
fn a_shared_session_is_asked_to_finish_and_is_aborted() {
    let (node, mut output) = (host(), [0; 8]);
    let mut session = shared(Service::Echo);
    Session::<&RefCell<Node<_>>>::finish(&mut session);
    let step = session.step(Instant::ZERO, &mut &node, b"", &mut output);
    assert_eq!(step.next, Next::Closed(Closed::Finished));
    let mut session = shared(Service::Echo);
    session.abort(&mut &node);
    let step = session.step(Instant::ZERO, &mut &node, b"", &mut output);
    assert_eq!(step.next, Next::Closed(Closed::Aborted));
    assert_eq!(node.borrow().counters.get(Counter::Resets), 1);
}

#[test]
fn what_fails_is_a_sentence() {
    let sentences = [Error::Read("gone"), Error::Write("gone"), Error::WriteZero];
    let sentences = sentences.map(|error: Error<&str, &str>| format!("{error}"));
    assert_eq!(
        sentences,
        ["cannot read: gone", "cannot write: gone", "cannot write: the stream takes no bytes",]
    );
}

/// Waits for its host, then has something to send, then is over.
#[derive(Default)]
struct Waiter(u8);

impl Session<()> for Waiter {
    fn step(&mut self, _: Instant, (): &mut (), _: &[u8], output: &mut [u8]) -> Step {
        self.0 += 1;
        let (written, next) = match self.0 {
            1 => (0, Next::Wait),
            2 => (1, Next::Output),
            _ => (0, Next::Closed(Closed::Finished)),
        };
        output[..written].fill(b'x');
        Step { consumed: 0, written, next, deadline: None }
    }
    fn end(&mut self) {}
    fn finish(&mut self) {}
    fn abort(&mut self, (): &mut ()) {}
}

/// A host that is ready once, as soon as it is waited for.
struct ReadyOnce(Cell<bool>);

impl nonblocking::Runtime for ReadyOnce {
    fn now(&self) -> Instant {
        Instant::ZERO
    }
    async fn sleep_until(&self, _: Instant) {
        core::future::pending().await
    }
    async fn host_ready(&self) {
        assert!(!self.0.replace(true), "only who waits for the host asks whether it is ready");
    }
}

#[test]
fn a_host_is_waited_for_by_who_waits_for_it() {
    let mut buffered = Buffered::new(Waiter::default(), [0; 8], [0; 8]);
    let mut reader = Hindered { late: usize::MAX, ..Hindered::default() };
    let mut writer = Hindered::default();
    let runtime = ReadyOnce(Cell::new(false));
    let mut host = ();
    let run = nonblocking::run(&mut buffered, &mut host, &mut reader, &mut writer, &runtime);
    assert_eq!(embassy_futures::block_on(run), Ok(Closed::Finished));
    assert_eq!((writer.taken, runtime.0.get()), (b"x".to_vec(), true));
}
