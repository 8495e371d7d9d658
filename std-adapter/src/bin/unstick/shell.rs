//! `unstick shell`: a prompt.

use crate::failure::{Failure, tell_exit};
use crate::names;
use crate::output::{Output, encoding};
use encoding_rs::Encoding;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Editor, Helper, Highlighter, Hinter, Validator};
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};
use unstick_std::client::{Ask, Client, ClientOptions, Error};
use unstick_std::url::Url;

const PROMPT: &str = ">>: ";

/// Ask a node from a prompt.
///
/// Each line is a command; its output follows. Tab completes the names of commands, the arrow keys
/// go through the history, Ctrl-C drops the line or gives up waiting for an answer, and Ctrl-D,
/// quit or exit end. Where stdin is no terminal, its lines are run one after another.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick shell command://192.168.69.1
  unstick shell --encoding gbk frame://192.168.1.9
  printf 'uptime\\nstats\\n' | unstick shell command://localhost")]
pub(crate) struct Args {
    /// The encoding of a peer that does not speak UTF-8, such as gbk
    #[arg(long, value_name = "NAME", default_value = "utf-8", value_parser = encoding)]
    encoding: &'static Encoding,

    /// Write the answer to the terminal as it is, whatever it does there
    #[arg(long)]
    raw: bool,

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
    editor.set_helper(Some(Names(session.command_names())));
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

/// A connection that is made again when the peer has closed it.
struct Session {
    url: Url,
    options: ClientOptions,
    raw: bool,
    runtime: Runtime,
    /// `None` once a call was given up: so the node sees that nobody waits any more.
    client: Option<Client>,
    /// Whether Ctrl-C gives up waiting rather than ending the program.
    interruptible: bool,
}

impl Session {
    fn open(args: &Args) -> Result<Self, Failure> {
        let url = args.url.clone();
        let options = ClientOptions::new().encoding(args.encoding);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::System)?;
        let client = runtime.block_on(Client::connect_with(&url, options.clone()))?;
        let raw = args.raw;
        Ok(Self { url, options, raw, runtime, client: Some(client), interruptible: false })
    }

    /// Runs a command; its output is on stdout then.
    fn run(&mut self, command: &str) -> Result<(), Failure> {
        let Self { url, options, raw, runtime, client, interruptible } = self;
        let output = Output::new(options.encoding, *raw);
        let reply = runtime.block_on(async {
            let call = async {
                if let Some(open) = client
                    && !open.is_open().await
                {
                    eprintln!("unstick: the connection was closed meanwhile, connecting again");
                    *client = None;
                }
                let client = match client {
                    Some(client) => client,
                    None => client.insert(Client::connect_with(&*url, options.clone()).await?),
                };
                Ok(client.ask(Ask::new(command).sink(output.clone())).await?)
            };
            tokio::select! {
                reply = call => reply,
                _ = tokio::signal::ctrl_c(), if *interruptible => {
                    *client = None;
                    eprintln!(); // the terminal shows ^C
                    Err(Failure::said("given up, the answer is not waited for"))
                }
            }
        });
        // What came of a body that broke off stands on a line of its own too.
        output.finish(true)?;
        let reply = reply?;
        if !reply.has_output() {
            return Err(names::refused(&reply, command, || self.command_names()));
        }
        if let Some(exit) = reply.exit.filter(|exit| *exit != 0) {
            tell_exit(exit);
        }
        Ok(())
    }

    /// The names of the node's commands.
    fn command_names(&self) -> Vec<String> {
        let Some(client) = &self.client else { return Vec::new() };
        let reply = self.runtime.block_on(client.call("help"));
        reply.map(|reply| names::listed(&reply.text())).unwrap_or_default()
    }
}

/// Completes the first word.
#[derive(Helper, Hinter, Highlighter, Validator)]
struct Names(Vec<String>);

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = &line[..position];
        let fits = |name: &&String| name.starts_with(typed);
        Ok((0, self.0.iter().filter(fits).map(|name| format!("{name} ")).collect()))
    }
}

/// The file of the history, in a folder that is there; `None` where the system has no place for it.
fn history() -> Option<PathBuf> {
    let folder = dirs::state_dir().or_else(dirs::data_local_dir)?.join("unstick");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}
