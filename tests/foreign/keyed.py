"""A peer with keys that does what it may, and what it may not.

    python3 keyed.py COMMAND...      COMMAND starts a node with all its services; `--key FILE` is added to it

Written from docs/protocol.md alone, rules K1 to K8, around the client of tests/peers.
"""

import json
import os
import socket
import struct
import sys
import tempfile
import time

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import node

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))
from keyed_client import Keyed  # noqa: E402

FULL, READ = bytes(range(1, 33)), bytes(range(33, 65))


def keyed(place, key_id=1, secret=FULL, **more):
    return Keyed(socket.create_connection(place, 10), key_id, secret, **more)


def hears_nothing(sock):
    """The node closes without a word."""
    sock.settimeout(20)
    try:
        assert sock.recv(1) == b""
    except ConnectionResetError:
        pass


def refused(what, **more):
    try:
        keyed(what, **more)
    except (SystemExit, ConnectionResetError):
        return
    raise AssertionError(f"let in: {more}")


def conversations(place):
    peer = keyed(place)
    assert 64 <= peer.limit <= 65535
    assert peer.call("upper hello")[1] == b"HELLO"
    blob = os.urandom(60_000)
    reply, said = peer.call("put keyed-blob", blob)
    assert reply["status"] == "ok", said
    assert "md5" not in reply, "K6"
    reply, body = peer.call("get keyed-blob")
    assert body == blob and "md5" not in reply
    for limit in [64, 65, 1000, 65535, 2**32 - 1]:
        peer = keyed(place, limit=limit)
        longest = [0]
        read = peer.read_frame

        def look(read=read, longest=longest):
            frame = read()
            longest[0] = max(longest[0], len(frame))
            return frame

        peer.read_frame = look
        assert peer.call("get keyed-blob")[1] == blob
        assert 16 < longest[0] <= limit, (longest, limit)
    reader = keyed(place, 2, READ)
    assert reader.call("get keyed-blob")[1] == blob
    for line in ["put keyed-blob", "remove keyed-blob"]:
        assert reader.call(line, b"x" if line.startswith("put") else b"")[0]["status"] == "denied"
    assert keyed(place).call("remove keyed-blob")[0]["status"] == "ok"


def half_close(place):
    peer = keyed(place)
    header = b'{"command":"upper half"}'
    peer.send(struct.pack("<i", len(header)) + header)
    peer.sock.shutdown(socket.SHUT_WR)
    size, = struct.unpack("<i", peer.read(4))
    peer.read(size)
    assert peer.read(4) == b"HALF"
    assert peer.sock.recv(1) == b""


def strangers(place):
    refused(place, secret=bytes(reversed(FULL)))
    refused(place, key_id=9)
    refused(place, limit=63)
    refused(place, key_id=2)
    for said in [b"\x1a\0\0\0" + b'{"command":"upper hello"}\n', b"\x38\0\0\0" + bytes(56), b"GET / HTTP/1.1\r\n\r\n"]:
        sock = socket.create_connection(place, 10)
        sock.sendall(said)
        hears_nothing(sock)


def forgeries(place):
    def sealed(peer, text=b'\x19\0\0\0{"command":"upper hello"}'):
        return peer.noise.encrypt(text)

    def wrong(change):
        peer = keyed(place)
        for frame in change(peer, sealed(peer), sealed(peer)):
            try:
                peer.frame(frame)
            except (BrokenPipeError, ConnectionResetError):
                break
        hears_nothing(peer.sock)

    for at in [0, 4, 20, 40]:
        wrong(lambda peer, one, two, at=at: [one[:at] + bytes([one[at] ^ 1]) + one[at + 1 :]])
    wrong(lambda peer, one, two: [two])  # one was lost, or they were reordered
    wrong(lambda peer, one, two: [one[:-1]])
    wrong(lambda peer, one, two: [bytes(16)])  # K4: no message is empty of plaintext
    wrong(lambda peer, one, two: [bytes(peer.limit + 1)])
    recorded = []
    peer = keyed(place)
    frame = peer.frame
    peer.frame = lambda payload: (recorded.append(payload), frame(payload))
    assert peer.call("upper once")[1] == b"ONCE"
    wrong(lambda other, one, two: recorded)  # a replay


def slow(place):
    """K5: five seconds, which no byte renews."""
    sock = socket.create_connection(place, 10)
    began = time.monotonic()
    try:
        for byte in b"\x38\0\0\0UK\x01\x01" + bytes(50):
            sock.sendall(bytes([byte]))
            time.sleep(0.5)
    except (BrokenPipeError, ConnectionResetError):
        pass
    hears_nothing(sock)
    silent = keyed(place)  # the handshake alone may be a recording
    hears_nothing(silent.sock)
    assert time.monotonic() - began < 30


def datagrams(places):
    """K8."""
    session, secret = os.urandom(4), os.urandom(32)
    opener = keyed(places["command", "tcp"])
    reply, said = opener.call(f"udp {session.hex()}", secret)
    assert reply["status"] == "ok", said
    directions = HKDF(algorithm=SHA256(), length=64, salt=FULL, info=b"").derive(secret)
    to_node, from_node = (ChaCha20Poly1305(directions[at : at + 32]) for at in (0, 32))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(places["command", "udp"])

    def sealed(counter, command):
        header = json.dumps({"id": counter, "command": command}).encode()
        number = struct.pack("<Q", counter)
        text = struct.pack("<i", len(header)) + header
        return session + number + to_node.encrypt(bytes(4) + number, text, session)

    def answer(datagram, patience=5):
        sock.settimeout(patience)
        sock.send(datagram)
        try:
            reply = sock.recv(2000)
        except TimeoutError:
            return None
        assert reply[:12] == datagram[:12]
        text = from_node.decrypt(bytes(4) + reply[4:12], reply[12:], session)
        (size,) = struct.unpack("<i", text[:4])
        return json.loads(text[4 : 4 + size]), text[4 + size :]

    for counter in [0, 5, 3, 2**40, 2**40 - 63]:
        header, body = answer(sealed(counter, f"upper it is {counter}"))
        assert header == {"id": counter, "status": "ok", "filename": "", "total_size": len(body)}
        assert body == f"IT IS {counter}".encode()
    for wrong in [
        sealed(3, "upper it is 3"),
        sealed(2**40 - 64, "upper late"),
        sealed(7, "upper late"),
        sealed(2**41, "upper cut")[:-1],
        os.urandom(4) + sealed(2**41, "upper another")[4:],
        b'\x18\0\0\0{"command":"upper udp"}',
    ]:
        assert answer(wrong, 0.2) is None
    header, body = answer(sealed(2**41, "help"))
    assert header["status"] == "ok" and b"udp ID" in body
    other = keyed(places["command", "tcp"], 2, READ)
    assert other.call(f"udp {session.hex()}", secret)[0]["status"] == "busy"


def downgrades(places):
    for service in ["frame", "message"]:
        sock = socket.create_connection(places[service, "tcp"], 10)
        sock.sendall(b"uptime\n")
        sock.settimeout(10)
        assert b"key" in sock.recv(1000)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(0.5)
    sock.sendto(b'\x18\0\0\0{"command":"upper udp"}', places["command", "udp"])
    try:
        raise AssertionError(sock.recv(1000))
    except TimeoutError:
        pass


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "keys")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(f"# keyed.py\n1:full:{FULL.hex()}\n2:read:{READ.hex()}\n")
        with node.started([*sys.argv[1:], "--key", path]) as places:
            place = places["command", "tcp"]
            for test in [conversations, half_close, strangers, forgeries, slow]:
                test(place)
            downgrades(places)
            datagrams(places)
            conversations(place)
    print("keyed: all that a key is for, and all that it is against")


if __name__ == "__main__":
    main()
