"""UDP echo client: sends each TEXT as one datagram ('' an empty one), prints each answer as one line.

Call: udp_echo_client.py HOST PORT TEXT...
The next datagram goes out once the last is answered; an answer may take 5 seconds.
"""
import socket
import sys


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(5)
    client.connect((sys.argv[1], int(sys.argv[2])))  # answers of others do not count
    for text in sys.argv[3:]:
        client.send(text.encode('utf-8', 'surrogateescape'))
        sys.stdout.buffer.write(client.recv(65535) + b'\n')
        sys.stdout.buffer.flush()
    client.close()


try:
    main()
except OSError as error:
    sys.exit('no answer: %s' % error)
