//! `unstick get` and `unstick put`: files, whole or not at all.

use crate::asking::Asking;
use crate::failure::{Failure, or_signal};
use crate::output::{Output, clean};
use encoding_rs::UTF_8;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek as _, Write as _};
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
    #[command(flatten)]
    asking: Asking,
    /// Leave a FILE that is there as it is, and fail
    #[arg(short, long)]
    no_clobber: bool,
    /// Neither make nor compare the file's md5, which takes longer than the bytes do
    #[arg(long)]
    no_verify: bool,
    /// Print one JSON object about the file
    #[arg(long)]
    json: bool,
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
  unstick put command://192.168.69.1 build/firmware.bin new.bin
  tar c site | unstick put command://192.168.69.1 - site.tar")]
pub(crate) struct PutArgs {
    #[command(flatten)]
    asking: Asking,
    /// Leave a file of that name on the node as it is, and fail
    #[arg(short, long)]
    no_clobber: bool,
    /// Neither make nor compare the file's md5, which takes longer than the bytes do
    #[arg(long)]
    no_verify: bool,
    /// Print one JSON object about the file
    #[arg(long)]
    json: bool,
    /// The node's command service, such as command://localhost
    url: Url,
    /// The file to send; - is stdin, and then NAME has to be given
    file: PathBuf,
    /// Its name on the node [default: the name of FILE]
    name: Option<String>,
}

/// A file to get: its name on the node, and where it goes.
pub(crate) struct Get<'a> {
    pub(crate) name: &'a str,
    pub(crate) path: &'a Path,
    pub(crate) no_clobber: bool,
}

/// A file to put: where it is, and its name on the node.
pub(crate) struct Put<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) no_clobber: bool,
}

const STREAM: &str = "-";

pub(crate) fn get(args: &GetArgs) -> Result<ExitCode, Failure> {
    let GetArgs { asking, url, name, file, no_clobber, no_verify, json } = args;
    check(url, name)?;
    let path = file.as_deref().unwrap_or_else(|| name.as_ref());
    let get = Get { name, path, no_clobber: *no_clobber };
    let bar = progress_bar("getting", name);
    let reply = ask(&bar, async |bar| {
        let client = asking.connect(url, &asking.options()?.verify(!no_verify)).await?;
        get.run(&client, bar).await
    })?;
    // On stderr, as stdout may be where the file went.
    match json {
        true if path != Path::new(STREAM) => writeln!(io::stdout(), "{}", facts(name, &reply))?,
        true => eprintln!("{}", facts(name, &reply)),
        false => eprintln!("unstick: {}", got(name, &reply, !no_verify)),
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn put(args: &PutArgs) -> Result<ExitCode, Failure> {
    let PutArgs { asking, url, file: path, name, no_clobber, no_verify, json } = args;
    let name = name_of(path, name.as_deref())?;
    check(url, name)?;
    let put = Put { path, name, no_clobber: *no_clobber };
    let bar = progress_bar("putting", name);
    let reply = ask(&bar, async |bar| {
        let client = asking.connect(url, &asking.options()?.verify(!no_verify)).await?;
        put.run(&client, bar).await
    })?;
    let line = match json {
        true => json!({ "name": name, "answer": reply.text() }).to_string(),
        false => clean(&reply.text()),
    };
    writeln!(io::stdout(), "{line}")?;
    Ok(ExitCode::SUCCESS)
}

/// The name on the node: what was given, or the file's own.
pub(crate) fn name_of<'a>(path: &'a Path, name: Option<&'a str>) -> Result<&'a str, Failure> {
    if path == Path::new(STREAM) && name.is_none() {
        return Err(Failure::said(
            "stdin has no name: give the one it gets on the node after the -",
        ));
    }
    let own_name = || path.file_name().and_then(|name| name.to_str());
    name.or_else(own_name).ok_or_else(|| {
        Failure::said(format!("`{}` has no name in UTF-8: give one", path.display()))
    })
}

fn facts(name: &str, reply: &Reply) -> serde_json::Value {
    let verified = reply.integrity == Integrity::Verified;
    json!({ "name": name, "size": reply.size, "verified": verified })
}

/// What has been got, in a line; whether it was to be verified.
pub(crate) fn got(name: &str, reply: &Reply, verify: bool) -> String {
    let verified = match reply.integrity {
        Integrity::Verified => "verified",
        _ if !verify => "not verified",
        _ => "not verified, as the node told no md5",
    };
    format!("got {}, {} bytes, {verified}", clean(name), reply.size)
}

impl Get<'_> {
    pub(crate) async fn run(&self, client: &Client, bar: ProgressBar) -> Result<Reply, Failure> {
        let Self { name, path, no_clobber } = self;
        let progress = move |progress| show(&bar, progress);
        if *path == Path::new(STREAM) {
            let output = Output::new(UTF_8, false);
            let ask = Ask::new(format!("get {name}")).sink(output.clone()).progress(progress);
            let reply = client.ask(ask).await?;
            output.finish(false)?;
            return Ok(reply);
        }
        let target = if path.is_dir() { path.join(name) } else { path.to_path_buf() };
        if *no_clobber && fs::symlink_metadata(&target).is_ok() {
            let target = target.display();
            return Err(Failure::said(format!(
                "`{target}` is there already, and is left as it is"
            )));
        }
        client.get_file(name, path, progress).await.map_err(|error| match error {
            Error::Sink(error) if error.kind() == ErrorKind::NotFound => {
                Failure::said(format!("cannot write `{}`: there is no such folder", path.display()))
            }
            Error::Sink(error) => Failure::file("write", path, &error),
            error => error.into(),
        })
    }
}

impl Put<'_> {
    pub(crate) async fn run(&self, client: &Client, bar: ProgressBar) -> Result<Reply, Failure> {
        let Self { path, name, no_clobber } = self;
        let unreadable = |error| Failure::file("read", path, &error);
        // The answer to a put is a line of text, and no progress.
        let progress = move |progress| match progress {
            Progress::Received { .. } => {}
            progress => show(&bar, progress),
        };
        if *no_clobber && has(client, name).await? {
            let name = clean(name);
            return Err(Failure::said(format!(
                "the node has a file `{name}` already, and it is left as it is"
            )));
        }
        let sent = if *path == Path::new(STREAM) {
            client.put_open_file(spool(&mut io::stdin(), path)?, name, progress).await
        } else {
            if !fs::metadata(path).map_err(unreadable)?.is_file() {
                return Err(Failure::said(format!(
                    "`{}` is not a file: put one file at a time",
                    path.display()
                )));
            }
            client.put_file(path, name, progress).await
        };
        sent.map_err(|error| match error {
            Error::Source(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Failure::said(format!("`{}` became shorter while it was sent", path.display()))
            }
            Error::Source(error) => unreadable(error),
            error => error.into(),
        })
    }
}

/// Whether the node lists a file of that name.
async fn has(client: &Client, name: &str) -> Result<bool, Failure> {
    let list = client.call("list").await?;
    if !list.is_ok() {
        return Err(Failure::refused(&list));
    }
    Ok(names_in(&list.text()).any(|it| it == name))
}

/// The names in a listing: behind the size and a space.
pub(crate) fn names_in(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter_map(|line| line.trim_start().split_once(' ')).map(|(_, name)| name)
}

/// The size goes before the body, so a stream is copied to a file first.
pub(crate) fn spool(source: &mut dyn Read, path: &Path) -> Result<File, Failure> {
    let mut copy = || {
        let mut file = tempfile::tempfile()?;
        io::copy(source, &mut file)?;
        file.rewind()?;
        Ok(file)
    };
    copy().map_err(|error| Failure::file("copy to a temporary file", path, &error))
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
    bar.finish_and_clear();
    reply
}

/// A bar on stderr; nothing where that is no terminal. It is one line, however narrow that is.
pub(crate) fn progress_bar(doing: &'static str, name: &str) -> ProgressBar {
    /// Columns that the long form wants.
    const LONG: u16 = 72;
    let (_, columns) = console::Term::stderr().size();
    let name = clean(name);
    let shown = match columns {
        LONG.. => "{prefix} {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        _ => "{msg} {percent}% {bytes_per_sec}",
    };
    // Its end is what tells names apart.
    let room = usize::from(columns / 2).max(8);
    let skip = name.chars().count().saturating_sub(room);
    let name = match skip {
        0 => name,
        skip => format!("…{}", name.chars().skip(skip + 1).collect::<String>()),
    };
    let bar = ProgressBar::no_length().with_prefix(doing).with_message(name);
    if let Ok(style) = ProgressStyle::with_template(shown) {
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
        // This draws, and a position only now and then.
        if bar.length() != Some(of) {
            bar.set_length(of);
        }
        bar.set_position(bytes);
    }
}
