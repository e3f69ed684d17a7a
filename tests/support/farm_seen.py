"""A farm as a hub may see it, for tests of what is decided by it: nodes, queues and durations as plain data."""

from typing import Any

from render_farm.durations import Measured
from render_farm.job import QUEUES, FarmNode, QueueName
from render_farm.line import Waiting
from render_farm.overview import Overview


def node(name: str = "gpu-1", *, vram_gb: float = 0.0, **fields: Any) -> FarmNode:
    """A node that serves every queue."""
    values: dict[str, Any] = {"queues": QUEUES, "started_at": "", "seen_at": "", "gpu": f"GPU {vram_gb:g}"}
    values |= {"gpu": ""} if not vram_gb else {}
    return FarmNode(name=name, host=name, vram_gb=vram_gb, **{**values, **fields})


def card(job: str, *, seconds: float = 0.1, **fields: Any) -> Waiting:
    """What the line knows of a job."""
    values: dict[str, Any] = {"project": "project-1", "person": "eve", "tier": "low", "pipeline": "test-still"}
    values |= {"vram_gb": 0.0, "priority": 0, "asked_at": ""}
    return Waiting(job=job, seconds=seconds, **{**values, **fields})


def farm_of(
    *nodes: FarmNode,
    waiting: tuple[str, ...] = (),
    queue: QueueName = "cpu",
    medians: dict[str, Measured] | None = None,
    expected_seconds: float = 0.1,
) -> Overview:
    """A farm with these nodes, on which each job takes the same time."""
    jobs = [*waiting, *(each.job for each in nodes if each.job)]
    cards = {job: card(job, seconds=expected_seconds) for job in jobs}
    return Overview(nodes=nodes, lines={queue: waiting}, cards=cards, medians=medians or {})
