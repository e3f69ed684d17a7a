"""What the hub orders from the farm and what the farm tells back: orders, events and nodes as plain data; pure.

    FarmError
    +-- FarmUnavailable   Redis cannot be reached; try again later
    +-- BadOrder          an order that does not read
    +-- BadEvent          an event that does not read

Both sides check what they read: a farm node is another machine.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, cast, get_args

from crdt_schema.ids import is_blob_hash, is_id
from crdt_schema.records import Media, Tier

TIERS: tuple[Tier, ...] = get_args(Tier)


class FarmError(Exception):
    """The farm cannot do what was asked."""


class FarmUnavailable(FarmError):
    """Redis cannot be reached; whoever asked tries again later."""


class BadOrder(FarmError):
    """An order does not read as one."""


class BadEvent(FarmError):
    """An entry of the event stream does not read as an event."""


@dataclass(frozen=True)
class JobOrder:
    """One job to run: all that a farm node needs to know. Its id is the intent's id."""

    job: str
    project: str
    tier: Tier
    recipe: Mapping[str, Any]
    hub_url: str
    token: str = field(repr=False)
    """Lets the attempt read and write blobs of this project, for this job; never logged."""
    asked_at: str

    def as_json(self) -> dict[str, Any]:
        """The order as JSON values."""
        return {**asdict(self), "recipe": dict(self.recipe)}

    @staticmethod
    def from_json(value: object) -> "JobOrder":
        """The order in JSON values; raises BadOrder."""
        table = _Table(value, BadOrder)
        recipe, tier = table.values.get("recipe"), table.text("tier")
        if not isinstance(recipe, dict) or tier not in TIERS:
            raise BadOrder("an order needs a recipe and a tier")
        return JobOrder(
            job=table.an_id("job"),
            project=table.an_id("project"),
            tier=tier,
            recipe=cast("dict[str, Any]", recipe),
            hub_url=table.text("hub_url"),
            token=table.text("token"),
            asked_at=table.text("asked_at"),
        )


@dataclass(frozen=True, kw_only=True)
class FarmEvent:
    """Something that happened to a job; `attempt` is empty while none was made."""

    type: ClassVar[str]
    job: str
    project: str
    attempt: str
    farm_node: str
    at: str

    def as_json(self) -> dict[str, Any]:
        """The event as JSON values."""
        return {"type": self.type, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Started(FarmEvent):
    """A farm node began an attempt."""

    type: ClassVar[str] = "started"


@dataclass(frozen=True, kw_only=True)
class Progressed(FarmEvent):
    """How far an attempt is."""

    type: ClassVar[str] = "progress"
    percent: float
    step: str


@dataclass(frozen=True, kw_only=True)
class Finished(FarmEvent):
    """An attempt made its outputs, and the hub has their bytes."""

    type: ClassVar[str] = "finished"
    outputs: tuple[Media, ...]
    thumbnail: Media
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Failed(FarmEvent):
    """An attempt failed; `reason` is for the artist, the traceback is in the node's log under `trace_id`."""

    type: ClassVar[str] = "failed"
    reason: str
    trace_id: str


@dataclass(frozen=True, kw_only=True)
class Cancelled(FarmEvent):
    """The job was stopped as asked; nothing of it runs any more."""

    type: ClassVar[str] = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Requeued(FarmEvent):
    """The node that ran the job is gone; the job waits for another."""

    type: ClassVar[str] = "requeued"


@dataclass(frozen=True, kw_only=True)
class Lost(FarmEvent):
    """The job was given up because its nodes vanished; a result may still come in late."""

    type: ClassVar[str] = "lost"
    reason: str
    trace_id: str


AnyEvent = Started | Progressed | Finished | Failed | Cancelled | Requeued | Lost


@dataclass(frozen=True)
class FarmNode:
    """A farm node that was heard of lately; `job` is what it runs now, or empty."""

    name: str
    host: str
    tiers: tuple[Tier, ...]
    started_at: str
    seen_at: str
    job: str = ""

    def as_json(self) -> dict[str, Any]:
        """The node as JSON values."""
        return {**asdict(self), "tiers": list(self.tiers)}

    @staticmethod
    def from_json(value: object) -> "FarmNode":
        """The node in JSON values; raises FarmError."""
        table = _Table(value, FarmError)
        tiers = table.values.get("tiers")
        if not isinstance(tiers, list):
            raise FarmError("a farm node names its tiers")
        return FarmNode(
            name=table.text("name"),
            host=table.text("host"),
            tiers=tuple(tier for tier in TIERS if tier in tiers),
            started_at=table.text("started_at"),
            seen_at=table.text("seen_at"),
            job=table.text("job"),
        )


def read_event(value: object) -> AnyEvent:
    """The event in JSON values; raises BadEvent."""
    table = _Table(value, BadEvent)
    attempt = table.text("attempt")
    common = {
        "job": table.an_id("job"),
        "project": table.an_id("project"),
        "attempt": table.an_id("attempt") if attempt else "",
        "farm_node": table.text("farm_node"),
        "at": table.text("at"),
    }
    match table.text("type"):
        case "started":
            return Started(**common)
        case "progress":
            percent = min(100.0, max(0.0, table.number("percent")))
            return Progressed(**common, percent=percent, step=table.text("step"))
        case "finished":
            return _finished(table, common)
        case "failed":
            return Failed(**common, reason=table.text("reason"), trace_id=table.text("trace_id"))
        case "cancelled":
            return Cancelled(**common)
        case "requeued":
            return Requeued(**common)
        case "lost":
            return Lost(**common, reason=table.text("reason"), trace_id=table.text("trace_id"))
        case other:
            raise BadEvent(f"there is no event of type {other[:40]!r}")


def _finished(table: "_Table", common: dict[str, str]) -> Finished:
    outputs = table.values.get("outputs")
    if not isinstance(outputs, list) or not outputs or not common["attempt"]:
        raise BadEvent("a finished attempt has an id and at least one output")
    return Finished(
        **common,
        outputs=tuple(_media(output) for output in cast("list[object]", outputs)),
        thumbnail=_media(table.values.get("thumbnail")),
        seconds=max(0.0, table.number("seconds")),
    )


def _media(value: object) -> Media:
    table = _Table(value, BadEvent)
    blob = table.text("blob")
    if not is_blob_hash(blob):
        raise BadEvent("blob is no SHA-256")
    return {
        "blob": blob,
        "media_type": table.text("media_type"),
        "width": int(table.number("width")),
        "height": int(table.number("height")),
        "size_bytes": int(table.number("size_bytes")),
    }


class _Table:
    """A JSON object whose fields are read with their types checked."""

    def __init__(self, value: object, error: type[FarmError]) -> None:
        if not isinstance(value, dict):
            raise error("not a JSON object")
        self.values = cast("dict[str, object]", value)
        self._error = error

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if not isinstance(value, str):
            raise self._error(f"{name} is no text")
        return value

    def an_id(self, name: str) -> str:
        value = self.text(name)
        if not is_id(value):
            raise self._error(f"{name} is no id")
        return value

    def number(self, name: str) -> float:
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._error(f"{name} is no number")
        return float(value)
