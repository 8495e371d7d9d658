//! Commands: the table a user adds to, what a command is given, and what it can answer.

mod builtin;

use crate::host::{Host, SinkOf, SourceOf};
use crate::limits::REASON;
use crate::time::Instant;
use core::fmt::{self, Write as _};
use heapless::String;

/// What a command writes its answer to, of fixed capacity: use it with `write!`.
pub type Text = heapless::string::StringView;

/// One row of a node's table of commands.
///
/// ```
/// use core::fmt::Write as _;
/// use unstick::{Answer, Command, Host, Refusal, Status};
///
/// # fn table<H: Host>() -> [Command<H>; 1] {
/// [Command {
///     name: "square",
///     usage: "square N",
///     help: "N times itself",
///     takes_body: false,
///     run: |_node, call, text| {
///         let n: u32 = call.args.trim().parse().map_err(|_| {
///             Refusal::new(Status::BadRequest, format_args!("`{}` is no number", call.args))
///         })?;
///         write!(text, "{}", u64::from(n) * u64::from(n))?;
///         Ok(Answer::Text)
///     },
/// }]
/// # }
/// ```
pub struct Command<H: Host> {
    /// The first word of a request that runs it.
    pub name: &'static str,
    /// How it is called, name included.
    pub usage: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// Whether it wants the request's body; a body it does not want is refused before it runs.
    pub takes_body: bool,
    /// Runs it. What it writes to the text is the answer's body, unless it answers with a source.
    pub run: fn(node: &mut H, call: &Call<'_>, text: &mut Text) -> Outcome<H>,
}

/// What a command is given.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The command's name.
    pub name: &'a str,
    /// What follows the name and one space, as it came.
    pub args: &'a str,
    /// Bytes of the request's body; `None` where the service has no bodies (bare requests).
    pub body: Option<u64>,
    /// Whether the answer must be ready at once, because a datagram does not wait.
    pub at_once: bool,
    /// The longest header the session takes, in bytes.
    pub header: usize,
    /// The time.
    pub now: Instant,
}

impl<'a> Call<'a> {
    /// The arguments as one name; refuses none at all.
    pub fn name_arg(&self) -> Result<&'a str, Refusal> {
        match self.args.trim() {
            "" => Err(Refusal::new(Status::BadRequest, format_args!("{} needs a NAME", self.name))),
            name => Ok(name),
        }
    }
}

/// What a command answers with.
#[derive(Debug)]
pub enum Answer<Source, Sink> {
    /// The text it wrote.
    Text,
    /// A body that is pulled from here; the text it wrote is dropped.
    Source(Source),
    /// The request's body goes in here; once that is whole, verified and committed, the text it
    /// wrote is the answer.
    Sink(Sink),
}

/// How a command ends: an answer, or a refusal.
pub type Outcome<H> = Result<Answer<SourceOf<H>, SinkOf<H>>, Refusal>;

/// The kind of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Status {
    /// The command ran.
    Ok,
    /// No command of that name.
    UnknownCommand,
    /// The request does not follow the rules; its text says which.
    BadRequest,
    /// Something is over a limit; the text names it.
    TooLarge,
    /// The reply does not fit a datagram: ask again over TCP.
    Truncated,
    /// Not allowed here.
    Denied,
    /// The command ran and failed.
    Failed,
    /// Not now.
    Busy,
}

impl Status {
    const ALL: [Self; 8] = [
        Self::Ok,
        Self::UnknownCommand,
        Self::BadRequest,
        Self::TooLarge,
        Self::Truncated,
        Self::Denied,
        Self::Failed,
        Self::Busy,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::UnknownCommand => "unknown-command",
            Self::BadRequest => "bad-request",
            Self::TooLarge => "too-large",
            Self::Truncated => "truncated",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Busy => "busy",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a request is not answered: a status, and a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the reply.
    pub status: Status,
    /// The body of the reply, cut at [`REASON`] bytes.
    pub reason: String<REASON>,
}

impl Refusal {
    /// A refusal that says why; what does not fit [`REASON`] bytes is cut.
    #[must_use]
    pub fn new(status: Status, why: fmt::Arguments<'_>) -> Self {
        let mut cut = Cut(String::new());
        let _ = cut.write_fmt(why);
        Self { status, reason: cut.0 }
    }
}

impl From<fmt::Error> for Refusal {
    /// Writing text fails only where it is full.
    fn from(_: fmt::Error) -> Self {
        Self::new(Status::TooLarge, format_args!("the answer is longer than this node can hold"))
    }
}

/// Text that takes what fits, where `String` would take all of a piece or none.
struct Cut(String<REASON>);

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.0.push(c)).map_err(|_| fmt::Error)
    }
}

/// The commands every node has, in the order of its help. A node's own of such a name would never
/// run.
#[must_use]
pub fn builtin<H: Host>() -> &'static [Command<H>] {
    builtin::table()
}

/// What a [`Call`] says besides the request's line.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) now: Instant,
    pub(crate) body: Option<u64>,
    pub(crate) at_once: bool,
    pub(crate) header: usize,
}

/// Runs a request's line on a node.
pub(crate) fn run<H: Host>(host: &mut H, line: &str, terms: Terms, text: &mut Text) -> Outcome<H> {
    let (name, args) = line.split_once(' ').unwrap_or((line, ""));
    let Terms { now, body, at_once, header } = terms;
    let call = Call { name, args, body, at_once, header, now };
    let Some(command) = find(host, name) else {
        return Err(Refusal::new(
            Status::UnknownCommand,
            format_args!("there is no command `{name}`; try help"),
        ));
    };
    match body {
        Some(len) if len > 0 && !command.takes_body => {
            let why = format_args!("{name} takes no body; {len} bytes came");
            return Err(Refusal::new(Status::BadRequest, why));
        }
        None if command.takes_body => {
            let why = format_args!("{name} needs a body: use the command service");
            return Err(Refusal::new(Status::BadRequest, why));
        }
        _ => {}
    }
    let run = command.run;
    run(host, &call, text)
}

/// Writes a line for each item, or as many as fit and then how many do not.
pub(crate) fn write_lines<T>(
    text: &mut Text,
    items: impl Iterator<Item = T>,
    line: impl Fn(&mut Text, T) -> fmt::Result,
) -> fmt::Result {
    /// Bytes kept for the last line.
    const MORE: usize = 20;
    let mut left_out = 0_usize;
    let mut items = items.peekable();
    while let Some(item) = items.next() {
        let before = text.len();
        let fits = left_out == 0 && line(text, item).is_ok();
        let space = text.capacity().saturating_sub(text.len());
        if !fits || (space < MORE && items.peek().is_some()) {
            // Not `truncate`, which panics inside a character.
            while text.len() > before {
                text.pop();
            }
            left_out = left_out.saturating_add(1);
        }
    }
    if left_out == 0 { Ok(()) } else { writeln!(text, "and {left_out} more") }
}

fn find<'h, H: Host>(host: &'h H, name: &str) -> Option<&'h Command<H>> {
    builtin::table::<H>().iter().chain(host.commands()).find(|command| command.name == name)
}
