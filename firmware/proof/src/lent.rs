//! What is lent to sessions, giving every answer that its types allow.

use crate::{planted, text};
use core::fmt::Write as _;
use core::hint::black_box;
use core::task::Poll;
use unstick::digest::Digest;
use unstick::header::Header;
use unstick::host::{Counters, Event, Identity};
use unstick::message::Verdict;
use unstick::store::{Meta, Store};
use unstick::{
    Answer, Call, Caller, Command, Host, Instant, Outcome, Refusal, Request, Status, Stop, Text,
};

/// A host that may do anything.
pub(crate) struct AnyHost(pub(crate) AnyStore);

impl Host for AnyHost {
    type Store = AnyStore;

    fn commands(&self) -> &[Command<Self>] {
        const COMMAND: Command<AnyHost> =
            Command { name: "any", usage: "any", help: "anything", takes_body: true, run };
        black_box(&[COMMAND])
    }

    fn store(&mut self) -> &mut AnyStore {
        &mut self.0
    }

    fn identity(&self) -> Identity<'_> {
        black_box(any_identity())
    }

    fn count(&mut self, event: Event, count: u64) {
        black_box((event, count));
    }

    fn counters(&self) -> Counters {
        black_box(Counters::default())
    }
}

/// A command that may do anything.
fn run(host: &mut AnyHost, call: &Call<'_>, answer: &mut Text) -> Outcome<AnyHost> {
    black_box((host, call));
    answer.write_str(call.name_arg()?)?;
    write!(answer, "{}{:>8}", text(), black_box(0_u64))?;
    perhaps(match black_box(0) {
        0 => Answer::Text,
        1 => Answer::Source(Source),
        _ => Answer::Sink(Sink),
    })
}

pub(crate) fn any_identity() -> Identity<'static> {
    black_box(Identity { name: "", version: "", target: "", datagram: 0, started: Instant::ZERO })
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

    fn list(&mut self, answer: &mut Text) -> Result<Option<Source>, Refusal> {
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

    fn commit(&mut self, sink: Sink) -> Result<(), Refusal> {
        planted();
        black_box(sink);
        perhaps(())
    }

    fn discard(&mut self, sink: Sink) {
        black_box(sink);
    }
}

/// A caller that may do anything.
pub(crate) struct AnyCaller;

impl Caller for AnyCaller {
    fn request(&mut self) -> Option<Request<'_>> {
        black_box(Some(Request { command: "", size: 0, md5: None::<Digest> }))
    }

    fn sent(&mut self) {
        black_box(self);
    }

    fn supply(&mut self, output: &mut [u8]) -> usize {
        black_box(output);
        black_box(0)
    }

    fn reply(&mut self, size: u64, header: Option<&Header<'_>>) {
        black_box((size, header));
    }

    fn body(&mut self, piece: &[u8]) -> Result<(), Stop> {
        black_box(piece);
        black_box(Ok(()))
    }

    fn end(&mut self, verdict: Verdict) {
        planted();
        black_box(verdict);
    }
}

/// The value, or any refusal.
fn perhaps<T>(value: T) -> Result<T, Refusal> {
    if black_box(true) {
        Ok(value)
    } else {
        Err(Refusal::new(black_box(Status::Ok), format_args!("{}", text())))
    }
}
