//! `unstick call`: one command.

use crate::failure::{Failure, tell_exit};
use crate::names;
use crate::output::{Output, encoding};
use crate::transfer::{progress_bar, show};
use encoding_rs::Encoding;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use unstick_std::client::blocking::Client;
use unstick_std::client::{Ask, Body, ClientOptions};
use unstick_std::url::Url;

/// Run one command on a node; its output goes to stdout.
///
/// The words are joined by one space. Options stand before them. The exit code is 0 only for
/// status ok; a program that ran on the node and failed passes its own on.
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

    /// The encoding of a peer that does not speak UTF-8, such as gbk
    #[arg(long, value_name = "NAME", default_value = "utf-8", value_parser = encoding)]
    encoding: &'static Encoding,

    /// Write the answer to the terminal as it is, whatever it does there
    #[arg(long)]
    raw: bool,

    /// Where to ask, such as command://localhost
    url: Url,

    /// The command and its arguments; try help
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let command = args.command.join(" ");
    let output = Output::new(args.encoding, args.raw);
    let mut ask = Ask::new(&command).sink(output.clone());
    if let Some(path) = &args.body {
        let bar = progress_bar("reading", &path.display().to_string());
        let body = Body::of_file(open(path)?, |progress| show(&bar, progress));
        bar.finish_and_clear();
        ask = ask.body(body.map_err(|error| Failure::file("read", path, &error))?);
    }
    let options = ClientOptions::new().encoding(args.encoding);
    let client = Client::connect_with(&args.url, options)?;
    let reply = client.ask(ask)?;
    output.finish(false)?;
    if !reply.has_output() {
        return Err(names::refused(&reply, &command, || {
            client.call("help").map(|help| names::listed(&help.text())).unwrap_or_default()
        }));
    }
    Ok(match reply.exit {
        Some(exit) if exit != 0 => {
            tell_exit(exit);
            u8::try_from(exit).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        _ if reply.is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
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

fn spool(source: &mut dyn Read, path: &Path) -> Result<File, Failure> {
    let mut copy = || {
        let mut file = tempfile::tempfile()?;
        io::copy(source, &mut file)?;
        file.rewind()?;
        Ok(file)
    };
    copy().map_err(|error| Failure::file("copy to a temporary file", path, &error))
}
