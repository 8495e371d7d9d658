"""TCP frame server: one recv(1024) is one bare command, answered with struct.pack('i', len) + body.

Call: frame_server.py HOST PORT [--shell]        (port 0: the system chooses)
Commands: upper TEXT, echo TEXT, repeat N TEXT; --shell (loopback only) hands any other to a shell.
Prints `listening PORT` when ready; ends when its standard input is closed or on SIGTERM.
"""
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
                self.request.sendall(struct.pack('i', len(body)))
                self.request.sendall(body)
        except OSError:
            pass  # the client vanished


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128


options = sys.argv[3:]
if len(sys.argv) < 3 or '--shell' in options and not sys.argv[1].startswith('127.'):
    sys.exit(__doc__)
server = Server((sys.argv[1], int(sys.argv[2])), Handler)
print('listening', server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin and sys.stdin.buffer.read()
