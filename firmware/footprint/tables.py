"""The figures as tables of markdown."""

from measure import BOARD, BOARDS, FIRMWARE, TARGETS


def flash_of(layer):
    return lambda figures, target: figures.sizes[target, layer][0]


def flash_of_firmware(figures, target):
    return figures.firmware.get(("node", BOARDS.get(target)), [None])[0]


def ram_of(session):
    return lambda figures, target: figures.sessions[target, session]


def more_than_bare(work):
    """Per cent of instructions; only one target runs."""

    def compare(figures, target):
        ours, theirs = figures.told["run"][work], figures.told["run-bare"][work]
        return round((ours / theirs - 1) * 100, 1) if target == BOARD else None

    return compare


def instructions_of(work, program="run"):
    return lambda figures, target: figures.told[program][work] if target == BOARD else None


def flash_of_keys(figures, target):
    return figures.sizes[target, "keys"][0] - figures.sizes[target, "commands"][0]


#: What is promised, at most, and how to find it on a target.
AIMS = [
    ("frame, decode and encode: flash", 1024, flash_of("frame")),
    ("frame, header, message, command sessions: flash", 16 * 1024, flash_of("commands")),
    ("a command session at default limits: RAM", 2560, ram_of("SERVER_1024_1024")),
    ("keys, beyond command sessions: flash", 13 * 1024, flash_of_keys),
    ("a keyed session, beyond the one inside and its message: RAM", 400, instructions_of("session", "run-keys")),
    ("the node's part of a handshake: instructions", 3_600_000, instructions_of("handshake", "run-keys")),
    ("whole node with smoltcp: flash", 64 * 1024, flash_of("node")),
    ("the firmware, with driver, log and panic messages: flash", 64 * 1024, flash_of_firmware),
    ("frame of 64 B decoded, whole: instructions", 40, instructions_of("ours assembled 64")),
    ("frame of 64 B encoded: instructions", 120, instructions_of("ours encoded 64")),
    ("`upper hello`, the session alone: instructions", 6000, instructions_of("command")),
    ("`upper hello` over TCP: instructions", 12000, instructions_of("TCP command short")),
    ("UDP echo of 1 B: instructions over bare smoltcp, %", 5, more_than_bare("UDP echo 1")),
    ("UDP echo of 1472 B: instructions over bare smoltcp, %", 5, more_than_bare("UDP echo 1472")),
    ("TCP echo of 1 B: instructions over bare smoltcp, %", 15, more_than_bare("TCP echo 1")),
]

LAYERS = {
    "frame": "frame: decode, encode",
    "header": "+ header",
    "message": "+ message, md5",
    "commands": "+ command sessions",
    "keys": "+ keys",
    "node": "whole node: all services on smoltcp",
    "cobs": "*postcard + cobs: what our header says*",
    "bare": "*an echo on smoltcp, without us*",
}

SESSIONS = {
    "DECODER": "`frame::Decoder`",
    "ASSEMBLER_64": "`frame::Assembler<64>`",
    "ASSEMBLER_1024": "`frame::Assembler<1024>`",
    "READER_1024": "`message::Reader`, headers of 1024",
    "READER_256": "`message::Reader`, headers of 256",
    "SERVER_1024_1024": "`Server`, headers and texts of 1024, the default",
    "SERVER_256_128": "`Server`, headers of 256, texts of 128",
    "CLIENT_1024": "`Client`, headers of 1024, the default",
    "CLIENT_256": "`Client`, headers of 256",
    "ACCUMULATOR_1024": "*postcard's `CobsAccumulator<1024>`*",
    "ACCUMULATOR_256": "*postcard's `CobsAccumulator<256>`*",
}

#: Work, the name we told it by, the neighbour's program and name.
INSTRUCTIONS = [
    ("frame of 64 B encoded", "ours encoded 64", "run", "cobs encoded 64"),
    ("frame of 512 B encoded", "ours encoded 512", "run", "cobs encoded 512"),
    ("frame of 64 B decoded, borrowed in pieces", "ours decoded 64", None, None),
    ("frame of 512 B decoded, borrowed in pieces", "ours decoded 512", None, None),
    ("frame of 64 B decoded, whole", "ours assembled 64", "run", "cobs assembled 64"),
    ("frame of 512 B decoded, whole", "ours assembled 512", "run", "cobs assembled 512"),
    ("`upper hello`, the session alone", "command", None, None),
    ("`upper hello`, the session alone, with a key", "keyed command", None, None),
    ("a node's part of a handshake", "handshake", None, None),
    ("`upper hello` over TCP on smoltcp", "TCP command short", None, None),
    ("`upper hello` over UDP on smoltcp", "UDP command short", None, None),
    ("the longest header over TCP on smoltcp", "TCP command longest", None, None),
    ("UDP echo of 1 B on smoltcp", "UDP echo 1", "run-bare", "UDP echo 1"),
    ("UDP echo of 1472 B on smoltcp", "UDP echo 1472", "run-bare", "UDP echo 1472"),
    ("TCP echo of 1 B on smoltcp", "TCP echo 1", "run-bare", "TCP echo 1"),
    ("TCP echo of 64 B on smoltcp", "TCP echo 64", "run-bare", "TCP echo 64"),
    ("TCP echo of 1280 B on smoltcp", "TCP echo 1280", "run-bare", "TCP echo 1280"),
]

NEIGHBOURS = {"run": "postcard + cobs", "run-bare": "bare smoltcp", None: ""}

STACK = [
    ("frame of 512 B encoded and decoded", "run", "ours stack 512"),
    ("command session: every command, refusals, the longest header", "run", "session stack"),
    ("a node's part of a handshake", "run-keys", "handshake stack"),
    ("`upper hello` with a key", "run-keys", "session stack"),
    ("every command and the longest header as datagrams, `datagram::answer`", "run", "datagram stack"),
    ("whole node, `Stack::poll`: both echoes, a short command, the longest header", "run", "stack"),
    ("*postcard + cobs, the same frame*", "run", "cobs stack 512"),
    ("*an echo on smoltcp, without us*", "run-bare", "stack"),
]

#: Files and crates with fewer bytes than this are counted together.
SMALL = 150


def all_of(figures):
    """Each table by its name in the document: lists of cells, the head first."""
    return {
        "compiler": [["compiler"], [figures.compiler]],
        "aims": aims(figures),
        "flash": flash(figures),
        "firmware": firmware(figures),
        "sessions": sessions(figures),
        "stack": stack(figures),
        "instructions": instructions(figures),
        "parts": parts(figures),
    }


def aims(figures):
    table = [by_target("aim", "at most")]
    for what, limit, measure in AIMS:
        table.append([what, number(limit)] + [outcome(measure(figures, on), limit) for on in TARGETS])
    return table


def outcome(value, limit):
    if value is None:
        return ""
    return f"{number(value)} met" if value <= limit else f"{number(value)} **missed**"


def flash(figures):
    table = [by_target("flash / RAM")]
    for layer, name in LAYERS.items():
        table.append([name] + [pair(figures.sizes[target, layer]) for target in TARGETS])
    return table


def firmware(figures):
    table = [["program", "flash", "RAM"]]
    for program, board in FIRMWARE:
        flash, ram = figures.firmware[program, board]
        table.append([f"{program} on {board}", number(flash), number(ram)])
    return table


def sessions(figures):
    table = [by_target("bytes of RAM")]
    for symbol, name in SESSIONS.items():
        table.append([name] + [number(figures.sessions[target, symbol]) for target in TARGETS])
    return table


def stack(figures):
    rows = [[what, number(figures.told[program][name])] for what, program, name in STACK]
    return [["work", "bytes of stack"]] + rows


def instructions(figures):
    table = [["work", "instructions", "neighbour", "its instructions", "ratio"]]
    for what, name, program, neighbour in INSTRUCTIONS:
        ours = figures.told["run-keys" if name in figures.told["run-keys"] else "run"][name]
        theirs = figures.told[program][neighbour] if program else None
        cells = [number(theirs), f"{ours / theirs:.2f}"] if theirs else ["", ""]
        table.append([what, number(ours), NEIGHBOURS[program], *cells])
    return table


def parts(figures):
    largest = sorted(figures.parts.items(), key=lambda part: -part[1])
    table = [["whose code", "bytes"]]
    table += [[f"`{name}`", number(bytes_)] for name, bytes_ in largest if bytes_ >= SMALL]
    rest = sum(bytes_ for _, bytes_ in largest if bytes_ < SMALL)
    flash = figures.sizes[BOARD, "commands"][0]
    table += [["smaller ones together", number(rest)]]
    table += [["constants: texts, tables", number(flash - sum(figures.parts.values()))]]
    return table + [["all", number(flash)]]


def by_target(*first):
    return [*first, *(target.split("-")[0] for target in TARGETS)]


def pair(sizes):
    return " / ".join(map(number, sizes))


def number(value):
    return f"{value:,}"


def aligned(table):
    """Lines of markdown, in columns; numbers to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    right = [all(map(is_figure, column[1:])) for column in zip(*table)]
    rows = []
    for row in table:
        cells = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right)]
        rows.append("| " + " | ".join(cells) + " |")
    rule = ["-" * (w + 1) + ":" if r else "-" * (w + 2) for w, r in zip(widths, right)]
    return [rows[0], "|" + "|".join(rule) + "|", *rows[1:]]


def is_figure(cell):
    return not cell or cell.lstrip("-")[0].isdigit()
