//! `unstick crosscheck`: two nodes, side by side.

use crate::failure::Failure;
use crate::target::{Choice, Target, progress};
use serde_json::json;
use std::io::{self, Write};
use std::process::ExitCode;
use unstick_conformance::Scenario;
use unstick_conformance::check::{Check, Outcome};
use unstick_std::options::is_colourful;

/// Compare how two live nodes behave.
///
/// `unstick check` of both, side by side: ends with 0 only if the two agree.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  unstick crosscheck 192.168.69.1 localhost
  unstick crosscheck command://192.168.69.1,echo://192.168.69.1:7 localhost

Columns A and B say whether a node does what docs/protocol.md says; the last one whether the two
did the same.")]
pub(crate) struct Args {
    /// One node: a host with all services at their own ports, or URLs separated by commas
    #[arg(value_name = "URL_A")]
    a: Target,
    /// The other node
    #[arg(value_name = "URL_B")]
    b: Target,
    #[command(flatten)]
    choice: Choice,
    /// Print one JSON object: what both do alike, what they do not, and what was skipped
    #[arg(long)]
    json: bool,
}

/// What has come of a scenario on both.
struct Pair {
    scenario: Scenario,
    a: Outcome,
    b: Outcome,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    args.choice.check()?;
    let key = args.choice.key()?;
    let (a, b) = (args.a.clone().with_key(key.clone()), args.b.clone().with_key(key));
    let to_a = |endpoint, from_own_port| a.connect(endpoint, from_own_port);
    let to_b = |endpoint, from_own_port| b.connect(endpoint, from_own_port);
    let (at_a, at_b) = (a.served(&to_a)?, b.served(&to_b)?);
    if !at_a.iter().any(|endpoint| at_b.contains(endpoint)) {
        return Err(Failure::said("the two have no service in common: nothing was compared"));
    }
    let mut a = Check::new(&to_a, &at_a, args.choice.options(None));
    let mut b = Check::new(&to_b, &at_b, args.choice.options(None));
    let table: Vec<_> = a.scenarios().into_iter().zip(b.scenarios()).collect();
    let table: Vec<_> = table.into_iter().filter(|(it, _)| args.choice.takes(it)).collect();
    let mut pairs = Vec::new();
    let bar = progress(table.len());
    for (for_a, for_b) in table {
        bar.set_message(for_a.name.clone());
        let (of_a, of_b) = (a.play(&for_a), b.play(&for_b));
        bar.inc(1);
        pairs.push(Pair { scenario: for_a, a: of_a, b: of_b });
    }
    bar.finish_and_clear();
    let (played, skipped): (Vec<_>, Vec<_>) = pairs.into_iter().partition(Pair::is_played);
    let differ = played.iter().filter(|pair| !pair.is_same()).count();
    if args.json {
        writeln!(io::stdout(), "{}", json(&played, &skipped))?;
    } else {
        print(&mut io::stdout().lock(), &played, skipped.len())?;
    }
    if played.is_empty() {
        return Err(Failure::said("no scenario applies to both: nothing was compared"));
    }
    Ok(if differ == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Pair {
    const fn is_played(&self) -> bool {
        !matches!((&self.a, &self.b), (Outcome::Skipped(_), _) | (_, Outcome::Skipped(_)))
    }

    fn is_same(&self) -> bool {
        self.a == self.b
    }
}

fn json(played: &[Pair], skipped: &[Pair]) -> serde_json::Value {
    let of = |pair: &Pair| {
        let Pair { scenario, a, b } = pair;
        json!({ "name": scenario.name, "rules": scenario.rules, "a": told(a), "b": told(b) })
    };
    let (same, differ): (Vec<_>, Vec<_>) = played.iter().partition(|pair| pair.is_same());
    json!({
        "same": same.into_iter().map(of).collect::<Vec<_>>(),
        "differ": differ.into_iter().map(of).collect::<Vec<_>>(),
        "skipped": skipped.iter().map(of).collect::<Vec<_>>(),
    })
}

fn print(out: &mut impl Write, played: &[Pair], skipped: usize) -> io::Result<()> {
    let width = played.iter().map(|pair| pair.scenario.name.len()).max().unwrap_or_default();
    let colour = is_colourful(&io::stdout());
    writeln!(out, "{:width$}  A      B      both", "scenario")?;
    for pair in played {
        let (name, same) = (&pair.scenario.name, pair.is_same());
        let both = match (same, colour) {
            (true, _) => "same",
            (false, false) => "differs",
            (false, true) => "\x1b[31mdiffers\x1b[0m",
        };
        writeln!(out, "{name:width$}  {:5}  {:5}  {both}", word(&pair.a), word(&pair.b))?;
    }
    for Pair { scenario, a, b } in played {
        if (a, b) != (&Outcome::Passed, &Outcome::Passed) {
            writeln!(out, "\n{} ({})", scenario.name, scenario.rules.join(" "))?;
            for sentence in &scenario.shows {
                writeln!(out, "  the page: {sentence}")?;
            }
            writeln!(out, "  A {}\n  B {}", told(a), told(b))?;
        }
    }
    let same = played.iter().filter(|pair| pair.is_same()).count();
    let differ = played.len() - same;
    writeln!(out, "\n{same} same, {differ} differ, {skipped} skipped that do not apply to both")
}

const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "ok",
        Outcome::Failed(_) => "other",
        Outcome::Skipped(_) => "-",
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed => "is right".into(),
        Outcome::Failed(difference) => difference.to_string().replace('\n', "\n  "),
        Outcome::Skipped(why) => why.clone(),
    }
}
