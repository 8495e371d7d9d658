//! `unstick shell`: a prompt.

use crate::asking::{Asking, Waiting};
use crate::failure::{Failure, tell_exit};
use crate::names;
use crate::output::{Output, clean, encoding};
use crate::transfer::{Get, Put, got, name_of, names_in, progress_bar};
use core::cell::RefCell;
use encoding_rs::Encoding;
use indicatif::HumanBytes;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Editor, Helper, Highlighter, Hinter, Validator};
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use tokio::runtime::{Builder, Runtime};
use unstick::Service;
use unstick_std::client::{Ask, Client, ClientOptions, Error, Reply};
use unstick_std::url::Url;

const PROMPT: &str = ">>: ";

/// Ask a node from a prompt.
///
/// Each line is a command; its output follows. `put FILE [NAME]` and `get NAME [FILE]` move files, with
/// quotes around what has spaces; `get NAME -` shows one. Tab completes the names of commands and
/// files, the arrow keys go through the history, Ctrl-C drops the line or gives up waiting for an
/// answer, and Ctrl-D, quit or exit end. Where stdin is no terminal, its lines are run one after
/// another.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick shell command://192.168.69.1
  unstick shell --encoding gbk frame://192.168.1.9
  printf 'uptime\\nstats\\n' | unstick shell command://localhost")]
pub(crate) struct Args {
    /// The encoding of a peer that does not speak UTF-8, such as gbk; auto is this machine's console's
    #[arg(long, value_name = "NAME", default_value = "utf-8", value_parser = encoding)]
    encoding: &'static Encoding,

    /// Write the answer to the terminal as it is, whatever it does there
    #[arg(long)]
    raw: bool,

    #[command(flatten)]
    asking: Asking,

    /// Where to ask, such as command://localhost
    url: Url,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut session = Session::open(args)?;
    if io::stdin().is_terminal() {
        return interactive(&mut session);
    }
    let mut code = ExitCode::SUCCESS;
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::said(format!("cannot read stdin: {error}")))?;
        match Input::parse(&line) {
            Input::Nothing => {}
            Input::End => break,
            Input::Command(command) => match session.run(command) {
                Ok(()) => {}
                Err(Failure::BrokenPipe) => return Err(Failure::BrokenPipe),
                Err(failure) => code = failure.tell(),
            },
        }
    }
    Ok(code)
}

fn interactive(session: &mut Session) -> Result<ExitCode, Failure> {
    session.interruptible = true;
    let unusable = |error| Failure::said(format!("this terminal cannot be used: {error}"));
    let config = rustyline::Config::builder().completion_type(CompletionType::List).build();
    let mut editor = Editor::<Names, DefaultHistory>::with_config(config).map_err(unusable)?;
    println!("{}", session.greeting());
    session.learn();
    editor.set_helper(Some(Names {
        known: Rc::clone(&session.known),
        files: FilenameCompleter::new(),
    }));
    let history = history();
    if let Some(history) = &history {
        let _ = editor.load_history(history); // there is none the first time
    }
    loop {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(unusable(error)),
        };
        let command = match Input::parse(&line) {
            Input::Nothing => continue,
            Input::End => break,
            Input::Command(command) => command,
        };
        let _ = editor.add_history_entry(command);
        if let Err(failure) = session.run(command) {
            failure.tell();
        }
    }
    if let Some(history) = &history {
        let _ = editor.append_history(history); // a shell without history is still a shell
    }
    Ok(ExitCode::SUCCESS)
}

/// What a line asks for.
enum Input<'a> {
    Nothing,
    End,
    Command(&'a str),
}

impl<'a> Input<'a> {
    fn parse(line: &'a str) -> Self {
        match line.trim() {
            "" => Self::Nothing,
            "quit" | "exit" => Self::End,
            command => Self::Command(command),
        }
    }
}

/// What a node has, for completion.
#[derive(Default)]
struct Known {
    commands: Vec<String>,
    files: Vec<String>,
}

/// A connection that is made again when the peer has closed it.
struct Session {
    url: Url,
    asking: Asking,
    options: ClientOptions,
    raw: bool,
    runtime: Runtime,
    /// `None` once a call was given up: so the node sees that nobody waits any more.
    client: Option<Client>,
    /// Whether Ctrl-C gives up waiting rather than ending the program.
    interruptible: bool,
    known: Rc<RefCell<Known>>,
}

impl Session {
    fn open(args: &Args) -> Result<Self, Failure> {
        let (url, asking, raw) = (args.url.clone(), args.asking.clone(), args.raw);
        let options = asking.options()?.encoding(args.encoding);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::System)?;
        let waiting = Waiting::begin(&url);
        let client = runtime.block_on(asking.connect(&url, &options))?;
        drop(waiting);
        let known = Rc::default();
        let (client, interruptible) = (Some(client), false);
        Ok(Self { url, asking, options, raw, runtime, client, interruptible, known })
    }

    /// Whether files can be moved: only the command service says how that went.
    fn has_files(&self) -> bool {
        self.url.endpoint.service() == Service::Command
    }

    /// Runs a line; its output is on stdout then.
    fn run(&mut self, line: &str) -> Result<(), Failure> {
        let name = line.split(' ').next().unwrap_or_default();
        match name {
            "put" | "get" if self.has_files() => self.transfer(line),
            "put" => Err(Failure::said(format!(
                "the {} service takes no files: open a shell at command://",
                self.url.endpoint.service()
            ))),
            _ => self.call(line),
        }?;
        if matches!(name, "put" | "remove") && self.interruptible {
            self.learn();
        }
        Ok(())
    }

    /// `put FILE [NAME]` and `get NAME [FILE]`.
    fn transfer(&mut self, line: &str) -> Result<(), Failure> {
        let words = shell_words::split(line).map_err(|_| {
            Failure::said("a quote is not closed; a word with spaces stands in quotes")
        })?;
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let (reply, line) = match *words.as_slice() {
            ["put", file, ref name @ ..] if name.len() < 2 => {
                let path = Path::new(file);
                let name = name_of(path, name.first().copied())?;
                let put = Put { path, name, no_clobber: false };
                let bar = progress_bar("putting", name);
                let shown = bar.clone();
                let reply = self.on_client(async |client| put.run(client, shown).await);
                bar.finish_and_clear();
                let reply = reply?;
                let line = clean(&reply.text());
                (reply, line)
            }
            ["get", name, ref file @ ..] if file.len() < 2 => {
                let path = Path::new(file.first().copied().unwrap_or(name));
                let get = Get { name, path, no_clobber: false };
                let bar = progress_bar("getting", name);
                let shown = bar.clone();
                let reply = self.on_client(async |client| get.run(client, shown).await);
                bar.finish_and_clear();
                let reply = reply?;
                let line =
                    if path == Path::new("-") { String::new() } else { got(name, &reply, true) };
                (reply, line)
            }
            ["put", ..] => return Err(Failure::said("type `put FILE [NAME]`")),
            _ => return Err(Failure::said("type `get NAME [FILE]`")),
        };
        if !reply.is_ok() {
            return Err(Failure::refused(&reply));
        }
        if !line.is_empty() {
            println!("{line}");
        }
        Ok(())
    }

    /// A command of the node's.
    fn call(&mut self, command: &str) -> Result<(), Failure> {
        let output = Output::new(self.options.encoding, self.raw);
        let waiting = Waiting::begin(&self.url);
        output.begins_with(move || drop(waiting));
        let reply = self.on_client(async |client| {
            Ok(client.ask(Ask::new(command).sink(output.clone())).await?)
        });
        output.begin();
        // What came of a body that broke off stands on a line of its own too.
        output.finish(true)?;
        let reply = reply?;
        if !reply.has_output() {
            if names::are_wanted(&reply) && self.known.borrow().commands.is_empty() {
                self.learn();
            }
            return Err(names::refused(&reply, command, &self.known.borrow().commands));
        }
        if let Some(exit) = reply.exit.filter(|exit| *exit != 0) {
            tell_exit(exit);
        }
        Ok(())
    }

    /// Does something with the connection, which is made again where it is lost.
    fn on_client(
        &mut self,
        what: impl AsyncFnOnce(&Client) -> Result<Reply, Failure>,
    ) -> Result<Reply, Failure> {
        let Self { url, asking, options, runtime, client, interruptible, .. } = self;
        runtime.block_on(async {
            let call = async {
                if let Some(open) = client
                    && !open.is_open().await
                {
                    eprintln!("unstick: the connection was closed meanwhile, connecting again");
                    *client = None;
                }
                let client = match client {
                    Some(client) => client,
                    None => client.insert(asking.connect(url, options).await?),
                };
                what(client).await
            };
            tokio::select! {
                reply = call => reply,
                _ = tokio::signal::ctrl_c(), if *interruptible => {
                    *client = None;
                    eprintln!(); // the terminal shows ^C
                    Err(Failure::said("given up, the answer is not waited for"))
                }
            }
        })
    }

    /// The body of an answer, where there is one.
    fn ask(&self, command: &str) -> Option<String> {
        let reply = self.runtime.block_on(self.client.as_ref()?.call(command)).ok()?;
        reply.is_ok().then(|| reply.text().into_owned())
    }

    /// Asks for what can be completed.
    fn learn(&self) {
        let commands = self.ask("help").map(|help| names::listed(&help)).unwrap_or_default();
        let list = if self.has_files() { self.ask("list") } else { None };
        let files = list.unwrap_or_default();
        // Each may be typed by completion: one that a terminal would not show as it is, is left out.
        let files = names_in(&files).filter(|name| clean(name) == *name).map(str::to_owned);
        *self.known.borrow_mut() = Known { commands, files: files.collect() };
    }

    /// Who has answered.
    fn greeting(&self) -> String {
        let url = &self.url;
        let info = self.ask("info").and_then(|info| serde_json::from_str(&info).ok());
        let info: serde_json::Value = info.unwrap_or_default();
        let (Some(name), Some(version)) = (info["name"].as_str(), info["version"].as_str()) else {
            return format!("connected to {url}; quit or Ctrl-D ends");
        };
        let target = info["target"].as_str().unwrap_or_default();
        // A directory has no limit worth a word.
        let file = info["limits"]["file"].as_u64().filter(|limit| *limit < 1 << 50);
        let file = file.map(|it| HumanBytes(it).to_string()).unwrap_or_default();
        let files = if file.is_empty() { file } else { format!(", files up to {file}") };
        let told = clean(&format!("{name} {version} on {target}"));
        format!("{told} at {url}{files}; help lists its commands, quit or Ctrl-D ends")
    }
}

/// Completes commands, the node's files, and files here.
#[derive(Helper, Hinter, Highlighter, Validator)]
struct Names {
    known: Rc<RefCell<Known>>,
    files: FilenameCompleter,
}

impl Completer for Names {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        context: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..position];
        let known = self.known.borrow();
        let pairs = |names: &[String], begin: &str, end: &str| {
            let fits = names.iter().filter(|name| name.starts_with(begin));
            let pair =
                |name: &String| Pair { display: name.clone(), replacement: format!("{name}{end}") };
            fits.map(pair).collect::<Vec<_>>()
        };
        match typed.split_once(' ') {
            None => Ok((0, pairs(&known.commands, typed, " "))),
            Some(("put", _)) => self.files.complete(line, position, context),
            Some((command @ ("get" | "remove"), name)) => {
                Ok((command.len() + 1, pairs(&known.files, name, "")))
            }
            Some(("help", name)) => Ok(("help ".len(), pairs(&known.commands, name, ""))),
            Some(_) => Ok((position, Vec::new())),
        }
    }
}

/// The file of the history, in a folder that is there; `None` where the system has no place for it.
fn history() -> Option<PathBuf> {
    let folder = dirs::state_dir().or_else(dirs::data_local_dir)?.join("unstick");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}
