"""Every record that stands in a shared document, as a TypedDict: the one declaration of its shape.

Python code reads records through `plain.py` in exactly these shapes, and `export_ts.py` writes the same
shapes as TypeScript. `Text` marks a string that is a Y.Text in the document; a `dict` field is a Y.Map there.
"""

from typing import Annotated, Any, Literal, TypedDict

Text = Annotated[str, "Y.Text"]
Timestamp = Annotated[str, "ISO 8601, UTC, or empty while it has not happened"]
Tier = Literal["low", "standard", "high"]
SeedMode = Literal["fixed", "random"]
JobStatus = Literal["refused", "queued", "running", "completed", "failed", "cancelled", "lost"]
NodeState = Literal["idle", "generating", "completed", "error"]
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


class CancelIntent(TypedDict):
    """Somebody asks that a job be stopped. Written once, never changed."""

    kind: Literal["cancel"]
    job: str


class Media(TypedDict):
    """A stored file: its SHA-256 is its address, `/api/projects/{project}/media/{blob}`."""

    blob: str
    media_type: str
    width: int
    height: int
    size_bytes: int


class Attempt(TypedDict):
    """One execution of a job on a farm node."""

    id: str
    farm_node: str
    started_at: Timestamp
    ended_at: Timestamp
    outcome: str


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


class PresenceUser(TypedDict):
    """Who somebody is, to the others in the room; set by the server's word, not the client's."""

    id: str
    name: str
    hue: int


class JobProgress(TypedDict):
    """How far a running job is; travels in the server's awareness state on `takes`, never in the document."""

    percent: float
    step: str
    node: str


AnyNode = ShotNode | PipelineNode | StyleNode | PromptNode | NoteNode
Intent = GenerateIntent | CancelIntent
