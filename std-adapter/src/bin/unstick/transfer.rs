//! `unstick get` and `unstick put`: files, whole or not at all.

use crate::failure::{Failure, or_signal};
use crate::output::{Output, clean};
use encoding_rs::UTF_8;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Builder;
use unstick::message::Integrity;
use unstick::{Service, store};
use unstick_std::client::{Ask, Client, Error, Progress, Reply};
use unstick_std::url::Url;

/// Get a file from a node.
///
/// It is written beside FILE and takes its place once it is whole and its md5 is right, so there
/// is never half a file, not after Ctrl-C either. A FILE that is there is replaced.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick get command://192.168.69.1 log.txt
  unstick get command://192.168.69.1 log.txt yesterday.txt
  unstick get command://192.168.69.1 log.txt - | grep error")]
pub(crate) struct GetArgs {
    /// The node's command service, such as command://localhost
    url: Url,
    /// The file's name on the node; see `unstick call URL list`
    name: String,
    /// Where to write it: a file, a folder, or - for stdout [default: NAME]
    file: Option<PathBuf>,
}

/// Put a file on a node.
///
/// The node keeps it once it is whole and its md5 is right.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick put command://192.168.69.1 config.json
  unstick put command://192.168.69.1 build/firmware.bin new.bin")]
pub(crate) struct PutArgs {
    /// The node's command service, such as command://localhost
    url: Url,
    /// The file to send
    file: PathBuf,
    /// Its name on the node [default: the name of FILE]
    name: Option<String>,
}

pub(crate) fn get(args: &GetArgs) -> Result<ExitCode, Failure> {
    let GetArgs { url, name, file } = args;
    check(url, name)?;
    let path = file.as_deref().unwrap_or_else(|| name.as_ref());
    let stdout = path == Path::new("-");
    let bar = progress_bar("getting", name);
    let reply = ask(&bar, async |bar| {
        let client = Client::connect(url).await?;
        let progress = move |progress| show(&bar, progress);
        if stdout {
            let output = Output::new(UTF_8, false);
            let sink = output.clone();
            let ask = Ask::new(format!("get {name}")).sink(sink).progress(progress);
            let reply = client.ask(ask).await?;
            output.finish(false)?;
            return Ok(reply);
        }
        client.get_file(name, path, progress).await.map_err(|error| match error {
            Error::Sink(error) if error.kind() == ErrorKind::NotFound => {
                Failure::said(format!("cannot write `{}`: there is no such folder", path.display()))
            }
            Error::Sink(error) => Failure::file("write", path, &error),
            error => error.into(),
        })
    })?;
    if reply.integrity == Integrity::Unverified {
        eprintln!("unstick: the node told no md5, so the {} bytes are not verified", reply.size);
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn put(args: &PutArgs) -> Result<ExitCode, Failure> {
    let PutArgs { url, file: path, name } = args;
    let own_name = || path.file_name().and_then(|name| name.to_str());
    let Some(name) = name.as_deref().or_else(own_name) else {
        return Err(Failure::said(format!("`{}` has no name in UTF-8: give one", path.display())));
    };
    check(url, name)?;
    let unreadable = |error| Failure::file("read", path, &error);
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Failure::said(format!(
            "`{}` is not a file: put one file at a time",
            path.display()
        )));
    }
    let bar = progress_bar("putting", name);
    let reply = ask(&bar, async |bar| {
        let client = Client::connect(url).await?;
        // The answer to a put is a line of text, and no progress.
        let progress = move |progress| match progress {
            Progress::Received { .. } => {}
            progress => show(&bar, progress),
        };
        client.put_file(path, name, progress).await.map_err(|error| match error {
            Error::Source(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Failure::said(format!("`{}` became shorter while it was sent", path.display()))
            }
            Error::Source(error) => unreadable(error),
            error => error.into(),
        })
    })?;
    io::stdout().write_all(format!("{}\n", clean(&reply.text())).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn check(url: &Url, name: &str) -> Result<(), Failure> {
    let service = url.endpoint.service();
    if service != Service::Command {
        return Err(Failure::said(format!(
            "the {service} service does not tell whether a file was there: use command://"
        )));
    }
    store::check_name(name).map(|_| ()).map_err(|refusal| Failure::said(refusal.reason.as_str()))
}

/// Asks, with a progress bar, until it is done or a signal comes.
fn ask(
    bar: &ProgressBar,
    transfer: impl AsyncFnOnce(ProgressBar) -> Result<Reply, Failure>,
) -> Result<Reply, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::System)?;
    // There is something to see while a node is still hashing a large file.
    bar.tick();
    let reply = runtime.block_on(or_signal(async {
        let reply = transfer(bar.clone()).await?;
        if reply.is_ok() { Ok(reply) } else { Err(Failure::refused(&reply)) }
    }));
    match &reply {
        Ok(_) => bar.finish(),
        Err(_) => bar.finish_and_clear(),
    }
    reply
}

/// A bar on stderr; nothing where that is no terminal.
pub(crate) fn progress_bar(doing: &'static str, name: &str) -> ProgressBar {
    const BAR: &str = "{prefix} {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let bar = ProgressBar::no_length().with_prefix(doing).with_message(name.to_owned());
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar
}

/// Moves a bar.
pub(crate) fn show(bar: &ProgressBar, progress: Progress) {
    if let Progress::Hashed { bytes, of }
    | Progress::Sent { bytes, of }
    | Progress::Received { bytes, of } = progress
    {
        bar.set_length(of);
        bar.set_position(bytes);
    }
}
