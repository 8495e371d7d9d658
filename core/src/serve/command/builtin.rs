//! The commands every node has.

use super::{Answer, Body, Call, Command, Outcome, Shown};
use crate::limits::{Limits, REQUEST};
use crate::serve::host::{Host, Identity};
use crate::serve::reply::{Refusal, Status};
use crate::serve::store::{Store, check_name};
use crate::serve::text::Text;
use crate::wire::json::Object;
use core::fmt::Write as _;

/// Rows of [`Builtin::TABLE`] for everybody.
const OPEN: usize = 10;

/// The commands every node has, in the order of its help.
pub(super) fn table<H: Host>() -> &'static [Command<H>] {
    const { Builtin::<H>::TABLE.split_at(OPEN).0 }
}

/// The same and, for who has shown a key, those that are only for him.
pub(super) fn table_for<H: Host>(shown: Shown) -> &'static [Command<H>] {
    if shown.is_sealed() { const { &Builtin::<H>::TABLE } } else { table() }
}

struct Builtin<H>(core::marker::PhantomData<H>);

impl<H: Host> Builtin<H> {
    const TABLE: [Command<H>; if cfg!(feature = "noise") { OPEN + 1 } else { OPEN }] = [
        Command::new("help", help)
            .usage("help [COMMAND]")
            .help("the commands, or one of them")
            .read_only(),
        Command::new("echo", echo).usage("echo TEXT").help("TEXT as it is").read_only(),
        Command::new("upper", upper)
            .usage("upper TEXT")
            .help("TEXT with a-z in upper case")
            .read_only(),
        Command::new("info", info).help("name, version, target and limits, as JSON").read_only(),
        Command::new("stats", stats).help("counters by reason").read_only(),
        Command::new("uptime", uptime).help("seconds since the start").read_only(),
        Command::new("list", list).help("the files: size and name").read_only(),
        Command::new("get", get).usage("get NAME").help("a file").read_only(),
        Command::new("put", put)
            .usage("put NAME")
            .help("keeps the request's body as a file")
            .body(Body::Streamed),
        Command::new("remove", remove).usage("remove NAME").help("removes a file"),
        #[cfg(feature = "noise")]
        Command::new("udp", crate::keys::datagrams::begin)
            .usage("udp ID")
            .help("answers datagrams of ID, 8 hex digits; their secret is the body")
            .body(Body::Required)
            .read_only(),
    ];
}

fn help<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    let wanted = call.args.trim_ascii();
    let rows = table_for::<H>(call.shown).iter().chain(host.commands());
    let rows = rows.filter(|command| wanted.is_empty() || wanted == command.name);
    text.write_lines(rows, |text, row| writeln!(text, "{:<20} {}", row.usage, row.help))?;
    if text.is_empty() {
        let why = format_args!("there is no command `{wanted}`; try help");
        return Err(Refusal::new(Status::UnknownCommand, why));
    }
    Ok(Answer::Text)
}

fn echo<H: Host>(_: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    text.write_str(call.args)?;
    Ok(Answer::Text)
}

fn upper<H: Host>(_: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    text.write_str(call.args)?;
    text.as_bytes_mut().make_ascii_uppercase();
    Ok(Answer::Text)
}

/// Answers in JSON. A text too short for all limits has the first four.
fn info<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    let (file, files) = (host.store().largest(), host.store().most_files());
    let (identity, capacity) = (host.identity(), text.capacity());
    let mut write = |all| {
        text.write_with(|space| write_info(&identity, call, file, files, capacity, all, space))
    };
    write(true).or_else(|_| write(false))?;
    Ok(Answer::Text)
}

#[inline(never)]
fn write_info(
    identity: &Identity<'_>,
    call: &Call<'_>,
    file: u64,
    files: Option<usize>,
    text: usize,
    all: bool,
    space: &mut [u8],
) -> Option<usize> {
    let mut info = Object::new(space);
    info.text("name", identity.name)?;
    info.text("version", identity.version)?;
    info.text("target", identity.target)?;
    info.open("limits")?;
    info.size("request", REQUEST.min(call.header) as u64)?; // a longer one is not kept
    info.size("header", call.header as u64)?;
    info.size("datagram", identity.datagram as u64)?;
    info.size("file", file)?;
    if all {
        info.size("text", text as u64)?;
        if let Some(files) = files {
            info.size("files", files as u64)?;
        }
        if identity.connections > 0 {
            info.size("connections", identity.connections as u64)?;
        }
        if let Some(Limits { idle, header, stall, answer, .. }) = call.limits {
            let times = [
                ("idle_ms", idle),
                ("header_ms", header),
                ("stall_ms", stall),
                ("answer_ms", answer),
            ];
            for (name, time) in &times {
                let seconds = time.as_secs().saturating_mul(1000);
                info.size(name, seconds.saturating_add(time.subsec_millis().into()))?;
            }
        }
        for (name, limit) in identity.limits {
            info.size(name, *limit)?;
        }
    }
    info.close()?;
    info.close()
}

fn stats<H: Host>(host: &mut H, _: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    text.write_lines(host.counters().iter(), |text, (counter, count)| {
        writeln!(text, "{:<10} {count}", counter.as_str())
    })?;
    Ok(Answer::Text)
}

fn uptime<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    let up = call.now.since(host.identity().started);
    write!(text, "{}.{:03}", up.as_secs(), u64::from(up.subsec_millis()))?;
    Ok(Answer::Text)
}

fn list<H: Host>(host: &mut H, _: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    let source = host.store().list(text)?;
    Ok(source.map_or(Answer::Text, Answer::Source))
}

fn get<H: Host>(host: &mut H, call: &Call<'_>, _: &mut Text<'_>) -> Outcome<H> {
    let name = check_name(call.name_arg()?)?;
    host.store().open(name).map(Answer::Source)
}

fn put<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    let name = check_name(call.name_arg()?)?;
    let size = call.size.unwrap_or_default();
    let largest = host.store().largest();
    if size > largest {
        let why = format_args!("a file of {size} bytes is over the limit of {largest}");
        return Err(Refusal::new(Status::TooLarge, why));
    }
    write!(text, "stored {name}, {size} bytes")?;
    host.store().create(name, size).map(Answer::Sink)
}

fn remove<H: Host>(host: &mut H, call: &Call<'_>, text: &mut Text<'_>) -> Outcome<H> {
    let name = check_name(call.name_arg()?)?;
    host.store().remove(name)?;
    write!(text, "removed {name}")?;
    Ok(Answer::Text)
}

#[cfg(test)]
mod tests;
