//! Keys on real sockets: who gets in, who does not, and what the tool says of it.

mod typed;

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;
use tempfile::TempDir;
use typed::run;
use unstick::host::Counter;
use unstick::keys::{DatagramKey, Key, Role};
use unstick::message::Integrity;
use unstick::{Endpoint, Service};
use unstick_std::client::blocking::Client;
use unstick_std::client::{Ask, Body, ClientOptions, Error};
use unstick_std::keys::NodeKeys;
use unstick_std::node::{Config, Ports, Running};

const COMMAND: Endpoint = Endpoint::tcp(Service::Command);

/// Long enough for a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn key(id: u8, role: Role, byte: u8) -> Key {
    Key::new(id, role, [byte; 32]).unwrap()
}

/// A node with two keys, and where they can be changed.
fn node() -> (Running, NodeKeys) {
    let keys = NodeKeys::new([key(1, Role::Full, 1), key(2, Role::Read, 2)]).unwrap();
    let config = Config::new().ports(Ports::ANY).keys(keys.clone());
    (Running::start(config).unwrap(), keys)
}

fn client(node: &Running, key: Key) -> Result<Client, Error> {
    Client::connect_with(node.url(COMMAND).unwrap(), ClientOptions::new().key(key))
}

fn counted(node: &Running, counter: Counter) -> u64 {
    let stats = client(node, key(1, Role::Full, 1)).unwrap().call("stats").unwrap();
    let line =
        stats.text().lines().find(|line| line.starts_with(counter.as_str())).map(str::to_owned);
    line.unwrap().split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn who_has_a_key_may_what_it_allows() {
    let (node, _) = node();
    let full = client(&node, key(1, Role::Full, 1)).unwrap();
    let body: Vec<u8> = (0..60_000_u32).map(|n| (n >> 3) as u8).collect();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("body");
    std::fs::write(&path, &body).unwrap();
    assert!(full.put_file(&path, "a", |_| {}).unwrap().is_ok());
    let read = client(&node, key(2, Role::Read, 2)).unwrap();
    let reply = read.call("get a").unwrap();
    assert!(reply.body == body && reply.integrity == Integrity::Verified);
    let denied = read.call("remove a").unwrap();
    assert_eq!(denied.status.as_deref(), Some("denied"));
    assert!(full.call("remove a").unwrap().is_ok());
}

#[test]
fn who_has_none_is_refused_in_a_sentence() {
    let (node, _) = node();
    let open = Running::start(Config::new().ports(Ports::ANY)).unwrap();
    let said = |result: Result<Client, Error>| result.err().unwrap().to_string();
    for wrong in [key(1, Role::Full, 3), key(9, Role::Full, 1)] {
        let said = said(client(&node, wrong));
        assert!(said.ends_with("is it the right key, and still one of the node's?"), "{said}");
    }
    let said_by_open = said(client(&open, key(1, Role::Full, 1)));
    assert!(
        said_by_open.ends_with("has no keys: ask it without one (without --key)"),
        "{said_by_open}"
    );
    let without = Client::connect(node.url(COMMAND).unwrap()).unwrap().call("upper a");
    let without = without.unwrap_err().to_string();
    assert!(without.ends_with("or with --key FILE if it asks for a key"), "{without}");
    let frame = node.url(Endpoint::tcp(Service::Frame)).unwrap();
    let options = ClientOptions::new().key(key(1, Role::Full, 1));
    let elsewhere = said(Client::connect_with(frame, options));
    assert!(elsewhere.starts_with("keys are for the command service"), "{elsewhere}");
    assert!(counted(&node, Counter::Denied) >= 3);
}

#[test]
fn no_other_service_runs_commands() {
    let (node, _) = node();
    for service in [Service::Frame, Service::Message] {
        let url = node.url(Endpoint::tcp(service)).unwrap();
        let reply = Client::connect(url).unwrap().call("uptime").unwrap();
        assert_eq!(reply.text(), "this node answers only who has a key, on its command service");
    }
    let options = ClientOptions::new().datagram_reply(Duration::from_millis(300));
    let udp = Client::connect_with(node.url(Endpoint::UDP_COMMAND).unwrap(), options).unwrap();
    assert!(matches!(udp.call("uptime"), Err(Error::NoReply { .. })));
    for endpoint in [Endpoint::tcp(Service::Echo), Endpoint::UDP_ECHO] {
        let echo = Client::connect(node.url(endpoint).unwrap()).unwrap();
        assert_eq!(echo.call("echo").unwrap().text(), "ECHO");
    }
    assert_eq!(counted(&node, Counter::Denied), 3);
}

#[test]
fn a_key_that_is_removed_is_none_any_more() {
    let (node, keys) = node();
    let (one, two) = (
        client(&node, key(1, Role::Full, 1)).unwrap(),
        client(&node, key(2, Role::Read, 2)).unwrap(),
    );
    assert!(one.call("upper a").unwrap().is_ok() && two.call("upper a").unwrap().is_ok());
    // The other one stays; what was one's is another key now.
    keys.replace([key(1, Role::Full, 9), key(2, Role::Read, 2)]);
    assert!(one.call("upper a").is_err(), "it was connected");
    assert!(two.call("upper a").unwrap().is_ok());
    assert!(client(&node, key(1, Role::Full, 1)).is_err());
    assert!(client(&node, key(1, Role::Full, 9)).unwrap().call("upper a").unwrap().is_ok());
}

/// What a client with the key says first.
fn greeting() -> Vec<u8> {
    use unstick::{Limits, Session as _, keys::KeyedClient};
    struct Nobody;
    impl unstick::Caller for Nobody {
        fn request(&mut self, _: u64) -> Option<unstick::Request<'_>> {
            None
        }
        fn reply(&mut self, _: u64, _: unstick::ReplyEvent<'_>) -> Result<(), unstick::Cancelled> {
            Ok(())
        }
    }
    let client = unstick::Client::new(Service::Command, Limits::DEFAULT);
    let mut client = KeyedClient::<_, 64>::offer(client, key(1, Role::Full, 1), [7; 32]);
    let mut output = [0; 64];
    let step = client.step(unstick::Instant::ZERO, &mut Nobody, b"", &mut output);
    output[..step.written].to_vec()
}

/// Whether the node closes within the time, and what it has said before.
fn ends(stream: &mut TcpStream) -> (bool, Vec<u8>) {
    let mut said = Vec::new();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(0) => return (true, said),
            Ok(_) => said.push(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return (true, said);
            }
            Err(_) => return (false, said),
        }
    }
}

/// A session for datagrams that the node has opened, and a socket to it.
fn datagrams(node: &Running) -> (DatagramKey, UdpSocket) {
    let (id, secret) = ([1, 2, 3, 4], [5; 32]);
    let ask = Ask::new("udp 01020304").body(Body::new(&[5; 32][..], 32));
    assert!(client(node, key(1, Role::Full, 1)).unwrap().ask(ask).unwrap().is_ok());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(node.address(Endpoint::UDP_COMMAND).unwrap()).unwrap();
    (DatagramKey::new(&key(1, Role::Full, 1), id, &secret), socket)
}

/// A request, sealed.
fn sealed(session: &mut DatagramKey, text: &str) -> Vec<u8> {
    let mut plain = [0; 256];
    let request = unstick::Request::new(text);
    let len = unstick::DatagramClient::command().request(&request, b"", &mut plain).unwrap();
    let mut datagram = [0; 300];
    let len = session.seal(&plain[..len], &mut datagram).unwrap();
    datagram[..len].to_vec()
}

/// What comes back to a datagram, if anything does.
fn answer(socket: &UdpSocket, datagram: &[u8], patience: Duration) -> Option<Vec<u8>> {
    socket.send(datagram).unwrap();
    socket.set_read_timeout(Some(patience)).unwrap();
    let mut reply = [0; 1472];
    let len = socket.recv(&mut reply).ok()?;
    Some(reply[..len].to_vec())
}

/// Each is answered once, in whatever order they come, up to 64 behind the newest.
#[test]
fn fault_27_a_datagram_twice_or_late() {
    let (node, _) = node();
    let (mut session, socket) = datagrams(&node);
    let all: Vec<_> = (0..100).map(|n| sealed(&mut session, &format!("upper {n}"))).collect();
    for fresh in [0, 2, 1, 99, 36] {
        assert!(answer(&socket, &all[fresh], SOON).is_some(), "{fresh}");
    }
    let denied = counted(&node, Counter::Denied);
    for stale in [0, 2, 99, 36, 35] {
        let came = answer(&socket, &all[stale], Duration::from_millis(50));
        assert_eq!(came, None, "{stale}");
    }
    // A fresh one behind them: so they have been looked at.
    assert!(answer(&socket, &sealed(&mut session, "upper a"), SOON).is_some());
    assert_eq!(counted(&node, Counter::Denied), denied + 5);
}

#[test]
fn datagrams_with_a_key() {
    let (node, keys) = node();
    let over = node.url(COMMAND).unwrap();
    let udp = node.url(Endpoint::UDP_COMMAND).unwrap();
    let options = |key| {
        let options = ClientOptions::new().key(key).session(over.clone());
        options.datagram_reply(Duration::from_secs(1))
    };
    let full = Client::connect_with(udp.clone(), options(key(1, Role::Full, 1))).unwrap();
    assert_eq!(full.call("upper hello").unwrap().text(), "HELLO");
    let body = vec![b'x'; 1200];
    let put = Ask::new("put a").body(Body::new(std::io::Cursor::new(body.clone()), 1200));
    assert!(full.ask(put).unwrap().is_ok());
    let read = Client::connect_with(udp.clone(), options(key(2, Role::Read, 2))).unwrap();
    // Many times as long as what was sent: the sender is no forged one.
    assert!(read.call("get a").unwrap().body == body);
    assert_eq!(read.call("remove a").unwrap().status.as_deref(), Some("denied"));
    let wrong = Client::connect_with(udp, options(key(1, Role::Full, 3)));
    assert!(matches!(wrong, Err(Error::Unwelcome { .. })));
    keys.replace([key(2, Role::Read, 2)]);
    assert!(read.call("upper a").unwrap().is_ok());
    // The key of this one is none any more, and so its session is none either.
    assert!(full.call("upper a").is_err());
}

/// Five seconds for both greetings and the first message, which no byte renews: one that says a byte now and
/// then, and one whose greeting is a recording, are gone.
#[test]
fn fault_32_a_slow_handshake() {
    let (node, _) = node();
    let address = node.address(COMMAND).unwrap();
    let greeting = greeting();
    let began = Instant::now();
    let mut slow = TcpStream::connect(address).unwrap();
    let mut recorded = TcpStream::connect(address).unwrap();
    recorded.write_all(&greeting).unwrap();
    for byte in &greeting {
        if began.elapsed() > Duration::from_secs(6) || slow.write_all(&[*byte]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(200));
    }
    let (closed, said) = ends(&mut slow);
    assert!(closed && said.is_empty(), "{said:?}");
    let (closed, said) = ends(&mut recorded);
    assert!(closed && said.len() == 56, "the second greeting, and no more: {said:?}");
    assert_eq!(counted(&node, Counter::Timeouts), 2);
}

/// Who floods a node with greetings that he has recorded, or with noise, does not keep others out.
#[test]
fn a_flood_of_greetings_keeps_nobody_out() {
    let (node, _) = node();
    let address = node.address(COMMAND).unwrap();
    let greeting = greeting();
    let flood: Vec<_> = (0..100)
        .map(|number| {
            let mut stream = TcpStream::connect(address).unwrap();
            let mut greeting = greeting.clone();
            if number % 2 == 0 {
                greeting[20] ^= 1;
            }
            stream.write_all(&greeting).unwrap();
            stream
        })
        .collect();
    for _ in 0..3 {
        let reply = client(&node, key(1, Role::Full, 1)).unwrap().call("upper a").unwrap();
        assert_eq!(reply.text(), "A");
    }
    drop(flood);
}

/// A folder with key files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn keygen(&self, name: &str, id: &str, role: &str) -> String {
        let path = self.path(name);
        let said = run(["keygen", &path, "--id", id, "--role", role]);
        assert_eq!(said, (0, format!("{path}: key {id}, role {role}\n"), String::new()));
        path
    }

    /// What the tool says of a key file.
    fn refusal(&self, text: &str, mode: u32) -> String {
        let path = PathBuf::from(self.path("bad"));
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode))
            .unwrap();
        let path = path.to_str().unwrap();
        let serve = run(["serve", "--key", path]);
        let call = run(["call", "--key", path, "command://127.0.0.1:1", "upper"]);
        assert_eq!(serve, call);
        assert_eq!((serve.0, &serve.1[..]), (1, ""));
        serve.2.replace(path, "FILE")
    }
}

#[test]
fn a_key_file_that_is_no_good_is_refused_in_a_sentence() {
    let folder = Folder::new();
    let path = folder.keygen("a", "1", "full");
    let text = std::fs::read_to_string(&path).unwrap();
    let again = run(["keygen", &path]);
    assert_eq!(again.0, 1);
    assert!(again.2.contains("is there already") && again.2.lines().count() == 1, "{}", again.2);
    for (bad, mode, said) in [
        (&text[..60], 0o600, "the secret of a key is 64 hex digits, this one has 53"),
        (&format!("1:full:{}\n", "0".repeat(64)), 0o600, "this one is all zeros"),
        ("", 0o600, "there is no key in `FILE`"),
        #[cfg(unix)]
        (&text, 0o644, "is open to everybody on this machine (mode 0644); type: chmod 600 FILE"),
    ] {
        let refusal = folder.refusal(bad, mode);
        assert!(refusal.contains(said) && refusal.lines().count() == 1, "{refusal}");
    }
    let (code, _, said) = run(["serve", "--key", &folder.path("none")]);
    assert!(code == 1 && said.starts_with("unstick: there is no key file"), "{said}");
}

/// The tool's node, with what it says.
struct Served {
    child: std::process::Child,
    urls: Vec<String>,
    log: Arc<Mutex<String>>,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        use std::io::{BufRead as _, BufReader};
        let mut child = typed::tool(arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut urls = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let [_, service, transport, address] = *line.split(' ').collect::<Vec<_>>() else {
                panic!("{line}")
            };
            let udp = if transport == "udp" { "+udp" } else { "" };
            urls.push(format!("{service}{udp}://{}", address.replace("0.0.0.0", "127.0.0.1")));
            if service == "command" && transport == "udp" {
                break;
            }
        }
        let log = Arc::<Mutex<String>>::default();
        let (to, stderr) = (Arc::clone(&log), BufReader::new(child.stderr.take().unwrap()));
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                *to.lock().unwrap() += &(line + "\n");
            }
        });
        Self { child, urls, log }
    }

    fn url(&self, scheme: &str) -> Option<&str> {
        let found = self.urls.iter().find(|url| url.split("://").next() == Some(scheme));
        found.map(String::as_str)
    }

    /// Waits until it has logged that; all that it has logged.
    fn wait_for(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let log = self.log.lock().unwrap().clone();
            if log.contains(text) {
                return log;
            }
            assert!(began.elapsed() < SOON, "`{text}` is not among {log}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ANY: [&str; 6] = ["serve", "--command", "0", "--udp-command", "0", "--bind"];

#[test]
fn without_a_key_others_may_read_and_no_more() {
    let root = TempDir::new().unwrap();
    std::fs::write(root.path().join("a"), "text").unwrap();
    let folder = root.path().to_str().unwrap();
    let to_all = |more: &[&'static str]| {
        let mut arguments = ANY.to_vec();
        arguments.extend(["0.0.0.0", "--root", folder]);
        arguments.extend(more);
        Served::start(&arguments)
    };
    let node = to_all(&[]);
    assert_eq!(node.urls.len(), 2, "the command services alone: {:?}", node.urls);
    for scheme in ["command", "command+udp"] {
        let url = node.url(scheme).unwrap();
        assert_eq!(run(["call", url, "get", "a"]), (0, "text".into(), String::new()));
        let (code, _, said) = run(["call", url, "remove", "a"]);
        let denied =
            "unstick: denied: remove may change something, and who has no key may only read\n";
        assert_eq!((code, &said[..]), (1, denied));
    }
    let (code, _, said) = run(["put", node.url("command").unwrap(), &format!("{folder}/a"), "b"]);
    assert!(code == 1 && said.starts_with("unstick: denied: put may change"), "{said}");
    let log = node.wait_for("there is no key");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("there is no key")).collect();
    assert!(
        lines.len() == 1 && lines[0].contains("--insecure") && lines[0].contains("--key FILE"),
        "{log}"
    );

    let node = to_all(&["--insecure"]);
    assert_eq!(run(["call", node.url("command").unwrap(), "remove", "a"]).0, 0);
    assert!(node.url("echo").is_none());
    node.wait_for("insecure: everybody");

    let node = to_all(&["--echo", "0", "--message", "0"]);
    assert!(
        node.url("echo").is_some() && node.url("message").is_some() && node.url("frame").is_none()
    );
    drop(node);

    let (code, out, said) = run(["serve", "--bind", "0.0.0.0", "--allow", "ls"]);
    assert!(
        code == 1 && out.is_empty() && said.starts_with("unstick: --allow would let everybody"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn the_tool_uses_a_key_with_each_of_its_commands() {
    let folder = Folder::new();
    let path = folder.keygen("node", "7", "full");
    let node = Served::start(&[&ANY[..], &["127.0.0.1", "--key", &path]].concat());
    let url = node.url("command").unwrap();
    assert_eq!(run(["call", "--key", &path, url, "upper", "a"]), (0, "A".into(), String::new()));
    assert_eq!(run(["put", "--key", &path, url, &path, "k"]).0, 0);
    let copy = folder.path("copy");
    let (code, _, said) = run(["get", "--key", &path, url, "k", &copy]);
    assert!(code == 0 && said.ends_with("verified\n"), "{said}");
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&path).unwrap());
    let (code, out, _) = run(["bench", "--key", &path, "-t", "0.2", "--json", url]);
    assert!(code == 0 && out.contains("requests_per_second"), "{out}");
    let chosen = ["--key", &path, "--exact", "--rule", "C1"];
    let (code, out, _) = run([&["check", url][..], &chosen].concat());
    assert!(code == 0 && out.contains("0 failed"), "{out}");
    let (code, out, _) = run([&["crosscheck", url, url][..], &chosen].concat());
    assert!(code == 0 && out.contains("0 differ"), "{out}");
    let (code, _, said) = run([&["check", url][..], &chosen[2..]].concat());
    assert!(code == 1 && said.contains("does it have keys"), "{said}");
    let other = folder.keygen("other", "7", "full");
    let (code, _, said) = run(["call", "--key", &other, url, "upper", "a"]);
    assert!(
        code == 1 && said.contains("is it the right key") && said.lines().count() == 1,
        "{said}"
    );
}

/// SIGHUP has the node read its key file again; one that is no good changes nothing.
#[test]
#[cfg(unix)]
fn a_key_file_is_read_again() {
    let folder = Folder::new();
    let (path, new) = (folder.keygen("node", "1", "full"), folder.keygen("new", "1", "full"));
    let old = folder.path("old");
    std::fs::copy(&path, &old).unwrap();
    let node = Served::start(&[&ANY[..], &["127.0.0.1", "--key", &path]].concat());
    let url = node.url("command").unwrap().to_owned();
    let may = |key: &str| run(["call", "--key", key, &url, "upper", "a"]).0 == 0;
    let hang_up = || {
        let pid = rustix::process::Pid::from_child(&node.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    };
    assert!(may(&old) && !may(&new));
    std::fs::write(&path, "no key\n").unwrap();
    hang_up();
    node.wait_for("the keys stay as they are: the key file");
    assert!(may(&old) && !may(&new));
    std::fs::copy(&new, &path).unwrap();
    hang_up();
    node.wait_for("1 keys, of");
    assert!(may(&new));
    assert!(!may(&old));
}
