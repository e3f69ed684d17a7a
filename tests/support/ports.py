"""Ports for the servers of tests."""

import random
import socket

RANGE = range(20_000, 32_000)
"""Below those that a system gives to outgoing connections, or one could take a port while its server is restarted."""


def free_port() -> int:
    """A port of the loopback address that nobody uses right now; another process will hardly choose the same."""
    while True:
        port = random.SystemRandom().choice(RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
