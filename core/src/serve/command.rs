//! Commands: the table a user adds to, what a command is given, and what it can answer.

mod builtin;

use super::host::{self, Host, SinkOf, SourceOf};
use super::reply::{Refusal, Status};
use super::text::Text;
use crate::bytes::number;
use crate::limits::{HEADER, Limits};
use crate::time::Instant;
use core::str::FromStr;

/// One row of a node's table of commands: a name, a line of help, and a function.
///
/// ```
/// use core::fmt::Write as _;
/// use unstick::command::{Answer, Body, Call, Command, Outcome};
/// use unstick::{Host, Text};
///
/// fn square<H: Host>(_: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
///     let n: u32 = call.arg("N")?;
///     write!(text, "{}", u64::from(n) * u64::from(n))?;
///     Ok(Answer::Text)
/// }
///
/// /// Sums the numbers of its body, one a line.
/// fn sum<H: Host>(_: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
///     let sum: i64 = call.body_text()?.lines().filter_map(|line| line.parse::<i64>().ok()).sum();
///     write!(text, "{sum}")?;
///     Ok(Answer::Text)
/// }
///
/// # fn table<H: Host>() -> [Command<H>; 2] {
/// [
///     Command::new("square", square).usage("square N").help("N times itself"),
///     Command::new("sum", sum).help("adds numbers").body(Body::Required),
/// ]
/// # }
/// ```
#[non_exhaustive]
pub struct Command<H: Host> {
    /// The first word of a request that runs it.
    pub name: &'static str,
    /// How it is called, name included.
    pub usage: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// What becomes of a request's body.
    pub body: Body,
    /// Whether it may change something; see [`Command::read_only`].
    pub changes: bool,
    /// Runs it.
    pub run: Run<H>,
}

/// The function of a [`Command`]: a node, what was asked, and where to write the answer.
///
/// It is called once for a request, when its header has come, or once its body is whole where the
/// row [wants that](Body). It must not block; a command that has to wait answers with a
/// [`Task`](crate::Task).
pub type Run<H> = fn(node: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H>;

/// What becomes of the body of a command's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Body {
    /// It has none; a request with one is refused before the command runs.
    None,
    /// The command runs once the body is whole and its digest right, and sees it as [`Call::body`];
    /// without a body that is empty. The request's line and its body have three quarters of the
    /// session's text, the answer has the rest; a longer body is refused at its header.
    Optional,
    /// The same, but refused on services whose requests have no bodies.
    Required,
    /// The body goes, piece by piece, to the sink or task that the command answers with: it may have
    /// any size. Refused on services whose requests have no bodies.
    Streamed,
}

impl<H: Host> Clone for Command<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Host> Copy for Command<H> {}

impl<H: Host> Command<H> {
    /// A command without a body, whose usage is its name, and which may change something.
    #[must_use]
    pub const fn new(name: &'static str, run: Run<H>) -> Self {
        Self { name, usage: name, help: "", body: Body::None, changes: true, run }
    }

    /// How it is called, name included, as in `led on|off`.
    #[must_use]
    pub const fn usage(self, usage: &'static str) -> Self {
        Self { usage, ..self }
    }

    /// What it does, in one line.
    #[must_use]
    pub const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// What becomes of a request's body.
    #[must_use]
    pub const fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    /// That it changes nothing, so that it does no harm to ask twice. If its answer does not fit a
    /// datagram, `truncated` invites to ask again over TCP (rule U4); of any other command that has
    /// run only `ok` is answered then.
    #[must_use]
    pub const fn read_only(self) -> Self {
        Self { changes: false, ..self }
    }
}

/// What a peer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Role {
    /// Everything.
    Full,
    /// Only commands that [change nothing](Command::read_only).
    Read,
}

impl Role {
    /// The word in a key file: `full` or `read`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Read => "read",
        }
    }
}

/// What a peer has shown of keys; without feature `noise`, which costs nothing then, always nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    #[cfg(feature = "noise")]
    key: Option<(u8, Role)>,
}

impl Shown {
    pub(crate) const NOTHING: Self = Self {
        #[cfg(feature = "noise")]
        key: None,
    };

    /// The key of that id, which has that role.
    #[cfg(feature = "noise")]
    pub(crate) const fn key(id: u8, role: Role) -> Self {
        Self { key: Some((id, role)) }
    }

    #[cfg(feature = "noise")]
    pub(crate) fn key_id(self) -> Option<u8> {
        self.key.map(|(id, _)| id)
    }

    pub(crate) fn role(self) -> Option<Role> {
        #[cfg(feature = "noise")]
        return self.key.map(|(_, role)| role);
        #[cfg(not(feature = "noise"))]
        return None;
    }

    /// Whether all that it says is sealed.
    pub(crate) fn is_sealed(self) -> bool {
        self.role().is_some()
    }
}

/// What a command is given.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Call<'a> {
    /// The command's name.
    pub name: &'a str,
    /// What follows the name and one space, as it came.
    pub args: &'a str,
    /// The whole body, verified, where the row wants it so ([`Body::Optional`],
    /// [`Body::Required`]); else empty.
    pub body: &'a [u8],
    /// The number of bytes of the request's body; `None` on services without bodies (bare requests).
    pub size: Option<u64>,
    /// Whether the answer must be ready at once, because a datagram does not wait.
    pub at_once: bool,
    /// The longest header the session takes, in bytes.
    pub header: usize,
    /// What else the session allows and how long it waits; `None` for a datagram, which has no session.
    pub limits: Option<&'a Limits>,
    /// The time.
    pub now: Instant,
    pub(crate) shown: Shown,
}

impl<'a> Call<'a> {
    /// A call as the command service makes it, for tests of commands.
    #[must_use]
    pub const fn new(name: &'a str, args: &'a str, body: &'a [u8], now: Instant) -> Self {
        let (size, header, limits) = (Some(body.len() as u64), HEADER, Some(&Limits::DEFAULT));
        Self { name, args, body, size, at_once: false, header, limits, now, shown: Shown::NOTHING }
    }

    /// The arguments as one name, spaces and all. Refuses none at all.
    pub fn name_arg(&self) -> Result<&'a str, Refusal> {
        match self.args {
            "" => Err(Refusal::new(Status::BadRequest, format_args!("{} needs a NAME", self.name))),
            name => Ok(name),
        }
    }

    /// The arguments as one value, which a refusal calls `what`.
    pub fn arg<T: FromStr>(&self, what: &str) -> Result<T, Refusal> {
        let args = self.args.trim_ascii();
        args.parse().map_err(|_| {
            let why = format_args!("{} needs {what}; `{args}` will not do", self.name);
            Refusal::new(Status::BadRequest, why)
        })
    }

    /// The body as text. Refuses what is not UTF-8.
    pub fn body_text(&self) -> Result<&'a str, Refusal> {
        core::str::from_utf8(self.body).map_err(|error| {
            let at = number(error.valid_up_to());
            Refusal::new(Status::BadRequest, format_args!("the body is not UTF-8 at byte {at}"))
        })
    }
}

/// What a command answers with.
pub enum Answer<H: Host> {
    /// The text it wrote.
    Text,
    /// A body that is pulled from here; the text it wrote is dropped.
    Source(SourceOf<H>),
    /// The request's body goes in here; once that is whole, verified and committed, the text it
    /// wrote is the answer.
    Sink(SinkOf<H>),
    /// A task answers, now or later; it finds the text as the command left it.
    Task(H::Task),
}

impl<H: Host> Answer<H> {
    /// Answers with a task, which is the host's or [one of its several](crate::tasks).
    pub fn task(task: impl Into<H::Task>) -> Self {
        Self::Task(task.into())
    }
}

/// How a command ends: an answer, or a refusal.
pub type Outcome<H> = Result<Answer<H>, Refusal>;

/// The commands every node has, in the order of its help. A node's own of such a name would never
/// run.
#[must_use]
pub fn builtin<H: Host>() -> &'static [Command<H>] {
    builtin::table()
}

/// Whether a line begins with the name of a command, whatever follows it.
pub(crate) fn begins<H: Host>(host: &H, line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    core::str::from_utf8(name).is_ok_and(|name| find(host, name, Shown::NOTHING).is_some())
}

/// The name and the arguments.
fn split(line: &str) -> (&str, &str) {
    // A loop is smaller than the standard library's search, and faster for names as short as these.
    let end = line.bytes().position(|byte| byte == b' ').unwrap_or(line.len());
    let (name, args) = line.split_at_checked(end).unwrap_or_default();
    (name, args.get(1..).unwrap_or_default())
}

fn find<'h, H: Host>(host: &'h H, name: &str, shown: Shown) -> Option<&'h Command<H>> {
    builtin::table_for(shown).iter().chain(host.commands()).find(|row| row.name == name)
}

/// The row that a request's line names, the name and the arguments; refuses a body that the row does
/// not have, or one that it lacks.
pub(crate) fn look_up<'h, 'l, H: Host>(
    host: &'h mut H,
    line: &'l str,
    size: Option<u64>,
    shown: Shown,
) -> Result<(&'h Command<H>, &'l str, &'l str), Refusal> {
    let (name, args) = split(line);
    if !shown.is_sealed() && host::asks_for_keys(host) {
        let why = format_args!("this node answers only who has a key, on its command service");
        return Err(Refusal::new(Status::Denied, why));
    }
    let may = shown.role().unwrap_or_else(|| host.anyone());
    let Some(row) = find(host, name, shown) else {
        let why = format_args!("there is no command `{name}`; try help");
        return Err(Refusal::new(Status::UnknownCommand, why));
    };
    if may == Role::Read && row.changes {
        let who = if shown.is_sealed() { "this key" } else { "who has no key" };
        let why = format_args!("{name} may change something, and {who} may only read");
        return Err(Refusal::new(Status::Denied, why));
    }
    match (row.body, size) {
        (Body::None, Some(len @ 1..)) => {
            let why = format_args!("{name} takes no body; its request announces {len} bytes");
            Err(Refusal::new(Status::BadRequest, why))
        }
        (Body::Required | Body::Streamed, None) => {
            let why = format_args!("{name} needs a body: use the command service");
            Err(Refusal::new(Status::BadRequest, why))
        }
        _ => Ok((row, name, args)),
    }
}
