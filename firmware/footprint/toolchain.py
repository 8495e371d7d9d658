"""Finds a compiler for each target, and builds with it.

The rule is that of firmware/src/bin/emulate/toolchain.rs: rather a compiler that has the target than
one with the source of the core library, rather rustup's than the distribution's.
"""

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILERS = [("cargo", "rustc"), ("/usr/bin/cargo", "/usr/bin/rustc")]


class Missing(Exception):
    """A tool that is not there, and what to type."""


def run(*command, **more):
    more = {"check": True, "capture_output": True, "text": True} | more
    return subprocess.run(command, **more)


class Toolchain:
    def __init__(self, target):
        found = [(cargo, rustc, lib) for cargo, rustc in COMPILERS if (lib := rustlib(rustc))]
        with_target = [it for it in found if (it[2] / target / "lib").is_dir()]
        with_source = [it for it in found if (it[2] / "src/rust/library/core").is_dir()]
        if not with_target + with_source:
            raise Missing(f"there is no compiler for {target}; type: rustup target add {target} "
                          "(or, as root: apt-get install rustc-web cargo-web rust-web-src lld)")
        self.target = target
        self.cargo, self.rustc, lib = (with_target + with_source)[0]
        self.builds_core = not with_target
        linkers = [linker for it in [(None, None, lib), *found] for linker in it[2].glob("*/bin/rust-lld")]
        self.linker = linkers[0] if linkers else shutil.which("ld.lld")
        if not self.linker:
            raise Missing("there is no linker; as root type: apt-get install lld")

    def __str__(self):
        """As the document names it: what makes the code, not where it is from."""
        version = run(self.rustc, "--version").stdout.split()[1]
        core = "its core library compiled at \"s\" as well" if self.builds_core else "rustup's core library"
        return f"rustc {version}, {core}"

    def build(self, *options):
        """Builds the programs here; gives the folder they are in."""
        target_dir = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target"))
        environment = os.environ | {
            "RUSTC": self.rustc,
            f"CARGO_TARGET_{self.target.upper().replace('-', '_')}_LINKER": str(self.linker),
            # Whose each instruction is; takes no flash.
            "CARGO_PROFILE_RELEASE_DEBUG": "line-tables-only",
        }
        command = [self.cargo, "build", "--quiet", "--release", "--locked", "--target", self.target]
        if self.builds_core:
            command += ["-Z", "build-std=core"]
            environment["RUSTC_BOOTSTRAP"] = "1"
        run(*command, "--target-dir", target_dir, *options, cwd=HERE, env=environment)
        return target_dir / self.target / "release"


def rustlib(rustc):
    """Where a compiler keeps its targets; None if there is no such compiler."""
    try:
        return Path(run(rustc, "--print", "sysroot").stdout.strip()) / "lib/rustlib"
    except (OSError, subprocess.CalledProcessError):
        return None
