"""A peer that does anything it may, in any order, and knows what must come of it.

    python3 stateful.py COMMAND...      COMMAND starts a node with all its services

Written from docs/protocol.md alone: rules are named by their letter and number. hypothesis chooses what is done,
and where it fails shows the shortest way there.
"""

import hashlib
import json
import socket
import struct
import sys

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

import node

PATIENCE = 20
NAMES = ["a", "b.txt", "文件"]
# S1: what cannot be a name.
NO_NAMES = ["../a", "a/b", "a\\b", "c:", ".a", "a.", " ", "nul", "COM1.txt", "a?", "x\u0085"]


def message(header, body=b""):
    text = json.dumps(header, ensure_ascii=False).encode()
    return struct.pack("<i", len(text)) + text + body


class Request:
    """What is asked, and what must be answered."""

    def __init__(self, id, command, body=None, md5=None):
        self.id, self.command, self.body, self.md5 = id, command, body, md5

    def __repr__(self):
        return f"Request({self.id!r}, {self.command!r}, {self.body!r}, {self.md5!r})"

    def bytes(self, padding=0):
        header = {"id": self.id, "command": self.command}
        if self.body is not None:
            header["total_size"] = len(self.body)
        if self.md5 is not None:
            header["md5"] = self.md5
        text = json.dumps(header, ensure_ascii=False).encode() + b" " * padding
        return struct.pack("<i", len(text)) + text + (self.body or b"")

    def answer(self, files):
        """The status and, where it is fixed, the body; what it does to the files is done."""
        name, space, argument = self.command.partition(" ")
        if name == "put":
            if not argument:
                return "bad-request", None
            if argument not in NAMES:
                return "denied", None
            body = self.body or b""
            if self.md5 is not None and self.md5 != hashlib.md5(body).hexdigest():
                return "failed", None  # M2
            files[argument] = body
            return "ok", None
        if name not in ("upper", "echo", "get", "remove", "list", "uptime"):
            return "unknown-command", None
        if self.body:
            return "bad-request", None
        if name == "upper":
            return "ok", argument.encode().upper()
        if name == "echo":
            return "ok", argument.encode()
        if name in ("get", "remove"):
            if not argument:
                return "bad-request", None
            if argument not in NAMES:
                return "denied", None
            if argument not in files:
                return "failed", None
            if name == "get":
                return "ok", files[argument]
            del files[argument]
            return "ok", None
        if name == "list":
            names = sorted(files, key=str.encode)
            return "ok", "".join(f"{len(files[name])} {name}\n" for name in names).encode()
        return "ok", None


ids = st.none() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(codec="utf-8"), max_size=8)
texts = st.text(st.characters(codec="utf-8"), max_size=40)
bodies = st.binary(max_size=2000)
names = st.sampled_from(NAMES + NO_NAMES + [""])


@st.composite
def requests(draw):
    kind = draw(st.sampled_from(["upper", "echo", "put", "put", "get", "get", "remove", "list", "uptime", "other"]))
    id, body, md5 = draw(ids), None, None
    if kind in ("upper", "echo"):
        command = f"{kind} {draw(texts)}"
        body = draw(st.none() | st.none() | bodies)
    elif kind == "put":
        command, body = f"put {draw(names)}", draw(bodies)
        right = hashlib.md5(body).hexdigest()
        md5 = draw(st.sampled_from([None, right, "0" * 32]))
    elif kind in ("get", "remove"):
        command = f"{kind} {draw(names)}"
    elif kind == "other":
        command, body = draw(st.sampled_from(["nope", "UPPER x", "getx", ""])), draw(st.none() | bodies)
    else:
        command = kind
    return Request(id, command, body, md5)


def to_json(id):
    """C2: an id comes back as it came."""
    return json.loads(json.dumps(id))


class Peer(RuleBasedStateMachine):
    places = {}
    answers = 0

    def __init__(self):
        super().__init__()
        self.files = {}
        self.connect()
        for line in self.ask(Request(0, "list")).decode().splitlines():
            self.ask(Request(0, "remove " + line.lstrip().partition(" ")[2]))

    def teardown(self):
        self.stream.close()

    # What it does.

    def connect(self, service="command"):
        stream = socket.create_connection(self.places[service, "tcp"], PATIENCE)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if service == "command":
            self.stream = stream
        return stream

    def ask(self, request):
        self.stream.sendall(request.bytes())
        return self.reply()[1]

    def receive(self, count):
        got = b""
        while len(got) < count:
            piece = self.stream.recv(count - len(got))
            assert piece, "the node has closed"
            got += piece
        return got

    def reply(self):
        (length,) = struct.unpack("<i", self.receive(4))
        assert 0 <= length <= 1024, length
        header = json.loads(self.receive(length))
        return header, self.receive(header["total_size"])

    def check(self, request, header, body):
        Peer.answers += 1
        status, expected = request.answer(self.files)
        assert header["status"] == status, (request, header, body)
        assert header.get("id") == to_json(request.id), (request, header)
        order = [name for name in ("id", "status", "filename", "total_size", "exit", "md5") if name in header]
        assert list(header) == order, header  # C3
        if header.get("md5"):
            assert header["md5"] == hashlib.md5(body).hexdigest()
        if expected is not None and request.command == "list":
            body = b"".join(line.lstrip() + b"\n" for line in body.splitlines())
        assert expected is None or body == expected, (request, body)
        assert status == "ok" or body.decode(), "a failure has a sentence"
        named = request.command[4:] if request.command.startswith("get ") and status == "ok" else ""
        assert header["filename"] == named

    def ends(self):
        """Nothing more comes; then there is a new connection."""
        assert self.stream.recv(1) == b""
        self.stream.close()
        self.connect()

    # What it may do.

    @rule(asked=st.lists(requests(), min_size=1, max_size=6), cuts=st.lists(st.integers(1, 60), max_size=8))
    def asks_without_waiting(self, asked, cuts):
        """C1, F2: however it is cut, answers come in the order of the requests."""
        sent = b"".join(request.bytes() for request in asked)
        for cut in cuts:
            self.stream.sendall(sent[:cut])
            sent = sent[cut:]
        self.stream.sendall(sent)
        for request in asked:
            self.check(request, *self.reply())

    @rule(asked=st.lists(requests(), max_size=3))
    def shuts_its_side(self, asked):
        """C1: after the end of input all is answered, then the connection is closed."""
        self.stream.sendall(b"".join(request.bytes() for request in asked))
        self.stream.shutdown(socket.SHUT_WR)
        for request in asked:
            self.check(request, *self.reply())
        self.ends()

    @rule(request=requests(), part=st.floats(0, 1, exclude_max=True), reset=st.booleans())
    def goes_in_the_middle(self, request, part, reset):
        """F3: what is not whole is not done."""
        sent = request.bytes()
        sent = sent[: int(part * len(sent))]
        self.stream.sendall(sent)
        if reset:
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.stream.close()
            self.connect()
            return
        self.stream.shutdown(socket.SHUT_WR)
        if sent:
            header, body = self.reply()
            assert header["status"] != "ok" and body, header
        self.ends()

    @rule(
        bad=st.sampled_from(
            [
                struct.pack("<i", -1),
                struct.pack("<i", 1025),
                struct.pack("<i", 0),
                struct.pack("<i", 2) + b"[]",
                struct.pack("<i", 3) + b"{}x",
                struct.pack("<i", 4) + b'{"a"',
                message({"id": 1, "command": "list", "total_size": -1}),
                message({"id": 1, "command": "list", "total_size": 1.5}),
                message({"id": 1.5, "command": "list"}),
                message({"id": "x" * 63, "command": "list"}),
                message({"command": ["list"]}),
                message({"x": [[[[[[[[[]]]]]]]]]}),
            ]
        ),
        behind=st.binary(max_size=100),
    )
    def breaks_a_rule(self, bad, behind):
        """F1, H1 to H8, C2: a sentence without an id, then the end."""
        self.stream.sendall(bad + behind)
        header, body = self.reply()
        assert header["status"] in ("bad-request", "too-large") and body
        assert "id" not in header
        self.ends()

    @rule(header=st.sampled_from([{"id": 7}, {"id": 7, "command": None}, {"id": 7, "status": "ok"}]))
    def asks_nothing(self, header):
        """C3: refused with its id, and the next request is answered."""
        self.stream.sendall(message(header))
        reply, body = self.reply()
        assert reply["status"] == "bad-request" and reply["id"] == 7 and body

    @rule(request=requests())
    def sends_a_datagram(self, request):
        """U1, U4: as over TCP, or `truncated`, within three times the request."""
        if len(request.bytes()) > 1000 or len(request.bytes()) + 500 > 1472:
            return
        sent = request.bytes(padding=500)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(PATIENCE)
            peer.connect(self.places["command", "udp"])
            peer.send(sent)
            reply = peer.recv(65536)
        assert len(reply) <= 3 * len(sent)
        (length,) = struct.unpack("<i", reply[:4])
        header, body = json.loads(reply[4 : 4 + length]), reply[4 + length :]
        if header["status"] == "truncated":
            assert request.answer(self.files)[0] == "ok" and not body and header["total_size"] > 0
            assert header.get("id") == to_json(request.id)
        else:
            assert header["total_size"] == len(body)
            self.check(request, header, body)

    @rule(line=texts.filter(lambda text: "\n" not in text and not text.endswith("\r") and "\0" not in text))
    def sends_a_line(self, line):
        """B1 to B3."""
        for service in ("frame", "message"):
            with self.connect(service) as stream:
                stream.settimeout(PATIENCE)
                stream.sendall(f"upper {line}\r\n".encode())
                stream.shutdown(socket.SHUT_WR)
                reply = b"".join(iter(lambda: stream.recv(4096), b""))
            (length,) = struct.unpack("<i", reply[:4])
            expected = line.encode().upper()
            if service == "frame":
                assert reply[4:] == expected and length == len(expected)
            else:
                header, body = json.loads(reply[4 : 4 + length]), reply[4 + length :]
                assert list(header) == ["filename", "total_size", "md5"]
                assert body == expected and header["total_size"] == len(body)
                assert header["md5"] == hashlib.md5(body).hexdigest()

    @rule(sent=st.lists(st.binary(min_size=1, max_size=300), max_size=5))
    def sends_anything_to_echo(self, sent):
        """E1."""
        with self.connect("echo") as stream:
            for piece in sent:
                stream.sendall(piece)
            stream.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: stream.recv(4096), b"")) == b"".join(sent).upper()


def main():
    with node.started(sys.argv[1:]) as Peer.places:
        chosen = settings(max_examples=200, stateful_step_count=25, deadline=None, derandomize=True, database=None)
        run_state_machine_as_test(Peer, settings=chosen)
    print(f"200 conversations, {Peer.answers} answers looked at: as the page says")


if __name__ == "__main__":
    main()
