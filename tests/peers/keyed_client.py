"""A client with a key (docs/protocol.md, "Keys"), and the Python package noiseprotocol.

    python3 keyed_client.py KEYFILE HOST PORT COMMAND...      prints a header and a body for each command
"""

import json
import socket
import struct
import sys

from noise.connection import NoiseConnection


class Keyed:
    def __init__(self, sock, key_id, secret, limit=16384):
        self.sock, self.plain = sock, b""
        self.noise = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        self.noise.set_as_initiator()
        self.noise.set_psks(secret)
        prologue = b"UK\x01" + bytes([key_id])
        self.noise.set_prologue(prologue)
        self.noise.start_handshake()
        self.frame(prologue + self.noise.write_message(struct.pack("<I", limit)))
        self.limit = min(65535, *struct.unpack("<I", self.noise.read_message(self.read_frame())))

    def exactly(self, size):
        data = b""
        while len(data) < size:
            data += self.sock.recv(size - len(data)) or sys.exit("the node has closed the connection")
        return data

    def frame(self, payload):
        self.sock.sendall(struct.pack("<i", len(payload)) + payload)

    def read_frame(self):
        return self.exactly(struct.unpack("<i", self.exactly(4))[0])

    def send(self, data):  # a tag has 16 bytes
        for at in range(0, len(data), self.limit - 16):
            self.frame(self.noise.encrypt(data[at : at + self.limit - 16]))

    def read(self, size):
        while len(self.plain) < size:
            self.plain += self.noise.decrypt(self.read_frame())
        data, self.plain = self.plain[:size], self.plain[size:]
        return data

    def call(self, command, body=b""):
        header = json.dumps({"command": command, "total_size": len(body)}, ensure_ascii=False).encode()
        self.send(struct.pack("<i", len(header)) + header + body)
        reply = json.loads(self.read(struct.unpack("<i", self.read(4))[0]))
        return reply, self.read(reply["total_size"])


if __name__ == "__main__":
    number, _, secret = open(sys.argv[1]).readline().strip().split(":")
    sock = socket.create_connection((sys.argv[2], int(sys.argv[3])), 5)
    keyed = Keyed(sock, int(number), bytes.fromhex(secret))
    for line in sys.argv[4:]:
        print(*keyed.call(line))
