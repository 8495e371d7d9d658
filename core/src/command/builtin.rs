//! The commands every node has.

use super::{Answer, Call, Command, Outcome};
use crate::header::{Member, Members};
use crate::host::{Host, Identity};
use crate::limits::REQUEST;
use crate::reply::{Refusal, Status, Text, write_lines};
use crate::store::{Store, check_name};
use core::fmt::Write as _;

/// The commands every node has, in the order of its help.
pub(super) fn table<H: Host>() -> &'static [Command<H>] {
    const { &Builtin::<H>::TABLE }
}

struct Builtin<H>(core::marker::PhantomData<H>);

impl<H: Host> Builtin<H> {
    const TABLE: [Command<H>; 10] = [
        row("help", "help [COMMAND]", "the commands, or one of them", false, help),
        row("echo", "echo TEXT", "TEXT as it is", false, echo),
        row("upper", "upper TEXT", "TEXT with a-z in upper case", false, upper),
        row("info", "info", "name, version, target and limits, as JSON", false, info),
        row("stats", "stats", "counters by reason", false, stats),
        row("uptime", "uptime", "seconds since the start", false, uptime),
        row("list", "list", "the files: size and name", false, list),
        row("get", "get NAME", "a file", false, get),
        row("put", "put NAME", "keeps the request's body as a file", true, put),
        row("remove", "remove NAME", "removes a file", false, remove),
    ];
}

const fn row<H: Host>(
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    takes_body: bool,
    run: fn(&mut H, &Call<'_>, &mut Text) -> Outcome<H>,
) -> Command<H> {
    Command { name, usage, help, takes_body, run }
}

fn help<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text) -> Outcome<H> {
    let wanted = call.args.trim_ascii();
    let rows = table::<H>().iter().chain(host.commands());
    let rows = rows.filter(|command| wanted.is_empty() || wanted == command.name);
    write_lines(text, rows, |text, row| writeln!(text, "{:<20} {}", row.usage, row.help))?;
    if text.is_empty() {
        let why = format_args!("there is no command `{wanted}`; try help");
        return Err(Refusal::new(Status::UnknownCommand, why));
    }
    Ok(Answer::Text)
}

fn echo<H: Host>(_: &mut H, call: &Call<'_>, text: &mut Text) -> Outcome<H> {
    text.write_str(call.args)?;
    Ok(Answer::Text)
}

fn upper<H: Host>(_: &mut H, call: &Call<'_>, text: &mut Text) -> Outcome<H> {
    text.write_str(call.args)?;
    text.make_ascii_uppercase();
    Ok(Answer::Text)
}

/// Answers in JSON; sizes are in bytes.
fn info<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text) -> Outcome<H> {
    let largest = host.store().largest();
    let Identity { name, version, target, datagram, .. } = host.identity();
    let size = |size: usize| Some(Member::Size(size as u64));
    let limits = Members(&[
        ("request", size(REQUEST)),
        ("header", size(call.header)),
        ("datagram", size(datagram)),
        ("file", Some(Member::Size(largest))),
    ]);
    let info = Members(&[
        ("name", Some(Member::Text(name))),
        ("version", Some(Member::Text(version))),
        ("target", Some(Member::Text(target))),
        ("limits", Some(Member::Members(&limits))),
    ]);
    let mut json = [0; 512];
    let len = info.write(&mut json).ok_or(core::fmt::Error)?;
    let json = json.get(..len).and_then(|json| core::str::from_utf8(json).ok());
    text.write_str(json.unwrap_or_default())?;
    Ok(Answer::Text)
}

fn stats<H: Host>(host: &mut H, _: &Call<'_>, text: &mut Text) -> Outcome<H> {
    for (event, count) in host.counters().iter() {
        writeln!(text, "{:<10} {count}", event.as_str())?;
    }
    Ok(Answer::Text)
}

fn uptime<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text) -> Outcome<H> {
    let up = call.now.since(host.identity().started);
    write!(text, "{}.{:03}", up.as_secs(), up.subsec_millis())?;
    Ok(Answer::Text)
}

fn list<H: Host>(host: &mut H, _: &Call<'_>, text: &mut Text) -> Outcome<H> {
    let source = host.store().list(text)?;
    Ok(source.map_or(Answer::Text, Answer::Source))
}

fn get<H: Host>(host: &mut H, call: &Call<'_>, _: &mut Text) -> Outcome<H> {
    let name = check_name(call.name_arg()?)?;
    host.store().open(name).map(Answer::Source)
}

fn put<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text) -> Outcome<H> {
    let name = check_name(call.name_arg()?)?;
    let size = call.body.unwrap_or_default();
    let largest = host.store().largest();
    if size > largest {
        let why = format_args!("a file of {size} bytes is over the limit of {largest}");
        return Err(Refusal::new(Status::TooLarge, why));
    }
    write!(text, "stored {name}, {size} bytes")?;
    host.store().create(name, size).map(Answer::Sink)
}

fn remove<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text) -> Outcome<H> {
    let name = check_name(call.name_arg()?)?;
    host.store().remove(name)?;
    write!(text, "removed {name}")?;
    Ok(Answer::Text)
}
