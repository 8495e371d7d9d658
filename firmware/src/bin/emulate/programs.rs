//! The programs there are for a board, and how each is built.

mod c;

use crate::Failure;
use std::env;
use std::path::{Path, PathBuf};
use unstick_cross::Toolchain;

/// A program for a board.
pub(crate) struct Program {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// Builds it for a target, with what only shows something or without: the commands of a node under
    /// test, DHCP. Returns the path of its ELF file, which is in the target folder.
    pub(crate) build: fn(&Toolchain, target: &str, minimal: bool) -> Result<PathBuf, Failure>,
}

/// All of them; the first is the one that is run if none is named.
pub(crate) const PROGRAMS: [Program; 3] = [
    Program { name: "node", build: node },
    Program { name: "embassy", build: embassy },
    Program { name: "c", build: c::build },
];

fn node(toolchain: &Toolchain, target: &str, minimal: bool) -> Result<PathBuf, Failure> {
    const PACKAGE: &str = "unstick-firmware";
    let features = if minimal { "device" } else { "device,demo" };
    let device = ["build", "--bin", PACKAGE, "--features", features];
    Ok(package(toolchain, PACKAGE, &device, target)?.join(PACKAGE))
}

fn embassy(toolchain: &Toolchain, target: &str, minimal: bool) -> Result<PathBuf, Failure> {
    const PACKAGE: &str = "unstick-firmware-embassy";
    let features: &[_] = if minimal { &["build"] } else { &["build", "--features", "demo,dhcp"] };
    Ok(package(toolchain, PACKAGE, features, target)?.join(PACKAGE))
}

/// Builds a package of this workspace by this command of cargo's, as `build` or `rustc`. Returns the
/// folder where what was built is. What the compiler says goes to stderr.
fn package(
    toolchain: &Toolchain,
    package: &str,
    command: &[&str],
    target: &str,
) -> Result<PathBuf, String> {
    let folder = target_folder()?;
    let mut cargo = toolchain.cargo(command);
    cargo
        .args(["--release", "--locked", "--package", package, "--target", target, "--target-dir"])
        .arg(&folder)
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    let status = cargo.status().map_err(|error| format!("cargo could not be run: {error}"))?;
    if !status.success() {
        return Err(format!("{package} was not built for {target}; see above"));
    }
    Ok(folder.join(target).join("release"))
}

/// The target folder that this program was built in.
fn target_folder() -> Result<PathBuf, String> {
    let program = env::current_exe().map_err(|error| format!("this program is gone: {error}"))?;
    let folder = program.parent().and_then(Path::parent);
    folder.map(Path::to_path_buf).ok_or_else(|| "this program is in no target folder".into())
}
