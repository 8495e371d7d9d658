"""TCP message server: one recv(1024) is one bare command; answers struct.pack('i') + JSON header + body.

Call: message_server.py HOST PORT [--name NAME] [--tutorial] [--bad-md5] [--shell]
--tutorial writes the misspelt key `filenema` and a placeholder md5, --bad-md5 the digest of another body.
Commands and --shell as in frame_server.py; so are port 0, the line `listening PORT` and the end.
"""
import hashlib
import json
import socketserver
import struct
import subprocess
import sys
import threading


def run(command):
    name, _, text = command.partition(b' ')
    if name in (b'upper', b'echo'):
        return text.upper() if name == b'upper' else text
    if name == b'repeat':
        count, _, text = text.partition(b' ')
        fits = count.isdigit() and int(count) * len(text) < 2 ** 31
        return int(count) * text if fits else b'usage: repeat N TEXT'
    if '--shell' not in options:
        return b'unknown command: ' + name
    child = subprocess.Popen(command.replace(b'\0', b'').decode('utf-8', 'replace'), shell=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return b''.join(child.communicate())  # stdout, then stderr


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while command := self.request.recv(1024):
                body = run(command)
                digest = hashlib.md5(body + (b'!' if '--bad-md5' in options else b'')).hexdigest()
                header = {'filename': filename, 'md5': digest, 'total_size': len(body)}
                if '--tutorial' in options:
                    header = {'filenema': filename, 'md5': 'sssxxxadwc123asd123', 'total_size': len(body)}
                header = json.dumps(header).encode('utf-8')
                self.request.sendall(struct.pack('i', len(header)))
                self.request.sendall(header)
                self.request.sendall(body)
        except OSError:
            pass  # the client vanished


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128


options = sys.argv[3:]
if len(sys.argv) < 3 or '--shell' in options and not sys.argv[1].startswith('127.'):
    sys.exit(__doc__)
filename = options[options.index('--name') + 1] if '--name' in options else 'a.txt'
server = Server((sys.argv[1], int(sys.argv[2])), Handler)
print('listening', server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin and sys.stdin.buffer.read()
