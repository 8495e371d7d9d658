"""Lists where a linked program can panic, each place with the reason why it does not.

    python3 sites.py ELF [FUNCTION...]

The functions are those of REASONS that are to be found. Ends with 1 if one of them is not, or if
there is any other place. Needs llvm-objdump and llvm-symbolizer.
"""

import re
import subprocess
import sys

# Function with a panic that stays -> why no input reaches it.
REASONS = {
    "async_fn_resumed": "the compiler's own, in every `async fn`: a finished future is polled again",
}

PANICS = re.compile(
    r"a_panic_can_be_reached|rust_begin_unwind|core::panicking|_fail(ed|_rt)?$|_fail::"
)
FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
BRANCH = re.compile(r"^\s*([0-9a-f]+):\s+(?:b|cb)\S*\s.*?<(.*?)(\+0x[0-9a-f]+)?>(?: @ .*)?$")


def calls(elf):
    """Address, caller and callee of every branch to the start of another function."""
    listing = run("llvm-objdump", "--disassemble", "--demangle", "--no-show-raw-insn", elf)
    caller = None
    for line in listing.splitlines():
        if function := FUNCTION.match(line):
            if not function[1].startswith("$"):  # a mark between code and data
                caller = function[1]
        elif (branch := BRANCH.match(line)) and not branch[3] and branch[2] != caller:
            yield branch[1], caller, branch[2]


def frames(elf, address):
    """Function and place of each function inlined at that address, innermost first."""
    lines = run("llvm-symbolizer", f"--obj={elf}", "--inlines", "--demangle", f"0x{address}")
    lines = [line for line in lines.splitlines() if line]
    return list(zip(lines[::2], lines[1::2]))


def explained(callee):
    """The function of REASONS that a place is in; None if it is in none."""
    return next((name for name in REASONS if callee.endswith(name)), None)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    elf, *expected = sys.argv[1:]
    known, unknown = {}, []
    for address, caller, callee in calls(elf):
        if not PANICS.search(callee) or PANICS.search(caller):
            continue
        name = explained(callee)
        if name in expected:
            known[name] = known.get(name, 0) + 1
        else:
            unknown.append((callee, caller, frames(elf, address)))
    for name, count in sorted(known.items()):
        print(f"{count} x {name}: {REASONS[name]}")
    for callee, caller, stack in unknown:
        print(f"NOT EXPLAINED: {callee} in {caller}")
        for function, place in stack:
            print(f"    {place}  {function}")
    absent = [name for name in expected if name not in known]
    for name in absent:
        print(f"NOT FOUND: {name}, so either it is gone or this program does not see it")
    print(f"{sum(known.values())} places explained, {len(unknown)} not")
    sys.exit(1 if unknown or absent else 0)


main()
