"""A node written from docs/protocol.md alone, which can be broken rule by rule.

    python3 node.py [--break NAME] [--datagram N] [--file N] [--close]
    python3 node.py --list

It exists to judge the judge: `unstick check` passes it as it is, and catches each way to break it.
Prints `listening URL` for each service, then serves until its input ends.
"""

import argparse
import asyncio
import hashlib
import json
import re
import socket
import sys
import time

# Each way to break it: the rule it breaks, and what it does instead.
MUTANTS = {
    "prefix-big-endian": ("F1", "prefixes are read and written the other way round"),
    "prefix-unsigned": ("F1", "a negative prefix is taken for a large one"),
    "split-lost": ("F2", "a prefix torn between two receives is not put together"),
    "end-in-body-silent": ("F3", "the end of input inside a body is not answered"),
    "end-in-header-silent": ("F3", "the end of input inside a header is not answered"),
    "end-drops-answers": ("F3", "what came whole before the end of input is not answered"),
    "skip-one-more": ("F4", "bodies of 65,537 bytes are skipped"),
    "skip-one-less": ("F4", "bodies of 65,536 bytes are not skipped"),
    "skip-all": ("F4", "every refused body is skipped, however long"),
    "header-1025": ("H1", "headers may have 1,025 bytes"),
    "header-1023": ("H1", "headers may have 1,023 bytes"),
    "header-error-goes-on": ("H1", "after a bad header the next message is read"),
    "header-error-id": ("H1", "a bad header is answered with its id"),
    "header-long-bad": ("H1", "a long header is `bad-request`"),
    "header-empty": ("H2", "an empty header is an empty object"),
    "header-bom": ("H2", "a byte order mark is skipped"),
    "header-trailing": ("H2", "what follows the object is ignored"),
    "header-nan": ("H2", "NaN and Infinity are numbers"),
    "header-leading-zero": ("H2", "numbers may begin with 0"),
    "header-plus": ("H2", "numbers may begin with +"),
    "header-control": ("H2", "texts may have control characters"),
    "header-bad-utf8": ("H2", "bytes that are not UTF-8 are replaced"),
    "header-any-space": ("H2", "every space of Unicode is white space"),
    "header-comma": ("H2", "a comma may stand before the bracket"),
    "header-quotes": ("H2", "texts may stand in single quotes"),
    "header-list": ("H2", "a list is taken for an object without members"),
    "surrogate-alone": ("H3", "half a surrogate pair is replaced"),
    "surrogate-unpaired": ("H3", "a high surrogate joins with any escape"),
    "escape-any": ("H3", "a backslash may stand before any character"),
    "escape-kept": ("H3", "texts keep their escapes"),
    "escape-kept-in-keys": ("H3", "keys keep their escapes"),
    "depth-9": ("H4", "nine levels are allowed"),
    "depth-7": ("H4", "seven levels are allowed"),
    "keys-33": ("H4", "33 keys are allowed"),
    "keys-31": ("H4", "31 keys are allowed"),
    "keys-in-total": ("H4", "keys count although their object has closed"),
    "keys-per-object": ("H4", "keys count in their own object only"),
    "duplicates": ("H4", "a key may stand twice"),
    "duplicates-within": ("H4", "a key may stand twice in an object within"),
    "duplicates-escaped": ("H4", "keys are compared with their escapes"),
    "size-negative": ("H5", "a negative size is 0"),
    "size-minus-zero": ("H5", "-0 is a size"),
    "size-fraction": ("H5", "1.0 and 1e3 are sizes"),
    "size-text": ("H5", "a size may be a text"),
    "size-any": ("H5", "a size may have 51 digits"),
    "size-true": ("H5", "true is a size"),
    "filenema-unknown": ("H6", "`filenema` is an unknown member"),
    "filename-used": ("H6", "`put` stores under the request's filename"),
    "filename-missing": ("C3", "an empty filename is left out"),
    "md5-placeholder": ("H7", "text that is no digest means damage"),
    "md5-case": ("H7", "a digest in upper case is another"),
    "md5-upper": ("H7", "digests are written in upper case"),
    "md5-wrong": ("H7", "a reply has the digest of nothing"),
    "unknown-member": ("H8", "an unknown member is an error"),
    "null-member": ("H8", "null is of the wrong type"),
    "type-without-use": ("H8", "the type of `exit` does not matter"),
    "body-framed": ("M1", "a reply's body has a prefix of its own"),
    "mismatch-stored": ("M2", "a damaged file is stored"),
    "mismatch-closes": ("M2", "a damaged body closes the connection"),
    "mismatch-bad-request": ("M2", "a damaged body is `bad-request`"),
    "line-cr-kept": ("B1", "the CR belongs to the request"),
    "line-crs-dropped": ("B1", "every CR is dropped"),
    "line-empty": ("B1", "an empty line is a request"),
    "line-torn": ("B1", "what ends with a receive is a request, always"),
    "line-tail-runs": ("B1", "the rest of what was refused runs"),
    "line-1025": ("B1", "requests may have 1,025 bytes"),
    "line-1023": ("B1", "requests may have 1,023 bytes"),
    "line-first-only": ("B1", "of several lines in a receive the first is answered"),
    "line-bad-utf8": ("B1", "bytes that are not UTF-8 are replaced"),
    "line-stripped": ("B1", "spaces around a request are dropped"),
    "frame-newline": ("B2", "the output ends with a newline"),
    "frame-status": ("B2", "the output begins with the status"),
    "message-status": ("B3", "the header has a status"),
    "message-order": ("B3", "the header's members have another order"),
    "foreign-http": ("B4", "HTTP is answered line by line"),
    "foreign-field": ("B4", "a header field is an unknown command"),
    "foreign-mail": ("B4", "a greeting of mail is an unknown command"),
    "foreign-binary": ("B4", "binary bytes are an unknown command"),
    "foreign-more": ("B4", "an unknown command with more behind it goes on"),
    "foreign-alone": ("B4", "an unknown command closes the connection"),
    "pipeline-lost": ("C1", "of several messages in a receive the first is answered"),
    "id-decoded": ("C2", "ids are returned without their escapes"),
    "id-length-decoded": ("C2", "ids are measured without their escapes"),
    "id-66": ("C2", "ids are measured without their quotes"),
    "id-63": ("C2", "ids may have 63 bytes"),
    "id-any-number": ("C2", "ids may be below -2^63 and over 2^64 - 1"),
    "id-minus-zero": ("C2", "-0 is an id"),
    "id-fraction": ("C2", "1.5 is an id"),
    "id-null": ("C2", "null is returned"),
    "id-invented": ("C2", "who sends no id gets 0"),
    "members-order": ("C3", "status stands before id"),
    "members-more": ("C3", "a reply has another member"),
    "no-command-closes": ("C3", "a header without a command closes"),
    "unknown-bad-request": ("C3", "an unknown command is `bad-request`"),
    "status-runs": ("C3", "a request with a status runs"),
    "case-insensitive": ("C3", "commands are found in upper case too"),
    "refusal-late": ("C4", "a refusal is sent once its body has come"),
    "refusal-twice": ("C4", "that a refused body is cut short is answered too"),
    "refusal-closes": ("C4", "every refused body closes the connection"),
    "refusal-body-runs": ("C4", "a refused body is read as requests"),
    "datagram-more": ("U1", "what follows the message is ignored"),
    "datagram-shorter": ("U1", "a body may be shorter than it says"),
    "datagram-empty": ("U1", "the empty datagram is not echoed"),
    "datagram-waits": ("U1", "a late answer is waited for"),
    "echo-unlimited": ("U2", "the echo has no limit"),
    "cut-processed": ("U3", "a cut datagram is taken for a whole one"),
    "cut-unanswered": ("U3", "a cut datagram is not answered"),
    "cut-without-id": ("U3", "a cut datagram is answered without an id"),
    "amplifies": ("U4", "a reply may be of any length"),
    "amplifies-less": ("U4", "a reply is less than three times its request"),
    "truncated-more": ("U4", "`truncated` has a filename"),
    "truncated-zero": ("U4", "`truncated` does not tell the size"),
    "truncated-dropped": ("U4", "a reply that does not fit is not sent"),
    "changed-truncated": ("U4", "what has been done is answered `truncated`"),
    "answers-answers": ("U5", "a status is ignored"),
    "answers-numbers": ("U5", "a status that is no text is ignored"),
    "answers-broken": ("U5", "a broken header with a status is answered"),
    "answers-null": ("U5", "a status of null is a status"),
    "answers-own-port": ("U5", "datagrams from a service's port are answered"),
    "echo-unicode": ("E1", "letters beyond ASCII are raised too"),
    "echo-lines": ("E1", "the echo waits for whole lines"),
    "name-stripped": ("S1", "names are stripped"),
    "name-characters": ("S1", "names are measured in characters"),
    "name-256": ("S1", "names may have 256 bytes"),
    "name-slash": ("S1", "names may have a slash"),
    "name-backslash": ("S1", "names may have a backslash"),
    "name-colon": ("S1", "names may have a colon"),
    "name-quote": ("S1", "names may have what Windows does not have in one"),
    "name-device": ("S1", "names may be devices of Windows"),
    "name-device-case": ("S1", "devices are known in upper case only"),
    "name-device-extension": ("S1", "devices are known without an extension only"),
    "name-folded": ("S1", "names that differ in case are one"),
    "name-delete": ("S1", "names may have U+007F to U+009F"),
    "name-control": ("S1", "names may have U+0000 to U+001F"),
    "name-dot": ("S1", "names may begin and end with a dot"),
    "name-space": ("S1", "names may begin and end with a space"),
    "name-long-denied": ("S1", "a name that is too long is `denied`"),
    "name-missing-denied": ("S1", "a missing name is `denied`"),
    "file-missing-denied": ("C3", "a missing file is `denied`"),
    "list-unordered": ("S1", "files are listed as they came"),
    "list-name-first": ("S1", "the name stands before the size"),
    "help-short": ("C3", "help does not name all commands"),
    "info-text": ("C3", "info is no JSON"),
    "argument-stripped": ("C3", "arguments are stripped"),
    "replaces-late": ("M2", "a file that is put again stays as it was"),
    "deadline-header": ("T1", "a header may take as long as it likes"),
    "deadline-renewed": ("T1", "each byte renews the deadline of a header"),
    "closes-by-reset": ("T2", "connections are closed by a reset"),
}
broken = set()


class Refused(Exception):
    def __init__(self, status, text):
        self.status, self.text = status, text


class BadHeader(Exception):
    """What is wrong, and what had been read before."""

    def __init__(self, text, status="bad-request", has_status=False, id=""):
        self.text, self.status, self.has_status, self.id = text, status, has_status, id


# Headers.

LITERALS = {"true": True, "false": False, "null": None}
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Json:
    """A strict reader of one object, whose members it keeps as they are written."""

    def __init__(self, text):
        self.text, self.at, self.depth, self.keys = text, 0, 0, 0
        self.members = {}

    def fail(self):
        raise BadHeader(f"the header is not JSON at character {self.at}")

    def peek(self):
        return self.text[self.at : self.at + 1]

    def space(self):
        while self.peek() and (
            self.peek() in " \t\n\r" or ("header-any-space" in broken and self.peek().isspace())
        ):
            self.at += 1

    def eat(self, character):
        if self.peek() != character:
            self.fail()
        self.at += 1

    def read(self):
        self.space()
        if self.peek() == "[" and "header-list" in broken:
            return
        if self.peek() != "{":
            raise BadHeader("the header is not a JSON object")
        self.object()
        self.space()
        if self.at < len(self.text) and "header-trailing" not in broken:
            raise BadHeader("something follows the header's object")

    def enter(self):
        self.depth += 1
        if self.depth > {"depth-9": 9, "depth-7": 7}.get(one("depth-"), 8):
            raise BadHeader("the header nests too deep")

    def object(self):
        self.enter()
        outermost, seen, before = self.depth == 1, set(), self.keys
        if "keys-per-object" in broken:
            self.keys = 0
        self.eat("{")
        self.space()
        while self.peek() != "}":
            key = self.string("escape-kept-in-keys")
            raw = self.raw
            self.keys += 1
            if self.keys > {"keys-33": 33, "keys-31": 31}.get(one("keys-3"), 32):
                raise BadHeader("the header has too many keys")
            compared = raw if "duplicates-escaped" in broken else key
            allowed = "duplicates" in broken or ("duplicates-within" in broken and not outermost)
            if compared in seen and not allowed:
                raise BadHeader("the header repeats a key")
            seen.add(compared)
            self.space()
            self.eat(":")
            self.space()
            start = self.at
            value = self.value()
            if outermost:
                self.members[key] = (value, self.text[start : self.at])
            self.space()
            if self.peek() != "}":
                self.eat(",")
                self.space()
                if self.peek() == "}" and "header-comma" not in broken:
                    self.fail()
        self.at += 1
        self.depth -= 1
        if "keys-in-total" not in broken:
            self.keys = before

    def list(self):
        self.enter()
        self.eat("[")
        self.space()
        while self.peek() != "]":
            self.value()
            self.space()
            if self.peek() != "]":
                self.eat(",")
                self.space()
                if self.peek() == "]" and "header-comma" not in broken:
                    self.fail()
        self.at += 1
        self.depth -= 1

    def value(self):
        if self.peek() == "{":
            self.object()
            return {}
        if self.peek() == "[":
            self.list()
            return []
        if self.peek() == '"' or (self.peek() == "'" and "header-quotes" in broken):
            return self.string("escape-kept")
        for word, value in LITERALS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        if "header-nan" in broken:
            for word in ("NaN", "Infinity"):
                if self.text.startswith(word, self.at):
                    self.at += len(word)
                    return float("nan")
        if self.peek() == "+" and "header-plus" in broken:
            self.at += 1
        while "header-leading-zero" in broken and re.match("0[0-9]", self.text[self.at :]):
            self.at += 1
        number = NUMBER.match(self.text, self.at)
        if not number:
            self.fail()
        self.at = number.end()
        return Number(number.group())

    def string(self, keep):
        quote = self.peek()
        if quote != '"' and not (quote == "'" and "header-quotes" in broken):
            self.fail()
        self.at += 1
        start, out = self.at, ""
        while self.peek() != quote:
            c = self.peek()
            if not c or (c < " " and "header-control" not in broken):
                self.fail()
            self.at += 1
            if c == "\\":
                c = self.escape()
            out += c
        self.raw = self.text[start : self.at]
        self.at += 1
        return self.raw if keep in broken else out

    def escape(self):
        c = self.peek()
        self.at += 1
        if c in ESCAPES and c:
            return ESCAPES[c]
        if c != "u":
            if "escape-any" in broken:
                return c
            raise BadHeader("a bad escape")
        code = self.hex()
        if 0xD800 <= code < 0xDC00 and self.text.startswith("\\u", self.at):
            self.at += 2
            low = self.hex()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + (code - 0xD800) * 0x400 + low - 0xDC00)
            if "surrogate-unpaired" in broken:
                return "?"
            raise BadHeader("a bad escape")
        if 0xD800 <= code < 0xE000:
            if "surrogate-alone" in broken:
                return "?"
            raise BadHeader("a bad escape")
        return chr(code)

    def hex(self):
        digits = self.text[self.at : self.at + 4]
        if not re.fullmatch("[0-9a-fA-F]{4}", digits):
            raise BadHeader("a bad escape")
        self.at += 4
        return int(digits, 16)


class Number(str):
    """A number as it is written."""


def one(family):
    """The switch of a family that is on."""
    return next((name for name in broken if name.startswith(family)), "")


MEMBERS = ("id", "command", "status", "filename", "filenema", "total_size", "md5", "exit")


def parse(data):
    """The members of a header that are ours, as {name: value}; the id as it is written."""
    if not data and "header-empty" in broken:
        data = b"{}"
    if not data:
        raise BadHeader("the header is empty")
    if data.startswith(b"\xef\xbb\xbf"):
        if "header-bom" not in broken:
            raise BadHeader("the header starts with a byte order mark")
        data = data[3:]
    reader = Json("")
    try:
        try:
            reader = Json(data.decode("utf-8", "replace" if "header-bad-utf8" in broken else "strict"))
        except UnicodeDecodeError as error:
            reader = Json(data[: error.start].decode())
            raise BadHeader("the header is not UTF-8") if scan(reader) else None
        reader.read()
        return check(reader.members)
    except BadHeader as error:
        status, id = reader.members.get("status"), reader.members.get("id")
        error.has_status = bool(status) and status[0] is not None
        error.id = id[1] if id and isinstance(id[0], str) else ""
        raise


def scan(reader):
    """Reads as far as it goes."""
    try:
        reader.read()
    except BadHeader:
        pass
    return True


def check(members):
    header = {}
    for name, (value, raw) in members.items():
        if name not in MEMBERS:
            if "unknown-member" in broken:
                raise BadHeader(f"what is `{name}`?")
            continue
        if name == "filenema" and "filenema-unknown" in broken:
            continue
        if value is None and name == "id" and "id-null" in broken:
            header["id"] = "null"
        if value is None and name == "status" and "answers-null" in broken:
            header["status"] = "null"
        if value is None and "null-member" not in broken:
            continue
        if name == "id":
            header["id"] = check_id(value, raw)
        elif name == "total_size":
            header["total_size"] = check_size(value)
        elif name == "exit":
            whole = isinstance(value, Number) and re.fullmatch("-?[0-9]+", value)
            if not (whole and -(2**31) <= int(value) < 2**31) and "type-without-use" not in broken:
                raise BadHeader("`exit` is not a 32-bit number")
        elif not isinstance(value, str) or isinstance(value, Number):
            raise BadHeader(f"`{name}` is not a text")
        elif name in ("filename", "filenema"):
            if "filename" in header:
                raise BadHeader("the header has both `filename` and `filenema`")
            header["filename"] = value
        else:
            header[name] = value
    return header


def check_id(value, raw):
    if isinstance(value, Number):
        whole = re.fullmatch("-?[0-9]+", value)
        if "id-fraction" in broken and not whole:
            return raw
        fits = whole and (-(2**63) <= int(value) < 2**64 or "id-any-number" in broken)
        if not fits or (value == "-0" and "id-minus-zero" not in broken):
            raise BadHeader("`id` is not a 64-bit whole number")
        return raw
    if not isinstance(value, str):
        raise BadHeader("`id` is neither a text nor a number")
    measured = raw
    if "id-length-decoded" in broken:
        measured = f'"{value}"'
    if "id-66" in broken:
        measured = raw[1:-1]
    if len(measured.encode()) > (63 if "id-63" in broken else 64):
        raise BadHeader("`id` is too long")
    return json.dumps(value, ensure_ascii=False) if "id-decoded" in broken else raw


def check_size(value):
    if value is True and "size-true" in broken:
        return 1
    if isinstance(value, str) and not isinstance(value, Number) and "size-text" in broken:
        value = Number(value)
    if not isinstance(value, Number):
        raise BadHeader("`total_size` is not a number")
    if not re.fullmatch("-?[0-9]+", value):
        if "size-fraction" not in broken:
            raise BadHeader("`total_size` is not a whole number")
        return int(float(value))
    if value.startswith("-"):
        if "size-negative" in broken or (value == "-0" and "size-minus-zero" in broken):
            return 0
        raise BadHeader("`total_size` is negative")
    if int(value) >= 2**64 and "size-any" not in broken:
        raise BadHeader("`total_size` is too large")
    return int(value)


def prefix(length):
    return length.to_bytes(4, "big" if "prefix-big-endian" in broken else "little")


def declared(data):
    order = "big" if "prefix-big-endian" in broken else "little"
    return int.from_bytes(data[:4], order, signed="prefix-unsigned" not in broken)


def digest(body):
    hexed = hashlib.md5(b"" if "md5-wrong" in broken else body).hexdigest()
    return hexed.upper() if "md5-upper" in broken else hexed


# Commands.


class Reply:
    def __init__(self, body, status="ok", filename="", changed=False):
        self.body = body if isinstance(body, bytes) else body.encode()
        self.status, self.filename, self.changed = status, filename, changed

    def members(self, id):
        out = [("id", id)] if id else []
        out += [("status", json.dumps(self.status))]
        if self.filename or "filename-missing" not in broken:
            out += [("filename", json.dumps(self.filename, ensure_ascii=False))]
        out += [("total_size", str(len(self.body))), ("md5", json.dumps(digest(self.body)))]
        if "members-order" in broken and id:
            out[0], out[1] = out[1], out[0]
        if "members-more" in broken:
            out += [("node", '"python"')]
        return out

    def message(self, id):
        if not id and "id-invented" in broken:
            id = "0"
        body = self.body
        if "body-framed" in broken:
            body = prefix(len(body)) + body
        return header(self.members(id)) + body

    def bare_message(self):
        out = [(name, value) for name, value in self.members("") if name not in ("status", "node")]
        if "message-status" in broken:
            out = [("status", json.dumps(self.status))] + out
        if "message-order" in broken:
            out.reverse()
        return header(out) + self.body

    def frame(self):
        body = self.body
        if "frame-newline" in broken:
            body += b"\n"
        if "frame-status" in broken:
            body = self.status.encode() + b": " + body
        return prefix(len(body)) + body


def header(members):
    text = "{" + ",".join(f'"{name}":{value}' for name, value in members) + "}"
    return prefix(len(text.encode())) + text.encode()


def refusal(error):
    return Reply(error.text, error.status)


class Node:
    def __init__(self, options):
        self.files, self.options, self.began = {}, options, time.monotonic()

    TABLE = ("help", "echo", "upper", "info", "stats", "uptime", "list", "get", "put", "remove")
    OWN = ("sum", "count", "wait")
    TAKES_BODY, NEEDS_BODY = ("put", "sum"), ("put",)

    def begin(self, line, size):
        """Refuses a request whose body need not come; `size` is None where there is none to come."""
        name, _, argument = line.partition(" ")
        if "case-insensitive" in broken:
            name = name.lower()
        if name not in self.TABLE + self.OWN:
            status = "bad-request" if "unknown-bad-request" in broken else "unknown-command"
            raise Refused(status, f"no such command: {name}")
        if "argument-stripped" in broken:
            argument = argument.strip()
        if size and name not in self.TAKES_BODY:
            raise Refused("bad-request", f"{name} has no body")
        if size is None and name in self.TAKES_BODY:
            raise Refused("bad-request", f"{name} needs a body")
        if name in ("get", "put", "remove"):
            argument = self.check_name(argument)
        if name == "put" and size > self.options.file:
            raise Refused("too-large", "the file is too large")
        if name == "put" and len(self.files) >= 8 and argument not in self.files and self.options.file <= 65536:
            raise Refused("failed", "no room")
        if name == "sum" and size and size > 4000:
            raise Refused("too-large", "too much to add")
        return name, argument

    def check_name(self, name):
        if "name-stripped" in broken:
            name = name.strip()
        if not name:
            raise Refused("denied" if "name-missing-denied" in broken else "bad-request", "no name")
        length = len(name) if "name-characters" in broken else len(name.encode())
        if length > (256 if "name-256" in broken else 255):
            status = "denied" if "name-long-denied" in broken else "bad-request"
            raise Refused(status, "the name is too long")
        bad = set("/\\:" + ("" if "name-quote" in broken else '"*<>?|'))
        bad -= {"name-slash": {"/"}, "name-backslash": {"\\"}, "name-colon": {":"}}.get(one("name-"), set())
        control = "" if "name-control" in broken else "".join(map(chr, range(0x20)))
        control += "" if "name-delete" in broken else "".join(map(chr, range(0x7F, 0xA0)))
        ends = ("" if "name-dot" in broken else ".") + ("" if "name-space" in broken else " ")
        if any(c in bad or c in control for c in name) or (ends and name.strip(ends) != name):
            raise Refused("denied", "no such name is possible")
        stem = (name if "name-device-extension" in broken else name.split(".")[0]).rstrip(" ")
        stem = stem if "name-device-case" in broken else stem.upper()
        if re.fullmatch("CON|PRN|AUX|NUL|CON(IN|OUT)[$]|(COM|LPT)[1-9¹²³]", stem) and "name-device" not in broken:
            raise Refused("denied", "Windows has a device of that name")
        return name.lower() if "name-folded" in broken else name

    def find(self, name):
        if name not in self.files:
            status = "denied" if "file-missing-denied" in broken else "failed"
            raise Refused(status, "no such file")
        return self.files[name]

    def run(self, name, argument, body, claimed, filename=None):
        """The reply to a request that is whole; or a number of seconds to wait for it."""
        if claimed is not None:
            plain = re.fullmatch("[0-9a-fA-F]{32}", claimed)
            if not plain and "md5-placeholder" not in broken:
                claimed = None
            elif "md5-case" not in broken:
                claimed = claimed.lower()
        if claimed is not None and claimed != hashlib.md5(body).hexdigest():
            if name == "put" and "mismatch-stored" in broken:
                self.files[argument] = body
            status = "bad-request" if "mismatch-bad-request" in broken else "failed"
            raise Refused(status, "the body is damaged")
        if name == "help":
            names = self.TABLE[:5] if "help-short" in broken else self.TABLE + self.OWN
            names = [it for it in names if argument.strip() in ("", it)]
            if not names:
                raise Refused("unknown-command", "no such command")
            return Reply("".join(f"{it} does what its name says\n" for it in names))
        if name in ("echo", "upper"):
            return Reply(raised(argument.encode()) if name == "upper" else argument)
        if name == "info":
            limits = {"request": 1024, "header": 1024, "datagram": self.options.datagram, "file": self.options.file}
            if "info-text" in broken:
                return Reply("a node in Python")
            return Reply(json.dumps({"name": "mutant", "version": "1", "target": "python", "limits": limits}))
        if name == "stats":
            return Reply("frames 1\nbytes 1\n")
        if name == "uptime":
            return Reply(f"{time.monotonic() - self.began:.3f}")
        if name == "list":
            names = list(self.files) if "list-unordered" in broken else sorted(self.files, key=str.encode)
            line = "{1} {0}\n" if "list-name-first" in broken else "{0} {1}\n"
            return Reply("".join(line.format(len(self.files[it]), it) for it in names))
        if name == "get":
            return Reply(self.find(argument), filename=argument)
        if name == "remove":
            self.find(argument)
            del self.files[argument]
            return Reply(f"{argument} is gone", changed=True)
        if name == "put":
            if filename and "filename-used" in broken:
                argument = filename
            if "replaces-late" in broken and argument in self.files:
                return Reply("kept", changed=True)
            self.files.pop(argument, None)
            self.files[argument] = body
            return Reply(f"{argument} is kept", changed=True)
        if name == "sum":
            return self.sum(body)
        return self.late(name, argument)

    @staticmethod
    def sum(body):
        total = 0
        try:
            for line in body.decode().splitlines():
                if not re.fullmatch("[+-]?[0-9]+", line) or not -(2**63) <= total + int(line) < 2**63:
                    raise Refused("bad-request", "no number")
                total += int(line)
        except UnicodeDecodeError:
            raise Refused("bad-request", "the body is not UTF-8") from None
        return Reply(str(total))

    @staticmethod
    def late(name, argument):
        if not re.fullmatch(" *[0-9]+ *", argument):
            raise Refused("bad-request", "a number is needed")
        number = int(argument)
        if number > (60_000 if name == "wait" else 10_000_000):
            raise Refused("too-large", "the number is too large")
        if name == "count":
            return Reply("".join(f"{it}\n" for it in range(1, number + 1)))
        return Reply("waited") if number == 0 else number / 1000


def raised(data):
    if "echo-unicode" in broken:
        return data.decode("utf-8", "surrogateescape").upper().encode("utf-8", "surrogateescape")
    return data.upper()


async def done(outcome):
    if isinstance(outcome, Reply):
        return outcome
    await asyncio.sleep(outcome)
    return Reply("waited")


# Connections.


class Ended(Exception):
    """The input has ended inside something."""


class Connection:
    def __init__(self, node, sock):
        self.node, self.sock, self.data, self.ended = node, sock, b"", False
        self.closes = False

    async def receive(self):
        """One receive. False at the end of input."""
        data = await asyncio.get_running_loop().sock_recv(self.sock, 65536)
        self.data += data
        self.ended = not data
        return bool(data)

    async def send(self, data):
        if self.ended and "end-drops-answers" in broken:
            return
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def close(self):
        if "closes-by-reset" in broken:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            return
        self.sock.shutdown(socket.SHUT_WR)
        discarded = 0

        async def discard():
            nonlocal discarded
            while discarded < 16 << 20 and not self.ended:
                self.data = b""
                await self.receive()
                discarded += len(self.data)

        try:
            await asyncio.wait_for(discard(), 10)
        except TimeoutError:
            pass

    async def exactly(self, length):
        while len(self.data) < length:
            if not await self.receive():
                raise Ended
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    async def echo(self):
        while await self.receive():
            if "echo-lines" in broken and not self.data.endswith(b"\n"):
                continue
            data, self.data = self.data, b""
            await self.send(raised(data))

    # The command service.

    async def command(self):
        while not self.closes:
            try:
                if not self.data and not await self.receive():
                    return
                if "split-lost" in broken and len(self.data) < 4:
                    self.data = b""
                    continue
                if "deadline-header" in broken:
                    data = await self.header()
                else:
                    data = await asyncio.wait_for(self.header(), 10)
                fields = parse(data)
            except TimeoutError:
                return
            except Ended:
                if "end-in-header-silent" not in broken:
                    await self.send(Reply("the input ended", "bad-request").message(""))
                return
            except BadHeader as error:
                id = error.id if "header-error-id" in broken else ""
                await self.send(Reply(error.text, error.status).message(id))
                if "header-error-goes-on" in broken and error.text != "long":
                    continue
                return
            await self.request(fields)
            if "pipeline-lost" in broken:
                self.data = b""

    async def header(self):
        if "deadline-renewed" in broken:
            while len(self.data) < 4 or len(self.data) < 4 + declared(self.data):
                if not await asyncio.wait_for(self.receive(), 10):
                    raise Ended
        length = declared(await self.exactly(4))
        if length < 0:
            raise BadHeader("the prefix is negative")
        if length > {"header-1025": 1025, "header-1023": 1023}.get(one("header-10"), 1024):
            raise BadHeader("long", "bad-request" if "header-long-bad" in broken else "too-large")
        return await self.exactly(length)

    async def request(self, fields):
        id, size = fields.get("id", ""), fields.get("total_size", 0)
        try:
            if "status" in fields and "status-runs" not in broken:
                raise Refused("bad-request", "this is a reply")
            if "command" not in fields:
                self.closes = "no-command-closes" in broken
                raise Refused("bad-request", "no command")
            name, argument = self.node.begin(fields["command"], size)
        except Refused as error:
            return await self.refuse(error, id, size)
        try:
            body = await asyncio.wait_for(self.exactly(size), 60)
        except Ended:
            self.closes = True
            if "end-in-body-silent" not in broken:
                await self.send(Reply("the input ended", "bad-request").message(id))
            return
        try:
            reply = await done(self.node.run(name, argument, body, fields.get("md5"), fields.get("filename")))
        except Refused as error:
            reply = refusal(error)
            self.closes = "mismatch-closes" in broken and "damaged" in error.text
        await self.send(reply.message(id))

    async def refuse(self, error, id, size):
        budget = {"skip-one-more": 65537, "skip-one-less": 65535, "skip-all": 1 << 40}.get(one("skip-"), 65536)
        if self.node.options.close or "refusal-closes" in broken:
            budget = 0
        self.closes |= size > budget
        if not self.closes and "refusal-late" in broken:
            await self.exactly(size)
            size = 0
        await self.send(refusal(error).message(id))
        if not self.closes and "refusal-body-runs" not in broken:
            try:
                await self.exactly(size)
            except Ended:
                self.closes = True
                if "refusal-twice" in broken:
                    await self.send(Reply("the input ended", "bad-request").message(id))

    # The frame and message services.

    async def lines(self, bare):
        limit = {"line-1025": 1025, "line-1023": 1023}.get(one("line-10"), 1024)
        joined = dropping = False
        while not self.closes:
            if self.data and joined:
                try:
                    await asyncio.wait_for(self.receive(), 10)
                except TimeoutError:
                    return
            else:
                await self.receive()
            while not self.closes:
                line, newline, rest = self.data.partition(b"\n")
                if newline:
                    self.data = rest
                    joined |= bool(line.removesuffix(b"\r")) and "line-torn" not in broken
                    if dropping:
                        dropping = False
                        continue
                elif dropping:
                    self.data = b""
                    break
                elif line and (self.ended or not joined):
                    self.data = b""
                elif len(line.removesuffix(b"\r")) <= limit:
                    break
                if self.closes:
                    break
                line = line.replace(b"\r", b"") if "line-crs-dropped" in broken else line
                line = line if "line-cr-kept" in broken else line.removesuffix(b"\r")
                if not line and "line-empty" not in broken:
                    if not newline:
                        break
                    continue
                if len(line) > limit:
                    dropping = not newline and "line-tail-runs" not in broken
                    self.data = self.data if newline else b""
                await self.line(line, limit, bare)
                if not newline:
                    break
                if "line-first-only" in broken:
                    self.data = b""
            if self.ended:
                return

    async def line(self, line, limit, bare):
        known = line.split(b" ")[0].decode("utf-8", "replace") in Node.TABLE + Node.OWN
        more = bool(self.data.strip(b"\r\n"))
        try:
            if not known and foreign(line):
                self.closes = True
                raise Refused("bad-request", "this is another protocol")
            if len(line) > limit:
                raise Refused("too-large", "the request is too long")
            try:
                text = line.decode("utf-8", "replace" if "line-bad-utf8" in broken else "strict")
            except UnicodeDecodeError:
                raise Refused("bad-request", "the request is not UTF-8") from None
            finally:
                if not known and len(line) <= limit:
                    self.closes |= more and "foreign-more" not in broken
                    self.closes |= "foreign-alone" in broken
            if "line-stripped" in broken:
                text = text.strip()
            name, argument = self.node.begin(text, None)
            reply = await done(self.node.run(name, argument, b"", None))
        except Refused as error:
            reply = refusal(error)
        await self.send(reply.frame() if bare == "frame" else reply.bare_message())


METHODS = b"GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PRI".split()


def foreign(line):
    words = line.split(b" ")
    if "foreign-http" not in broken:
        if words[0] in METHODS or re.search(rb"[A-Z]/[0-9]\.[0-9]$", words[-1]):
            return True
    if words[0].endswith(b":") and "foreign-field" not in broken:
        return True
    if words[0] in (b"EHLO", b"HELO") and "foreign-mail" not in broken:
        return True
    if "foreign-binary" not in broken:
        if line[:1] and (line[0] <= 8 or 14 <= line[0] <= 26) or b"\0" in line:
            return True
    return line.startswith(b"SSH-")


# Datagrams.


class Datagrams:
    def __init__(self, node, service, sock, ports):
        self.node, self.service, self.sock, self.ports = node, service, sock, ports

    async def serve(self):
        loop = asyncio.get_running_loop()
        while True:
            data, peer = await loop.sock_recvfrom(self.sock, 65536)
            if (peer[1] in self.ports or peer[1] == 0) and "answers-own-port" not in broken:
                continue
            reply = self.reply(data)
            if reply is not None:
                await loop.sock_sendto(self.sock, reply, peer)

    def reply(self, data):
        limit = self.node.options.datagram
        cut = len(data) > limit
        if self.service != "echo":
            return self.answer(data[:limit], cut)
        if (cut and "echo-unlimited" not in broken) or (not data and "datagram-empty" in broken):
            return None
        return raised(data)

    def answer(self, data, cut):
        if not data:
            return None
        room = 3 * len(data) - ("amplifies-less" in broken)
        room = 65507 if "amplifies" in broken else min(room, self.node.options.datagram)
        length = declared(data) if len(data) >= 4 else -1
        try:
            if length < 0:
                raise BadHeader("no prefix")
            if length > 1024:
                raise BadHeader("long", "too-large")
            if len(data) < 4 + length:
                parse(data[4:])
                raise BadHeader("the datagram ended")
            fields = parse(data[4 : 4 + length])
        except BadHeader as error:
            if (error.has_status and "answers-broken" not in broken) or (cut and "cut-processed" not in broken):
                if not (error.text == "`status` is not a text" and "answers-numbers" in broken):
                    return None
            return self.fit(refusal(error), "", room)
        if "status" in fields and "answers-answers" not in broken:
            return None
        id, body = fields.get("id", ""), data[4 + length :]
        if cut and "cut-processed" not in broken:
            if (not id and "cut-without-id" not in broken) or "cut-unanswered" in broken:
                return None
            return self.fit(Reply("the datagram is too long", "too-large"), id, room)
        size = fields.get("total_size", 0)
        fits = size == len(body)
        fits |= size < len(body) and "datagram-more" in broken
        fits |= size > len(body) and "datagram-shorter" in broken
        try:
            if not fits:
                raise Refused("bad-request", "the body is not as long as it says")
            if "command" not in fields:
                raise Refused("bad-request", "no command")
            name, argument = self.node.begin(fields["command"], size)
            reply = self.node.run(name, argument, body[:size], fields.get("md5"), fields.get("filename"))
            if not isinstance(reply, Reply):
                if "datagram-waits" in broken:
                    time.sleep(reply)
                    reply = Reply("waited")
                else:
                    raise Refused("busy", "ask over TCP")
        except Refused as error:
            reply = refusal(error)
        return self.fit(reply, id, room)

    @staticmethod
    def fit(reply, id, room):
        whole = reply.message(id)
        if len(whole) <= room:
            return whole
        if "truncated-dropped" in broken:
            return None
        status, size = "truncated", len(reply.body)
        if reply.changed and "changed-truncated" not in broken:
            status, size = "ok", 0
        if "truncated-zero" in broken:
            size = 0
        members = [("id", id)] if id else []
        members += [("status", json.dumps(status))]
        if "truncated-more" in broken:
            members += [("filename", '""')]
        members += [("total_size", str(size))]
        short = header(members)
        return short if len(short) <= room else None


# Serving.


async def serve(options):
    node, loop, tasks, ports = Node(options), asyncio.get_running_loop(), set(), []

    async def connection(sock, service):
        it = Connection(node, sock)
        try:
            with sock:
                if service == "echo":
                    await it.echo()
                elif service == "command":
                    await it.command()
                else:
                    await it.lines(service)
                await it.close()
        except (OSError, Ended):
            pass

    async def accept(listener, service):
        while True:
            sock, _ = await loop.sock_accept(listener)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = loop.create_task(connection(sock, service))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    urls = []
    for service in ("echo", "frame", "message", "command"):
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        listener.setblocking(False)
        tasks.add(loop.create_task(accept(listener, service)))
        urls.append(f"{service}://127.0.0.1:{listener.getsockname()[1]}")
    for service in ("echo", "command"):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        ports.append(sock.getsockname()[1])
        tasks.add(loop.create_task(Datagrams(node, service, sock, ports).serve()))
        urls.append(f"{service}+udp://127.0.0.1:{ports[-1]}")
    for url in urls:
        print("listening", url, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--break", dest="broken", choices=MUTANTS)
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("--datagram", type=int, default=1472)
    arguments.add_argument("--file", type=int, default=1 << 20)
    arguments.add_argument("--close", action="store_true", help="close upon refused bodies")
    options = arguments.parse_args()
    if options.list:
        for name, (rule, what) in MUTANTS.items():
            print(name, rule, what, sep="\t")
        return
    if options.broken:
        broken.add(options.broken)
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
