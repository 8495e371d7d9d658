//! What the pages show of a terminal is what is seen there: each `console` block is typed, in order, in a
//! network namespace of its own, where the default ports are free.
#![cfg(target_os = "linux")]

use core::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TOOL: &str = env!("CARGO_BIN_EXE_unstick");
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A command that a page shows, and the lines below it.
struct Typed {
    command: String,
    shown: Vec<String>,
}

/// What is typed in a page, in order.
fn typed(page: &str) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(kind) => inside = kind == "console",
            None if !inside => {}
            None => match line.strip_prefix("$ ") {
                Some(command) => {
                    all.push(Typed { command: command.to_owned(), shown: Vec::new() });
                }
                None => all.last_mut().expect("a command").shown.push(line.to_owned()),
            },
        }
    }
    all
}

/// A script that types them, each with its output in a file; what runs in the background ends with it.
fn script(all: &[Typed]) -> String {
    let tool = Path::new(TOOL).parent().unwrap().display();
    let mut script = format!("ip link set lo up || exit\nexport PATH={tool}:$PATH NO_COLOR=1\n");
    for (index, Typed { command, shown }) in all.iter().enumerate() {
        let lines = shown.iter().filter(|line| *line != "...").count();
        let _ = match command.strip_suffix(" &") {
            Some(command) => write!(
                script,
                "{command} >out.{index} 2>&1 &\njobs+=($!)\n\
                 for _ in {{1..100}}; do (($(wc -l <out.{index}) >= {lines})) && break; sleep .1; done\n"
            ),
            None if command.starts_with("cargo ") => {
                writeln!(script, "(cd {REPOSITORY} && {command}) >out.{index} 2>&1")
            }
            None => writeln!(script, "{{ {command}; }} >out.{index} 2>&1"),
        };
    }
    script + "kill ${jobs[@]}\nwait\n"
}

/// Whether that was seen; a line of three dots stands for any lines.
fn is(seen: &[&str], shown: &[String]) -> bool {
    match (shown.split_first(), seen.split_first()) {
        (None, None) => true,
        (Some((dots, rest)), _) if dots == "..." => {
            (0..=seen.len()).any(|skip| is(&seen[skip..], rest))
        }
        (Some((line, shown)), Some((first, seen))) if line == first => is(seen, shown),
        _ => false,
    }
}

fn pages() -> Vec<PathBuf> {
    let of = |folder: &str| {
        let entries = fs::read_dir(Path::new(REPOSITORY).join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let mut pages: Vec<_> = [of("."), of("docs")].concat();
    pages.retain(|path| path.extension().is_some_and(|kind| kind == "md"));
    pages.sort();
    pages
}

/// What makes a network namespace: as root, or as a user.
fn unshare() -> Option<&'static [&'static str]> {
    let ways = [&["--net"][..], &["--net", "--user", "--map-root-user"]];
    ways.into_iter().find(|way| {
        let mut ip = Command::new("unshare");
        let ip = ip.args(*way).args(["ip", "link", "set", "lo", "up"]).stderr(Stdio::null());
        ip.status().is_ok_and(|status| status.success())
    })
}

#[test]
fn what_pages_show_of_a_terminal_is_seen_there() {
    let Some(way) = unshare() else {
        let why = "no network namespace: what the pages show of a terminal is not tested";
        return unstick_conformance::skip(why);
    };
    let mut tested = 0;
    for path in pages() {
        let all = typed(&fs::read_to_string(&path).unwrap());
        if all.is_empty() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("unshare");
        let shell = shell.args(way).args(["bash", "-c", &script(&all)]).current_dir(&folder);
        shell.stdin(Stdio::null()).status().unwrap();
        for (index, Typed { command, shown }) in all.iter().enumerate() {
            let seen = fs::read_to_string(folder.path().join(format!("out.{index}"))).unwrap();
            let mut lines: Vec<_> = seen.lines().collect();
            if command.ends_with(" &") && shown.last().is_none_or(|last| last != "...") {
                lines.truncate(shown.len()); // it went on
            }
            let page = path.display();
            assert!(
                is(&lines, shown),
                "{page}: $ {command}\n{seen}\nit shows:\n{}",
                shown.join("\n")
            );
            tested += 1;
        }
    }
    assert!(tested > 20, "{tested}");
}
