//! What moves a file from one folder to another, or only reads it.

use core::time::Duration;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;
use unstick_bench::{Served, memory_of, tool};

/// One of them.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// A program it needs besides ours.
    pub(crate) needs: Option<&'static str>,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    /// A program of the system, with the file's path, and the path of a copy if it makes one.
    Local { copies: bool },
    /// From our node, which has sent the file before or has just been started.
    Get { known: bool, verify: bool },
    /// To our node.
    Put { verify: bool },
    /// From nginx.
    Curl,
}

/// What all are compared with.
pub(crate) const REFERENCE: usize = 0;

/// All of them.
pub(crate) const ALL: [Contestant; 8] = [
    Contestant { name: "md5sum", needs: Some("md5sum"), how: How::Local { copies: false } },
    Contestant { name: "cp", needs: Some("cp"), how: How::Local { copies: true } },
    Contestant { name: "`unstick get`", needs: None, how: How::Get { known: true, verify: true } },
    Contestant {
        name: "`unstick get` of a file that the node has not sent before",
        needs: None,
        how: How::Get { known: false, verify: true },
    },
    Contestant { name: "`unstick put`", needs: None, how: How::Put { verify: true } },
    Contestant {
        name: "`unstick get --no-verify`",
        needs: None,
        how: How::Get { known: true, verify: false },
    },
    Contestant { name: "`unstick put --no-verify`", needs: None, how: How::Put { verify: false } },
    Contestant { name: "curl from nginx", needs: Some("nginx"), how: How::Curl },
];

impl Contestant {
    pub(crate) fn is_here(&self) -> bool {
        let Some(program) = self.needs else { return true };
        Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    }
}

/// Where it takes place: a folder that is served, another for the copies, and the servers.
pub(crate) struct Site {
    folder: TempDir,
    node: Served,
    url: String,
    nginx: Option<(Served, String)>,
    /// The most MiB that the client of each had.
    clients: HashMap<&'static str, u64>,
}

const FILE: &str = "big";

impl Site {
    pub(crate) fn new(mib: usize) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => TempDir::new_in(memory),
            false => TempDir::new(),
        };
        let folder = folder.expect("a folder can be made");
        for name in ["served", "taken"] {
            fs::create_dir(folder.path().join(name)).expect("a folder can be made");
        }
        let mut file = fs::File::create(folder.path().join("served").join(FILE)).expect("a file");
        // Bytes that no file system compresses.
        let mut random = 1_u64;
        for _ in 0..mib {
            let piece: Vec<u8> = core::iter::repeat_with(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33).to_le_bytes()
            })
            .take(1024 * 1024 / 8)
            .flatten()
            .collect();
            std::io::Write::write_all(&mut file, &piece).expect("there is space for the file");
        }
        let (node, url) = node(folder.path());
        let nginx = ALL.iter().any(|it| it.needs == Some("nginx") && it.is_here());
        let nginx = nginx.then(|| nginx_of(folder.path()));
        let mut site = Self { folder, node, url, nginx, clients: HashMap::new() };
        site.run(&ALL[2]); // from now on the node knows the digest
        site
    }

    /// Runs one; returns how long it took.
    pub(crate) fn run(&mut self, contestant: &Contestant) -> Duration {
        let (from, to) = (self.folder.path().join("served").join(FILE), self.copy());
        let get = |url: &str, verify: bool| {
            let mut command = Command::new(tool());
            command.args(["get", url, FILE]).arg(&to);
            command.args((!verify).then_some("--no-verify"));
            command
        };
        let mut fresh = None;
        let command = match contestant.how {
            How::Local { copies } => {
                let mut command = Command::new(contestant.name);
                command.arg(&from).args(copies.then_some(&to));
                command
            }
            How::Get { known: true, verify } => get(&self.url, verify),
            How::Get { known: false, verify } => {
                let (_, url) = fresh.insert(node(self.folder.path()));
                get(url, verify)
            }
            How::Put { verify } => {
                let mut command = Command::new(tool());
                command.args(["put", &self.url]).arg(&from).arg("put");
                command.args((!verify).then_some("--no-verify"));
                command
            }
            How::Curl => {
                let (_, url) = self.nginx.as_ref().expect("it was started");
                let mut command = Command::new("curl");
                command.args(["--silent", "--fail", "--output"]).arg(&to).arg(url);
                command
            }
        };
        let (took, most) = finish(command);
        let client = self.clients.entry(contestant.name).or_default();
        *client = most.max(*client);
        took
    }

    /// The most MiB that its client and the node that serves had.
    pub(crate) fn memory(&self, contestant: &Contestant) -> String {
        let client = self.clients.get(contestant.name).copied().unwrap_or_default();
        let server = match contestant.how {
            How::Local { .. } => None,
            How::Get { .. } | How::Put { .. } => most_memory(self.node.id()),
            How::Curl => self.nginx.as_ref().and_then(|(nginx, _)| most_memory(nginx.id())),
        };
        match server {
            Some(server) => format!("{client} and {server}"),
            None => format!("{client}"),
        }
    }

    fn copy(&self) -> PathBuf {
        self.folder.path().join("taken").join(FILE)
    }
}

/// Runs it to its end; returns how long that took, and the most MiB it had.
fn finish(mut command: Command) -> (Duration, u64) {
    let start = Instant::now();
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program is here");
    let mut most = 0;
    let status = loop {
        most = most_memory(child.id()).unwrap_or_default().max(most);
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success(), "{command:?} fails");
    (start.elapsed(), most)
}

/// The most MiB that a process has had so far, where the system tells.
fn most_memory(process: u32) -> Option<u64> {
    memory_of(process, "VmHWM").map(|kib| kib.div_ceil(1024))
}

/// A node of ours that has just been started, and the URL of its command service.
fn node(folder: &Path) -> (Served, String) {
    let root = folder.join("served");
    let (node, address) = unstick_bench::node("command", &["--root".as_ref(), root.as_ref()]);
    (node, format!("command://{address}"))
}

/// nginx on that folder, as fast as it can be set.
fn nginx_of(folder: &Path) -> (Served, String) {
    // It cannot be told to choose one.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("there is a port")
        .port();
    let path = folder.display();
    let config = folder.join("nginx.conf");
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|it| format!("{it}_temp_path {path}/nginx_{it}; "))
        .concat();
    let text = format!(
        "daemon off; master_process off; pid {path}/nginx.pid; error_log {path}/nginx.log; events {{}} \
         http {{ access_log off; sendfile on; tcp_nopush on; {temporary} \
         server {{ listen 127.0.0.1:{port}; root {path}/served; }} }}"
    );
    fs::write(&config, text).expect("a file can be written");
    let mut command = Command::new("sh");
    command.arg("-c").arg("echo ready; exec nginx -c \"$0\" 2>/dev/null").arg(config);
    let (nginx, ()) = Served::start(&mut command, |_| Some(()));
    for _ in 0..500 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    (nginx, format!("http://127.0.0.1:{port}/{FILE}"))
}
