//! `unstick get` and `unstick put`: files, whole or not at all.

use crate::failure::{Failure, or_signal};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, Stdout, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempfile::NamedTempFile;
use tokio::runtime::Builder;
use unstick::digest::{Digest, Hasher};
use unstick::message::Verdict;
use unstick::{Service, store};
use unstick_std::client::{Body, Client, Error, Progress, Reply};
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
    let mut target = Target::open(path, name)?;
    let bar = progress_bar("getting", name);
    let reply = ask(url, &format!("get {name}"), None, target.sink(), &bar, |error| match error {
        Error::Sink(error) if path != Path::new("-") => Failure::file("write", path, &error),
        error => error.into(),
    })?;
    target.keep()?;
    if reply.verdict == Verdict::Unverified {
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
    let mut file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Failure::said(format!(
            "`{}` is not a file: put one file at a time",
            path.display()
        )));
    }
    let (size, md5) = measure(&mut file, path)?;
    let bar = progress_bar("putting", name);
    let body = Some(Body { source: &mut file, size, md5 });
    let mut answer = Vec::new();
    ask(url, &format!("put {name}"), body, &mut answer, &bar, |error| match error {
        Error::Source(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Failure::said(format!("`{}` became shorter while it was sent", path.display()))
        }
        Error::Source(error) => unreadable(error),
        error => error.into(),
    })?;
    answer.push(b'\n');
    io::stdout().write_all(&answer)?;
    Ok(ExitCode::SUCCESS)
}

/// The size and digest of a file, which go before it.
pub(crate) fn measure(file: &mut File, path: &Path) -> Result<(u64, Option<Digest>), Failure> {
    let read = |file: &mut File| {
        let bar = progress_bar("reading", &path.display().to_string());
        bar.set_length(file.metadata()?.len());
        let (mut hasher, mut size, mut piece) = (Hasher::default(), 0, vec![0; 64 * 1024]);
        loop {
            let len = file.read(&mut piece)?;
            if len == 0 {
                break;
            }
            hasher.update(&piece[..len]);
            size += len as u64;
            bar.set_position(size);
        }
        bar.finish_and_clear();
        file.rewind()?;
        Ok((size, hasher.finish()))
    };
    read(file).map_err(|error: io::Error| Failure::file("read", path, &error))
}

fn check(url: &Url, name: &str) -> Result<(), Failure> {
    if url.service != Service::Command {
        return Err(Failure::said(format!(
            "the {} service does not tell whether a file was there: use command://",
            url.service.as_str()
        )));
    }
    store::check_name(name).map(|_| ()).map_err(|refusal| Failure::said(refusal.reason.as_str()))
}

/// Asks, with a progress bar, until it is done or a signal comes.
fn ask(
    url: &Url,
    command: &str,
    body: Option<Body<'_>>,
    sink: &mut (dyn Write + Send),
    bar: &ProgressBar,
    failure: impl Fn(Error) -> Failure,
) -> Result<Reply, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::System)?;
    let putting = body.is_some();
    let mut progress = |progress| {
        // The answer to a put is a line of text, and no progress.
        let (bytes, of) = match progress {
            Progress::Received { .. } if putting => return,
            Progress::Sent { bytes, of } | Progress::Received { bytes, of } => (bytes, of),
        };
        bar.set_length(of);
        bar.set_position(bytes);
    };
    // There is something to see while a node is still hashing a large file.
    bar.tick();
    let reply = runtime.block_on(or_signal(async {
        let mut client = Client::connect(url).await?;
        let reply = client.call_with(command, body, sink, &mut progress).await.map_err(failure)?;
        if reply.is_ok() { Ok(reply) } else { Err(Failure::refused(&reply)) }
    }));
    match &reply {
        Ok(_) => bar.finish(),
        Err(_) => bar.finish_and_clear(),
    }
    reply
}

/// A bar on stderr; nothing where that is no terminal.
fn progress_bar(doing: &'static str, name: &str) -> ProgressBar {
    const BAR: &str = "{prefix} {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let bar = ProgressBar::no_length().with_prefix(doing).with_message(name.to_owned());
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar
}

/// Where a file from a node goes.
enum Target {
    Stdout(Stdout),
    /// Something that is no file, such as `/dev/null`: it is written to as it is.
    Device(File),
    /// A file beside the one it is to be; gone when this is dropped before it is kept.
    File {
        beside: NamedTempFile,
        path: PathBuf,
    },
}

impl Target {
    fn open(path: &Path, name: &str) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(io::stdout()));
        }
        Self::open_file(path, name).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                Failure::said(format!("cannot write `{}`: there is no such folder", path.display()))
            }
            _ => Failure::file("write", path, &error),
        })
    }

    fn open_file(path: &Path, name: &str) -> io::Result<Self> {
        let mut path = path.to_owned();
        if path.is_dir() {
            path.push(name);
        }
        // A link stays, and the file it leads to is replaced.
        let path = fs::canonicalize(&path).unwrap_or(path);
        match fs::metadata(&path) {
            Ok(there) if there.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => {
                return File::options().write(true).open(&path).map(Self::Device);
            }
            _ => {}
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask
        let beside = builder.prefix(".unstick-").tempfile_in(folder)?;
        Ok(Self::File { beside, path })
    }

    fn sink(&mut self) -> &mut (dyn Write + Send) {
        match self {
            Self::Stdout(stdout) => stdout,
            Self::Device(device) => device,
            Self::File { beside, .. } => beside.as_file_mut(),
        }
    }

    /// The file is whole.
    fn keep(self) -> Result<(), Failure> {
        match self {
            Self::Stdout(mut stdout) => Ok(stdout.flush()?),
            Self::Device(_) => Ok(()),
            Self::File { beside, path } => {
                let kept = beside.as_file().sync_all().and_then(|()| Ok(beside.persist(&path)?));
                kept.map(|_| ()).map_err(|error| Failure::file("write", &path, &error))
            }
        }
    }
}
