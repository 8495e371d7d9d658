//! What `cargo run` says where it cannot say anything.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::process::Command;

#[test]
fn an_output_that_is_full_is_told_in_a_sentence() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let emulate = Command::new(env!("CARGO_BIN_EXE_emulate")).arg("--help").stdout(full).output();
    let output = emulate.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let sentence = "emulate: nothing can be printed: No space left on device (os error 28)\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), sentence);
}
