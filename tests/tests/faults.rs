//! Each fault of `docs/faults.md` has a test that bears its number.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where these tests are.
const FOLDERS: [&str; 4] =
    ["std-adapter/tests", "std-adapter/tests/faults", "smoltcp-demo/tests", "sim/tests"];

#[test]
fn each_fault_has_its_test_and_its_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder");
    let mut tests = BTreeSet::new();
    for folder in FOLDERS {
        for file in fs::read_dir(root.join(folder)).expect("it is there") {
            let text = fs::read_to_string(file.expect("a file").path()).unwrap_or_default();
            for (before, test) in text.split("fn fault_").zip(text.split("fn fault_").skip(1)) {
                assert!(before.trim_end().ends_with("#[test]"), "fault_{test:.40} is no test");
                tests.insert(test[..2].parse::<u32>().expect("a number"));
            }
        }
    }
    assert_eq!(tests, (1..=40).collect());

    let page = fs::read_to_string(root.join("docs/faults.md")).expect("it is there");
    let rows = page.lines().skip_while(|line| *line != "## Forty faults").skip(1);
    let rows = rows.take_while(|line| !line.starts_with("## "));
    let numbers = rows.filter_map(|row| row.strip_prefix("| ")?.split(" | ").next());
    let listed: Vec<u32> = numbers.flat_map(|it| it.split(", ")).flat_map(str::parse).collect();
    assert_eq!(listed, (1..=40).collect::<Vec<_>>());
}
