//! The names of a node's commands: for completion, and for one that was misspelt.

use crate::failure::Failure;
use crate::output::clean;
use unstick::Status;
use unstick_std::client::Reply;

/// The names that a node's `help` lists, one a line; none where a peer's help is another.
pub(crate) fn listed(help: &str) -> Vec<String> {
    let names = help.lines().filter_map(|line| line.split_whitespace().next());
    // Each may be typed by completion: one that a terminal would not show as it is, is left out.
    let names: Vec<_> = names.filter(|name| clean(name) == *name).map(str::to_owned).collect();
    if names.iter().any(|name| name == "help") { names } else { Vec::new() }
}

/// Whether the names of commands help: the one that was typed is none.
pub(crate) fn are_wanted(reply: &Reply) -> bool {
    reply.status.as_deref() == Some(Status::UnknownCommand.as_str())
}

/// The failure that a reply is, with the name that was perhaps meant.
pub(crate) fn refused(reply: &Reply, command: &str, names: &[String]) -> Failure {
    let refused = Failure::refused(reply);
    if !are_wanted(reply) {
        return refused;
    }
    let word = command.split(' ').next().unwrap_or_default();
    match (refused, near(word, names)) {
        (Failure::Said(sentence), Some(name)) => {
            Failure::Said(format!("{sentence}, or did you mean `{name}`?"))
        }
        (refused, _) => refused,
    }
}

/// The name that differs in at most two letters, and in fewer than half of them; the nearest of them.
fn near<'n>(word: &str, names: &'n [String]) -> Option<&'n str> {
    let distance = |name: &&str| strsim::damerau_levenshtein(word, name);
    names.iter().map(String::as_str).min_by_key(distance).filter(|name| {
        let distance = distance(name);
        distance <= 2 && 2 * distance <= word.chars().count()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered() {
        let names = listed("help [COMMAND]   the commands\nupper TEXT\nuptime   seconds\n");
        assert_eq!(near("uper", &names), Some("upper"));
        assert_eq!(near("uptmie", &names), Some("uptime"));
        assert_eq!(near("remove", &names), None);
        assert_eq!(near("?", &listed("help\nls\n")), None);
        assert_eq!(listed("what a shell says\nof help"), Vec::<String>::new());
        assert_eq!(listed("help\n\x1b]52;c;aGk=\x07 x\nb\u{202E}c\n\u{9b}m\n"), ["help"]);
    }
}
