"""TCP frame client: sends each COMMAND bare, in one send, one after another on one connection.

Call: frame_client.py HOST PORT COMMAND...
Each answer is struct.pack('i', n) and n bytes; the bodies go to stdout, with a newline between two.
"""
import socket
import struct
import sys


def recv_exactly(client, size):
    data = bytearray()
    while len(data) < size:
        part = client.recv(min(1024, size - len(data)))
        if not part:
            sys.exit('the peer closed early: %d of %d bytes came' % (len(data), size))
        data += part
    return bytes(data)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    client = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
    for number, command in enumerate(sys.argv[3:]):
        client.send(command.encode('utf-8', 'surrogateescape'))
        size = struct.unpack('i', recv_exactly(client, 4))[0]
        if size < 0:
            sys.exit('the peer declared a frame of %d bytes' % size)
        body = recv_exactly(client, size)
        sys.stdout.buffer.write(b'\n' + body if number else body)
        sys.stdout.buffer.flush()
    client.close()


try:
    main()
except OSError as error:
    sys.exit('the connection failed: %s' % error)
