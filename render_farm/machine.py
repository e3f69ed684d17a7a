"""What a farm node knows of itself: its name, its graphics card, and which pipelines can run on it."""

import fcntl
import os
import re
import socket
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipelines import run
from pipelines.runners import comfyui
from pipelines.spec import Pipeline
from render_farm.gpu import Gpu, gpu
from render_farm.pick import TOLERANCE_GB

MOST_NODES = 1000
"""On one machine."""
FREE_TOLERANCE = 0.1
"""A job that lacks no more than this part of its memory is tried all the same."""


@dataclass(frozen=True)
class Machine:
    """The card that this node offers: the one that is there, or as much memory as somebody says."""

    vram_gb: float | None = None
    """Instead of what was found; 0 for none."""
    index: int = -1

    def gpu(self) -> Gpu | None:
        """The card as it is now; None on a node for the CPU."""
        if self.vram_gb == 0:
            return None
        found = gpu(self.index)
        if self.vram_gb is None:
            return found
        free = min(self.vram_gb, found.vram_free_gb) if found else self.vram_gb
        return Gpu(found.name if found else "", self.vram_gb, free)


@dataclass(frozen=True)
class Abilities:
    """What a node can run, and what it lacks for the rest; both by "pipeline@tier"."""

    can: tuple[str, ...] = ()
    lacks: dict[str, str] = field(default_factory=dict[str, str])
    needs_gb: dict[str, float] = field(default_factory=dict[str, float])
    """GPU memory that those need which can run, where they need any."""

    def beside(self, others_gb: float, vram_gb: float) -> "Abilities":
        """What is left of it while other programs hold so much of the card."""
        free_gb = vram_gb - others_gb
        crowded = {
            name: f"It needs a GPU with {needs_gb:g} GB, and other programs hold {others_gb:.1f} of the {vram_gb:g} GB "
            "here. Close what uses that GPU on the machine; the node notices by itself."
            for name, needs_gb in self.needs_gb.items()
            if needs_gb - free_gb > max(TOLERANCE_GB, FREE_TOLERANCE * needs_gb)
        }
        if not crowded:
            return self
        can = tuple(name for name in self.can if name not in crowded)
        return replace(self, can=can, lacks={**self.lacks, **crowded})


class Others:
    """What other programs hold of a node's card, a desktop for example: memory that no job can have (I-046)."""

    def __init__(self, ours: Callable[[], float] = comfyui.held_gb) -> None:
        """`ours` tells what a server of this node keeps there between two jobs, and gives up when it needs room."""
        self._ours = ours
        self.gb = 0.0

    def look(self, card: Gpu | None, *, is_busy: bool) -> None:
        """See what is taken. While a job runs nobody can say whose it is: then it is no more than before."""
        taken = max(0.0, card.vram_gb - card.vram_free_gb) if card is not None else 0.0
        if is_busy:
            self.gb = min(self.gb, taken)
        elif taken > TOLERANCE_GB:
            self.gb = max(0.0, taken - self._ours())
        else:
            self.gb = taken


def abilities(pipelines: Iterable[Pipeline], vram_gb: float) -> Abilities:
    """Ask every runner about every tier of every pipeline."""
    can: list[str] = []
    lacks: dict[str, str] = {}
    needs_gb: dict[str, float] = {}
    for pipeline in pipelines:
        for tier, spec in pipeline.tiers.items():
            name = f"{pipeline.id}@{tier}"
            if spec.vram_gb > vram_gb + TOLERANCE_GB:
                has = f"this one has {vram_gb:g} GB" if vram_gb else "this node has none"
                lacks[name] = f"It needs a GPU with {spec.vram_gb:g} GB; {has}."
            elif missing := run.ready(pipeline, tier):
                lacks[name] = missing
            else:
                can.append(name)
                if spec.vram_gb:
                    needs_gb[name] = spec.vram_gb
    return Abilities(tuple(can), lacks, needs_gb)


@contextmanager
def named(wanted: str = "") -> Generator[str]:
    """The name of this node: as wanted, or the host's with the first number that no worker of this machine has.

    The same after a restart, so that a node that was paused stays so, and one that fails is known by its name.
    """
    if wanted:
        yield re.sub(r"[^A-Za-z0-9_.-]", "-", wanted)[:60]
        return
    host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:50]
    for number in range(1, MOST_NODES):
        lock = _lock(Path(tempfile.gettempdir()) / f"workprint-node-{number}.lock")
        if lock is not None:
            try:
                yield f"{host}-{number}"
            finally:
                os.close(lock)
            return
    yield f"{host}-{os.getpid()}"


def _lock(path: Path) -> int | None:
    """A file held by this process and its attempts until they end; None where another holds it."""
    try:
        # Without O_CREAT for a file of somebody else's: where anybody may write, the kernel refuses to open it so.
        file = os.open(path, os.O_RDONLY if path.exists() else os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file
