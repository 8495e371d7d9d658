//! The tool as it is typed, and a node for it.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

use std::ffi::OsStr;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use unstick_std::node::{Config, Ports, Running, Storage};

pub fn tool<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unstick"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the tool; its exit code, stdout and stderr.
pub fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> (i32, String, String) {
    told(&tool(arguments).output().unwrap())
}

pub fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A node with its files in a folder.
pub fn node(root: &Path) -> (Running, String) {
    let files = Storage::Directory(root.to_owned());
    let node = Running::start(Config::new().ports(Ports::ANY).files(files)).unwrap();
    let urls: Vec<_> = node.listening().iter().map(|socket| socket.url().to_string()).collect();
    (node, urls.join(","))
}

/// The URL of that scheme among them.
pub fn url<'u>(urls: &'u str, scheme: &str) -> &'u str {
    urls.split(',').find(|url| url.split("://").next() == Some(scheme)).unwrap()
}

/// A command service that handles one connection in its own way.
pub fn strange(serve: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("command://{}", listener.local_addr().unwrap());
    thread::spawn(move || serve(listener.accept().unwrap().0));
    url
}

pub fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| name(it).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
