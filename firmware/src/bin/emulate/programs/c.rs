//! The program in C: the core as a static library, lwIP's sources, and make.

use super::{package, target_folder};
use crate::Failure;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use unstick_cross::Toolchain;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/c");

pub(super) fn build(
    toolchain: &Toolchain,
    target: &str,
    minimal: bool,
) -> Result<PathBuf, Failure> {
    for (tool, argument, packages) in [
        // Asked for its C library too, which is a package of its own.
        ("arm-none-eabi-gcc", "--specs=nano.specs", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        ("make", "--version", "make"),
    ] {
        let asked = Command::new(tool).args([argument, "--version"]).output();
        if !asked.is_ok_and(|output| output.status.success()) {
            let remedy = format!("on Debian type `apt-get install {packages}`");
            return Err(Failure::Missing(format!("{tool} is missing or incomplete: {remedy}")));
        }
    }
    let folder = target_folder()?;
    for path in [FOLDER.as_ref(), folder.as_path()] {
        if path.as_os_str().to_string_lossy().contains(char::is_whitespace) {
            let path = path.display();
            return Err(Failure::Other(format!("make cannot build in `{path}`: it has a space")));
        }
    }
    let lwip = lwip(folder.join("lwip"))?;
    let library = package(toolchain, "unstick-c", &["rustc", "--crate-type", "staticlib"], target)?;
    let (kind, demo) = if minimal { ("minimal", "") } else { ("demo", "1") };
    let built = folder.join("c").join(kind).join(target);
    let variable = |name: &str, value: PathBuf| format!("{name}={}", value.display());
    let status = Command::new("make")
        .args(["--silent", "--directory", &format!("{FOLDER}/example")])
        .args([format!("TARGET={target}"), format!("DEMO={demo}")])
        .arg(variable("LIBRARY", library.join("libunstick_c.a")))
        .arg(variable("LWIP", lwip))
        .arg(variable("BUILD", built.clone()))
        .stdout(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(built.join("node.elf")),
        _ => Err(Failure::Other(format!("the program in C was not built for {target}; see above"))),
    }
}

/// The folder of lwIP's sources, fetched to `folder` if need be.
fn lwip(folder: PathBuf) -> Result<PathBuf, Failure> {
    let script = Command::new(format!("{FOLDER}/lwip.sh")).arg(folder).output();
    let output = script.map_err(|error| format!("lwip.sh could not be run: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let mut sentence = said.trim_end();
        // Before the sentence is what apt-get said.
        if let Some((log, last)) = sentence.rsplit_once('\n') {
            let _ = writeln!(io::stderr(), "{log}");
            sentence = last;
        }
        return Err(Failure::Missing(sentence.to_owned()));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end()))
}
