//! The page and the scenarios hold each other: what a scenario shows stands on the page, and what
//! stands on the page is shown, or cannot be seen from outside. And the table of scenarios in the docs
//! is that of the file.

use core::fmt::Write as _;
use std::collections::{BTreeMap, BTreeSet};
use unstick_conformance::{Setup, scenarios};

const PAGE: &str = include_str!("../../docs/protocol.md");
const TABLE: &str = include_str!("../../docs/scenarios.md");

/// A scenario has no key; `unstick check --key` plays all of them with one.
const KEYS: &str = "core/src/keys, std-adapter/tests/keys.rs and tests/foreign/keyed.py";

/// What begins so is shown by no scenario, and why.
const UNSEEN: &[(&str, &str)] = &[
    ("What goes over the wire", "about the page"),
    ("Tests and code cite", "about the page"),
    ("Byte strings are written", "about the page"),
    ("sizes are in bytes.", "about the page"),
    ("What each sentence means", "about the page"),
    ("`unstick check` plays", "about the page"),
    ("Text for people", "what is not fixed"),
    ("what a failure says, what `put`", "what is not fixed"),
    ("It is UTF-8 and not empty", "every failure is judged by it"),
    ("All else is fixed", "about the page"),
    ("echo, frame, message and the UDP echo", "tests/peers plays them"),
    ("their clients work against our nodes", "tests/peers plays them"),
    ("`tests/peers/` has", "about the page"),
    ("It is never trusted", "memory is not seen from outside; the core has no heap, and is fuzzed"),
    ("How a stream is cut into reads", "said by what follows"),
    ("The one exception is B1", "said there"),
    ("Something over its limit", "said by what follows"),
    ("`Skip` is only sound", "a reason"),
    ("for a frame, and for a body (C4)", "a reason"),
    ("and is an error in a reply", "clients: core/src/wire/message/tests.rs"),
    ("it is never written", "every reply is judged by it"),
    ("We write it only", "every reply is judged by it"),
    ("The members are", "said by what follows"),
    ("A body that cannot be sent", "a node whose file shrinks: std-adapter/tests/files.rs"),
    ("as long as no newline has ended", "said by what follows"),
    (
        "A receiver must not tear",
        "how a receive is cut is not seen from outside: core/src/serve/server/tests.rs",
    ),
    ("what comes while bytes", "the same"),
    ("An output over 2^31", "a file of 2 GiB"),
    ("Otherwise any page", "a reason"),
    ("These lines are plain", "the table says them"),
    ("Every refusal", "the table says them"),
    ("The body of a request that is refused before", "said by what follows"),
    ("So a client that sends", "clients: core/src/ask/client/tests.rs"),
    ("Limits have names", "clients: core/src/ask/datagram.rs"),
    ("an oversized send is an error", "clients: core/src/ask/datagram.rs"),
    ("It is counted", "counters have no fixed text"),
    ("Each system has its own way", "what others do: ./ci.sh machines asks them"),
    ("The rows are what programs say", "the same"),
    ("`./ci.sh machines` runs them", "the same"),
    ("A client that wants room", "what a request can do"),
    ("or from port 0", "no socket sends from there: smoltcp-demo/tests/node.rs"),
    ("all nodes of a network would", "a reason"),
    ("Otherwise one forged", "a reason"),
    ("So what one node keeps", "a reason"),
    ("A store whose system takes", "what a store can be"),
    ("A file that is replaced or removed", "two connections at once: std-adapter/tests/files.rs"),
    ("A node may have commands", "what a node can do"),
    ("and nobody else's waits", "two connections at once: core/src/driver/tests.rs"),
    ("`help`, `stats` and `list` end", "a node with more files than any here"),
    ("over UDP none of time", "core/src/serve/command/builtin.rs"),
    ("Other refusals are counted", "counters have no fixed text"),
    ("a peer that goes on is reset", "16 MiB: std-adapter/tests/node.rs"),
    ("A node has places", "what a node is"),
    ("Where all are taken", "a load: std-adapter/tests/node.rs"),
    ("where there is none", "a load: std-adapter/tests/node.rs"),
    ("A node may have keys", KEYS),
    ("Then its command service", KEYS),
    ("`Noise_NNpsk0", KEYS),
    ("Every Noise message", KEYS),
    ("Each of the first two carries", KEYS),
    ("L of what its sender accepts", KEYS),
    ("Below 64 the connection", KEYS),
    ("above 65,535 it counts", KEYS),
    ("So a device says how much", "a reason"),
    ("what is sealed can be used", "a reason"),
    ("Whatever is wrong closes", KEYS),
    ("another length, an unknown id", KEYS),
    ("It is counted once, as", KEYS),
    ("A prefix that announces", KEYS),
    ("The first two frames", KEYS),
    ("a first frame that somebody", KEYS),
    ("A node answers handshakes", KEYS),
    ("A key is for everything", KEYS),
    ("others are answered", KEYS),
    ("A connection ends with the next", KEYS),
    ("Key files are text", KEYS),
    ("one key a line", KEYS),
    ("lines that begin with", KEYS),
    ("A node takes all of them", KEYS),
    ("On a keyed connection a node", KEYS),
    ("the tags say more", "a reason"),
    ("One that a client writes", KEYS),
    ("An end of input between", KEYS),
    ("inside a frame it is", KEYS),
    ("need a session, which is opened", KEYS),
    ("`udp ID`, ID 8 hex digits", KEYS),
    ("HKDF-SHA256", KEYS),
    ("the first 32 are the key", KEYS),
    ("A datagram is", KEYS),
    ("A node verifies first", KEYS),
    ("Then it takes each counter", KEYS),
    ("all else is ignored and counted", KEYS),
    ("A reply may be of any length", KEYS),
    ("who has the key is no forged", "a reason"),
    ("A session lasts until", KEYS),
    ("An ID of somebody", KEYS),
    ("A client that hears nothing", "clients: std-adapter/src/client/udp.rs"),
    // Rows of tables.
    ("| id | 4 |", KEYS),
    ("| counter | 8 |", KEYS),
    ("| message | 1 or more |", KEYS),
    ("| tag | 16 |", KEYS),
    ("| first | client | 56", KEYS),
    ("| second | node | 52", KEYS),
    ("| then | both | 17", KEYS),
    ("| echo | TCP", "addresses"),
    ("| frame | TCP", "addresses"),
    ("| message | TCP", "addresses"),
    ("| command | TCP", "addresses"),
    ("| echo | UDP", "addresses"),
    ("| command | UDP", "addresses"),
    ("| nothing |", "an example: golden"),
    ("| `hi` |", "an example: golden"),
    ("| `upper hello` to", "an example: golden"),
    ("| `unknown-command` |", "the table of refusals has it"),
    ("| `bad-request` |", "the table of refusals has it"),
    ("| `too-large` |", "the table of refusals has it"),
    ("| `truncated` |", "the table of refusals has it"),
    ("| `denied` |", "the table of refusals has it"),
    ("| `failed` |", "the table of refusals has it"),
    ("| `busy` |", "the table of refusals has it"),
    ("| `CLASSIC` |", "names in code"),
    ("| `IPV4_MINIMUM` |", "names in code"),
    ("| `IPV6_MINIMUM` |", "names in code"),
    ("| `ETHERNET` |", "names in code"),
    ("| `IPV4_MAXIMUM` |", "names in code"),
    ("| Linux | 8", "what others do: ./ci.sh machines asks them"),
    ("| Windows | 8", "the same"),
    ("| smoltcp | 0", "the same"),
    ("| embassy-net | 0", "the same"),
    ("| lwIP | 8", "the same"),
    ("| for a request |", "300 s: core/src/serve/server/tests.rs"),
    ("| for a command's answer |", "60 s: core/src/serve/server/tests.rs"),
    ("| `request`, `header` |", "conformance/src/bounds.rs passes each limit"),
    ("| `datagram` | bytes", "the same"),
    ("| `file` | bytes", "the same"),
    ("| `text` | bytes", "the same"),
    ("| `files` |", "the same"),
    ("| `connections` |", "the same"),
    ("| `idle_ms`", "the same"),
    ("| `programs` |", "the same"),
    ("| `program_ms` |", "the same"),
    ("| `output` |", "the same"),
];

/// One space between words; no bold, no rule numbers.
fn plain(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").replace("**", "")
}

/// The sentences and the rows of the tables.
fn sentences() -> Vec<String> {
    let mut all = Vec::new();
    for paragraph in PAGE.split("\n\n") {
        if paragraph.starts_with("    ") || paragraph.starts_with('#') {
            continue;
        }
        let rows = paragraph.lines().filter(|line| line.starts_with('|')).skip(2);
        all.extend(rows.map(plain));
        let prose: Vec<_> = paragraph.lines().filter(|line| !line.starts_with('|')).collect();
        let mut prose = prose.join(" ");
        if let Some(rest) = prose.strip_prefix("**") {
            let (title, rest) = rest.split_once("**").expect("bold ends");
            // Without the rule's number, and without a title that is no part of the sentence.
            let begin = title.split_once(". ").map_or("", |(_, begin)| begin);
            let begin = if title.ends_with('.') { "" } else { begin };
            prose = format!("{begin}{rest}");
        }
        let mut sentence = String::new();
        for word in plain(&prose).split(' ') {
            sentence += word;
            let ends = word.ends_with(['.', ';', ':']) && !matches!(word, "4.2.1;");
            let open = sentence.matches('(').count() > sentence.matches(')').count();
            if ends && !open {
                all.push(core::mem::take(&mut sentence));
            } else {
                sentence += " ";
            }
        }
        if !sentence.trim().is_empty() {
            all.push(sentence.trim().to_owned());
        }
    }
    all
}

#[test]
fn what_scenarios_show_stands_on_the_page() {
    let sentences = sentences();
    for scenario in scenarios() {
        assert!(!scenario.shows.is_empty(), "{} shows nothing", scenario.name);
        for quote in &scenario.shows {
            let quote = plain(quote);
            let stands = sentences.iter().any(|it| it.contains(&quote))
                || sentences.windows(2).any(|it| it.join(" ").contains(&quote))
                || sentences.windows(3).any(|it| it.join(" ").contains(&quote));
            assert!(stands, "{}: the page does not say: {quote}", scenario.name);
        }
    }
}

#[test]
fn what_stands_on_the_page_is_shown() {
    let quotes: BTreeSet<_> = scenarios().iter().flat_map(|it| it.shows.clone()).collect();
    let quotes: Vec<_> = quotes.iter().map(|quote| plain(quote)).collect();
    let sentences = sentences();
    let is_shown = |sentence: &str| {
        quotes.iter().any(|quote| sentence.contains(quote) || quote.contains(sentence))
    };
    let is = |sentence: &str, begin: &str| match begin.starts_with('|') {
        true => sentence.starts_with(begin),
        false => sentence.contains(begin),
    };
    let unseen = |sentence: &str| UNSEEN.iter().any(|(begin, _)| is(sentence, begin));
    let missing: Vec<_> =
        sentences.iter().filter(|it| !is_shown(it) && !unseen(it)).map(String::as_str).collect();
    assert!(missing.is_empty(), "no scenario shows:\n{}", missing.join("\n"));
    for (begin, _) in UNSEEN {
        assert!(sentences.iter().any(|it| is(it, begin)), "the page has no `{begin}`");
    }
    assert!(sentences.len() > 150, "{} sentences", sentences.len());
}

/// To write it anew: `UNSTICK_SCENARIOS=write cargo test -p unstick-tests --test page`.
#[test]
fn the_table_in_the_docs_is_that_of_the_file() {
    let mut rules = BTreeMap::<_, Vec<_>>::new();
    let all = scenarios();
    for scenario in &all {
        for rule in &scenario.rules {
            rules.entry(rule.clone()).or_default().push(scenario);
        }
    }
    let mut text = format!(
        "# Scenarios\n\n<!-- Made from conformance/scenarios.toml by tests/tests/page.rs -->\n\n\
        {} of them, by the rules of [the protocol](protocol.md) that they show. `unstick check URL` plays them \
        against any node,\n`unstick check --list` lists them, and the file says at its head how to use it without Rust.\n\n\
        | rule | scenarios | names |\n|---|---|---|\n",
        all.len()
    );
    for (rule, scenarios) in &rules {
        let names: Vec<_> = scenarios.iter().map(|it| format!("`{}`", it.name)).collect();
        writeln!(text, "| {rule} | {} | {} |", names.len(), names.join(", ")).unwrap();
    }
    text += "\n## What some need of a node\n\n| `needs` | scenarios | a node of ours that has it |\n|---|---|---|\n";
    for setup in Setup::ALL.into_iter().skip(1) {
        let serve = match setup {
            Setup::Close => "unstick serve --close-oversize",
            Setup::Commands | Setup::Json => "unstick serve --test-commands",
            Setup::Store => "unstick serve --max-file 65536",
            Setup::Small => "unstick serve --max-file 16",
            Setup::Classic => "unstick serve --max-datagram 512",
            _ => "unstick serve",
        };
        let count = all.iter().filter(|scenario| scenario.setup == setup).count();
        writeln!(text, "| `{}` | {count} | `{serve}` |", setup.as_str()).unwrap();
    }
    if std::env::var_os("UNSTICK_SCENARIOS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scenarios.md"), &text)
            .unwrap();
        return;
    }
    assert!(text == TABLE, "docs/scenarios.md is not what scenarios.toml says");
}
