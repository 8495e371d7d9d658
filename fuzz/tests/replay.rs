//! Every input that was kept, through its target.

use core::panic::AssertUnwindSafe;
use std::fs;
use std::path::{Path, PathBuf};
use unstick_fuzz::{TARGETS, device};

#[test]
fn what_was_kept_still_holds() {
    let mut broken = Vec::new();
    for (name, run) in TARGETS {
        let kept = ["seeds", "corpus"].map(|kind| files(kind, name)).concat();
        assert!(!kept.is_empty(), "nothing is kept for {name}");
        for file in kept {
            let bytes = fs::read(&file).expect("it can be read");
            // The message of each is on stderr.
            if std::panic::catch_unwind(AssertUnwindSafe(|| run(&bytes))).is_err() {
                broken.push(file);
            }
        }
    }
    assert!(broken.is_empty(), "these fail: {broken:#?}");
}

/// A grammar that reached no session would fuzz little but smoltcp.
#[test]
fn most_frames_reach_a_session() {
    let kept = ["seeds", "corpus"].map(|kind| files(kind, "device")).concat();
    let reaches =
        |file: &&PathBuf| device::reaches_a_session(&fs::read(file).expect("it can be read"));
    let reaching = kept.iter().filter(reaches).count();
    println!("{reaching} of {} inputs reach a session", kept.len());
    assert!(reaching * 2 > kept.len(), "{reaching} of {} inputs reach a session", kept.len());
}

fn files(kind: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("it can be read").path()).collect()
}
