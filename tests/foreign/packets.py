"""Packets that no honest stack sends, to a node on a TAP interface, by scapy.

    unshare --net python3 packets.py COMMAND...      COMMAND starts a node on the interface `foreign`

The sender is a host that is not there: it has an address on the link, and the kernel knows nothing of it.
"""

import logging
import random
import socket
import sys
import threading

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.all import (  # noqa: E402
    ARP,
    ICMP,
    IP,
    TCP,
    UDP,
    AsyncSniffer,
    Ether,
    IPOption,
    Raw,
    conf,
    fragment,
    fuzz,
    sendp,
    srp1,
)

import node  # noqa: E402

INTERFACE = "foreign"
ME, MAC = "192.168.69.77", "02:00:00:00:00:77"
PATIENCE, SILENCE = 5, 0.3


def begun(sniffer):
    """One that hears already."""
    started = threading.Event()
    sniffer.kwargs["started_callback"] = started.set
    sniffer.start()
    started.wait(PATIENCE)
    return sniffer


class Node:
    def __init__(self, places):
        self.places = places
        self.address = places["echo", "tcp"][0]
        answer = srp1(
            Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=MAC, psrc=ME, pdst=self.address),
            iface=INTERFACE, timeout=PATIENCE, verbose=0,
        )
        assert answer is not None and answer[ARP].op == 2, "who has the node's address"
        self.mac = answer[ARP].hwsrc
        self.port = random.Random(1).randrange(20000, 30000)

    def to(self, packet, dst=None):
        return Ether(src=MAC, dst=dst or self.mac) / packet

    def ip(self, **fields):
        return IP(src=fields.pop("src", ME), dst=self.address, **fields)

    def answer(self, frame, timeout=PATIENCE):
        return srp1(frame, iface=INTERFACE, timeout=timeout, verbose=0)

    def silent(self, *frames):
        """Nothing that this host sees comes of these."""
        mine = lambda frame: (frame.dst, frame.src) == (MAC, self.mac) and ARP not in frame
        sniffer = begun(AsyncSniffer(iface=INTERFACE, lfilter=mine, store=True))
        sendp(list(frames), iface=INTERFACE, verbose=0)
        sniffer.join(SILENCE)
        heard = sniffer.stop()
        assert not heard, f"{[frame.summary() for frame in frames][:3]}: {heard.summary()}"

    def udp(self, payload, **fields):
        port = self.places["echo", "udp"][1]
        return UDP(sport=4000, dport=port, **fields) / Raw(payload)

    def serves(self):
        """An honest client, by the kernel."""
        with socket.create_connection(self.places["frame", "tcp"], PATIENCE) as stream:
            stream.sendall(b"upper hello\n")
            reply = b""
            while len(reply) < 9:
                reply += stream.recv(9)
        assert reply == b"\x05\0\0\0HELLO"

    def connection(self, **options):
        """A connection of this host's to the echo service."""
        self.port += 1
        return Connection(self, self.port, **options)


class Connection:
    def __init__(self, node, port, **options):
        self.node, self.port, self.seq = node, port, 2_000_000
        self.service = node.places["echo", "tcp"][1]
        syn = node.answer(self.segment("S", options=options.get("options", [])))
        assert syn is not None and syn[TCP].flags == "SA", "a SYN is answered"
        self.seq, self.ack = self.seq + 1, syn[TCP].seq + 1

    def segment(self, flags, payload=b"", at=0, **fields):
        tcp = TCP(
            sport=self.port, dport=self.service, flags=flags, seq=self.seq + at,
            ack=getattr(self, "ack", 0), window=4096, **fields,
        )
        return self.node.to(self.node.ip() / tcp / Raw(payload))

    def heard(self, *segments, count):
        """What the node says to these, in the order of its bytes."""
        text = {}
        mine = lambda frame: TCP in frame and (frame.sport, frame.dport) == (self.service, self.port)

        def take(frame):
            for at, byte in enumerate(bytes(frame[TCP].payload)[: frame[IP].len - 20 - frame[TCP].dataofs * 4]):
                text[frame[TCP].seq - self.ack + at] = byte

        enough = lambda _: len(text) >= count
        sniffer = begun(AsyncSniffer(iface=INTERFACE, lfilter=mine, prn=take, stop_filter=enough))
        sendp(list(segments), iface=INTERFACE, verbose=0)
        sniffer.join(PATIENCE)
        return bytes(text[at] for at in sorted(text))

    def reset(self, sent):
        """Behind so many bytes: RFC 5961 has it ignored anywhere else."""
        sendp(self.segment("R", at=sent), iface=INTERFACE, verbose=0)


def honest(it):
    ping = it.answer(it.to(it.ip() / ICMP(id=7, seq=1) / Raw(b"abc")))
    assert ping is not None and ping[ICMP].type == 0 and ping[Raw].load[:3] == b"abc"
    reply = it.answer(it.to(it.ip() / it.udp(b"hello")))
    assert reply is not None and reply[Raw].load[:5] == b"HELLO"
    # RFC 768: a checksum of zero is none.
    reply = it.answer(it.to(it.ip() / it.udp(b"hello", chksum=0)))
    assert reply is not None and reply[Raw].load[:5] == b"HELLO"
    closed = it.answer(it.to(it.ip() / TCP(sport=1234, dport=9, flags="S", seq=1)))
    assert closed is not None and closed[TCP].flags == "RA", "nobody listens there"


def datagrams(it):
    whole = it.ip() / it.udp(b"hello")
    it.silent(
        it.to(it.ip() / it.udp(b"hello", chksum=0xBAD)),
        it.to(it.ip(chksum=0xBAD) / it.udp(b"hello")),
        it.to(it.ip() / it.udp(b"hello", len=3)),
        it.to(it.ip() / it.udp(b"hello", len=2000)),
        it.to(it.ip(len=10) / it.udp(b"hello")),
        it.to(it.ip(len=4000) / it.udp(b"hello")),
        it.to(it.ip(ihl=15) / it.udp(b"hello")),
        it.to(it.ip(ihl=2) / it.udp(b"hello")),
        it.to(it.ip(version=6) / it.udp(b"hello")),
        it.to(it.ip() / UDP(sport=0, dport=it.places["echo", "udp"][1]) / Raw(b"from port 0")),
        it.to(whole, dst="02:00:00:00:00:99"),  # another host's
        *[it.to(part) for part in fragment(it.ip() / it.udp(b"x" * 1200), fragsize=400)],
    )
    for liar in ["255.255.255.255", "192.168.69.255", "224.0.0.1", "0.0.0.0", it.address, "127.0.0.1"]:
        it.silent(it.to(it.ip(src=liar) / it.udp(b"hello")), it.to(it.ip(src=liar) / TCP(dport=it.places["echo", "tcp"][1], flags="S")))
    options = it.answer(it.to(it.ip(options=[IPOption(b"\x94\x04\0\0")]) / it.udp(b"hello")))
    assert options is None or options[Raw].load[:5] == b"HELLO"  # RFC 791: a host may not understand them


def handshakes(it):
    echo = it.places["echo", "tcp"][1]
    syn = TCP(sport=1300, dport=echo, flags="S", seq=1)
    it.silent(
        it.to(it.ip() / TCP(sport=1300, dport=echo, flags="S", seq=1, chksum=0xBAD)),
        it.to(it.ip() / syn, dst="ff:ff:ff:ff:ff:ff"),
        it.to(it.ip() / syn, dst="01:00:5e:00:00:01"),
        it.to(it.ip() / syn, dst="02:00:00:00:00:99"),
        it.to(it.ip() / TCP(sport=1300, dport=echo, flags="S", seq=1, dataofs=15)),
        it.to(it.ip() / TCP(sport=1300, dport=echo, flags="S", seq=1, dataofs=3)),
        it.to(it.ip() / TCP(sport=1300, dport=echo, flags="R", seq=1)),
        it.to(it.ip() / TCP(sport=0, dport=echo, flags="S", seq=1)),
    )
    # No flags, all of them, and two that contradict each other: whatever comes of it, it goes on.
    for flags in ["", "FSRPAUEC", "SF", "SR", "FPU"]:
        sendp(it.to(it.ip() / TCP(sport=1301, dport=echo, flags=flags, seq=1)), iface=INTERFACE, verbose=0)
    for options in [
        [("MSS", 1)],
        [("MSS", 65535), ("WScale", 14), ("SAckOK", b""), ("Timestamp", (1, 0))],
        [("NOP", None)] * 40,
        [(200, b"unknown")],
    ]:
        connection = it.connection(options=options)
        assert connection.heard(connection.segment("PA", b"hello"), count=5) == b"HELLO", options
        connection.reset(5)


def segments(it):
    """RFC 9293, 3.10.7.4: bytes are taken once, in their order, wherever the segments are cut."""
    text = b"the quick brown fox jumps"
    cuts = [(0, 4), (2, 9), (9, 25), (7, 12), (0, 25)]
    for order in [[0, 1, 2], [2, 1, 0], [0, 0, 1, 1, 2], [0, 3, 1, 2], [1, 0, 2], [4, 0], [2, 3, 0, 1, 4]]:
        connection = it.connection()
        sent = [connection.segment("PA", text[cuts[at][0] : cuts[at][1]], at=cuts[at][0]) for at in order]
        # A part that came too early may be dropped, and is sent again.
        sent += [connection.segment("PA", text)]
        assert connection.heard(*sent, count=len(text)) == text.upper(), order
        connection.reset(len(text))
    connection = it.connection()
    strange = [
        connection.segment("PA", b"far ahead", at=100_000),
        connection.segment("PA", b"far behind", at=-100_000),
        connection.segment("R", at=1 << 20),  # outside the window
        connection.segment("PA", b"bad", chksum=0xBAD),
        connection.segment("PA", b"urgent", urgptr=3, at=200_000),
    ]
    assert connection.heard(*strange, connection.segment("PA", b"hello"), count=5) == b"HELLO"
    connection.reset(5)


def noise(it, count):
    """Whatever scapy makes up, and damaged bytes of what is honest."""
    random.seed(1)
    places = [port for (_, transport), (_, port) in it.places.items() if transport == "tcp"]
    frames = []
    for number in range(count):
        port = places[number % len(places)]
        layer = [
            lambda: fuzz(TCP(dport=port)),
            lambda: fuzz(UDP(dport=it.places["command", "udp"][1])) / Raw(random.randbytes(40)),
            lambda: fuzz(ICMP()),
            lambda: TCP(dport=port, flags=random.randrange(256), seq=random.randrange(2**32)) / Raw(random.randbytes(90)),
        ][number % 4]
        frame = bytearray(bytes(it.to(it.ip() / layer())))
        if number % 3 == 0:
            frame[random.randrange(14, len(frame))] ^= 1 << random.randrange(8)
        frames.append(Raw(bytes(frame)))
    sendp(frames, iface=INTERFACE, verbose=0)


def main():
    with node.started(sys.argv[1:]) as places:
        conf.checkIPaddr = False
        it = Node(places)
        for what in (honest, datagrams, handshakes, segments):
            what(it)
            it.serves()
        for _ in range(5):
            noise(it, 400)
            it.serves()
        honest(it)
    print("answered what is honest, and stood the rest")


if __name__ == "__main__":
    main()
