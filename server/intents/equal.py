"""Finds the take that a recipe would make again: equal recipes make equal takes; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crdt_schema.records import Job, Take
from crdt_schema.takes import LIVE_STATUSES
from server.intents.recipe import Recipe, hash_of


@dataclass(frozen=True)
class Making:
    """A take of a shot that is on its way."""

    job: str
    recipe: Recipe


def making_of(jobs: Mapping[str, Job], node: str, but: str = "") -> tuple[Making, ...]:
    """What is on its way of a shot, except one job."""
    live = ((key, job) for key, job in jobs.items() if job["status"] in LIVE_STATUSES and key != but)
    return tuple(Making(key, job["recipe"]) for key, job in live if job["node"] == node)


def equal_take(takes: Mapping[str, Take], node: str, active: str, wanted: str, *, any_seed: bool) -> str:
    """The take of a shot whose recipe has that hash: the active one if it is such a take, else the newest; or empty."""
    mine = sorted((int(take["number"]), key) for key, take in takes.items() if take["node"] == node)
    keys = [active, *(key for _, key in reversed(mine))]
    return next(
        (key for key in keys if key in takes and hash_of(takes[key]["recipe"], any_seed=any_seed) == wanted), ""
    )


def is_being_made(making: Sequence[Making], wanted: str, *, any_seed: bool) -> bool:
    """Whether such a take is on its way."""
    return any(hash_of(one.recipe, any_seed=any_seed) == wanted for one in making)
