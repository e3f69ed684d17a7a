"""No test hangs for good: one that its timeout cannot end ends its process, and says where it stood.

pytest-timeout interrupts a test once, with a signal. What hangs after that hangs for good: a browser that no longer
answers is asked to close, or an event loop waits for a thread that never returns. It cost a whole run of the CI.
A process that died is not replaced (`--max-worker-restart=0`): pytest-xdist 3.8 can wait for ever for one whose last
file has a single test.

Nor does one fail because the machine is busy: an example of hypothesis may take as long as it likes. And the examples
of a change's tests are always the same ones, so that it is the change that fails them: `make soak` looks for new ones.
"""

import faulthandler
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

SPARE_SECONDS = 120
"""How long a test may need after its timeout, and how long it may need to put its things away."""


TERMINAL = pytest.StashKey[int]()

settings.register_profile(
    "same examples", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "new examples", settings.get_profile("same examples"), derandomize=False, max_examples=1000, print_blob=True
)
settings.load_profile("same examples")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the terminal: while a test runs, what it writes to standard error is caught."""
    config.stash[TERMINAL] = os.dup(2)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watch a whole test; pytest itself ends the watch at the first failure, for the sake of its debugger."""
    marker = item.get_closest_marker("timeout")
    limit = float(marker.args[0] if marker else item.config.getini("timeout"))
    if limit:
        _watch(item, limit + SPARE_SECONDS)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Watch the end of a test anew."""
    _watch(item, SPARE_SECONDS)
    return (yield)


def _watch(item: pytest.Item, seconds: float) -> None:
    faulthandler.dump_traceback_later(seconds, exit=True, file=item.config.stash[TERMINAL])
