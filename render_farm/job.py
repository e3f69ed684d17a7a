"""What the hub orders from the farm and what the farm tells back: orders, events and nodes as plain data; pure.

    FarmError
    +-- FarmUnavailable   Redis cannot be reached; try again later
    +-- BadOrder          an order that does not read
    +-- BadEvent          an event that does not read

Both sides check what they read: a farm node is another machine.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, cast, get_args

from crdt_schema.ids import is_blob_hash, is_id, new_id
from crdt_schema.records import Media, Tier
from render_farm.words import plain

TIERS: tuple[Tier, ...] = get_args(Tier)
_RATE = re.compile(r"[1-9]\d{0,8}/[1-9]\d{0,8}")
MOST_CHARS = 4000
"""Of any one text that a farm node says: it goes into a document that everybody loads."""
MOST_FACTS = 100
UNREADABLE = (
    "The farm node told the end of this job in a way that the server cannot read. Please generate again; whoever looks "
    "after the farm can see to it that node and server are of one version."
)
MOST_OUTPUTS = 256
QueueName = Literal["high", "style_high", "standard", "style_standard", "low", "style_low", "cpu"]
"""Where a job waits: work without a GPU in `cpu`, style jobs in queues of their own (I-041), all else by tier."""
QUEUES: tuple[QueueName, ...] = get_args(QueueName)
ExitReason = Literal[
    "", "finished", "failed", "transient", "oom", "timeout", "cancelled", "node lost", "stopped", "late"
]
"""How an attempt ended; empty while it runs."""
NodeState = Literal["ready", "paused", "draining"]
"""A paused node takes nothing new; a draining one stops when it has ended what it has."""


def queue_for(task: str, tier: Tier, vram_gb: float) -> QueueName:
    """The queue that a job waits in: without a GPU in `cpu`, style jobs in their own (I-041), all else by tier."""
    if not vram_gb:
        return "cpu"
    return cast("QueueName", f"style_{tier}" if task.startswith("style-") else tier)


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
    queue: QueueName = "cpu"
    pipeline: str = ""
    """Id of the pipeline without its tag; with the tier it says which nodes can take the job."""
    person: str = ""
    """Who asked: projects share the farm fairly, and in a project its people."""
    priority: int = 0
    """-10 to 10; higher goes first, whoever waits."""
    vram_gb: float = 0.0
    expected_seconds: float = 1.0
    """What the work itself takes: measured before, else the pipeline's prior."""

    def as_json(self) -> dict[str, Any]:
        """The order as JSON values."""
        return {**vars(self), "recipe": dict(self.recipe)}

    @staticmethod
    def from_json(value: object) -> "JobOrder":
        """The order in JSON values; raises BadOrder."""
        table = _Table(value, BadOrder)
        recipe, tier, queue = table.values.get("recipe"), table.text("tier"), table.text("queue")
        if not isinstance(recipe, dict) or tier not in TIERS or queue not in QUEUES:
            raise BadOrder("an order needs a recipe, a tier and a queue")
        return JobOrder(
            job=table.an_id("job"),
            project=table.an_id("project"),
            tier=tier,
            recipe=cast("dict[str, Any]", recipe),
            hub_url=table.text("hub_url"),
            token=table.text("token"),
            asked_at=table.text("asked_at"),
            queue=queue,
            pipeline=table.text("pipeline"),
            person=table.text("person"),
            priority=int(table.number("priority")),
            vram_gb=table.number("vram_gb"),
            expected_seconds=table.number("expected_seconds"),
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
    """A farm node began an attempt; of two attempts the one with the higher fence holds the job."""

    type: ClassVar[str] = "started"
    fence: int = 0


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
    cost_usd: float | None = None
    """What a provider billed; None where the catalogue's price counts."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """For the provenance: image digest, server version, checkpoint hashes."""


@dataclass(frozen=True, kw_only=True)
class Late(FarmEvent):
    """An attempt made its outputs after another had taken the job over: they are kept aside, and make no take."""

    type: ClassVar[str] = "late"
    outputs: tuple[Media, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Failed(FarmEvent):
    """The job failed; `reason` is for the artist, the traceback is in the node's log under `trace_id`."""

    type: ClassVar[str] = "failed"
    reason: str
    trace_id: str
    exit: ExitReason = "failed"
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Cancelled(FarmEvent):
    """The job was stopped as asked; nothing of it runs any more."""

    type: ClassVar[str] = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Requeued(FarmEvent):
    """An attempt ended without a result and the job goes on: at once, after a pause, or one tier up."""

    type: ClassVar[str] = "requeued"
    exit: ExitReason = "node lost"
    reason: str = ""
    seconds: float = 0.0
    tier: str = ""
    """The tier that it goes to; empty for the same."""
    retry_at: str = ""
    """When it is queued again; empty for now."""


@dataclass(frozen=True, kw_only=True)
class Lost(FarmEvent):
    """The job was given up because its nodes vanished; a result that comes after this is set aside."""

    type: ClassVar[str] = "lost"
    reason: str
    trace_id: str


@dataclass(frozen=True, kw_only=True)
class Prioritised(FarmEvent):
    """An admin gave a job that has not ended another priority."""

    type: ClassVar[str] = "prioritised"
    priority: int


AnyEvent = Started | Progressed | Finished | Late | Failed | Cancelled | Requeued | Lost | Prioritised


@dataclass(frozen=True)
class FarmNode:
    """A farm node that was heard of lately; `job` is what it runs now, or empty."""

    name: str
    host: str
    queues: tuple[QueueName, ...]
    """What it serves, its own tier first: smaller work only when that is empty."""
    started_at: str
    """By its own clock."""
    seen_at: str
    """By Redis's clock; set when it is announced."""
    job: str = ""
    version: str = ""
    gpu: str = ""
    """Name of the GPU; empty where there is none."""
    vram_gb: float = 0.0
    vram_free_gb: float = 0.0
    can: tuple[str, ...] = ()
    """What it can run, as "pipeline@tier"."""
    lacks: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it cannot run, as "pipeline@tier" -> what is missing there."""
    resident: tuple[str, ...] = ()
    """Pipelines whose models it holds in memory, the latest first."""
    state: NodeState = "ready"
    blocked: Mapping[str, float] = field(default_factory=dict[str, float])
    """Pipelines that failed there too often -> until when it gets no more of them (seconds of the epoch)."""

    def as_json(self) -> dict[str, Any]:
        """The node as JSON values."""
        return {**asdict(self), "queues": list(self.queues), "can": list(self.can), "resident": list(self.resident)}

    @staticmethod
    def from_json(value: object) -> "FarmNode":
        """The node in JSON values; raises FarmError."""
        table = _Table(value, FarmError)
        queues, lacks, state = table.texts("queues"), table.values.get("lacks"), table.text("state")
        if not isinstance(lacks, dict) or state not in get_args(NodeState):
            raise FarmError("a farm node says what it lacks and whether it is ready")
        return FarmNode(
            name=table.text("name"),
            host=table.text("host"),
            queues=cast("tuple[QueueName, ...]", tuple(queue for queue in queues if queue in QUEUES)),
            started_at=table.text("started_at"),
            seen_at=table.text("seen_at"),
            job=table.text("job"),
            version=table.text("version"),
            gpu=table.text("gpu"),
            vram_gb=table.number("vram_gb"),
            vram_free_gb=table.number("vram_free_gb"),
            can=table.texts("can"),
            lacks={str(key): str(value) for key, value in cast("dict[str, object]", lacks).items()},
            resident=table.texts("resident"),
            state=cast("NodeState", state),
        )


def read_event(value: object) -> AnyEvent:
    """The event in JSON values; raises BadEvent."""
    table = _Table(value, BadEvent)
    attempt = table.text("attempt")
    common: dict[str, Any] = {
        "job": table.an_id("job"),
        "project": table.an_id("project"),
        "attempt": table.an_id("attempt") if attempt else "",
        "farm_node": table.text("farm_node"),
        "at": table.text("at"),
    }
    match table.text("type"):
        case "started":
            return Started(**common, fence=int(table.number("fence")))
        case "progress":
            percent = min(100.0, max(0.0, table.number("percent")))
            return Progressed(**common, percent=percent, step=table.text("step"))
        case "finished":
            return _finished(table, common)
        case "failed":
            return Failed(
                **common,
                reason=table.text("reason"),
                trace_id=table.text("trace_id"),
                exit=table.an_exit(),
                seconds=max(0.0, table.number("seconds")),
            )
        case "late":
            return Late(**common, outputs=_outputs(table), seconds=max(0.0, table.number("seconds")))
        case "cancelled":
            return Cancelled(**common)
        case "requeued" | "lost" | "prioritised" as kind:
            return _of_line(kind, table, common)
        case other:
            raise BadEvent(f"there is no event of type {other[:40]!r}")


def _of_line(kind: str, table: "_Table", common: dict[str, Any]) -> AnyEvent:
    """What becomes of a job between its attempts."""
    match kind:
        case "requeued":
            return Requeued(
                **common,
                exit=table.an_exit(),
                reason=table.text("reason"),
                seconds=max(0.0, table.number("seconds")),
                tier=table.text("tier"),
                retry_at=table.text("retry_at"),
            )
        case "lost":
            return Lost(**common, reason=table.text("reason"), trace_id=table.text("trace_id"))
        case _:
            return Prioritised(**common, priority=int(table.number("priority")))


def instead_of(value: object) -> Failed | None:
    """What is recorded of an event that ends a job and does not read, so that the job does not hang for ever.

    None for any other: without progress or a start nothing hangs.
    """
    table = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if table.get("type") not in ("finished", "failed", "cancelled", "lost"):
        return None
    said = {name: table[name] for name in ("job", "project", "attempt", "farm_node", "at") if name in table}
    ending = {"type": "failed", "reason": UNREADABLE, "trace_id": new_id("trace"), "exit": "failed", "seconds": 0.0}
    try:
        return cast("Failed", read_event({**said, **ending}))
    except BadEvent:
        return None


def _finished(table: "_Table", common: dict[str, Any]) -> Finished:
    facts = table.values.get("facts")
    if not common["attempt"] or not isinstance(facts, dict):
        raise BadEvent("a finished attempt has an id, and facts")
    return Finished(
        **common,
        outputs=_outputs(table),
        thumbnail=_media(table.values.get("thumbnail")),
        seconds=max(0.0, table.number("seconds")),
        cost_usd=None if table.values.get("cost_usd") is None else max(0.0, table.number("cost_usd")),
        facts={
            _short(key): _short(value) for key, value in list(cast("dict[str, object]", facts).items())[:MOST_FACTS]
        },
    )


def _outputs(table: "_Table") -> tuple[Media, ...]:
    outputs = table.values.get("outputs")
    if not isinstance(outputs, list) or not outputs:
        raise BadEvent("there is no output")
    return tuple(_media(output) for output in cast("list[object]", outputs)[:MOST_OUTPUTS])


def _media(value: object) -> Media:
    table = _Table(value, BadEvent)
    blob = table.text("blob")
    if not is_blob_hash(blob):
        raise BadEvent("blob is no SHA-256")
    media: Media = {
        "blob": blob,
        "media_type": table.text("media_type"),
        "width": int(table.number("width")),
        "height": int(table.number("height")),
        "size_bytes": int(table.number("size_bytes")),
    }
    if "frames" in table.values:
        rate = table.text("rate")
        if not _RATE.fullmatch(rate):
            raise BadEvent("rate is no fraction such as 24/1")
        media["frames"], media["rate"] = max(0, int(table.number("frames"))), rate
    return media


def _short(value: object) -> str:
    return plain(str(value)[:MOST_CHARS])


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
        return _short(value)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in cast("list[object]", value)):
            raise self._error(f"{name} is no list of texts")
        return tuple(cast("list[str]", value))

    def an_id(self, name: str) -> str:
        value = self.text(name)
        if not is_id(value):
            raise self._error(f"{name} is no id")
        return value

    def an_exit(self) -> ExitReason:
        value = self.text("exit")
        if value not in get_args(ExitReason):
            raise self._error("exit is no reason that an attempt ends for")
        return cast("ExitReason", value)

    def number(self, name: str) -> float:
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._error(f"{name} is no number")
        return float(value)
