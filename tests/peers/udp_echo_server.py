"""UDP echo: answers each datagram with bytes.upper() of it, an empty one with an empty one.

Call: udp_echo_server.py HOST PORT        (port 0: the system chooses)
Prints `listening PORT` when ready; ends when its standard input is closed or on SIGTERM.
"""
import socket
import sys
import threading


def serve():
    while True:
        try:
            data, address = server.recvfrom(65535)
            server.sendto(data.upper(), address)
        except OSError:
            pass  # the client vanished


if len(sys.argv) != 3:
    sys.exit(__doc__)
address = (sys.argv[1], int(sys.argv[2]))
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if address[1]:  # with port 0 two reusable UDP sockets could be given the same port
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(address)
print('listening', server.getsockname()[1], flush=True)
threading.Thread(target=serve, daemon=True).start()
sys.stdin and sys.stdin.buffer.read()
