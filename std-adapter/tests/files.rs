//! A node whose files are in a directory: no name leaves it, and no file is ever half there.

use core::time::Duration;
use std::fs::{self, File};
use std::io::{Cursor, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;
use unstick::digest::Hasher;
use unstick::message::Integrity;
use unstick::{Endpoint, Service};
use unstick_std::client::blocking::Client;
use unstick_std::client::{Ask, Body, Error, Reply};
use unstick_std::node::{Config, Ports, Running, Storage};

/// Longer than what is hashed at once.
const LARGE: usize = 3 * 1024 * 1024 + 17;

struct Bench {
    node: Running,
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        let files = Storage::Directory(folder.path().join("root"));
        let node = Running::start(Config::new().ports(Ports::ANY).files(files));
        Self { node: node.unwrap(), folder }
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }

    fn connect(&self) -> Client {
        self.connect_over(Endpoint::tcp(Service::Command))
    }

    fn connect_over(&self, endpoint: Endpoint) -> Client {
        Client::connect(self.node.url(endpoint).unwrap()).unwrap()
    }

    fn call(&self, command: &str) -> Reply {
        self.connect().call(command).unwrap()
    }

    fn put(&self, name: &str, body: &[u8], digest_of: &[u8]) -> Reply {
        let size = body.len() as u64;
        let body = Body::new(Cursor::new(body.to_vec()), size).md5(Hasher::digest(digest_of));
        self.connect().ask(Ask::new(format!("put {name}")).body(body)).unwrap()
    }

    /// Every name in the root, hidden ones too.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn assert_names_become(&self, expected: &[&str]) {
        let start = Instant::now();
        while self.names() != expected {
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", self.names());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn status(reply: &Reply) -> &str {
    reply.status.as_deref().unwrap()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_file_is_kept_listed_given_and_removed() {
    let bench = Bench::new();
    let large = pattern(LARGE);
    assert_eq!(bench.put("b", b"", b"").text(), "stored b, 0 bytes");
    assert_eq!(bench.put("a.bin", &large, &large).text(), format!("stored a.bin, {LARGE} bytes"));
    assert_eq!(bench.call("list").text(), " 3145745 a.bin\n       0 b\n");
    for _ in 0..2 {
        let reply = bench.call("get a.bin");
        assert_eq!(reply.filename.as_deref(), Some("a.bin"));
        assert_eq!(reply.integrity, Integrity::Verified);
        assert!(reply.body == large);
    }
    assert_eq!(bench.call("get b").size, 0);
    assert_eq!(bench.call("remove a.bin").text(), "removed a.bin");
    assert_eq!(status(&bench.call("get a.bin")), "failed");
    assert_eq!(status(&bench.call("remove a.bin")), "failed");
    assert_eq!(bench.names(), ["b"]);
}

#[test]
fn a_digest_is_that_of_the_content_there_is_now() {
    let bench = Bench::new();
    let path = bench.root().join("a");
    for content in [b"one", b"two", b"six"] {
        fs::write(&path, content).unwrap();
        let reply = bench.call("get a");
        assert_eq!((&reply.body[..], reply.integrity), (&content[..], Integrity::Verified));
    }
}

#[test]
fn no_name_leaves_the_directory() {
    let bench = Bench::new();
    fs::write(bench.folder.path().join("secret"), "out of reach").unwrap();
    fs::write(bench.root().join(".hidden"), "not shown").unwrap();
    for name in ["../secret", "..", ".", ".hidden", "/etc/passwd", "a/../../secret", "..\\secret"] {
        for command in ["get", "put", "remove"] {
            let reply = bench.call(&format!("{command} {name}"));
            assert_eq!(status(&reply), "denied", "{command} {name}");
        }
    }
    assert_eq!(bench.names(), [".hidden"]);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_neither_shown_nor_touched() {
    let bench = Bench::new();
    fs::write(bench.folder.path().join("secret"), "out of reach").unwrap();
    std::os::unix::fs::symlink("../secret", bench.root().join("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", bench.root().join("dangling")).unwrap();
    fs::create_dir(bench.root().join("folder")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(bench.root().join("fifo")).status();
    assert!(fifo.unwrap().success());
    assert_eq!(bench.call("list").text(), "");
    for name in ["link", "dangling", "folder", "fifo"] {
        for command in ["get", "put", "remove"] {
            let reply = bench.call(&format!("{command} {name}"));
            assert_eq!(status(&reply), "denied", "{command} {name}");
        }
    }
    assert_eq!(fs::read(bench.folder.path().join("secret")).unwrap(), b"out of reach");
    assert_eq!(bench.names(), ["dangling", "fifo", "folder", "link"]);
}

#[test]
fn half_a_file_leaves_the_old_one_and_nothing_else() {
    let bench = Bench::new();
    bench.put("a", b"old", b"old");
    let address = bench.node.address(Endpoint::tcp(Service::Command)).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let header = br#"{"command":"put a","total_size":1000}"#;
    stream.write_all(&(header.len() as i32).to_le_bytes()).unwrap();
    stream.write_all(header).unwrap();
    stream.write_all(&[b'x'; 500]).unwrap();
    let start = Instant::now();
    while bench.names().len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(20), "nothing comes in");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(bench.call("list").text(), "       3 a\n", "what comes in is not shown");
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert!(String::from_utf8_lossy(&reply).contains("500 bytes are missing"));
    bench.assert_names_become(&["a"]);
    assert_eq!(bench.call("get a").body, b"old");
}

#[test]
fn a_damaged_file_is_not_put_in_place() {
    let bench = Bench::new();
    bench.put("a", b"old", b"old");
    assert_eq!(status(&bench.put("a", b"new", b"not new")), "failed");
    assert_eq!(bench.call("get a").body, b"old");
    assert_eq!(bench.names(), ["a"]);
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_stays_whole() {
    let bench = Bench::new();
    let (old, new) = (pattern(24 * 1024 * 1024), pattern(LARGE));
    fs::write(bench.root().join("a"), &old).unwrap();
    let mut stream = ask_for(&bench, "get a");
    bench.put("a", &new, &new);
    let mut rest = Vec::new();
    stream.shutdown(Shutdown::Write).unwrap();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(&old));
    assert!(bench.call("get a").body == new);
}

#[test]
fn a_file_that_shrinks_while_it_is_read_breaks_off() {
    let bench = Bench::new();
    let file = File::create(bench.root().join("a")).unwrap();
    file.set_len(24 * 1024 * 1024).unwrap();
    let mut stream = ask_for(&bench, "get a");
    file.set_len(1024).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() < 24 * 1024 * 1024, "{}", rest.len());
}

/// Sends a request and waits for the first byte of the reply; the rest is more than sockets hold.
fn ask_for(bench: &Bench, command: &str) -> TcpStream {
    let address = bench.node.address(Endpoint::tcp(Service::Message)).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(command.as_bytes()).unwrap();
    stream.read_exact(&mut [0]).unwrap();
    stream
}

#[test]
fn a_large_file_does_not_fit_a_datagram_and_its_size_is_told() {
    let bench = Bench::new();
    fs::write(bench.root().join("a"), pattern(LARGE)).unwrap();
    match bench.connect_over(Endpoint::UDP_COMMAND).call("get a") {
        Err(Error::Truncated { size, .. }) => assert_eq!(size, LARGE as u64),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_datagram_lists_few_files_and_does_not_wait_for_many() {
    let bench = Bench::new();
    fs::write(bench.root().join("a"), "one").unwrap();
    assert_eq!(
        bench.connect_over(Endpoint::UDP_COMMAND).call("list").unwrap().text(),
        "       3 a\n"
    );
    for number in 0..1500 {
        fs::write(bench.root().join(number.to_string()), "").unwrap();
    }
    let reply = bench.connect_over(Endpoint::UDP_COMMAND).call("list").unwrap();
    assert_eq!(status(&reply), "busy");
    assert_eq!(bench.call("list").text().lines().count(), 1501);
}

#[test]
fn a_peer_is_not_told_where_the_files_are() {
    let bench = Bench::new();
    fs::remove_dir(bench.root()).unwrap();
    assert_eq!(bench.call("list").text(), "");
    for command in ["put a", "get a", "remove a"] {
        let reply = bench.call(command);
        assert_eq!(status(&reply), "failed", "{command}");
        assert!(!reply.text().contains("root"), "{command}: {}", reply.text());
    }
}

#[test]
fn a_directory_that_is_not_there_is_refused_at_the_start() {
    let files = Storage::Directory(Path::new("/no/such/directory").into());
    let config = Config::new().ports(Ports::ANY).files(files);
    let error = Running::start(config).err().unwrap().to_string();
    assert!(error.contains("/no/such/directory") && error.contains("exists"), "{error}");
}

/// The directory is the one that was opened, and not what has its name by now.
#[test]
#[cfg(unix)]
fn a_link_in_place_of_the_directory_is_not_followed() {
    let bench = Bench::new();
    let [moved, outside] = ["moved", "outside"].map(|name| bench.folder.path().join(name));
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a"), "outside").unwrap();
    fs::rename(bench.root(), &moved).unwrap();
    std::os::unix::fs::symlink(&outside, bench.root()).unwrap();
    assert_eq!(status(&bench.call("get a")), "failed");
    assert_eq!(status(&bench.put("a", b"inside", b"inside")), "ok");
    assert_eq!(bench.call("get a").body, b"inside");
    assert_eq!(fs::read(moved.join("a")).unwrap(), b"inside");
    assert_eq!(bench.call("list").text(), "       6 a\n");
    assert_eq!(status(&bench.call("remove a")), "ok");
    assert_eq!(fs::read(outside.join("a")).unwrap(), b"outside");
}

#[test]
#[cfg(unix)]
fn a_file_that_is_replaced_passes_its_permissions_on() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let path = bench.root().join("a");
    for mode in [0o600, 0o755, 0o640] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(status(&bench.put("a", b"new", b"new")), "ok");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        bench.connect().get_file("a", &path, |_| {}).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
    }
    // One that cannot be read does not become one that can.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o200)).unwrap();
    assert_eq!(status(&bench.put("a", b"new", b"new")), "ok");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o200);
}

/// As `cp -p` does it: another content of the same length and time.
#[test]
#[cfg(unix)]
fn a_content_with_the_time_of_another_has_its_own_digest() {
    let bench = Bench::new();
    let old = pattern(LARGE);
    assert_eq!(status(&bench.put("a", &old, &old)), "ok");
    assert_eq!(bench.call("get a").integrity, Integrity::Verified);
    let path = bench.root().join("a");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let new: Vec<u8> = old.iter().map(|byte| !byte).collect();
    fs::write(&path, &new).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let reply = bench.call("get a");
    assert_eq!((reply.integrity, reply.body), (Integrity::Verified, new));
}

#[test]
fn a_log_is_given_as_it_was_when_it_was_opened() {
    let bench = Bench::new();
    let path = bench.root().join("log");
    fs::write(&path, pattern(LARGE)).unwrap();
    let stop = core::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut log = File::options().append(true).open(&path).unwrap();
        let stop = &stop;
        scope.spawn(move || {
            while !stop.load(core::sync::atomic::Ordering::Relaxed) {
                log.write_all(b"one more line\n").unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        for _ in 0..10 {
            let reply = bench.call("get log");
            assert_eq!((status(&reply), reply.integrity), ("ok", Integrity::Verified));
            assert!(reply.body.starts_with(&pattern(LARGE)));
        }
        stop.store(true, core::sync::atomic::Ordering::Relaxed);
    });
}

/// The system says that these have no bytes.
#[test]
#[cfg(target_os = "linux")]
fn a_file_whose_size_is_not_true_is_refused() {
    let files = Storage::Directory("/proc/self".into());
    let node = Running::start(Config::new().ports(Ports::ANY).files(files)).unwrap();
    let client = Client::connect(node.url(Endpoint::tcp(Service::Command)).unwrap()).unwrap();
    for name in ["status", "cmdline", "maps"] {
        let reply = client.call(&format!("get {name}")).unwrap();
        assert_eq!(status(&reply), "denied", "{}", reply.text());
    }
}
