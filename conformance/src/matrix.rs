//! Scenarios by transports, as a table.

use crate::player::Played;
use crate::scenario::Scenario;
use core::fmt;
use std::io::{self, Write};

/// A transport: plays scenarios, each on a connection of its own.
pub struct Column<'t> {
    /// What stands above it.
    pub name: &'t str,
    /// Plays a scenario, or says with `None` that it does not apply.
    pub play: Box<Play<'t>>,
}

/// What plays a scenario over a transport.
pub type Play<'t> = dyn FnMut(&Scenario) -> Option<Played> + 't;

/// How often transports and table agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Scenarios.
    pub scenarios: usize,
    /// Transports.
    pub transports: usize,
    /// Scenarios that went as written, on a transport each.
    pub agree: usize,
    /// Those that did not.
    pub differ: usize,
    /// Scenarios that do not apply to a transport.
    pub skipped: usize,
}

/// Plays every scenario over every transport; writes each row as it comes to be known, then what
/// differed and where, and the summary.
///
/// `colour` marks what differs with terminal escapes. An error is one of writing to `out`.
pub fn matrix(
    scenarios: &[Scenario],
    columns: &mut [Column<'_>],
    out: &mut dyn Write,
    colour: bool,
) -> io::Result<Summary> {
    let first = scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or_default();
    let mut summary =
        Summary { scenarios: scenarios.len(), transports: columns.len(), ..Summary::default() };
    let mut differences = String::new();
    let mut header = format!("{:first$}", "scenario");
    columns.iter().for_each(|column| header += &format!("  {:WIDTH$}", column.name));
    writeln!(out, "{}", header.trim_end())?;
    for scenario in scenarios {
        write!(out, "{}", scenario.name)?;
        let mut gap = first - scenario.name.len();
        for column in &mut *columns {
            let played = (column.play)(scenario);
            let (count, word) = match &played {
                None => (&mut summary.skipped, "-"),
                Some(Ok(())) => (&mut summary.agree, "ok"),
                Some(Err(_)) => (&mut summary.differ, "DIFFER"),
            };
            *count += 1;
            let is_wrong = matches!(played, Some(Err(_)));
            let (on, off) = if colour && is_wrong { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
            write!(out, "{:gap$}  {on}{word}{off}", "")?;
            out.flush()?;
            gap = column.name.len().max(WIDTH) - word.len();
            if let Some(Err(difference)) = played {
                let (name, rules) = (&scenario.name, scenario.rules.join(" "));
                differences += &format!("\n{name} ({rules}) over {}\n{difference}\n", column.name);
            }
        }
        writeln!(out)?;
    }
    writeln!(out, "{differences}\n{summary}")?;
    Ok(summary)
}

/// Characters of the longest word in a cell.
const WIDTH: usize = "DIFFER".len();

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenarios, transports, agree, differ, skipped } = self;
        write!(
            f,
            "{scenarios} scenarios x {transports} transports: {agree} agree, {differ} differ, {skipped} do not apply"
        )
    }
}
