//! The tool as it is typed: exit codes, what goes where, and files that are whole or not there.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use unstick_std::node::{Config, Ports, Running, Storage};

fn tool<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unstick"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the tool; its exit code, stdout and stderr.
fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> (i32, String, String) {
    told(&tool(arguments).output().unwrap())
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A node with its files in a folder.
fn node(root: &Path) -> (Running, String) {
    let files = Storage::Directory(root.to_owned());
    let node = Running::start(Config::new().ports(Ports::ANY).files(files)).unwrap();
    let urls: Vec<_> = node.listening().iter().map(|socket| socket.url().to_string()).collect();
    (node, urls.join(","))
}

/// The URL of that scheme among them.
fn url<'u>(urls: &'u str, scheme: &str) -> &'u str {
    urls.split(',').find(|url| url.split("://").next() == Some(scheme)).unwrap()
}

/// A command service that handles one connection in its own way.
fn strange(serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("command://{}", listener.local_addr().unwrap());
    thread::spawn(move || serve(listener.accept().unwrap().0));
    url
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| name(it).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn call_on_every_service() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    for (scheme, expected) in [
        ("echo", "UPPER  HELLO"),
        ("frame", " HELLO"),
        ("message", " HELLO"),
        ("command", " HELLO"),
        ("echo+udp", "UPPER  HELLO"),
        ("command+udp", " HELLO"),
    ] {
        let answer = run(["call", url(&urls, scheme), "upper", "", "hello"]);
        assert_eq!(answer, (0, expected.to_owned(), String::new()), "{scheme}");
    }
}

#[test]
fn only_status_ok_ends_with_0() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    let (code, out, err) = run(["call", url(&urls, "command"), "nosuch"]);
    assert_eq!((code, &out[..]), (1, ""));
    assert_eq!(err, "unstick: unknown-command: there is no command `nosuch`; try help\n");
    for usage in [&["call"][..], &["call", "comand://h", "x"], &["get", "h", "x"], &["nosuch"]] {
        assert_eq!(run(usage).0, 2, "{usage:?}");
    }
}

#[test]
fn verbose_stands_before_or_behind() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    let url = url(&urls, "command");
    for arguments in [["-v", "call", url, "echo", "x"], ["call", "-v", url, "echo", "x"]] {
        let (code, out, err) = run(arguments);
        assert_eq!((code, &out[..]), (0, "x"));
        assert!(err.contains("connected to"), "{err}");
    }
}

#[test]
fn what_a_node_says_does_not_steer_the_terminal() {
    let url = strange(|mut stream| {
        let reply = br#"{"id":1,"status":"failed","total_size":10}"#;
        stream.write_all(&(reply.len() as i32).to_le_bytes()).unwrap();
        stream.write_all(reply).unwrap();
        stream.write_all(b"\x1b[31mred\nx").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let (code, _, err) = run(["call", &url, "x"]);
    assert_eq!((code, &err[..]), (1, "unstick: failed: \u{FFFD}[31mred\nx\n"));
}

#[test]
#[cfg(unix)]
fn a_program_passes_on_its_output_and_exit_code() {
    let config = Config::new().ports(Ports::ANY).allow("ls");
    let node = Running::start(config).unwrap();
    let command = unstick::Endpoint::tcp(unstick::Service::Command);
    let url = node.url(command).unwrap().to_string();
    let (code, out, err) = run(["call", &url, "ls", "/nonexistent"]);
    assert!(code != 0 && code != 1 && out.contains("/nonexistent"), "{code} {out} {err}");
    assert_eq!(err, format!("unstick: the program ended with exit code {code}\n"));
}

#[test]
fn nobody_reads_the_output() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), vec![b'x'; 10_000_000]).unwrap();
    let (_node, urls) = node(root.path());
    for arguments in
        [&["call", url(&urls, "command"), "get", "a"], &["get", url(&urls, "command"), "a", "-"]]
    {
        let mut child =
            tool(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(told(&child.wait_with_output().unwrap()), (141, String::new(), String::new()));
    }
}

/// What is said of a file that has come.
const GOT: &str = "unstick: got 文件.bin, 1200000 bytes, verified\n";

#[test]
fn files_there_and_back() {
    let (root, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_node, urls) = node(root.path());
    let url = url(&urls, "command");
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let at = |name: &str| here.path().join(name);
    fs::write(at("文件.bin"), &content).unwrap();
    let put = run([OsStr::new("put"), url.as_ref(), at("文件.bin").as_ref()]);
    assert_eq!(put, (0, "stored 文件.bin, 1200000 bytes\n".into(), String::new()));
    assert_eq!(names(root.path()), ["文件.bin"]);
    // To a file that is there, to a folder, to stdout, to nowhere.
    fs::write(at("old"), "old").unwrap();
    fs::create_dir(at("folder")).unwrap();
    for (target, result) in [("old", "old"), ("folder", "folder/文件.bin"), ("new", "new")] {
        let get = run([OsStr::new("get"), url.as_ref(), "文件.bin".as_ref(), at(target).as_ref()]);
        assert_eq!(get, (0, String::new(), GOT.into()), "{target}");
        assert!(fs::read(at(result)).unwrap() == content, "{target}");
    }
    let output = tool(["get", url, "文件.bin", "-"]).output().unwrap();
    assert!(output.stdout == content && output.stderr == GOT.as_bytes());
    assert_eq!(names(here.path()), ["folder", "new", "old", "文件.bin"]);
}

#[test]
fn a_file_that_cannot_be_had_leaves_nothing_and_replaces_nothing() {
    let (root, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_node, urls) = node(root.path());
    let target = here.path().join("a");
    fs::write(&target, "old").unwrap();
    let damaged =
        br#"{"id":1,"status":"ok","total_size":5,"md5":"d41d8cd98f00b204e9800998ecf8427e"}"#;
    let cut = br#"{"id":1,"status":"ok","total_size":1000}"#;
    let serve = |header: &'static [u8]| {
        strange(move |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let prefix = u32::try_from(header.len()).unwrap().to_le_bytes();
            stream.write_all(&[&prefix[..], header, b"hello"].concat()).unwrap();
        })
    };
    for (url, part) in [
        (serve(damaged), "is damaged"),
        (serve(cut), "995 bytes are missing"),
        (url(&urls, "command").to_owned(), "there is no file `a`"),
        (url(&urls, "message").to_owned(), "use command://"),
    ] {
        let (code, out, err) =
            run([OsStr::new("get"), url.as_ref(), "a".as_ref(), target.as_ref()]);
        assert!(code == 1 && out.is_empty() && err.contains(part), "{part}: {err}");
        assert_eq!(
            (names(here.path()), &fs::read(&target).unwrap()[..]),
            (vec!["a".into()], &b"old"[..])
        );
    }
    let nowhere = here.path().join("none/a");
    let (code, _, err) =
        run([OsStr::new("get"), url(&urls, "command").as_ref(), "a".as_ref(), nowhere.as_ref()]);
    assert!(code == 1 && err.contains("cannot write `") && err.contains("no such folder"), "{err}");
}

#[test]
#[cfg(unix)]
fn an_interrupt_leaves_no_half_file() {
    use rustix::process::{Pid, Signal, kill_process};
    let here = tempfile::tempdir().unwrap();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let url = strange(|mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            stream
                .write_all(b"\x28\0\0\0{\"id\":1,\"status\":\"ok\",\"total_size\":1000}half")
                .unwrap();
            let _ = stream.read(&mut [0]);
        });
        let child = tool(["get", &url, "a"])
            .current_dir(here.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let half =
            |name: &String| fs::metadata(here.path().join(name)).is_ok_and(|file| file.len() == 4);
        while !names(here.path()).iter().any(half) {
            thread::yield_now();
        }
        let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(told(&child.wait_with_output().unwrap()), (code, String::new(), String::new()));
        assert_eq!(names(here.path()), Vec::<String>::new());
    }
}

#[test]
fn a_file_that_cannot_be_put() {
    let (root, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_node, urls) = node(root.path());
    let file = here.path().join("a");
    fs::write(&file, "content").unwrap();
    for (path, name, part) in [
        (here.path().join("none"), "x".to_owned(), "it is not there"),
        (here.path().to_owned(), "x".to_owned(), "is not a file"),
        (file.clone(), "n".repeat(256), "a name of 256 bytes is over the limit of 255"),
        (file, "../x".to_owned(), "a file name has no /"),
    ] {
        let (code, out, err) =
            run([OsStr::new("put"), url(&urls, "command").as_ref(), path.as_ref(), name.as_ref()]);
        assert!(code == 1 && out.is_empty() && err.contains(part), "{part}: {err}");
    }
    assert!(names(root.path()).is_empty());
}

/// A file that has a name already stays where it is asked to.
#[test]
fn nothing_is_overwritten_that_is_not_to_be() {
    let (root, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_node, urls) = node(root.path());
    let url = url(&urls, "command");
    let file = here.path().join("a");
    let file = file.to_str().unwrap();
    fs::write(file, "here").unwrap();
    fs::write(root.path().join("a"), "there").unwrap();
    let (code, _, err) = run(["get", "--no-clobber", url, "a", file]);
    assert!(code == 1 && err.contains("is there already"), "{err}");
    let (code, _, err) = run(["put", "--no-clobber", url, file]);
    assert!(code == 1 && err.contains("has a file `a` already"), "{err}");
    assert_eq!(fs::read_to_string(file).unwrap(), "here");
    assert_eq!(fs::read_to_string(root.path().join("a")).unwrap(), "there");
    assert_eq!(run(["put", "--no-clobber", url, file, "b"]).0, 0);
}

/// A command that keeps a body does not run without one: it would empty the file.
#[test]
fn put_is_no_command_without_a_body() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    fs::write(root.path().join("a"), "kept").unwrap();
    let (code, _, err) = run(["call", url(&urls, "command"), "put", "a"]);
    assert!(code == 1 && err.contains("give --body FILE"), "{err}");
    assert_eq!(fs::read_to_string(root.path().join("a")).unwrap(), "kept");
}

#[test]
fn stdin_is_put_under_a_name() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    let mut put = tool(["put", url(&urls, "command"), "-", "a"]);
    let mut put = put.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    put.stdin.take().unwrap().write_all(b"piped").unwrap();
    assert_eq!(told(&put.wait_with_output().unwrap()).1, "stored a, 5 bytes\n");
    assert_eq!(fs::read_to_string(root.path().join("a")).unwrap(), "piped");
    let (code, _, err) = run(["put", url(&urls, "command"), "-"]);
    assert!(code == 1 && err.contains("stdin has no name"), "{err}");
}

#[test]
fn shell_moves_files() {
    let (root, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_node, urls) = node(root.path());
    fs::write(here.path().join("a b"), "content").unwrap();
    let lines = "put 'a b'\nput 'a b' c\nget c d\nget c -\nget\nput x y z\nget nosuch\n";
    let mut shell = tool(["shell", url(&urls, "command")]);
    let shell = shell.current_dir(here.path()).stdin(Stdio::piped());
    let mut shell = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let (code, out, err) = told(&shell.wait_with_output().unwrap());
    let said = "stored a b, 7 bytes\nstored c, 7 bytes\ngot c, 7 bytes, verified\ncontent";
    assert_eq!((code, &out[..]), (1, said));
    assert_eq!(names(root.path()), ["a b", "c"]);
    assert_eq!(fs::read_to_string(here.path().join("d")).unwrap(), "content");
    for part in ["type `get NAME [FILE]`", "type `put FILE [NAME]`", "no file `nosuch`"] {
        assert!(err.contains(part), "{part}: {err}");
    }
    assert_eq!(names(here.path()), ["a b", "d"]);
}

/// Another service than was asked says which it is, and where.
#[test]
fn the_service_that_is_there_is_named() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    for asked in ["frame", "message", "command"] {
        for there in ["frame", "message", "command"] {
            if asked == there
                || (asked, there) == ("frame", "message")
                || (asked, there) == ("message", "frame")
            {
                continue;
            }
            let right = url(&urls, there);
            let (code, _, err) = run(["call", &right.replace(there, asked), "upper", "a"]);
            assert!(
                code == 1 && err.contains(&format!("but a {there} service: ask {right}")),
                "{err}"
            );
        }
    }
}

#[test]
fn facts_are_json_where_that_is_wanted() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    fs::write(root.path().join("a"), b"\xFF\0").unwrap();
    let json = |arguments: &[&str]| -> (i32, serde_json::Value) {
        let (code, out, err) = run(arguments);
        (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}")))
    };
    let command = url(&urls, "command");
    let (code, told) = json(&["call", "--json", command, "upper", "a"]);
    assert_eq!((code, &told["status"], &told["body"]), (0, &"ok".into(), &"A".into()));
    let (code, told) = json(&["call", "--json", command, "nosuch"]);
    assert_eq!((code, &told["status"]), (1, &"unknown-command".into()));
    let (_, told) = json(&["call", "--json", command, "get", "a"]);
    assert_eq!((&told["body"], &told["hex"]), (&serde_json::Value::Null, &"ff00".into()));
    let (_, told) = json(&["call", "--json", url(&urls, "frame"), "upper", "a"]);
    assert_eq!(told["status"], serde_json::Value::Null);
    let file = root.path().join("b");
    let (_, told) = json(&["get", "--json", command, "a", file.to_str().unwrap()]);
    assert_eq!((&told["size"], &told["verified"]), (&2.into(), &true.into()));
}

#[test]
fn a_timeout_and_retries_are_kept() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("command://{}", mute.local_addr().unwrap());
    let (code, _, err) = run(["call", "--timeout", "0.1", &url, "info"]);
    assert!(code == 1 && err.contains("command://"), "{err}");
    let (code, _, err) = run(["call", "--timeout", "0", &url, "info"]);
    assert!(code == 2 && err.contains("from 0.01 to 86400"), "{err}");
    // Two datagrams are lost.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("command+udp://{}", socket.local_addr().unwrap());
    let answers = thread::spawn(move || {
        let mut request = [0; 2048];
        for _ in 0..2 {
            socket.recv_from(&mut request).unwrap();
        }
        let (len, peer) = socket.recv_from(&mut request).unwrap();
        let text = String::from_utf8_lossy(&request[4..len]).into_owned();
        let (_, id) = text.split_once("\"id\":").unwrap();
        let id: String = id.chars().take_while(char::is_ascii_digit).collect();
        let header = format!(r#"{{"id":{id},"status":"ok","filename":"","total_size":1}}"#);
        let len = u32::try_from(header.len()).unwrap().to_le_bytes();
        socket.send_to(&[&len, header.as_bytes(), b"A"].concat(), peer).unwrap();
    });
    let (code, out, err) = run(["call", "--retries", "20", "--timeout", "1", &url, "upper", "a"]);
    assert_eq!((code, &out[..]), (0, "A"), "{err}");
    answers.join().unwrap();
}

#[test]
fn the_tool_documents_itself() {
    assert!(run(["--version"]).1.starts_with("unstick "));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, out, _) = run(["completions", shell]);
        assert!(code == 0 && out.contains("crosscheck"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(["man", folder.path().to_str().unwrap()]).0, 0);
    assert!(names(folder.path()).contains(&"unstick-serve.1".to_owned()));
}

#[test]
fn a_node_logs_each_request() {
    let mut serve = tool([
        "serve",
        "-v",
        "--echo",
        "off",
        "--frame",
        "off",
        "--message",
        "off",
        "--command",
        "0",
        "--udp-echo",
        "off",
        "--udp-command",
        "off",
    ]);
    let mut serve = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(serve.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = format!("command://{}", line.trim().rsplit(' ').next().unwrap());
    assert_eq!(run(["call", &url, "upper", "a\u{1b}[31m"]).0, 0);
    let log = BufReader::new(serve.stderr.take().unwrap());
    let mut lines = log.lines().map_while(Result::ok);
    let access = lines.find(|line| line.contains("upper")).expect("a line");
    serve.kill().unwrap();
    serve.wait().unwrap();
    assert!(access.contains(r#"command "upper a\u{1b}[31m" ok 6 bytes "#), "{access}");
    assert!(access.trim_end().ends_with(" ms"), "{access}");
}

#[test]
fn shell_runs_the_lines_of_a_pipe() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    let mut child = tool(["shell", url(&urls, "command")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"upper a\r\n\nnosuch\nupper b\nquit\nupper c\n")
        .unwrap();
    let (code, out, err) = told(&child.wait_with_output().unwrap());
    assert_eq!((code, &out[..]), (1, "A\nB\n"));
    assert!(err.contains("there is no command `nosuch`"), "{err}");
}

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

/// What is open already is written to, and not replaced; a link stays.
#[test]
#[cfg(unix)]
fn what_is_no_plain_file_is_written_to() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    fs::write(root.path().join("ok"), "new").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("out"), "old ").unwrap();
    let out = fs::File::options().append(true).open(at("out")).unwrap();
    let mut get = tool(["get", url(&urls, "command"), "ok", "/dev/stdout"]);
    assert!(get.stdout(out).status().unwrap().success());
    assert_eq!(fs::read(at("out")).unwrap(), b"old new");
    for (link, to) in [("link", "nowhere"), ("other", "out")] {
        std::os::unix::fs::symlink(to, at(link)).unwrap();
        let (code, ..) = run(["get", url(&urls, "command"), "ok", at(link).to_str().unwrap()]);
        assert_eq!((code, fs::read(at(to)).unwrap()), (0, b"new".to_vec()));
        assert_eq!(fs::read_link(at(link)).unwrap(), Path::new(to));
    }
    assert_eq!(names(folder.path()), ["link", "nowhere", "other", "out"]);
}

/// What is seen of the tool on a terminal.
#[cfg(target_os = "linux")]
fn on_a_terminal(arguments: &[&str]) -> String {
    let nix::pty::OpenptyResult { master, slave } = nix::pty::openpty(None, None).unwrap();
    let mut command = tool(arguments);
    command.stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    drop(command); // and with it our end of what it writes to
    let mut seen = Vec::new();
    let _ = fs::File::from(master).read_to_end(&mut seen); // which ends with an error
    child.wait().unwrap();
    String::from_utf8(seen).unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_node_gives_does_not_steer_the_terminal() {
    let root = tempfile::tempdir().unwrap();
    let (_node, urls) = node(root.path());
    let url = url(&urls, "command");
    fs::write(root.path().join("text"), "a\x1b]52;c;aGk=\x07\u{9b}2J\u{202e}文件\r\n").unwrap();
    fs::write(root.path().join("binary"), b"a\0b\x1b[2J").unwrap();
    fs::write(root.path().join("latin"), b"caf\xE9\x1b[2J").unwrap();
    let hint = "unstick: the answer is not text: send it to a file or a pipe, or add --raw\r\n";
    let visible = "a\u{FFFD}]52;c;aGk=\u{FFFD}\u{FFFD}2J\u{FFFD}文件\r\n";
    assert_eq!(on_a_terminal(&["call", url, "get", "text"]), visible);
    for name in ["binary", "latin"] {
        assert_eq!(on_a_terminal(&["call", url, "get", name]), hint);
    }
    let raw = on_a_terminal(&["call", "--raw", url, "get", "binary"]);
    assert_eq!(raw, "a\0b\x1b[2J\r\n");
    let (code, out, _) = run(["call", url, "get", "text"]);
    assert_eq!((code, out), (0, fs::read_to_string(root.path().join("text")).unwrap()));
}

/// A node does not stand still because nobody reads its log.
#[test]
#[cfg(unix)]
fn nobody_reads_the_log() {
    let mut serve = tool(["serve", "-v", "--echo", "0", "--frame", "off", "--message", "off"]);
    serve.args(["--command", "off", "--udp-echo", "off", "--udp-command", "off"]);
    let mut node = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut BufReader::new(node.stdout.as_mut().unwrap()), &mut line)
        .unwrap();
    let address = line.trim_end().rsplit(' ').next().unwrap().to_owned();
    // Each is worth two lines of log; a pipe holds 64 KiB.
    for _ in 0..3000 {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(b"a").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"A");
    }
    node.kill().unwrap();
    node.wait().unwrap();
}

/// Buffers are there only while bytes are in them.
#[test]
#[cfg(target_os = "linux")]
fn an_idle_connection_takes_little_memory() {
    const CONNECTIONS: usize = 400;
    let mut serve = tool(["serve", "--echo", "0", "--frame", "off", "--message", "off"]);
    serve.args(["--command", "off", "--udp-echo", "off", "--udp-command", "off"]);
    serve.args(["--max-connections", "1000"]);
    let mut node = serve.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut announced = BufReader::new(node.stdout.as_mut().unwrap());
    std::io::BufRead::read_line(&mut announced, &mut line).unwrap();
    let address = line.trim_end().rsplit(' ').next().unwrap();
    let status = format!("/proc/{}/status", node.id());
    let resident = || -> usize {
        let status = fs::read_to_string(&status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let connect = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"a").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        stream
    };
    let first: Vec<_> = (0..50).map(connect).collect();
    let before = resident();
    let idle: Vec<_> = (0..CONNECTIONS).map(connect).collect();
    let each = resident().saturating_sub(before) / CONNECTIONS;
    drop((first, idle));
    node.kill().unwrap();
    node.wait().unwrap();
    assert!(each <= 16, "{each} KB each; it was 7");
}
