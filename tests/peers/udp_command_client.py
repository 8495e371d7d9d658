"""Client of the UDP command service: each COMMAND is one datagram, sent once the last is answered.

Call: udp_command_client.py HOST PORT [--body FILE-OR-TEXT] COMMAND...
A datagram is struct.pack('i') + JSON {id, command, total_size, md5} + body; the ids count from 1, and
only the last command has a body. Each reply is printed as one line of JSON: id, status, filename,
total_size, body (as text). With the status `truncated` there is no body, whatever total_size says.
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


def show(datagram):
    size = struct.unpack('i', datagram[:4])[0]
    if not 0 <= size <= len(datagram) - 4:
        raise ValueError('a header of %d bytes in a datagram of %d' % (size, len(datagram)))
    header = json.loads(datagram[4:4 + size])
    body = datagram[4 + size:]
    line = {key: header.get(key) for key in ('id', 'status', 'filename', 'total_size')}
    print(json.dumps({**line, 'body': body.decode('utf-8', 'replace')}), flush=True)
    size = header['total_size']
    if type(size) is not int or len(body) != (0 if header.get('status') == 'truncated' else size):
        raise ValueError('total_size %r, but %d bytes of body' % (size, len(body)))
    if body and header.get('md5') not in (None, hashlib.md5(body).hexdigest()):
        sys.exit('md5 mismatch: the header says %r' % header['md5'])


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
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(10)
    client.connect((host, int(port)))  # answers of others do not count
    for number, command in enumerate(commands, 1):
        client.send(request(number, command, body if number == len(commands) else b''))
        show(client.recv(65535))


try:
    main(*sys.argv[1:]) if len(sys.argv) > 3 else sys.exit(__doc__)
except OSError as error:
    sys.exit('no answer: %s' % error)
except (ValueError, KeyError, AttributeError, struct.error) as error:
    sys.exit('the reply cannot be used: %r' % error)
