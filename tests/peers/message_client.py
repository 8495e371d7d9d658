"""TCP message client: sends each COMMAND bare, in one send, one after another on one connection.

Call: message_client.py HOST PORT COMMAND...
Each answer is struct.pack('i', n), a JSON header of n bytes and total_size bytes of body. The header
goes to stderr as one line of JSON, the body to stdout as it comes; an md5 of 32 hex digits is checked.
"""
import hashlib
import json
import socket
import struct
import sys


def recv_some(client, size, what):
    part = client.recv(min(1024, size))
    return part or sys.exit('the peer closed early: %d bytes of the %s are missing' % (size, what))


def recv_exactly(client, size, what):
    if size < 0:
        raise ValueError('a %s of %d bytes' % (what, size))
    data = b''
    while len(data) < size:
        data += recv_some(client, size - len(data), what)
    return data


def is_digest(md5):
    return isinstance(md5, str) and len(md5) == 32 and set(md5) <= set('0123456789abcdefABCDEF')


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    client = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
    for command in sys.argv[3:]:
        client.send(command.encode('utf-8', 'surrogateescape'))
        size = struct.unpack('i', recv_exactly(client, 4, 'prefix'))[0]
        header = json.loads(recv_exactly(client, size, 'header'))
        print(json.dumps(header), file=sys.stderr, flush=True)
        missing, digest = header['total_size'], hashlib.md5()
        if type(missing) is not int or missing < 0:
            sys.exit('total_size is not a size: %r' % missing)
        while missing:
            part = recv_some(client, missing, 'body')
            missing -= len(part)
            digest.update(part)
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        if is_digest(header.get('md5')) and header['md5'].lower() != digest.hexdigest():
            sys.exit('md5 mismatch: the body has %s' % digest.hexdigest())
    client.close()


try:
    main()
except OSError as error:
    sys.exit('the connection failed: %s' % error)
except (ValueError, KeyError, TypeError, AttributeError) as error:
    sys.exit('the header cannot be used: %r' % error)
