"""Measures what each layer costs, prints it, and compares it with docs/footprint.md.

    python3 footprint.py            compare: ends with 1 where the document is not what is measured
    python3 footprint.py --write    write the tables of the document anew

Needs a compiler for the targets (rustup's, or the distribution's with the source of the core
library), LLVM's llvm-size, llvm-nm, llvm-objdump and llvm-symbolizer, and qemu-system-arm.
"""

import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import document
import measure
import tables

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "footprint.md"


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit(__doc__.strip())
    figures = measure.everything()
    parts = tables.all_of(figures)
    for name, lines in parts.items():
        print(f"\n== {name}\n")
        print("\n".join(tables.aligned(lines)))
    print()
    if sys.argv[1:]:
        document.write(DOCUMENT, parts)
        print(f"{DOCUMENT.name} is written")
        return
    differences = document.compare(DOCUMENT, parts)
    for difference in differences:
        print(difference)
    if differences:
        sys.exit("footprint: docs/footprint.md is not what is measured; write it anew with "
                 "`python3 firmware/footprint/footprint.py --write`")
    print("docs/footprint.md is what is measured")


try:
    main()
except measure.Missing as missing:
    sys.exit(f"footprint: {missing}")
except subprocess.CalledProcessError as failed:
    sys.exit(f"footprint: {' '.join(map(str, failed.cmd))} failed:\n{failed.stderr or failed.stdout or ''}")
