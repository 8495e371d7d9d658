//! `unstick crosscheck`: two nodes, side by side.

use crate::failure::Failure;
use crate::target::{Choice, Target, progress};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use unstick_conformance::Scenario;
use unstick_conformance::check::{Check, Outcome};

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
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    args.choice.check()?;
    let to_a = |endpoint, from_own_port| args.a.connect(endpoint, from_own_port);
    let to_b = |endpoint, from_own_port| args.b.connect(endpoint, from_own_port);
    let (at_a, at_b) = (args.a.served(&to_a)?, args.b.served(&to_b)?);
    if !at_a.iter().any(|endpoint| at_b.contains(endpoint)) {
        return Err(Failure::said("the two have no service in common: nothing was compared"));
    }
    let mut a = Check::new(&to_a, &at_a, args.choice.options(None));
    let mut b = Check::new(&to_b, &at_b, args.choice.options(None));
    let table: Vec<_> = a.scenarios().into_iter().zip(b.scenarios()).collect();
    let table: Vec<_> = table.into_iter().filter(|(it, _)| args.choice.takes(it)).collect();
    let width = table.iter().map(|(scenario, _)| scenario.name.len()).max().unwrap_or_default();
    let colour = io::stdout().is_terminal();
    let mut out = io::stdout().lock();
    let (mut same, mut differ, mut skipped) = (0, 0, 0);
    let mut differences = String::new();
    writeln!(out, "{:width$}  A      B      both", "scenario")?;
    let bar = progress(table.len());
    for (for_a, for_b) in &table {
        bar.set_message(for_a.name.clone());
        let (of_a, of_b) = (a.play(for_a), b.play(for_b));
        bar.inc(1);
        let Scenario { name, rules, .. } = for_a;
        let both = match (&of_a, &of_b) {
            (Outcome::Skipped(_), _) | (_, Outcome::Skipped(_)) => {
                skipped += 1;
                continue;
            }
            (of_a, of_b) if of_a == of_b => "same",
            _ => "differs",
        };
        *(if both == "same" { &mut same } else { &mut differ }) += 1;
        let (on, off) =
            if colour && both == "differs" { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
        let line = format!("{name:width$}  {:5}  {:5}  {on}{both}{off}", word(&of_a), word(&of_b));
        bar.suspend(|| writeln!(out, "{line}"))?;
        if of_a != Outcome::Passed || of_b != Outcome::Passed {
            differences += &format!("\n{name} ({})\n", rules.join(" "));
            for sentence in &for_a.shows {
                differences += &format!("  the page: {sentence}\n");
            }
            differences += &format!("  A {}\n  B {}\n", told(&of_a), told(&of_b));
        }
    }
    bar.finish_and_clear();
    writeln!(out, "{differences}")?;
    writeln!(out, "{same} same, {differ} differ, {skipped} skipped that do not apply to both")?;
    if same + differ == 0 {
        return Err(Failure::said("no scenario applies to both: nothing was compared"));
    }
    Ok(if differ == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
