//! `unstick check`: one node against the protocol.

use crate::failure::Failure;
use crate::target::{Choice, Target, progress};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use unstick_conformance::check::{Check, Outcome};
use unstick_conformance::{Difference, Scenario, Setup, scenarios};

/// Check whether a node keeps the protocol.
///
/// Plays the scenarios of the project's tests against it, each of which shows rules of
/// docs/protocol.md, and says where it does something else. Ends with 0 only if it nowhere does. What a
/// scenario stores it removes again.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick check localhost                                  all services at their own ports
  unstick check frame://192.168.69.1:7000                  one service
  unstick check localhost --rule H4 --rule H5              two rules
  unstick check localhost --only frame-tail --exact        one scenario, byte for byte
  unstick check localhost --json                           for a program

A node is judged by what the page fixes: its texts for people may be any. Scenarios that need a node
set up for them are named with what they need; play them with --set-up.")]
pub(crate) struct Args {
    /// A host with all services at their own ports, or URLs; several belong to one node
    #[arg(value_name = "URL", required_unless_present = "list")]
    node: Vec<Target>,
    #[command(flatten)]
    choice: Choice,
    /// The node has been set up so: plays what needs that, and nothing else
    #[arg(long, value_name = "SETUP", value_parser = setup)]
    set_up: Option<Setup>,
    /// Name the scenarios, their rules and what they need, and play none
    #[arg(long)]
    list: bool,
    /// Print one JSON object: what passed, failed and was skipped
    #[arg(long)]
    json: bool,
    /// Also write a report for CI servers to this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

fn setup(text: &str) -> Result<Setup, String> {
    let known = Setup::ALL.into_iter().find(|setup| setup.as_str() == text);
    known.ok_or_else(|| {
        let names = Setup::ALL.map(Setup::as_str).join(", ");
        format!("there are {names}")
    })
}

/// What has come of all scenarios, in their order.
struct Report {
    node: String,
    results: Vec<(Scenario, Outcome)>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    args.choice.check()?;
    if args.list {
        return list(&args.choice);
    }
    let target = Target::all(&args.node).with_key(args.choice.key()?);
    let connect = |endpoint, from_own_port| target.connect(endpoint, from_own_port);
    let served = target.served(&connect)?;
    let mut check = Check::new(&connect, &served, args.choice.options(args.set_up));
    let chosen: Vec<_> =
        check.scenarios().into_iter().filter(|scenario| args.choice.takes(scenario)).collect();
    let bar = progress(chosen.len());
    let mut play = |scenario: Scenario| {
        bar.set_message(scenario.name.clone());
        let outcome = check.play(&scenario);
        bar.inc(1);
        (scenario, outcome)
    };
    let results = chosen.into_iter().map(&mut play).collect();
    bar.finish_and_clear();
    let node = served.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let report = Report { node, results };
    if let Some(path) = &args.junit {
        report.write_junit(path)?;
    }
    if args.json {
        writeln!(io::stdout(), "{}", report.json())?;
    } else {
        report.print(&mut io::stdout().lock())?;
    }
    let (passed, failed) = (report.passed().count(), report.failed().count());
    Ok(if passed > 0 && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(choice: &Choice) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    for scenario in scenarios().iter().filter(|scenario| choice.takes(scenario)) {
        let Scenario { name, rules, endpoint, setup, .. } = scenario;
        let needs = if *setup == Setup::Default { "" } else { setup.as_str() };
        let line = format!("{name:28} {:12} {:12} {needs}", rules.join(" "), endpoint.to_string());
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Report {
    fn passed(&self) -> impl Iterator<Item = &Scenario> {
        self.results.iter().filter(|it| it.1 == Outcome::Passed).map(|it| &it.0)
    }

    fn failed(&self) -> impl Iterator<Item = (&Scenario, &Difference)> {
        self.results.iter().filter_map(|(scenario, outcome)| match outcome {
            Outcome::Failed(difference) => Some((scenario, &**difference)),
            _ => None,
        })
    }

    fn skipped(&self) -> impl Iterator<Item = (&Scenario, &str)> {
        self.results.iter().filter_map(|(scenario, outcome)| match outcome {
            Outcome::Skipped(why) => Some((scenario, why.as_str())),
            _ => None,
        })
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "answering: {}", self.node)?;
        for (scenario, difference) in self.failed() {
            writeln!(out, "\nFAILED {} ({})", scenario.name, scenario.rules.join(" "))?;
            for sentence in &scenario.shows {
                writeln!(out, "  the page: {sentence}")?;
            }
            writeln!(out, "  {difference}")?;
        }
        let mut reasons = BTreeMap::<_, Vec<_>>::new();
        for (scenario, why) in self.skipped() {
            reasons.entry(why).or_default().push(scenario.name.as_str());
        }
        for (why, names) in reasons {
            writeln!(out, "\nskipped, as {why}:\n  {}", names.join(" "))?;
        }
        writeln!(out, "\nrule  passed  failed  skipped")?;
        let mut rules = BTreeMap::<_, [usize; 3]>::new();
        for (scenario, outcome) in &self.results {
            let column = match outcome {
                Outcome::Passed => 0,
                Outcome::Failed(_) => 1,
                Outcome::Skipped(_) => 2,
            };
            for rule in &scenario.rules {
                rules.entry(rule).or_default()[column] += 1;
            }
        }
        for (rule, [passed, failed, skipped]) in rules {
            writeln!(out, "{rule:4}  {passed:6}  {failed:6}  {skipped:7}")?;
        }
        let (passed, failed) = (self.passed().count(), self.failed().count());
        let skipped = self.skipped().count();
        let verdict = match (passed, failed) {
            (_, 1..) => "does not conform",
            (0, 0) => "nothing was played",
            _ => "conforms",
        };
        writeln!(out, "\n{verdict}: {passed} passed, {failed} failed, {skipped} skipped")
    }

    fn json(&self) -> serde_json::Value {
        let passed = self.passed().map(|it| json!({ "name": it.name, "rules": it.rules }));
        let failed = self.failed().map(|(it, difference)| {
            json!({
                "name": it.name,
                "rules": it.rules,
                "shows": it.shows,
                "why": difference.why,
                "difference": difference.to_string(),
            })
        });
        let skipped = self
            .skipped()
            .map(|(it, why)| json!({ "name": it.name, "rules": it.rules, "reason": why }));
        json!({
            "passed": passed.collect::<Vec<_>>(),
            "failed": failed.collect::<Vec<_>>(),
            "skipped": skipped.collect::<Vec<_>>(),
        })
    }

    fn write_junit(&self, path: &Path) -> Result<(), Failure> {
        let mut suite = TestSuite::new("unstick check");
        for (scenario, outcome) in &self.results {
            let mut status = match outcome {
                Outcome::Passed => TestCaseStatus::success(),
                Outcome::Failed(_) => TestCaseStatus::non_success(NonSuccessKind::Failure),
                Outcome::Skipped(_) => TestCaseStatus::skipped(),
            };
            match outcome {
                Outcome::Passed => {}
                Outcome::Failed(difference) => {
                    status.set_message(difference.why.clone());
                    status.set_description(difference.to_string());
                }
                Outcome::Skipped(why) => {
                    status.set_message(why.clone());
                }
            }
            let mut case = TestCase::new(scenario.name.clone(), status);
            case.set_classname(scenario.rules.join(" "));
            suite.add_test_case(case);
        }
        let mut report = quick_junit::Report::new("unstick check");
        report.add_test_suite(suite);
        let text = report.to_string().map_err(|error| Failure::said(error.to_string()))?;
        std::fs::write(path, text).map_err(|error| Failure::file("write", path, &error))
    }
}
