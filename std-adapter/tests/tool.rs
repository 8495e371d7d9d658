//! The tool as it is typed: exit codes, what goes where, what is said.

mod typed;

use core::time::Duration;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;
use std::thread;
use std::time::Instant;
use typed::{names, node, run, strange, told, tool, url};
use unstick_std::node::{Config, Ports, Running};

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

/// What could be read and not written is no encoding for commands.
#[test]
fn an_encoding_works_both_ways() {
    for name in ["utf-16le", "utf-16be", "replacement", "klingon"] {
        let (code, _, err) = run(["call", "--encoding", name, "frame://localhost", "x"]);
        assert!(code == 2 && err.contains("no such encoding"), "{name}: {err}");
    }
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
    /// KB of each.
    const MOST: usize = 16;
    const PATIENCE: Duration = Duration::from_secs(20);
    let mut serve = tool(["serve", "--echo", "0", "--frame", "off", "--message", "off"]);
    serve.args(["--command", "off", "--udp-echo", "off", "--udp-command", "off"]);
    serve.args(["--max-connections", "1100"]);
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
    // So many that those that may keep their buffers for a little are among them.
    let first: Vec<_> = (0..200).map(connect).collect();
    let mut before = resident();
    let mut each = |connections: Vec<TcpStream>| {
        // A node that is not let run keeps for longer what it is done with.
        let begun = Instant::now();
        let (mut now, mut each);
        loop {
            now = resident();
            each = now.saturating_sub(before) / CONNECTIONS;
            if each <= MOST || begun.elapsed() > PATIENCE {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        before = now;
        (connections, each)
    };
    let (_used, used) = each((0..CONNECTIONS).map(connect).collect());
    let mut silent: Vec<_> =
        (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
    silent.push(connect(0)); // by then the others have been accepted
    let (_silent, silent) = each(silent);
    drop(first);
    node.kill().unwrap();
    node.wait().unwrap();
    assert!(used <= MOST && silent <= MOST, "{used} and {silent} KB each; it was 8");
}
