//! The header is what this crate is, and compilers take it, and the README's example with it.
//!
//! `UNSTICK_HEADER=write cargo test --package unstick-c --test header` writes it anew.

use std::env;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_header_is_what_the_library_is() {
    let config = cbindgen::Config::from_file(format!("{FOLDER}/cbindgen.toml")).unwrap();
    let mut generated = Vec::new();
    cbindgen::generate_with_config(FOLDER, config).unwrap().write(&mut generated);
    let path = format!("{FOLDER}/include/unstick.h");
    if env::var_os("UNSTICK_HEADER").is_some_and(|what| what == "write") {
        fs::write(&path, &generated).unwrap();
    }
    let again = "UNSTICK_HEADER=write cargo test --package unstick-c --test header";
    assert!(fs::read(&path).unwrap() == generated, "include/unstick.h is stale; type: {again}");
}

#[test]
fn c_and_cpp_take_the_header_and_the_example() {
    let readme = fs::read_to_string(format!("{FOLDER}/README.md")).unwrap();
    let example = readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let in_cpp = format!("{LIMITS}{IN_PLACE}");
    for (language, source) in [
        ("c99", LIMITS),
        ("c11", LIMITS),
        ("c2x", LIMITS),
        ("c99", example),
        ("c++11", &in_cpp),
        ("c++17", &in_cpp),
    ] {
        let compilers = if language.contains("++") { CPP } else { C };
        compilers.into_iter().for_each(|compiler| compile(compiler, language, source));
    }
}

const C: [&str; 2] = ["arm-none-eabi-gcc", "cc"];
const CPP: [&str; 2] = ["arm-none-eabi-g++", "c++"];

/// The default limits, as they are and with one of them changed.
const LIMITS: &str = r#"#include "unstick.h"
static const unstick_limits limits = UNSTICK_LIMITS_DEFAULT;
unstick_error start(unstick_session *session, bool hasty) {
    unstick_limits own = UNSTICK_LIMITS_DEFAULT;
    own.idle_us = 1000000;
    return unstick_session_start(session, UNSTICK_SERVICE_ECHO, hasty ? &own : &limits);
}
"#;

/// Each of them is the right one; C has no way to ask that of a compiler.
const IN_PLACE: &str = r#"
constexpr unstick_limits it = UNSTICK_LIMITS_DEFAULT;
static_assert(it.skip == UNSTICK_SKIP_DEFAULT && it.idle_us == UNSTICK_IDLE_US_DEFAULT, "");
static_assert(it.header_us == UNSTICK_HEADER_US_DEFAULT && it.stall_us == UNSTICK_STALL_US_DEFAULT, "");
"#;

/// Checks source of a language; skips a compiler that is not there.
fn compile(compiler: &str, language: &str, source: &str) {
    let kind = if language.contains("++") { "c++" } else { "c" };
    let spawned = Command::new(compiler)
        .args(["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic", "-x", kind])
        .arg(format!("-std={language}"))
        .args(["-I", &format!("{FOLDER}/include"), "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut process) = spawned else {
        eprintln!("SKIPPED: unstick.h is not compiled as {language}: {compiler} is missing");
        return;
    };
    process.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler} -std={language}:\n{told}");
}
