//! Commands: the table a user adds to, what a command is given, and what it can answer.

mod builtin;

use crate::host::{Host, SinkOf, SourceOf};
use crate::reply::{Refusal, Status, Text};
use crate::time::Instant;

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
///         let n: u32 = call.args.trim_ascii().parse().map_err(|_| {
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
        match self.args.trim_ascii() {
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

fn find<'h, H: Host>(host: &'h H, name: &str) -> Option<&'h Command<H>> {
    builtin::table::<H>().iter().chain(host.commands()).find(|command| command.name == name)
}
