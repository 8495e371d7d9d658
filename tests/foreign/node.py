"""A node under test, started by its command line."""

import contextlib
import subprocess


@contextlib.contextmanager
def started(command):
    """Starts a node; where each of its services is, by service and transport."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    places = {}
    try:
        while len(places) < 6:
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"{command} has ended")
            _, service, transport, address = line.split()
            host, port = address.rsplit(":", 1)
            places[service, transport] = host, int(port)
        yield places
    finally:
        process.terminate()
        process.wait(30)
