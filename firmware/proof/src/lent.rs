//! What is lent to sessions, giving every answer that its types allow.

use crate::{planted, text};
use core::fmt::Write as _;
use core::hint::black_box;
use core::task::Poll;
use unstick::command::Role;
use unstick::digest::Digest;
use unstick::host::{Counter, Counters, Identity};
use unstick::keys::{Ephemerals, Keyring, Keys};
use unstick::store::{Meta, Store};
use unstick::{
    Answer, Body, Call, Caller, Cancelled, Command, Host, Instant, Outcome, Progress, Refusal,
    ReplyEvent, Request, Status, Task, Text,
};

/// A host that may do anything.
pub(crate) struct AnyHost(AnyStore, Keyring<4>);

impl AnyHost {
    pub(crate) fn new() -> Self {
        Self(AnyStore, Keyring::new(Ephemerals::random(black_box([0; 32]))))
    }
}

impl Host for AnyHost {
    type Store = AnyStore;
    type Task = Tasks;

    fn commands(&self) -> &[Command<Self>] {
        const COMMAND: Command<AnyHost> =
            Command::help(Command::usage(Command::new("any", run), "any"), "anything");
        black_box(const { &[COMMAND, Command::read_only(Command::body(COMMAND, Body::Streamed))] })
    }

    fn store(&mut self) -> &mut AnyStore {
        &mut self.0
    }

    fn identity(&self) -> Identity<'_> {
        black_box(any_identity())
    }

    fn count(&mut self, counter: Counter, count: u64) {
        black_box((counter, count));
    }

    fn counters(&self) -> Counters {
        black_box(Counters::default())
    }

    fn anyone(&self) -> Role {
        black_box(Role::Read)
    }

    fn keys(&mut self) -> Option<&mut dyn Keys> {
        black_box(Some(&mut self.1))
    }
}

/// A command that may do anything.
fn run(host: &mut AnyHost, call: &Call<'_>, answer: &mut Text<'_>) -> Outcome<AnyHost> {
    black_box((host, call));
    answer.write_str(call.name_arg()?)?;
    answer.write_str(Call::body_text(call)?)?;
    write!(answer, "{}{:>8}", text(), black_box(Call::arg::<u64>(call, text())?))?;
    perhaps(match black_box(0) {
        0 => Answer::Text,
        1 => Answer::Source(Source),
        2 => Answer::Sink(Sink),
        3 => Answer::task(AnyTask(())),
        _ => Answer::task(Nothing),
    })
}

/// A task that may do anything.
pub(crate) struct AnyTask(());

impl Task<AnyHost> for AnyTask {
    fn body(
        &mut self,
        host: &mut AnyHost,
        piece: &[u8],
        answer: &mut Text<'_>,
    ) -> Result<(), Refusal> {
        black_box((host, piece));
        answer.write_str(text())?;
        perhaps(())
    }

    fn poll(
        &mut self,
        host: &mut AnyHost,
        now: Instant,
        answer: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        black_box((host, now));
        answer.write_str(text())?;
        perhaps(black_box(Progress::Text))
    }

    fn read(
        &mut self,
        host: &mut AnyHost,
        now: Instant,
        answer: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        black_box((host, now));
        answer.write_str(text())?;
        perhaps(black_box(Progress::Text))
    }

    fn close(&mut self, host: &mut AnyHost) {
        planted();
        black_box(host);
    }
}

/// A task with nothing of its own but what it must have.
pub(crate) struct Nothing;

impl Task<AnyHost> for Nothing {
    fn poll(&mut self, _: &mut AnyHost, _: Instant, _: &mut Text<'_>) -> Result<Progress, Refusal> {
        perhaps(black_box(Progress::Text))
    }
}

unstick::tasks! {
    /// One of them.
    pub(crate) enum Tasks for AnyHost { Any(AnyTask), Nothing(Nothing) }
}

pub(crate) fn any_identity() -> Identity<'static> {
    let identity = Identity::target(Identity::new("", ""), text());
    let identity = Identity::limits(identity, black_box(&[("", 0)]));
    let identity = Identity::connections(identity, black_box(0));
    black_box(Identity::started(Identity::datagram(identity, black_box(0)), Instant::ZERO))
}

/// A store that may do anything.
pub(crate) struct AnyStore;

pub(crate) struct Source;
pub(crate) struct Sink;

impl Store for AnyStore {
    type Source = Source;
    type Sink = Sink;

    fn largest(&self) -> u64 {
        black_box(0)
    }

    fn list(&mut self, answer: &mut Text<'_>) -> Result<Option<Source>, Refusal> {
        black_box(answer);
        perhaps(black_box(true).then_some(Source))
    }

    fn open(&mut self, name: &str) -> Result<Source, Refusal> {
        black_box(name);
        perhaps(Source)
    }

    fn create(&mut self, name: &str, size: u64) -> Result<Sink, Refusal> {
        black_box((name, size));
        perhaps(Sink)
    }

    fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        black_box(name);
        perhaps(())
    }

    fn poll<'a>(&'a mut self, _: &'a mut Source) -> Poll<Result<Meta<'a>, Refusal>> {
        if black_box(true) {
            return Poll::Pending;
        }
        let meta = Meta { filename: "", size: 0, digest: None, status: Status::Ok, exit: None };
        Poll::Ready(perhaps(black_box(meta)))
    }

    fn read(&mut self, _: &mut Source, output: &mut [u8]) -> Result<usize, Refusal> {
        black_box(output);
        perhaps(black_box(0))
    }

    fn close(&mut self, source: Source) {
        black_box(source);
    }

    fn write(&mut self, _: &mut Sink, piece: &[u8]) -> Result<(), Refusal> {
        black_box(piece);
        perhaps(())
    }

    fn commit(&mut self, sink: Sink, digest: Option<Digest>) -> Result<(), Refusal> {
        planted();
        black_box((sink, digest));
        perhaps(())
    }

    fn discard(&mut self, sink: Sink) {
        black_box(sink);
    }
}

/// A caller that may do anything.
pub(crate) struct AnyCaller;

impl Caller for AnyCaller {
    fn request(&mut self, index: u64) -> Option<Request<'_>> {
        black_box(index);
        black_box(Some(any_request()))
    }

    fn reply(&mut self, index: u64, event: ReplyEvent<'_>) -> Result<(), Cancelled> {
        planted();
        black_box((index, event));
        black_box(Ok(()))
    }

    fn supply(&mut self, index: u64, output: &mut [u8]) -> usize {
        black_box((index, output));
        black_box(0)
    }
}

/// Any request.
pub(crate) fn any_request() -> Request<'static> {
    let request =
        if black_box(true) { Request::new(text()) } else { Request::from_bytes(crate::input()) };
    black_box(Request::with_body(request, black_box(0), black_box(None::<Digest>)))
}

/// The value, or any refusal.
fn perhaps<T>(value: T) -> Result<T, Refusal> {
    if black_box(true) {
        Ok(value)
    } else {
        Err(Refusal::new(black_box(Status::Ok), format_args!("{}", text())))
    }
}
