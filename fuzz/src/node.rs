//! The node that the targets ask. It has files and commands that are late, and some that fail.

use core::fmt::Write as _;
use core::task::Poll;
use core::time::Duration;
use unstick::command::{Answer, Body, Call, Command, Outcome};
use unstick::digest::{Digest, Hasher};
use unstick::host::{Identity, Node};
use unstick::store::{Meta, RamSink, RamSource, RamStore, Store};
use unstick::{Instant, Progress, Refusal, Status, Task, Text};
use unstick_conformance::commands::{Settings, number, sum_of};

/// Bytes of the largest file.
pub(crate) const SIZE: usize = 256;
const FILES: usize = 5;
/// How often it is asked for what is late.
pub(crate) const LATE: u8 = 3;
/// The byte before which a file that breaks off does.
const BREAK: usize = 5;

pub(crate) type Host = Node<Files, Settings, Tasks>;

/// A node without a file yet.
pub(crate) fn new() -> Host {
    // It starts at the end of time, so that its uptime does not hang on the clock.
    let identity = Identity::new("n", "1").target("t").datagram(512).started(END);
    Node::with(identity, Files(RamStore::new([[0; SIZE]; FILES])), &COMMANDS, Settings::new())
}

const END: Instant = Instant::from_micros(u64::MAX);

const COMMANDS: [Command<Host>; 5] = [
    Command::new("sum", |_, call, text| {
        write!(text, "{}", sum_of(call.body_text()?)?)?;
        Ok(Answer::Text)
    })
    .body(Body::Required)
    .read_only(),
    Command::new("config", config).body(Body::Optional),
    Command::new("wait", |_, call, _| {
        let millis = number(call, "MS", 60_000)?;
        Ok(Answer::Task(Tasks::Wait(call.now.after(Duration::from_millis(millis)))))
    })
    .read_only(),
    Command::new("count", |_, call, _| {
        let last = number(call, "N", 199)?;
        Ok(Answer::Task(Tasks::Count { next: 1, last, late: true }))
    })
    .read_only(),
    Command::new("check", |_, call, _| {
        Ok(Answer::Task(Tasks::Check { sum: 0, left: number(call, "N", 99)?, late: LATE }))
    })
    .body(Body::Streamed)
    .read_only(),
];

fn config(host: &mut Host, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<Host> {
    if !(call.args.trim_ascii().is_empty() && call.body.is_empty()) {
        host.context = call.json()?;
    }
    text.write_json(&host.context)?;
    Ok(Answer::Text)
}

/// What goes on after a command has begun.
pub(crate) enum Tasks {
    /// Answers at that time.
    Wait(Instant),
    /// Counts, a number at a time, and is late with each. It breaks off where it would come to 100.
    Count { next: u64, last: u64, late: bool },
    /// The sum of a body's bytes, of which there are so many at most. It is late with that.
    Check { sum: u8, left: u64, late: u8 },
}

impl Task<Host> for Tasks {
    fn body(&mut self, _: &mut Host, piece: &[u8], _: &mut Text<'_>) -> Result<(), Refusal> {
        let Self::Check { sum, left, .. } = self else { panic!("it takes no body") };
        assert!(!piece.is_empty());
        *sum = piece.iter().fold(*sum, |sum, byte| sum.wrapping_add(*byte));
        *left = left.checked_sub(piece.len() as u64).ok_or_else(broken)?;
        Ok(())
    }

    fn poll(
        &mut self,
        _: &mut Host,
        now: Instant,
        text: &mut Text<'_>,
    ) -> Result<Progress, Refusal> {
        match self {
            Self::Wait(until) if now < *until => return Ok(Progress::WaitUntil(*until)),
            Self::Wait(_) => write!(text, "waited")?,
            Self::Count { last, .. } => return Ok(Progress::Body((1..=*last).map(len_of).sum())),
            Self::Check { late: late @ 1.., .. } => {
                *late -= 1;
                return Ok(Progress::Wait);
            }
            Self::Check { sum, .. } => write!(text, "{sum:02x}")?,
        }
        Ok(Progress::Text)
    }

    fn read(&mut self, _: &mut Host, _: Instant, text: &mut Text<'_>) -> Result<Progress, Refusal> {
        assert!(text.is_empty());
        let Self::Count { next, late, .. } = self else { panic!("its answer was a text") };
        *late = !*late;
        if !*late {
            return Ok(Progress::Wait);
        }
        if *next == 100 {
            return Err(broken());
        }
        writeln!(text, "{next}")?;
        *next += 1;
        Ok(Progress::Text)
    }
}

/// The number of bytes of a number's line.
fn len_of(number: u64) -> u64 {
    number.to_string().len() as u64 + 1
}

fn broken() -> Refusal {
    Refusal::new(Status::Failed, format_args!("it is broken"))
}

/// Files in memory. What the name of one begins with says how it is: `late`, `torn` (it breaks off
/// when it is read and when it is written), `lost` (not to be read after all, not to be kept after all).
pub(crate) struct Files(RamStore<[u8; SIZE], FILES>);

pub(crate) struct Source {
    inner: RamSource,
    late: u8,
    torn: Option<usize>,
    lost: bool,
}

pub(crate) struct Sink {
    inner: RamSink,
    torn: Option<usize>,
    lost: bool,
}

impl Files {
    /// Makes a file.
    pub(crate) fn keep(&mut self, name: &str, bytes: &[u8]) {
        let mut sink = self.0.create(name, bytes.len() as u64).expect("it has room");
        self.0.write(&mut sink, bytes).expect("it has room");
        self.0.commit(sink, Hasher::digest(bytes)).expect("it is whole");
    }
}

impl Store for Files {
    type Source = Source;
    type Sink = Sink;

    fn largest(&self) -> u64 {
        self.0.largest()
    }

    fn list(&mut self, text: &mut Text<'_>) -> Result<Option<Source>, Refusal> {
        self.0.list(text).map(|_| None)
    }

    fn open(&mut self, name: &str) -> Result<Source, Refusal> {
        Ok(Source {
            inner: self.0.open(name)?,
            late: if name.starts_with("late") { LATE } else { 0 },
            torn: name.starts_with("torn").then_some(BREAK),
            lost: name.starts_with("lost"),
        })
    }

    fn create(&mut self, name: &str, size: u64) -> Result<Sink, Refusal> {
        let (torn, lost) = (name.starts_with("torn").then_some(BREAK), name.starts_with("lost"));
        Ok(Sink { inner: self.0.create(name, size)?, torn, lost })
    }

    fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        self.0.remove(name)
    }

    fn poll<'a>(&'a mut self, source: &'a mut Source) -> Poll<Result<Meta<'a>, Refusal>> {
        if source.late > 0 {
            source.late -= 1;
            return Poll::Pending;
        }
        if source.lost { Poll::Ready(Err(broken())) } else { self.0.poll(&mut source.inner) }
    }

    fn read(&mut self, source: &mut Source, output: &mut [u8]) -> Result<usize, Refusal> {
        assert!(!output.is_empty() && source.late == 0);
        let most = source.torn.unwrap_or(output.len()).min(output.len());
        if most == 0 {
            return Err(broken());
        }
        let len = self.0.read(&mut source.inner, &mut output[..most])?;
        source.torn = source.torn.map(|left| left - len);
        Ok(len)
    }

    fn close(&mut self, source: Source) {
        self.0.close(source.inner);
    }

    fn write(&mut self, sink: &mut Sink, piece: &[u8]) -> Result<(), Refusal> {
        assert!(!piece.is_empty());
        if let Some(left) = &mut sink.torn {
            *left = left.checked_sub(piece.len()).ok_or_else(broken)?;
        }
        self.0.write(&mut sink.inner, piece)
    }

    fn commit(&mut self, sink: Sink, digest: Option<Digest>) -> Result<(), Refusal> {
        if sink.lost {
            self.discard(sink);
            return Err(broken());
        }
        self.0.commit(sink.inner, digest)
    }

    fn discard(&mut self, sink: Sink) {
        self.0.discard(sink.inner);
    }
}

/// A line for each file.
pub(crate) fn list(store: &mut Files) -> String {
    let mut memory = [0; 1024];
    let mut lines = Text::new(&mut memory);
    store.list(&mut lines).expect("the names are not that long");
    String::from_utf8(lines.as_bytes().to_vec()).expect("names are UTF-8")
}

/// Each file can be read and removed; then every slot is free, which none would be that a session
/// still holds.
pub(crate) fn assert_nothing_lent(store: &mut Files) {
    for line in list(store).lines() {
        let (_size, name) = line.split_at(9);
        let source = store.open(name).expect("a file");
        store.close(source);
        store.remove(name).expect("a file");
        assert!(store.open(name).is_err(), "a file that is removed");
    }
    let sinks = [(); FILES].map(|()| store.create("a", SIZE as u64).expect("a slot that is free"));
    for sink in sinks {
        store.discard(sink);
    }
}
