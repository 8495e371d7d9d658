"""The document: its tables stand between marks, all else is written by hand."""

import re
from itertools import zip_longest

import tables

#: How far a figure may be off: with the compiler that wrote the document, and with another.
SAME, OTHER = 0.01, 0.15

#: Bytes or instructions that are too few to tell, and hundredths of a ratio.
FEW, FEW_HUNDREDTHS = 4, 0.01

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def write(path, parts):
    text = path.read_text()
    for name, table in parts.items():
        begin, end = marks(name)
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"footprint: {path.name} has no {begin} with an {end}")
        text = f"{before}{begin}\n" + "\n".join(tables.aligned(table)) + f"\n{end}{after}"
    path.write_text(text)


def compare(path, parts):
    """A sentence for each figure that is off and each aim that is no longer met."""
    text = path.read_text()
    written = {name: read(text, name) for name in parts}
    same = written["compiler"] == parts["compiler"]
    allowed = SAME if same else OTHER
    print(f"compared with what {'this' if same else 'another'} compiler made: "
          f"{allowed:.0%} more or less are the same")
    differences = []
    for name, table in parts.items():
        if name in ("compiler", "aims", "parts"):  # the parts only explain the flash
            continue
        old, new = rows(written[name]), rows(table)
        for row in old | new:
            # The size of a type is no matter of how code is generated.
            slack = 0 if name == "sessions" else allowed
            if off(old.get(row, []), new.get(row, []), slack):
                differences.append(f"{name}: {row}: {told(old, new, row)}")
    old, new = rows(written["aims"]), rows(parts["aims"])
    for aim in old | new:
        if turned(old.get(aim, []), new.get(aim, []), 0 if same else OTHER):
            differences.append(f"aim: {aim}: {told(old, new, aim)}")
    return differences


def marks(name):
    return f"<!-- measured: {name} -->", f"<!-- end: {name} -->"


def read(text, name):
    """A table as it stands in the document."""
    begin, end = marks(name)
    lines = text.partition(begin)[2].partition(end)[0].strip().splitlines()
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return split[:1] + split[2:]


def rows(table):
    return {row[0]: row[1:] for row in table[1:]}


def turned(old, new, allowed):
    """Whether an aim that was met is missed, by more than is allowed; or, where nothing is, the
    other way round."""
    for was, now in zip_longest(old[1:], new[1:], fillvalue=""):
        if "met" in was and (now == "" or figures(now)[0] > figures(new[0])[0] * (1 + allowed)):
            return True
        if "met" in now and "met" not in was and not allowed:
            return True
    return old[:1] != new[:1]


def off(old, new, allowed):
    if len(old) != len(new):
        return True
    for one, other in zip(old, new):
        if NUMBER.sub("", one) != NUMBER.sub("", other):
            return True
        few = FEW_HUNDREDTHS if "." in one else FEW
        for a, b in zip(figures(one), figures(other)):
            if abs(a - b) > (max(allowed * max(a, b), few) if allowed else 0):
                return True
    return False


def figures(cell):
    return [float(number.replace(",", "")) for number in NUMBER.findall(cell)]


def told(old, new, row):
    old, new = (" | ".join(table[row]) if row in table else "nothing" for table in (old, new))
    return f"{old} written, {new} measured"
