//! `check` and `crosscheck`: whether nodes conform, and agree.

mod typed;

use std::fs;
use std::net::TcpListener;
use std::thread;
use typed::{node, run, url};

/// Something that echoes all the same, which no node is.
fn plain_echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("echo://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = std::io::copy(&mut &stream, &mut &stream);
        }
    });
    url
}

#[test]
fn crosscheck_tells_whether_two_nodes_agree() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    let (code, out, err) = run(["crosscheck", &urls, &urls]);
    assert!(code == 0 && out.contains(" same, 0 differ"), "{out}{err}");
    let (code, out, _) = run(["crosscheck", &urls, &plain_echo()]);
    assert!(code == 1 && out.contains("differs"), "{out}");
    let (code, out, _) = run(["crosscheck", "--json", &urls, &plain_echo(), "--rule", "E1"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let names = |list: &str| report[list].as_array().unwrap().len();
    assert!(code == 1 && names("differ") > 5 && names("same") > 0, "{out}");
    assert_eq!(report["differ"][0]["a"], "is right");
    let (code, _, err) = run(["crosscheck", url(&urls, "frame"), url(&urls, "command")]);
    assert!(code == 1 && err.contains("no service in common"), "{err}");
}

#[test]
fn check_tells_whether_a_node_conforms() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    let (code, out, err) = run(["check", &urls, "--exact"]);
    assert!(code == 0 && out.contains("\nconforms: "), "{out}{err}");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nothing is left");

    let echo = plain_echo();
    let junit = root.path().join("report.xml");
    let (code, out, _) =
        run(["check", &echo, "--only", "echo-lower", "--junit", junit.to_str().unwrap()]);
    assert!(code == 1 && out.contains("does not conform: 0 passed, 1 failed"), "{out}");
    let shown = [
        "sent      \"hello\"",
        "expected  \"HELLO\"",
        "seen      \"hello\"",
        "^ they part at byte 0",
    ];
    assert!(shown.iter().all(|line| out.contains(line)), "{out}");
    let report = fs::read_to_string(junit).unwrap();
    assert!(report.contains("<failure") && report.contains("classname=\"E1\""), "{report}");

    let (code, out, _) = run(["check", &echo, "--rule", "E1", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let names = |list: &str| {
        let list = report[list].as_array().unwrap().iter();
        list.map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(code, 1);
    assert!(names("failed").contains(&"echo-lower".into()), "{out}");
    assert!(names("passed").contains(&"echo-nothing".into()), "{out}");
    assert!(names("skipped").contains(&"udp-echo".into()), "{out}");
    assert_eq!(report["failed"][0]["rules"][0], "E1");
}

#[test]
fn check_says_what_it_cannot_check() {
    let (code, out, _) = run(["check", "--list", "--rule", "H4"]);
    assert!(code == 0 && out.contains("header-nine-levels"), "{out}");
    let (code, _, err) = run(["check", "localhost", "--only", "frame-tails"]);
    assert!(code == 1 && err.contains("did you mean `frame-tail`?"), "{err}");
    let (code, _, err) = run(["check", "localhost", "--rule", "Z9"]);
    assert!(code == 1 && err.contains("no scenario shows a rule `Z9`"), "{err}");
    let (code, _, err) = run(["check", "localhost", "--set-up", "huge"]);
    assert!(code == 2 && err.contains("there are default, close"), "{err}");
    // Somebody who takes connections and says nothing is told in two seconds.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap();
    let (code, _, err) = run(["check", &format!("command://{address}")]);
    assert!(code == 1 && err.contains("has not answered its first request"), "{err}");
    drop(mute);
    let (code, _, err) = run(["check", &format!("command://{address}")]);
    assert!(code == 1 && err.contains("nobody listens there"), "{err}");
}
