//! Is the judge any good? A node in Python, written from the page alone, conforms; and each way to
//! break it is caught.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::{io, thread};
use unstick::Endpoint;
use unstick_conformance::check::{Check, Options, Outcome, PROBE};
use unstick_conformance::{Link, Scenario, Setup, live, skip};
use unstick_std::url::Url;

const NODE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mutants/node.py");

/// Mutants that wait for a node that says nothing leave room for others.
const AT_ONCE: usize = 8;

/// The node, which ends with its input.
struct Node {
    process: Child,
    _input: Option<ChildStdin>,
    urls: Vec<Url>,
}

fn python(args: &[&str]) -> Command {
    let mut python = Command::new("python3");
    python.arg(NODE).args(args);
    python
}

impl Node {
    fn start(args: &[&str]) -> Self {
        let mut python = python(args);
        let mut process = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said: Lines<BufReader<ChildStdout>> =
            BufReader::new(process.stdout.take().unwrap()).lines();
        let mut url = || {
            let line = said.next().expect("a line for each service").unwrap();
            line.strip_prefix("listening ").unwrap().parse().unwrap()
        };
        let urls = Endpoint::ALL.iter().map(|_| url()).collect();
        Self { _input: process.stdin.take(), process, urls }
    }

    fn connect(&self, endpoint: Endpoint, from_own_port: bool) -> io::Result<Box<dyn Link>> {
        let url = self.urls.iter().find(|url| url.endpoint == endpoint).unwrap();
        let address = url.authority().parse().unwrap();
        if from_own_port {
            return live::connect_from_own_port(address);
        }
        live::connect(endpoint, address, PROBE)
    }

    /// Plays what `wanted` says in its order, until something is wrong.
    fn check(
        &self,
        setup: Option<Setup>,
        slow: bool,
        wanted: impl Fn(&Scenario) -> Option<u8>,
    ) -> (usize, Option<String>) {
        let connect = |endpoint, from_own_port| self.connect(endpoint, from_own_port);
        let options = Options { setup, slow, ..Options::default() };
        let mut check = Check::new(&connect, &Endpoint::ALL, options);
        let mut table: Vec<_> = check.scenarios();
        table.retain(|scenario| wanted(scenario).is_some());
        table.sort_by_key(&wanted);
        let mut passed = 0;
        for scenario in table {
            match check.play(&scenario) {
                Outcome::Passed => passed += 1,
                Outcome::Skipped(_) => {}
                Outcome::Failed(why) => {
                    return (passed, Some(format!("{}: {why}", scenario.name)));
                }
            }
        }
        (passed, None)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The arguments for a node that is set up so.
fn args(setup: Option<Setup>) -> &'static [&'static str] {
    match setup {
        Some(Setup::Classic) => &["--datagram", "512"],
        Some(Setup::Small) => &["--file", "16"],
        Some(Setup::Store) => &["--file", "65536"],
        Some(Setup::Close) => &["--close"],
        _ => &[],
    }
}

fn has_python() -> bool {
    let there = python(&["--list"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        skip("python3 is missing: whether the judge is any good is not tested");
    }
    there
}

#[test]
fn a_node_written_from_the_page_conforms() {
    if !has_python() {
        return;
    }
    for setup in
        [None, Some(Setup::Classic), Some(Setup::Small), Some(Setup::Store), Some(Setup::Close)]
    {
        let node = Node::start(args(setup));
        let (passed, failed) = node.check(setup, false, |_| Some(0));
        assert_eq!(failed, None, "{setup:?}");
        assert!(passed >= if setup.is_none() { 310 } else { 2 }, "{setup:?}: {passed}");
    }
}

/// Names the mutant, and what caught it.
#[test]
fn mutants_are_caught() {
    if !has_python() {
        return;
    }
    let list = python(&["--list"]).output().unwrap().stdout;
    let list = String::from_utf8(list).unwrap();
    let mutants: Vec<Vec<&str>> = list.lines().map(|line| line.split('\t').collect()).collect();
    let (next, survived) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some([name, rule, what]) =
                    mutants.get(next.fetch_add(1, Ordering::Relaxed)).map(Vec::as_slice)
                {
                    let caught = caught(name, rule);
                    match caught {
                        Some(by) => {
                            println!("caught {name} ({rule}) by {}", by.lines().next().unwrap())
                        }
                        None => survived.lock().unwrap().push(format!("{name} ({rule}): {what}")),
                    }
                }
            });
        }
    });
    let survived = survived.into_inner().unwrap();
    println!("{} of {} mutants caught", mutants.len() - survived.len(), mutants.len());
    assert!(mutants.len() >= 60);
    assert!(survived.is_empty(), "not caught:\n{}", survived.join("\n"));
}

/// What catches a mutant. What shows its rule is played first, as that is likely to.
fn caught(name: &str, rule: &str) -> Option<String> {
    let slow = rule == "T1";
    let likely = |scenario: &Scenario| {
        let shows = scenario.rules.iter().any(|it| it == rule);
        if slow && !shows { None } else { Some(u8::from(!shows)) }
    };
    let setups = match rule {
        "U3" => &[None, Some(Setup::Classic)][..],
        "S1" => &[None, Some(Setup::Store)],
        _ => &[None],
    };
    setups.iter().find_map(|setup| {
        let node = Node::start(&[&["--break", name], args(*setup)].concat());
        node.check(*setup, slow, likely).1
    })
}
