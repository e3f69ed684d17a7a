"""What the server tells about the farm, to pages and programs: estimates before the click, and the farm as it is now.

Times are seconds, money is USD. Of projects that somebody may not see they learn that there is work, and no more.
"""

from typing import Literal, TypedDict

from crdt_schema.records import Role, Tier

SecondsFrom = Literal["measured", "prior"]
"""Whether a duration is what such takes took, or what the catalogue says."""


class Estimate(TypedDict):
    """What a take of a shot would cost, how long it would take and what stands in the way."""

    node: str
    available: bool
    """Whether Generate may be pressed."""
    reason: str
    """What stands in the way, or empty."""
    notice: str
    """What would be otherwise than asked, or would delay it; or empty."""
    pipeline: str
    pipeline_label: str
    pipeline_version: str
    runner: str
    entry: str
    """What would run: an image, a graph, an adapter or a function."""
    queue: str
    tier: Tier
    """The tier that would run."""
    tier_asked: Tier
    vram_gb: float
    price_usd: float
    seconds: float
    """How long the work itself takes."""
    seconds_from: SecondsFrom
    eta_seconds: float
    """Until the take is there, with the wait in line."""
    position: int
    """Jobs that wait before it."""
    farm_nodes: int
    """Connected farm nodes that can run it."""
    budget_left_usd: float | None
    recipe_hash: str
    cached_take: str
    """A take that is there and equal, which would be offered instead; or empty."""


class BatchEstimate(TypedDict):
    """The estimates of several shots at once, and their sums."""

    shots: list[Estimate]
    available: int
    """How many of them may be generated."""
    cached: int
    """How many of those have an equal take already."""
    price_usd: float
    eta_seconds: float
    """Until the last take is there."""
    budget_left_usd: float | None
    affordable: bool
    """Whether the budget lasts for all of them."""


class FarmProject(TypedDict):
    """A project as the farm names it."""

    id: str
    name: str


class FarmJob(TypedDict):
    """A job as the farm page shows it. `project` is null for somebody else's, and then all but its place is empty."""

    id: str
    project: FarmProject | None
    node: str
    """The shot."""
    title: str
    pipeline: str
    tier: str
    queue: str
    status: str
    priority: int
    batch: str
    asked_by: str
    asked_by_name: str
    asked_at: str
    started_at: str
    ended_at: str
    attempt: str
    """The newest one; empty before the first."""
    attempts: int
    farm_node: str
    position: int
    eta_seconds: float
    percent: float
    step: str
    seconds: float
    cost_usd: float
    reason: str
    take: str


class FarmNodeShown(TypedDict):
    """A farm node that was heard of lately; `job` is the id of what it runs, empty when that is not for you."""

    name: str
    host: str
    version: str
    gpu: str
    vram_gb: float
    vram_free_gb: float
    queues: list[str]
    state: str
    busy: bool
    job: str
    started_at: str
    seen_at: str
    blocked: dict[str, str]
    """Pipelines that failed there too often, and until when it gets no more of them; for admins of the workspace."""
    resident: list[str]


class FarmAbilities(TypedDict):
    """What a farm node can run. Long, and the same for hours; so it is told apart from the node."""

    can: list[str]
    """As "pipeline@tier"."""
    lacks: dict[str, str]
    """What it cannot run, and what is missing there; for admins of the workspace."""


class FarmQueue(TypedDict):
    """One queue: how many wait, and the first of them in order."""

    queue: str
    waiting: int
    jobs: list[FarmJob]


class FarmCost(TypedDict):
    """What one project or one person used: takes, their price, and node time of every attempt, however it ended."""

    id: str
    name: str
    takes: int
    jobs: int
    seconds: float
    cost_usd: float


class FarmCosts(TypedDict):
    """Costs of the projects that somebody may see: per project, and per person in all of them together."""

    projects: list[FarmCost]
    people: list[FarmCost]


class FarmLive(TypedDict):
    """The farm as it is now, as `GET /api/farm/live` sends it: each field is an event, sent when it changed."""

    reachable: bool
    nodes: list[FarmNodeShown]
    abilities: dict[str, FarmAbilities]
    """By the name of the node."""
    queues: list[FarmQueue]
    running: list[FarmJob]
    recent: list[FarmJob]
    costs: FarmCosts
    roles: dict[str, Role]
    """Of whoever looks, in each of their projects: what they may do to a job there."""
