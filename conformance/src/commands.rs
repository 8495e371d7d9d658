//! Commands of a node under test: one of each kind that a user can write.
//!
//! | command | shows |
//! |---|---|
//! | `sum` | an answer from the request's body |
//! | `count N` | an answer longer than any buffer, piece by piece |
//! | `wait MS` | an answer that is late and holds nobody up |
//! | `config [JSON]` | typed JSON in and out, and state of the node's own |
//!
//! [`rows`] is their part of a table, for a host that has [`Settings`]: a [`Node`] whose context
//! contains them, or a host of one's own.

use core::fmt::Write as _;
use core::time::Duration;
use heapless::String;
use serde::{Deserialize, Serialize};
use unstick::command::{Answer, Body, Call, Command, Outcome};
use unstick::store::Store;
use unstick::{Host, Instant, Node, Progress, Refusal, Status, Task, Text};

/// The last number that `count` counts to.
pub const COUNT: u64 = 10_000_000;

/// The longest that `wait` waits, in milliseconds: the longest wait of a session for an answer, by
/// default.
pub const WAIT: u64 = 60_000;

/// What `config` changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Any number.
    pub rate: u32,
    /// Any text of at most 16 bytes.
    pub name: String<16>,
}

impl Settings {
    /// What every node starts with.
    #[must_use]
    pub const fn new() -> Self {
        Self { rate: 1, name: String::new() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

impl AsMut<Self> for Settings {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl<S: Store, C: AsMut<Settings>> AsMut<Settings> for Node<S, C, Tasks> {
    fn as_mut(&mut self) -> &mut Settings {
        self.context.as_mut()
    }
}

/// The rows of a host that has these tasks and the settings.
#[must_use]
pub const fn rows<H: Host<Task = Tasks> + AsMut<Settings>>() -> [Command<H>; 4] {
    [
        Command::new("sum", sum)
            .help("adds the numbers in its body, one a line")
            .body(Body::Required)
            .read_only(),
        Command::new("count", count)
            .usage("count N")
            .help("the numbers from 1 to N, one a line")
            .read_only(),
        Command::new("wait", wait)
            .usage("wait MS")
            .help("answers after so many milliseconds")
            .read_only(),
        Command::new("config", config)
            .usage("config [{\"rate\":N,\"name\":TEXT}]")
            .help("changes the settings, by argument or body, and tells them")
            .body(Body::Optional),
    ]
}

fn sum<H: Host<Task = Tasks>>(_: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    write!(text, "{}", sum_of(call.body_text()?)?)?;
    Ok(Answer::Text)
}

/// The sum of whole numbers, one a line.
pub fn sum_of(lines: &str) -> Result<i64, Refusal> {
    lines.lines().try_fold(0_i64, |sum, line| {
        let sum = line.parse().ok().and_then(|number| sum.checked_add(number));
        sum.ok_or_else(|| {
            Refusal::new(Status::BadRequest, format_args!("`{line}` is no whole number"))
        })
    })
}

fn count<H: Host<Task = Tasks>>(_: &mut H, call: &Call<'_>, _: &mut Text<'_>) -> Outcome<H> {
    let last = number(call, "N", COUNT)?;
    Ok(Answer::Task(Tasks::Count { next: 1, last }))
}

fn wait<H: Host<Task = Tasks>>(_: &mut H, call: &Call<'_>, _: &mut Text<'_>) -> Outcome<H> {
    let millis = number(call, "MS", WAIT)?;
    Ok(Answer::Task(Tasks::Wait(call.now.after(Duration::from_millis(millis)))))
}

fn config<H: Host<Task = Tasks> + AsMut<Settings>>(
    host: &mut H,
    call: &Call<'_>,
    text: &mut Text<'_>,
) -> Outcome<H> {
    let settings = host.as_mut();
    if !(call.args.trim_ascii().is_empty() && call.body.is_empty()) {
        *settings = call.json()?;
    }
    text.write_json(settings)?;
    Ok(Answer::Text)
}

/// The argument as a number of at most that.
pub fn number(call: &Call<'_>, what: &str, most: u64) -> Result<u64, Refusal> {
    let number = call.arg(what)?;
    if number > most {
        let why = format_args!("{number} is over the limit of {most}");
        return Err(Refusal::new(Status::TooLarge, why));
    }
    Ok(number)
}

/// What goes on after a row has run.
#[derive(Clone, Debug)]
pub enum Tasks {
    /// Answers once that time has come.
    Wait(Instant),
    /// Counts on.
    Count {
        /// The next number.
        next: u64,
        /// The last one.
        last: u64,
    },
}

impl<H> Task<H> for Tasks {
    fn poll(&mut self, _: &mut H, now: Instant, text: &mut Text<'_>) -> Result<Progress, Refusal> {
        match self {
            Self::Wait(until) if now < *until => Ok(Progress::WaitUntil(*until)),
            Self::Wait(_) => {
                write!(text, "waited")?;
                Ok(Progress::Text)
            }
            Self::Count { last, .. } => Ok(Progress::Body(len_of_count(*last))),
        }
    }

    fn read(&mut self, _: &mut H, _: Instant, text: &mut Text<'_>) -> Result<Progress, Refusal> {
        if let Self::Count { next, last } = self {
            // As many lines as fit.
            while *next <= *last {
                let before = text.len();
                if writeln!(text, "{next}").is_err() {
                    text.truncate(before);
                    break;
                }
                *next += 1;
            }
        }
        Ok(Progress::Text)
    }
}

/// The number of bytes of the lines from 1 to `last`: each has a digit and a line's end, from 10 on
/// another digit, from 100 on another.
fn len_of_count(last: u64) -> u64 {
    let tens = core::iter::successors(Some(1_u64), |ten| ten.checked_mul(10));
    let digits = tens.map(|ten| (last + 1).saturating_sub(ten)).sum::<u64>();
    last + digits
}
