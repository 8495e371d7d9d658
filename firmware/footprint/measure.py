"""Builds the programs, reads their sizes, and runs two of them in QEMU."""

import collections
import json
import re
import shutil
from dataclasses import dataclass, field

from toolchain import HERE, Missing, Toolchain, cross, run

TARGETS = [
    "thumbv6m-none-eabi",
    "thumbv7m-none-eabi",
    "thumbv7em-none-eabihf",
    "riscv32imac-unknown-none-elf",
]
BOARD = "thumbv7m-none-eabi"
#: The board of a target that QEMU has with a network.
BOARDS = {"thumbv7m-none-eabi": "mps2-an385", "thumbv7em-none-eabihf": "mps2-an386"}
#: Programs of the firmware, and boards.
FIRMWARE = [("node", "mps2-an385"), ("node", "mps2-an386"), ("embassy", "mps2-an385")]
#: Smaller code for SHA-256, which a program with keys chooses for all that it is made of.
COMPACT = '--cfg sha2_backend_soft="compact"'
LAYERS = ["frame", "header", "message", "commands", "node", "cobs", "bare"]
TOOLS = {
    "llvm-size": "llvm",
    "llvm-nm": "llvm",
    "llvm-objdump": "llvm",
    "llvm-symbolizer": "llvm",
    "qemu-system-arm": "qemu-system-arm",
}


@dataclass
class Figures:
    compiler: str
    #: (target, program) -> flash and RAM in bytes, those of `empty` taken off
    sizes: dict = field(default_factory=dict)
    #: (target, symbol) -> bytes
    sessions: dict = field(default_factory=dict)
    #: (program, board) -> flash and RAM of the firmware
    firmware: dict = field(default_factory=dict)
    #: what `run` and `run-bare` told: program -> {name: figure}
    told: dict = field(default_factory=dict)
    #: file -> bytes of code in `commands`
    parts: dict = field(default_factory=dict)


def everything():
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            raise Missing(f"{tool} is missing; as root type: apt-get install {package}")
    toolchains = {target: Toolchain(target) for target in TARGETS}
    figures = Figures(" and ".join(sorted(set(map(str, toolchains.values())))))
    for target, toolchain in toolchains.items():
        print(f"building for {target} with {toolchain}", flush=True)
        programs = toolchain.build()
        none = size(programs / "empty")
        for layer in LAYERS:
            flash, ram = size(programs / layer)
            figures.sizes[target, layer] = flash - none[0], ram - none[1]
        keyed = toolchain.build("--features", "keys", "--bin", "keys", flags=COMPACT)
        flash, ram = size(keyed / "keys")
        figures.sizes[target, "keys"] = flash - none[0], ram - none[1]
        for symbol, bytes_ in symbols(programs / "sizes"):
            figures.sessions[target, symbol] = bytes_
        if target == BOARD:
            figures.parts = parts(programs / "commands")
    print("running in QEMU", flush=True)
    programs = toolchains[BOARD].build("--features", "board", "--bin", "run", "--bin", "run-bare")
    for program in ["run", "run-bare"]:
        figures.told[program] = tell(programs / program)
    keyed = toolchains[BOARD].build("--features", "board,keys", "--bin", "run-keys", flags=COMPACT)
    figures.told["run-keys"] = tell(keyed / "run-keys")
    for program, board in FIRMWARE:
        print(f"building the firmware's {program} for {board}", flush=True)
        command = ["cargo", "run", "--quiet", "--release", "--", "--build", "--minimal"]
        command += ["--program", program, "--board", board]
        figures.firmware[program, board] = size(run(*command, cwd=HERE.parent).stdout.strip())
    return figures


def size(program):
    """Flash (code, constants, initial values) and RAM (values, zeros) in bytes."""
    text, data, bss = run("llvm-size", program).stdout.splitlines()[1].split()[:3]
    return int(text) + int(data), int(data) + int(bss)


def symbols(program):
    """The symbols of `sizes` and their sizes."""
    for line in run("llvm-nm", "--print-size", "--radix=d", "--demangle", program).stdout.splitlines():
        if symbol := re.fullmatch(r"\d+ (\d+) \w sizes::(\w+)", line):
            yield symbol[2], int(symbol[1])


def tell(program):
    """Runs a program on the board, one instruction a nanosecond. Returns what it told."""
    command = [cross(), "emulate", "mps2-an385", program, "-monitor", "none", "-serial", "null"]
    command += ["-icount", "shift=0", "-semihosting-config", "enable=on,target=native"]
    output = run("timeout", "60", *command).stdout
    return {name: int(figure) for name, figure in re.findall(r"^(.+): (\d+)$", output, re.M)}


def parts(program):
    """How many bytes of code come from which file, inlined or not."""
    code = run("llvm-objdump", "--disassemble", "--section=.text", "--no-show-raw-insn", program).stdout
    addresses = [int(address, 16) for address in re.findall(r"^\s*([0-9a-f]+):\s", code, re.M)]
    asked = "\n".join(map(hex, addresses))
    command = ["llvm-symbolizer", f"--obj={program}", "--inlines", "--output-style=JSON"]
    places = [json.loads(line)["Symbol"] for line in run(*command, input=asked).stdout.splitlines()]
    sizes = [after - address for address, after in zip(addresses, addresses[1:])] + [2]
    counted = collections.Counter()
    for place, bytes_ in zip(places, sizes):
        counted[owner([frame["FileName"] for frame in place])] += bytes_
    return dict(counted)


def owner(files):
    """Whose code it is: the file of ours that it is inlined into, else the crate, else the part of
    the standard library."""
    ours = str(HERE.parents[1] / "core" / "src") + "/"
    for file in files:
        if file.startswith(ours):
            return "core/src/" + file.removeprefix(ours).split("/")[0].removesuffix(".rs")
    for file in files:
        if crate := re.search(r"/registry/src/[^/]+/([^/]+)-\d[^/]*/", file):
            return crate[1]
    for file in files[-1:]:
        if module := re.search(r"/library/core/src/(\w+)", file):
            return f"core::{module[1]}"
        if re.search("compiler.builtins", file):
            return "compiler-builtins"
    return "the program itself"
