"""Builds the programs with `cross`, which finds a compiler for each target."""

import functools
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIRMWARE = HERE.parent
TARGET_DIR = Path(os.environ.get("CARGO_TARGET_DIR", FIRMWARE / "target")).resolve()
MISSING = 3


class Missing(Exception):
    """A tool that is not there, and what to type."""


def run(*command, **more):
    more = {"check": True, "capture_output": True, "text": True} | more
    return subprocess.run(command, **more)


@functools.cache
def cross():
    run("cargo", "build", "--quiet", "--release", "--package", "unstick-cross", cwd=FIRMWARE)
    return TARGET_DIR / "release" / "cross"


class Toolchain:
    def __init__(self, target):
        self.target = target
        described = run(cross(), "--describe", "--target", target, check=False)
        if described.returncode == MISSING:
            raise Missing(described.stderr.strip().removeprefix("cross: "))
        described.check_returncode()
        self.described = described.stdout.strip()

    def __str__(self):
        """As the document names it: what makes the code, not where it is from."""
        return self.described

    def build(self, *options, flags=None):
        """Builds the programs here, with RUSTFLAGS if they are given; returns the folder they are in."""
        folder = TARGET_DIR / ("footprint-with-flags" if flags else "footprint")
        # Whose each instruction is; takes no flash.
        environment = os.environ | {"CARGO_PROFILE_RELEASE_DEBUG": "line-tables-only"}
        if flags:
            environment["RUSTFLAGS"] = flags
        command = [cross(), "build", "--quiet", "--release", "--locked"]
        command += ["--package", "unstick-footprint", "--target", self.target, "--target-dir", folder]
        run(*command, *options, cwd=FIRMWARE, env=environment)
        return folder / self.target / "release"
