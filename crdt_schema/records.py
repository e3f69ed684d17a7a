"""Every record that stands in a shared document, as a TypedDict: the one declaration of its shape.

Python code reads records through `plain.py` in exactly these shapes, and `export_ts.py` writes the same
shapes as TypeScript. `Text` marks a string that is a Y.Text in the document; a `dict` field is a Y.Map there.
A field that is `NotRequired` came later: older documents do not have it.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

Text = Annotated[str, "Y.Text"]
Timestamp = Annotated[str, "ISO 8601, UTC, or empty while it has not happened"]
Tier = Literal["low", "standard", "high"]
SeedMode = Literal["fixed", "random"]
JobStatus = Literal["refused", "queued", "running", "completed", "failed", "cancelled", "lost"]
NodeState = Literal["idle", "generating", "completed", "error"]
MarkKind = Literal["stroke", "shape", "text", "pin"]
Verdict = Literal["approved", "needs_revision"]
AssetKind = Literal["talent", "environment", "prop", "wardrobe", "lighting", "camera", "music"]
LockKind = Literal["shot", "style", "picture", "contract"]
Role = Literal["viewer", "reviewer", "editor", "admin", "owner"]


class Position(TypedDict):
    """Place of a node on the canvas, in canvas units. One value, so that two people cannot tear it apart."""

    x: float
    y: float


class Node(TypedDict):
    """What every node has. A node is deleted by flag, so that undoing a deletion keeps its identity."""

    title: str
    position: Position
    deleted: bool


class ShotNode(Node):
    """A shot: the unit that is generated."""

    type: Literal["shot"]
    chapter: int
    scene: int
    shot: int
    prompt: Text
    negative_prompt: Text
    parameters: dict[str, str | int | float | bool]
    seed: int
    seed_mode: SeedMode
    active_take: str
    stars: dict[str, bool]


class PipelineNode(Node):
    """Names the pipeline that the shots joined to it run on."""

    type: Literal["pipeline"]
    pipeline: str


class StyleNode(Node):
    """A look: style context and palette (sRGB hex, dark to light or as the artist ordered them)."""

    type: Literal["style"]
    context: Text
    palette: list[str]


class PromptNode(Node):
    """Words shared by several shots."""

    type: Literal["prompt"]
    prompt: Text


class NoteNode(Node):
    """A sticky note."""

    type: Literal["note"]
    text: Text


class Edge(TypedDict):
    """A join between two sockets; never edited, only made and removed, so it is one plain value."""

    source: str
    source_socket: str
    target: str
    target_socket: str


class GenerateIntent(TypedDict):
    """Somebody asks for a take of a shot. Written once, never changed."""

    kind: Literal["generate"]
    node: str
    batch: NotRequired[str]
    """Requests that were made with one click share it."""
    fresh: NotRequired[bool]
    """Make a take even if an equal one is there."""


class CancelIntent(TypedDict):
    """Somebody asks that a job be stopped. Written once, never changed."""

    kind: Literal["cancel"]
    job: str


class CancelBatchIntent(TypedDict):
    """Somebody asks that all jobs of a batch be stopped that have not ended. Written once, never changed."""

    kind: Literal["cancel_batch"]
    batch: str


class Media(TypedDict):
    """A stored file: its SHA-256 is its address, `/api/projects/{project}/media/{blob}`."""

    blob: str
    media_type: str
    width: int
    height: int
    size_bytes: int
    frames: NotRequired[int]
    """Pictures of a film, sample frames of a sound; absent for a still."""
    rate: NotRequired[str]
    """How many of them per second, as a rational such as "24000/1001"; absent for a still."""


class Attempt(TypedDict):
    """One execution of a job on a farm node."""

    id: str
    fence: int
    """Of two attempts the one with the higher fence holds the job."""
    tier: Tier
    farm_node: str
    started_at: Timestamp
    ended_at: Timestamp
    outcome: str
    exit: str
    """How it ended, such as finished, oom or node lost; empty while it runs."""
    reason: str
    seconds: float
    cost_usd: float
    set_aside: list[str]
    """SHA-256 of the files of a result that came too late to be a take."""


class Job(TypedDict):
    """What became of an intent. Its id is the intent's id. Written by the server only."""

    kind: Literal["generate"]
    node: str
    status: JobStatus
    reason: str
    trace_id: str
    pipeline: str
    tier: Tier
    asked_by: str
    asked_by_name: str
    asked_at: Timestamp
    queued_at: Timestamp
    started_at: Timestamp
    ended_at: Timestamp
    attempts: list[Attempt]
    take: str
    seconds: float
    cost_usd: float
    recipe: dict[str, Any]
    notice: NotRequired[str]
    """What the artist should know though nothing is wrong: a lower tier, an equal take that was there."""
    tier_asked: NotRequired[Tier]
    """The project's tier when it was asked for; `tier` is the one that runs."""
    batch: NotRequired[str]
    priority: NotRequired[int]
    recipe_hash: NotRequired[str]
    """SHA-256 of the recipe: equal recipes make equal takes."""


class Take(TypedDict):
    """One immutable output of a shot. Written once, by the server only."""

    node: str
    job: str
    attempt: str
    number: int
    name: str
    chapter: int
    scene: int
    shot: int
    media: Media
    thumbnail: Media
    recipe: dict[str, Any]
    created_at: Timestamp
    created_by: str
    created_by_name: str
    seconds: float
    cost_usd: float
    facts: NotRequired[dict[str, str]]
    """What else its bytes depend on: versions, digests of images and weights; what a check or a provider said."""


class StyleRecord(TypedDict):
    """A look that the whole project can use, in the `styles` document."""

    title: str
    context: Text
    palette: list[str]
    parameters: dict[str, str | int | float | bool]
    author: str
    deleted: bool


class StyleRemark(TypedDict):
    """What somebody says of a style; only its author changes it."""

    author: str
    style: str
    text: Text
    created_at: Timestamp
    deleted: bool


class Mark(TypedDict):
    """Something drawn or set on a frame of a take; only its author changes it."""

    author: str
    take: str
    frame: int
    kind: MarkKind
    data: dict[str, Any]
    """One plain value: strokes are committed whole, on release."""
    text: Text
    created_at: Timestamp
    deleted: bool


class Remark(TypedDict):
    """A note in a thread on a shot's takes; only its author changes it, but whoever may write may resolve it."""

    author: str
    mark: str
    """The mark it stands at, if any."""
    reply_to: str
    """The note it answers, if any."""
    text: Text
    created_at: Timestamp
    resolved: bool
    deleted: bool


class Asset(TypedDict):
    """An entry of the project's library."""

    kind: AssetKind
    title: str
    description: Text
    tags: list[str]
    fields: dict[str, str | int | float | bool]
    author: str
    deleted: bool


class Lock(TypedDict):
    """Somebody has locked something; written by the server only."""

    kind: LockKind
    target: str
    """The node or the scene chain that is locked; empty for the contract."""
    by: str
    by_name: str
    at: Timestamp
    reason: str


class SceneChain(TypedDict):
    """Shots in the order of the film, under one look; written by the server only."""

    name: str
    master_style_context: str
    aspect_ratio: str
    order: list[str]
    """Ids of its segments."""
    deleted: bool


class Segment(TypedDict):
    """A shot in a scene chain: editors write its text, its trims and its level, all else is the server's."""

    chain: str
    shot: str
    text: Text
    trim_start: int
    trim_end: int
    audio_trim_start: int
    audio_trim_end: int
    """Frames that are cut off at each end; audio that is cut less than the picture runs past the cut."""
    audio_gain_db: float


class AuditNote(TypedDict):
    """A lock that was set or lifted, by whom and why; written once, by the server only."""

    at: Timestamp
    by: str
    by_name: str
    action: str
    target: str
    reason: str
    detail: str


class Fork(TypedDict):
    """A copy of the canvas to try something on, `fork/{name}`; written by the server only."""

    by: str
    by_name: str
    at: Timestamp
    commit: str
    """The version it began as; empty: the canvas as it was then."""
    deleted: bool
    """Its name is not given again, for copies of it may still be somewhere."""


class CanvasPlain(TypedDict):
    """The canvas as it is written to Git: what is deleted or dangling is left out."""

    schema: str
    nodes: dict[str, Any]
    edges: dict[str, Edge]


class TakesPlain(TypedDict):
    """The takes document as it is written to Git."""

    schema: str
    jobs: dict[str, Job]
    takes: dict[str, Take]


class StylesPlain(TypedDict):
    """The styles document as it is written to Git: what is deleted is left out."""

    schema: str
    styles: dict[str, StyleRecord]
    votes: dict[str, dict[str, int]]
    notes: dict[str, StyleRemark]


class AnnotationsPlain(TypedDict):
    """What stands on the takes of one shot, as it is written to Git: what is deleted is left out."""

    schema: str
    marks: dict[str, Mark]
    notes: dict[str, Remark]
    verdicts: dict[str, dict[str, Verdict]]


class LibraryPlain(TypedDict):
    """The project's library as it is written to Git: what is deleted is left out."""

    schema: str
    assets: dict[str, Asset]


class ProductionPlain(TypedDict):
    """The production document as it is written to Git."""

    schema: str
    locks: dict[str, Lock]
    chains: dict[str, SceneChain]
    segments: dict[str, Segment]
    audit: dict[str, AuditNote]
    forks: dict[str, Fork]


class ScriptPlain(TypedDict):
    """A script."""

    schema: str
    text: str


class PresenceUser(TypedDict):
    """Who somebody is, to the others in the room; set by the server's word, not the client's."""

    id: str
    name: str
    hue: int


class JobProgress(TypedDict):
    """How a live job stands; travels in the server's awareness state on `takes`, never in the document."""

    percent: float
    step: str
    node: str
    position: NotRequired[int]
    """Jobs that wait before it; only while it waits itself."""
    eta_seconds: NotRequired[float]
    """Until the take is there, as of when this was said: count down from it."""
    preview: NotRequired[str]
    """Address of a small picture of the work so far; another one for each picture."""


AnyNode = ShotNode | PipelineNode | StyleNode | PromptNode | NoteNode
Intent = GenerateIntent | CancelIntent | CancelBatchIntent
DocumentPlain = CanvasPlain | TakesPlain | StylesPlain | AnnotationsPlain | LibraryPlain | ProductionPlain | ScriptPlain
