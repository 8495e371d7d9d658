"""TCP echo: sends back what it receives, with bytes.upper().

Call: echo_server.py HOST PORT        (port 0: the system chooses)
Prints `listening PORT` when ready; ends when its standard input is closed or on SIGTERM.
"""
import socketserver
import sys
import threading


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(1024):
                self.request.sendall(data.upper())
        except OSError:
            pass  # the client vanished


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128


if len(sys.argv) != 3:
    sys.exit(__doc__)
server = Server((sys.argv[1], int(sys.argv[2])), Handler)
print('listening', server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin and sys.stdin.buffer.read()
