//! The lines of `list`, which may be many.

use super::Whole;
use super::directory::failure;
use crate::node::job::{Later, job};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Notify;
use unstick::store::check_name;
use unstick::{Refusal, Status};

/// Entries of a directory that are looked at where nobody waits.
const AT_ONCE: usize = 1000;

/// A line for each file of a directory that can be asked for, by name.
///
/// It is left to a thread, because every file is looked at. Where nobody waits for that (`ready` is
/// none), only a small directory is listed.
pub(super) fn list(directory: &Path, ready: Option<&Arc<Notify>>) -> Result<Later<Whole>, Refusal> {
    let Some(ready) = ready else {
        return read(directory, |seen| seen > AT_ONCE).map(Later::Here);
    };
    let (promise, job) = job(Arc::clone(ready));
    let directory = directory.to_owned();
    tokio::task::spawn_blocking(move || {
        let lines = read(&directory, |_| promise.is_abandoned());
        promise.keep(lines);
    });
    Ok(Later::Coming(job))
}

/// Given up as soon as it is to `stop` after so many entries.
fn read(directory: &Path, stop: impl Fn(usize) -> bool) -> Result<Whole, Refusal> {
    let failed = |error| failure("the files cannot be listed", &error);
    let mut files = Vec::new();
    for (seen, entry) in fs::read_dir(directory).map_err(failed)?.enumerate() {
        if stop(seen) {
            let why = format_args!("there are many files, which takes a while: ask over TCP");
            return Err(Refusal::new(Status::Busy, why));
        }
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // It may be gone by now, which is no failure.
        if check_name(&name).is_ok()
            && let Ok(metadata) = entry.metadata()
            && metadata.is_file()
        {
            files.push((name, metadata.len()));
        }
    }
    files.sort_unstable();
    let lines: String = files.iter().map(|(name, len)| format!("{len:>8} {name}\n")).collect();
    Ok(Whole::new(lines.into_bytes()))
}
