"""TCP echo client: sends each TEXT on one connection and prints each answer as one line.

Call: echo_client.py HOST PORT TEXT...
"""
import socket
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
    for text in sys.argv[3:]:
        data = text.encode('utf-8', 'surrogateescape')
        client.sendall(data)
        sys.stdout.buffer.write(recv_exactly(client, len(data)) + b'\n')
        sys.stdout.buffer.flush()
    client.close()


try:
    main()
except OSError as error:
    sys.exit('the connection failed: %s' % error)
