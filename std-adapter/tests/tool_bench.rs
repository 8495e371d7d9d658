//! `unstick bench`: figures that can be true, and an end.

mod typed;

use serde_json::Value;
use typed::{node, run, url};

/// What `bench --json` says of one size.
fn measured(args: &[&str]) -> Value {
    let (code, out, err) = run([&["bench", "--json", "--seconds", "0.2"], args].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    serde_json::from_str(&out).unwrap()
}

#[test]
fn every_service_is_measured() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    for service in ["echo", "frame", "message", "command", "echo+udp", "command+udp"] {
        let told = measured(&["--connections", "2", "--size", "1,100", url(&urls, service)]);
        for (row, size) in [(0, 1), (1, 100)] {
            let row = &told["results"][row];
            assert_eq!((&row["size"], &row["second_of_first"]), (&size.into(), &Value::Null));
            let node = &row["nodes"][0];
            let number = |value: &Value| value.as_f64().unwrap();
            assert!(number(&node["requests"]) >= 2.0, "{told}");
            assert!(number(&node["requests_per_second"]) > 0.0, "{told}");
            let times = ["p50", "p99", "p99.9", "most"].map(|it| number(&node["microseconds"][it]));
            assert!(times[0] > 0.0 && times.is_sorted(), "{told}");
        }
    }
}

#[test]
fn two_nodes_take_turns_and_are_compared() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    let (a, b) = (url(&urls, "command"), url(&urls, "frame"));
    let told = measured(&["--depth", "4", a, b]);
    let row = &told["results"][0];
    assert_eq!((&row["nodes"][0]["url"], &row["nodes"][1]["url"]), (&a.into(), &b.into()));
    assert!(row["second_of_first"].as_f64().unwrap() > 0.0, "{told}");
    let (code, out, err) = run(["bench", "--seconds", "0.2", a, b]);
    assert!(code == 0 && err.is_empty(), "{err}");
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines[0], "1 connection, depth 1");
    assert!(lines[1].contains("requests/s") && lines[2].starts_with(a), "{out}");
    assert!(lines[3].starts_with(b) && lines[4].contains("times as many as the first"), "{out}");
}

#[test]
fn what_cannot_be_measured_is_said() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    let command = url(&urls, "command");
    for (args, part) in [
        (vec!["--size", "5000", command], "does not fit a header of 1024"),
        (vec!["command://127.0.0.1:1"], "nobody listens"),
    ] {
        let (code, out, err) = run([vec!["bench"], args].concat());
        assert!(code == 1 && out.is_empty() && err.contains(part), "{part}: {err}");
    }
    for args in [["--connections", "0"], ["--depth", "2000"], ["--size", "0"], ["--seconds", "0"]] {
        let (code, _, err) = run([&["bench"], &args[..], &[command]].concat());
        assert!(code == 2 && err.contains(args[0]), "{err}");
    }
}
