"""Kills a real process between two chosen steps: before or after the first call of a function, with SIGKILL."""

import inspect
import os
import signal
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple


class Fault(NamedTuple):
    """Where to die: "package.module:Class.function", before or after it; and who dies with it."""

    where: str
    when: str = "before"
    with_parent: bool = False
    """The worker as well, not only its attempt: a machine that loses power."""
    nth: int = 1
    """At its nth call."""


def arm(fault: Fault, marker: Path) -> None:
    """Have this process (and those forked from it) die at the fault, once: `marker` says that it has happened."""
    module, _, name = fault.where.partition(":")
    holder: Any = import_module(module)
    *outer, last = name.split(".")
    for part in outer:
        holder = getattr(holder, part)
    setattr(holder, last, _deadly(getattr(holder, last), fault, marker))


class _Trap:
    """Counts calls, and springs at the right one."""

    def __init__(self, fault: Fault, marker: Path) -> None:
        self._fault, self._marker, self._calls = fault, marker, 0

    def enter(self) -> bool:
        """Whether this call is the one; dies when it is to happen before it."""
        self._calls += 1
        due = self._calls == self._fault.nth
        if due and self._fault.when == "before":
            self.die()
        return due

    def die(self) -> None:
        try:
            self._marker.touch(exist_ok=False)
        except FileExistsError:
            return
        if self._fault.with_parent:
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _deadly(real: Callable[..., Any], fault: Fault, marker: Path) -> Callable[..., Any]:
    trap = _Trap(fault, marker)

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        due = trap.enter()
        result = await real(*args, **kwargs)
        if due:
            trap.die()
        return result

    def called(*args: Any, **kwargs: Any) -> Any:
        due = trap.enter()
        result = real(*args, **kwargs)
        if due:
            trap.die()
        return result

    return awaited if inspect.iscoroutinefunction(real) else called
