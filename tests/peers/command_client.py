"""Client of the TCP command service: sends all requests in one go (pipelined), then reads all replies.

Call: command_client.py HOST PORT [--body FILE-OR-TEXT] COMMAND...
A request is struct.pack('i') + JSON {id, command, total_size, md5} + body; the ids count from 1, and
only the last command has a body. Each reply is printed as one line of JSON: id, status, filename,
total_size, body (as text). Exit code 0 says that every reply came whole, whatever its status.
"""
import hashlib
import json
import socket
import struct
import sys


def request(number, command, body):
    header = {'id': number, 'command': command, 'total_size': len(body), 'md5': hashlib.md5(body).hexdigest()}
    header = json.dumps(header).encode('utf-8')
    return struct.pack('i', len(header)) + header + body


def recv_exactly(client, size):
    if type(size) is not int or size < 0:
        raise ValueError('%r is not a size' % size)
    data = bytearray()
    while len(data) < size:
        part = client.recv(min(1024, size - len(data)))
        if not part:
            sys.exit('the peer closed early: %d of %d bytes came' % (len(data), size))
        data += part
    return bytes(data)


def main(host, port, *commands):
    body = b''
    if commands[0] == '--body':
        if len(commands) < 3:
            sys.exit(__doc__)
        try:
            body = open(commands[1], 'rb').read()
        except OSError:
            body = commands[1].encode('utf-8', 'surrogateescape')
        commands = commands[2:]
    client = socket.create_connection((host, int(port)), timeout=10)
    last = len(commands)
    client.sendall(b''.join(request(k, c, body if k == last else b'') for k, c in enumerate(commands, 1)))
    for _ in commands:
        header = json.loads(recv_exactly(client, struct.unpack('i', recv_exactly(client, 4))[0]))
        answer = recv_exactly(client, header['total_size'])
        line = {key: header.get(key) for key in ('id', 'status', 'filename', 'total_size')}
        print(json.dumps({**line, 'body': answer.decode('utf-8', 'replace')}), flush=True)
        if header.get('md5') not in (None, hashlib.md5(answer).hexdigest()):
            sys.exit('md5 mismatch: the header says %r' % header['md5'])


try:
    main(*sys.argv[1:]) if len(sys.argv) > 3 else sys.exit(__doc__)
except OSError as error:
    sys.exit('the connection failed: %s' % error)
except (ValueError, KeyError, TypeError, AttributeError) as error:
    sys.exit('the reply cannot be used: %r' % error)
