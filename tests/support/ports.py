"""Ports for the servers of tests."""

import os
import random
import socket
from collections import deque

RANGE = range(20_000, 32_000)
"""Below those that a system gives to outgoing connections, or one could take a port while its server is restarted."""
SHARES = 8

_given = deque[int](maxlen=200)
"""Who was given one has perhaps not taken it yet."""


def free_port() -> int:
    """A port of the loopback address that nobody uses right now and nobody else was given lately."""
    while True:
        port = random.SystemRandom().choice(_share())
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.append(port)
            return port


def _share() -> range:
    """What this process may give: workers of pytest-xdist, which are called gw0 and so on, do not meet."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return RANGE[int(worker) % SHARES :: SHARES]
