//! A node that runs programs: what they put out, and that none is left, whatever it does.
#![cfg(unix)]

use core::time::Duration;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;
use unstick::{Endpoint, Service};
use unstick_std::client::Reply;
use unstick_std::client::blocking::Client;
use unstick_std::node::{Config, Error, Ports, ProgramLimits, Running, Storage};

/// Long enough for a busy machine, too short for a program that sleeps for a minute.
const SOON: Duration = Duration::from_secs(20);

/// A node in a directory of its own, which may run one shell script, named `script`.
struct Bench {
    node: Running,
    folder: TempDir,
}

impl Bench {
    fn new(script: &str, programs: ProgramLimits) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("script");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let node = Running::start(
            Config::new()
                .ports(Ports::ANY)
                .files(Storage::Directory(folder.path().into()))
                .allow(path.to_str().unwrap())
                .allow("env")
                .programs(programs)
                .grace(Duration::from_secs(1)),
        );
        Self { node: node.unwrap(), folder }
    }

    fn client(&self, endpoint: Endpoint) -> Client {
        Client::connect(self.node.url(endpoint).unwrap()).unwrap()
    }

    fn call(&self, command: &str) -> Reply {
        self.client(Endpoint::tcp(Service::Command)).call(command).unwrap()
    }

    /// The process numbers the script wrote to `pids`, once they are there.
    fn pids(&self) -> Vec<u32> {
        let path = self.folder.path().join("pids");
        let read = || fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n'));
        assert!(within(SOON, || read().is_some()), "the script does not start");
        read().unwrap().split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }

    fn assert_gone(&self) {
        for pid in self.pids() {
            assert!(within(SOON, || !lives(pid)), "process {pid} still lives");
        }
    }
}

fn status(reply: &Reply) -> &str {
    reply.status.as_deref().unwrap()
}

fn within(time: Duration, mut check: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < time {
        if check() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Whether a process is there and no zombie that its new parent has not reaped yet.
fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

const SHORT: ProgramLimits =
    ProgramLimits::DEFAULT.at_once(1).time(Duration::from_millis(300)).output(1024, 1024 * 1024);
const LONG: ProgramLimits = SHORT.time(Duration::from_secs(60));

#[test]
fn stdout_comes_before_stderr_and_the_exit_code_is_told() {
    let bench = Bench::new("echo problem >&2; echo result; exit 3", LONG);
    let reply = bench.call("script");
    assert_eq!(
        (status(&reply), reply.exit, &*reply.text()),
        ("failed", Some(3), "result\nproblem\n")
    );
    // The services of the tutorials carry the same body.
    for service in [Service::Frame, Service::Message] {
        let reply = bench.client(Endpoint::tcp(service)).call("script").unwrap();
        assert_eq!(reply.text(), "result\nproblem\n");
    }
}

#[test]
fn a_program_ended_by_a_signal_has_its_negative_number() {
    let bench = Bench::new("kill -9 $$", LONG);
    assert_eq!(bench.call("script").exit, Some(-9));
}

#[test]
fn output_beyond_memory_is_whole_and_verified() {
    let bench =
        Bench::new("head -c 300000 /dev/zero | tr '\\0' o; head -c 200000 /dev/zero >&2", LONG);
    let reply = bench.call("script");
    assert_eq!((status(&reply), reply.exit), ("ok", Some(0)));
    assert_eq!(reply.integrity, unstick::message::Integrity::Verified);
    assert_eq!(reply.body, [vec![b'o'; 300_000], vec![0; 200_000]].concat());
}

#[test]
fn fault_39_arguments_are_split_and_nothing_else_is_done_to_them() {
    let bench = Bench::new("for word; do echo \"[$word]\"; done", LONG);
    let reply = bench.call("script 'a b' \"c\" d\\ e '' $HOME `id`; *");
    assert_eq!(reply.text(), "[a b]\n[c]\n[d e]\n[]\n[$HOME]\n[`id`;]\n[*]\n");
    assert_eq!(status(&bench.call("script 'open")), "bad-request");
    assert_eq!(status(&bench.call("script a\0b")), "bad-request");
    for path in ["./script", "/bin/sh", "/usr/bin/env", "script\0", "../script", "sh"] {
        assert_eq!(status(&bench.call(path)), "unknown-command", "{path}");
    }
}

#[test]
fn the_environment_is_clean() {
    let bench = Bench::new("cat; pwd", LONG);
    for line in bench.call("env").text().lines() {
        assert!(line.starts_with("PATH=") || line.starts_with("LANG="), "{line}");
    }
    // No stdin either, and the directory is that of the files.
    let folder = bench.folder.path().canonicalize().unwrap();
    assert_eq!(bench.call("script").text().trim_end(), folder.to_str().unwrap());
}

#[test]
fn fault_36_endless_output_is_cut_off() {
    let bench = Bench::new("echo $$ > pids; while :; do echo more and more; done", LONG);
    let reply = bench.call("script");
    assert_eq!(status(&reply), "too-large");
    assert!(reply.text().contains("1048576"), "{}", reply.text());
    bench.assert_gone();
}

#[test]
fn fault_35_a_program_over_its_time_goes_with_all_its_children() {
    let bench = Bench::new("trap '' TERM; sleep 60 & echo $$ $! > pids; wait; wait", SHORT);
    let reply = bench.call("script");
    assert_eq!(status(&reply), "failed");
    assert!(reply.text().contains("300ms"), "{}", reply.text());
    bench.assert_gone();
    assert_eq!(status(&bench.call("env")), "ok", "its place is free again");
}

#[test]
fn fault_37_closing_its_pipes_does_not_keep_a_program_alive() {
    let bench = Bench::new("echo $$ > pids; exec >&- 2>&-; exec sleep 60", SHORT);
    assert_eq!(status(&bench.call("script")), "failed");
    bench.assert_gone();
}

#[test]
fn what_a_program_leaves_behind_goes_with_it() {
    let bench = Bench::new("sleep 60 & echo $! > pids; echo done", LONG);
    assert_eq!(bench.call("script").text(), "done\n");
    bench.assert_gone();
}

#[test]
fn what_left_the_group_does_not_hold_up_the_reply() {
    let bench = Bench::new("setsid sleep 3 & echo done", LONG);
    assert_eq!(bench.call("script").text(), "done\n");
}

#[test]
fn fault_38_one_too_many_is_busy_until_the_client_that_waits_is_gone() {
    let bench = Bench::new("echo $$ > pids; exec sleep 60", LONG);
    let address = bench.node.address(Endpoint::tcp(Service::Frame)).unwrap();
    let mut waiting = TcpStream::connect(address).unwrap();
    waiting.write_all(b"script").unwrap();
    assert!(lives(bench.pids()[0]));
    let reply = bench.call("env");
    assert_eq!(status(&reply), "busy");
    assert!(reply.text().contains("at once"), "{}", reply.text());
    socket2::SockRef::from(&waiting).set_linger(Some(Duration::ZERO)).unwrap();
    drop(waiting);
    bench.assert_gone();
    assert!(within(SOON, || status(&bench.call("env")) == "ok"));
}

#[test]
fn an_interrupted_client_ends_its_program() {
    use rustix::process::{Pid, Signal, kill_process};
    let bench = Bench::new("echo $$ > pids; exec sleep 60", LONG);
    let url = bench.node.url(Endpoint::tcp(Service::Command)).unwrap().to_string();
    let tool = env!("CARGO_BIN_EXE_unstick");
    let mut tool = std::process::Command::new(tool).args(["call", &url, "script"]).spawn().unwrap();
    assert!(lives(bench.pids()[0]));
    kill_process(Pid::from_child(&tool), Signal::INT).unwrap();
    assert_eq!(tool.wait().unwrap().code(), Some(130));
    bench.assert_gone();
}

#[test]
fn a_node_that_stops_leaves_no_program() {
    let bench = Bench::new("echo $$ > pids; exec sleep 60", LONG);
    let address = bench.node.address(Endpoint::tcp(Service::Frame)).unwrap();
    let mut waiting = TcpStream::connect(address).unwrap();
    waiting.write_all(b"script").unwrap();
    let pid = bench.pids()[0];
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(bench);
        let _ = sender.send(());
    });
    receiver.recv_timeout(Duration::from_secs(30)).expect("the node stops");
    assert!(!lives(pid));
}

#[test]
fn a_datagram_waits_for_no_program() {
    let bench = Bench::new("echo never > pids", LONG);
    let long = "x".repeat(100); // so that a reply of three times the request can say why
    let client = bench.client(Endpoint::UDP_COMMAND);
    let reply = client.call(&format!("script {long}")).unwrap();
    assert_eq!((status(&reply), &*reply.text()), ("busy", "programs run over TCP only"));
    assert!(!bench.folder.path().join("pids").exists());
}

#[test]
fn what_cannot_be_allowed_is_refused_at_the_start() {
    let start = |allow: &str| {
        let config = Config::new().ports(Ports::ANY).allow(allow);
        Running::start(config).err().expect(allow)
    };
    assert!(matches!(start("no-such-program"), Error::Program { .. }));
    assert!(matches!(start("/etc/passwd"), Error::Program { .. }));
    assert!(matches!(start(""), Error::Program { .. }));
    assert!(matches!(start("echo"), Error::Ambiguous { name: "echo" }));
}

#[test]
fn fixed_arguments_and_an_environment_of_its_own() {
    let start = |allow: &str| {
        let node = Running::start(Config::new().ports(Ports::ANY).allow(allow)).unwrap();
        let client = Client::connect(node.url(Endpoint::tcp(Service::Command)).unwrap()).unwrap();
        (node, client)
    };
    let (_node, client) = start("say=/bin/sh -c 'printf \"%s|\" \"$0\" \"$@\"; cat' -- {} {*}");
    assert_eq!(client.call("say 'a b' $HOME ;x").unwrap().text(), "--|a b|$HOME|;x|");
    let refused = client.call("say").unwrap();
    assert_eq!(status(&refused), "bad-request");
    assert!(refused.text().contains("it is used as `say ARG [ARGS...]`"), "{}", refused.text());
    assert!(client.call("help say").unwrap().text().contains("runs /bin/sh -c"));
    let (_node, client) = start("vars=env");
    let reply = client.call("vars").unwrap();
    let names: Vec<_> =
        reply.text().lines().map(|it| it.split('=').next().unwrap().to_owned()).collect();
    assert!(names.iter().all(|name| ["PATH", "LANG"].contains(&&**name)), "{names:?}");
}

#[test]
fn programs_run_as_somebody_else() {
    let start = |user: &str| {
        let config = Config::new().ports(Ports::ANY).allow("ids=id {}").run_as(user);
        Running::start(config)
    };
    let unknown = start("no-such-user").err().unwrap().to_string();
    assert_eq!(unknown, "cannot run programs as `no-such-user`: this machine has no such user");
    let node = match start("nobody") {
        Ok(node) => node,
        Err(error) if !nix::unistd::geteuid().is_root() => {
            assert!(
                error
                    .to_string()
                    .ends_with("only a node that root runs can run programs as somebody else")
            );
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let client = Client::connect(node.url(Endpoint::tcp(Service::Command)).unwrap()).unwrap();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    assert_eq!(client.call("ids -u").unwrap().text().trim(), nobody.uid.to_string());
    assert_eq!(client.call("ids -G").unwrap().text().trim(), nobody.gid.to_string());
}

/// The node's end is its programs' end, even if it was killed.
#[test]
#[cfg(target_os = "linux")]
fn a_node_that_is_killed_leaves_no_program() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("script");
    fs::write(&path, "#!/bin/sh\necho $$ > pids\nexec sleep 60\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_unstick"));
    serve.args(["serve", "--echo", "off", "--frame", "off", "--message", "off", "--command", "0"]);
    serve.args(["--udp-echo", "off", "--udp-command", "off", "--allow", path.to_str().unwrap()]);
    serve.args(["--root", folder.path().to_str().unwrap()]);
    let mut node = serve.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut announced = std::io::BufReader::new(node.stdout.as_mut().unwrap());
    std::io::BufRead::read_line(&mut announced, &mut line).unwrap();
    let address = line.trim_end().rsplit(' ').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"\x14\0\0\0{\"command\":\"script\"}").unwrap();
    let pids = folder.path().join("pids");
    let pid = || fs::read_to_string(&pids).ok()?.trim_end().parse().ok();
    assert!(within(SOON, || pid().is_some()), "the script does not start");
    node.kill().unwrap();
    node.wait().unwrap();
    assert!(within(SOON, || !lives(pid().unwrap())), "it still lives");
}
