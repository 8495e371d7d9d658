//! `unstick call`: one command.

use crate::asking::{Asking, Waiting};
use crate::failure::{Failure, or_signal, tell_exit};
use crate::names;
use crate::output::{Output, encoding};
use crate::transfer::{progress_bar, show, spool};
use encoding_rs::Encoding;
use serde_json::json;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Builder;
use unstick::message::Integrity;
use unstick_std::client::{Ask, Body, Error, Reply};
use unstick_std::url::Url;

/// Run one command on a node; its output goes to stdout.
///
/// The words are joined by one space. Options stand before them. The exit code is 0 only for
/// status ok; a program that ran on the node and failed passes its own on. The echo, frame and message
/// services send no status: there it is 0 for whatever is answered.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick call command://localhost help
  unstick call message://192.168.69.1 upper hello
  unstick call command+udp://localhost info
  unstick call --body notes.txt command://localhost put notes.txt
  unstick call --encoding gbk frame://192.168.1.9 dir")]
pub(crate) struct Args {
    /// A file whose content goes along as the command's body; - is stdin
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// The encoding of a peer that does not speak UTF-8, such as gbk; auto is this machine's console's
    #[arg(long, value_name = "NAME", default_value = "utf-8", value_parser = encoding)]
    encoding: &'static Encoding,

    /// Write the answer to the terminal as it is, whatever it does there
    #[arg(long)]
    raw: bool,

    /// Print one JSON object: the answer and all that is told about it
    #[arg(long, conflicts_with = "raw")]
    json: bool,

    #[command(flatten)]
    asking: Asking,

    /// Where to ask, such as command://localhost
    url: Url,

    /// The command and its arguments; try help
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let command = args.command.join(" ");
    if args.body.is_none() && args.command.first().is_some_and(|name| name == "put") {
        return Err(Failure::said(format!(
            "put keeps what goes along with it, and nothing does: type `unstick put {} FILE`, or give --body FILE",
            args.url
        )));
    }
    let output = Output::new(args.encoding, args.raw);
    let mut body = args.body.as_deref().map(read).transpose()?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::System)?;
    let waiting = Waiting::begin(&args.url);
    output.begins_with(move || drop(waiting));
    let (reply, names) = runtime.block_on(or_signal(async {
        let client =
            args.asking.connect(&args.url, &args.asking.options()?.encoding(args.encoding)).await?;
        let reply = match body.take() {
            Some(body) => client.ask(ask(&command, args.json, &output).body(body)).await?,
            None => {
                args.asking
                    .patiently(async || client.ask(ask(&command, args.json, &output)).await)
                    .await?
            }
        };
        let names = match names::are_wanted(&reply) {
            true => client.call("help").await.map(|help| names::listed(&help.text())).ok(),
            false => None,
        };
        Ok((reply, names.unwrap_or_default()))
    }))?;
    output.begin();
    if args.json {
        writeln!(io::stdout(), "{}", facts(&args.url, &reply))?;
    } else {
        output.finish(false)?;
        if !reply.has_output() {
            return Err(names::refused(&reply, &command, &names));
        }
    }
    Ok(match reply.exit {
        Some(exit) if exit != 0 => {
            if !args.json {
                tell_exit(exit);
            }
            u8::try_from(exit).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        _ if reply.is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn ask(command: &str, in_memory: bool, output: &Output) -> Ask {
    let ask = Ask::new(command);
    if in_memory { ask } else { ask.sink(output.clone()) }
}

/// All that a reply says. A body that is no text is given as hex digits.
fn facts(url: &Url, reply: &Reply) -> serde_json::Value {
    let text = core::str::from_utf8(&reply.body).ok();
    let hex = || reply.body.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    json!({
        "url": url.to_string(),
        "status": reply.status,
        "exit": reply.exit,
        "filename": reply.filename,
        "size": reply.size,
        "verified": reply.integrity == Integrity::Verified,
        "body": text,
        "hex": text.is_none().then(hex),
    })
}

/// A body, hashed, from a file or stdin.
fn read(path: &Path) -> Result<Body, Failure> {
    let bar = progress_bar("reading", &path.display().to_string());
    let body = Body::of_file(open(path)?, true, |progress| show(&bar, progress));
    bar.finish_and_clear();
    body.map_err(|error| Failure::file("read", path, &error))
}

/// A body's file. The size goes before the body, so stdin and pipes are copied to a file first.
fn open(path: &Path) -> Result<File, Failure> {
    if path == Path::new("-") {
        return spool(&mut io::stdin(), path);
    }
    let unreadable = |error| Failure::file("read", path, &error);
    let mut file = File::open(path).map_err(unreadable)?;
    match file.metadata().map_err(unreadable)?.file_type() {
        kind if kind.is_file() => Ok(file),
        kind if kind.is_dir() => Err(unreadable(io::ErrorKind::IsADirectory.into())),
        _ => spool(&mut file, path),
    }
}
