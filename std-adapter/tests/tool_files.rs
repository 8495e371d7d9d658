//! `get`, `put` and what else moves files: whole, or not there.

mod typed;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use typed::{names, node, run, strange, told, tool, url};

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
    // So long that another thread hashes it.
    let long =
        br#"{"id":1,"status":"ok","total_size":3000000,"md5":"d41d8cd98f00b204e9800998ecf8427e"}"#;
    let serve = |header: &'static [u8], body: Vec<u8>| {
        strange(move |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let prefix = u32::try_from(header.len()).unwrap().to_le_bytes();
            stream.write_all(&[&prefix[..], header, &body].concat()).unwrap();
        })
    };
    for (url, part) in [
        (serve(damaged, b"hello".to_vec()), "is damaged"),
        (serve(long, vec![7; 3_000_000]), "is damaged"),
        (serve(cut, b"hello".to_vec()), "995 bytes are missing"),
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
        (file, "../x".to_owned(), "no file name has `/`"),
    ] {
        let (code, out, err) =
            run([OsStr::new("put"), url(&urls, "command").as_ref(), path.as_ref(), name.as_ref()]);
        assert!(code == 1 && out.is_empty() && err.contains(part), "{part}: {err}");
    }
    assert!(names(root.path()).is_empty());
}

/// Whoever does not want a file checked gets it as it comes.
#[test]
fn a_file_need_not_be_verified() {
    let (root, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_node, urls) = node(root.path());
    let url = url(&urls, "command");
    let [a, b] = ["a", "b"].map(|name| here.path().join(name));
    fs::write(&a, [7; 700_000]).unwrap();
    let put = [OsStr::new("put"), "--no-verify".as_ref(), url.as_ref(), a.as_ref()];
    assert_eq!(run(put), (0, "stored a, 700000 bytes\n".into(), String::new()));
    let strange = strange(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let header =
            br#"{"id":1,"status":"ok","total_size":5,"md5":"d41d8cd98f00b204e9800998ecf8427e"}"#;
        let prefix = u32::try_from(header.len()).unwrap().to_le_bytes();
        stream.write_all(&[&prefix[..], header, b"hello"].concat()).unwrap();
    });
    for (url, bytes) in [(url, vec![7; 700_000]), (&strange, b"hello".to_vec())] {
        let get =
            [OsStr::new("get"), "--no-verify".as_ref(), url.as_ref(), "a".as_ref(), b.as_ref()];
        let get = run(get);
        let said = format!("unstick: got a, {} bytes, not verified\n", bytes.len());
        assert_eq!(get, (0, String::new(), said));
        assert!(fs::read(&b).unwrap() == bytes);
    }
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
