//! One program that may be run: its name, where it is, and what arguments it takes.

use crate::node::error::Error;
use std::path::{Path, PathBuf};
use unstick::{Refusal, Status};

/// A program that may be run.
pub(super) struct Allowed {
    /// The command's name. A command table is static, and a node has one for as long as it runs.
    pub(super) name: &'static str,
    /// Absolute.
    pub(super) path: PathBuf,
    /// What it is run with; `None` for whatever its caller says.
    words: Option<Vec<Word>>,
}

/// One word of a program's arguments.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    /// This one.
    Fixed(String),
    /// `{}`: one of the caller's.
    One,
    /// `{*}`: all of the caller's that are left.
    Rest,
}

impl Allowed {
    /// Reads `PROGRAM`, a name on the `PATH` or a path, or `NAME=PROGRAM ARGUMENT...`, split as a shell would.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let error = |why| Error::Program { name: text.into(), why };
        let named = text.split_once('=').filter(|(name, _)| is_name(name));
        let Some((name, line)) = named else {
            let path = find(text).map_err(error)?;
            let name = own_name(&path).ok_or_else(|| {
                error(
                    "a command's name is one word: give it one, as in `name=/path/of/program {*}`",
                )
            })?;
            return Ok(Self { name: String::from(name).leak(), path, words: None });
        };
        let words = shell_words::split(line);
        let words = words.map_err(|_| error("a quote is not closed: close or escape it"))?;
        let (program, words) =
            words.split_first().ok_or_else(|| error("name a program behind the ="))?;
        let path = find(program).map_err(error)?;
        let words: Vec<_> = words.iter().map(|word| Word::of(word)).collect();
        if words.iter().filter(|word| **word == Word::Rest).count() > 1 {
            return Err(error("{*} takes all arguments that are left: write it once"));
        }
        Ok(Self { name: String::from(name).leak(), path, words: Some(words) })
    }

    /// What it is run with.
    pub(super) fn arguments(&self, given: Vec<String>) -> Result<Vec<String>, Refusal> {
        let Some(words) = &self.words else { return Ok(given) };
        let count = given.len();
        let ones = words.iter().filter(|word| **word == Word::One).count();
        let rest = count.checked_sub(ones).filter(|rest| *rest == 0 || words.contains(&Word::Rest));
        let Some(rest) = rest else {
            let (name, usage) = (self.name, self.usage());
            let why = format_args!("{name} was given {count} arguments; it is used as `{usage}`");
            return Err(Refusal::new(Status::BadRequest, why));
        };
        let mut given = given.into_iter();
        let mut arguments = Vec::new();
        for word in words {
            match word {
                Word::Fixed(text) => arguments.push(text.clone()),
                Word::One => arguments.extend(given.next()),
                Word::Rest => arguments.extend(given.by_ref().take(rest)),
            }
        }
        Ok(arguments)
    }

    /// How it is used, as `help` says it.
    pub(super) fn usage(&self) -> String {
        let words = self.words.as_deref().unwrap_or(&[Word::Rest]);
        let places = words.iter().filter_map(|word| match word {
            Word::Fixed(_) => None,
            Word::One => Some(" ARG"),
            Word::Rest => Some(" [ARGS...]"),
        });
        [self.name].into_iter().chain(places).collect()
    }

    /// What is run, as `help` says it.
    pub(super) fn line(&self) -> String {
        let words = self.words.iter().flatten().map(|word| match word {
            Word::Fixed(text) => format!(" {}", shell_words::quote(text)),
            Word::One => " ARG".into(),
            Word::Rest => " ARGS...".into(),
        });
        [self.path.display().to_string()].into_iter().chain(words).collect()
    }
}

impl Word {
    fn of(text: &str) -> Self {
        match text {
            "{}" => Self::One,
            "{*}" => Self::Rest,
            text => Self::Fixed(text.into()),
        }
    }
}

/// Whether that can be the name of a command, and is no path that has a `=` in it.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(|it: char| it.is_whitespace() || matches!(it, '/' | '\\'))
}

/// Its absolute path.
fn find(program: &str) -> Result<PathBuf, &'static str> {
    let found = which::which(program).ok().and_then(|path| std::path::absolute(path).ok());
    found.ok_or("no such program is on the PATH or there; install it, or give its path")
}

/// The program's own name, if it is one word. `ls.exe` is `ls`, as it is at a prompt.
fn own_name(path: &Path) -> Option<&str> {
    let name = if cfg!(windows) { path.file_stem() } else { path.file_name() };
    name.and_then(|name| name.to_str()).filter(|name| !name.contains(char::is_whitespace))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn run(allow: &str, given: &[&str]) -> Result<String, String> {
        let allowed = Allowed::parse(allow).map_err(|error| error.to_string())?;
        let given = given.iter().map(|&it| it.to_owned()).collect();
        let arguments = allowed.arguments(given).map_err(|refusal| refusal.to_string())?;
        Ok([vec![allowed.name.to_owned()], arguments].concat().join("|"))
    }

    #[test]
    fn what_a_program_is_run_with() {
        for (allow, given, expected) in [
            ("sh", &["-c", "a b"][..], "sh|-c|a b"),
            ("/bin/sh", &[], "sh"),
            ("s=sh", &[], "s"),
            ("s=/bin/sh -c 'a b'", &[], "s|-c|a b"),
            ("s=sh {}", &["-x"], "s|-x"),
            ("s=sh a={} {}", &["x y"], "s|a={}|x y"),
            ("s=sh {} -- {}", &["1", "2"], "s|1|--|2"),
            ("s=sh -- {*}", &[], "s|--"),
            ("s=sh {*} {}", &["1", "2", "3"], "s|1|2|3"),
        ] {
            assert_eq!(run(allow, given).as_deref(), Ok(expected), "{allow}");
        }
    }

    #[test]
    fn what_it_is_not_run_with() {
        for (allow, given, why) in [
            ("s=sh", &["x"][..], "s was given 1 arguments; it is used as `s`"),
            ("s=sh {}", &[], "s was given 0 arguments; it is used as `s ARG`"),
            ("s=sh {}", &["1", "2"], "s was given 2 arguments; it is used as `s ARG`"),
            ("s=sh {} {*}", &[], "s was given 0 arguments; it is used as `s ARG [ARGS...]`"),
            ("s=", &[], "name a program behind the ="),
            ("s=sh 'a", &[], "a quote is not closed: close or escape it"),
            ("s=sh {*} {*}", &[], "{*} takes all arguments that are left: write it once"),
            (
                "s=no-such-program",
                &[],
                "no such program is on the PATH or there; install it, or give its path",
            ),
            (
                "a b=sh",
                &[],
                "no such program is on the PATH or there; install it, or give its path",
            ),
        ] {
            let said = run(allow, given).unwrap_err();
            assert!(said.ends_with(why), "{allow}: {said}");
        }
    }

    #[test]
    fn help_says_what_is_run() {
        let allowed = Allowed::parse("log=/bin/sh -n {} 'a b' {*}").ok().unwrap();
        assert_eq!(allowed.usage(), "log ARG [ARGS...]");
        assert_eq!(allowed.line(), "/bin/sh -n ARG 'a b' ARGS...");
        assert_eq!(Allowed::parse("sh").ok().unwrap().usage(), "sh [ARGS...]");
    }
}
