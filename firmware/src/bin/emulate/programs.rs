//! The programs there are for a board, and how each is built.

mod c;

use crate::Failure;
use crate::toolchain::Toolchain;
use std::path::PathBuf;

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
    Ok(toolchain.build(PACKAGE, &device, target)?.join(PACKAGE))
}

fn embassy(toolchain: &Toolchain, target: &str, minimal: bool) -> Result<PathBuf, Failure> {
    const PACKAGE: &str = "unstick-firmware-embassy";
    let features: &[_] = if minimal { &["build"] } else { &["build", "--features", "demo,dhcp"] };
    Ok(toolchain.build(PACKAGE, features, target)?.join(PACKAGE))
}
