"""Which farm nodes can run what, which tier that leaves, and what to say about it (I-039, I-044, I-045); pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crdt_schema.project import WhenBusy
from crdt_schema.records import Job, Tier
from crdt_schema.takes import TIERS
from pipelines.spec import Pipeline, TierSpec
from render_farm.job import FarmNode, queue_for
from render_farm.overview import Overview
from render_farm.pick import TOLERANCE_GB

Mappings = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Task type -> tier -> the pipeline it stands for, as the catalogue tells it."""

FELL_BACK = "{asked} quality not available on current hardware. Fell back to {tier} {pixels}px generation."
"""Word for word (I-045)."""
WAITS_FOR = "Waiting for "
"""What a job waits for that no connected node offers begins with this; it holds until the job has begun or ended."""


@dataclass(frozen=True)
class Choice:
    """What would run: a pipeline at one of its tiers, and what to say when it is not the one asked for."""

    pipeline: Pipeline
    tier: Tier
    notice: str = ""

    @property
    def spec(self) -> TierSpec:
        """The settings of that tier."""
        return self.pipeline.tiers[self.tier]

    @property
    def name(self) -> str:
        """As nodes name what they can run."""
        return f"{self.pipeline.id}@{self.tier}"


def able(farm: Overview, pipeline: Pipeline, tier: Tier) -> list[FarmNode]:
    """The connected nodes that can run a tier of a pipeline, now or when they are free or let go on."""
    found = _suited(farm, pipeline, tier)
    return [node for node in found if pipeline.id not in node.blocked]


def _suited(farm: Overview, pipeline: Pipeline, tier: Tier) -> list[FarmNode]:
    """Those, and those that get nothing of this pipeline for a while."""
    spec = pipeline.tiers.get(tier)
    if spec is None:
        return []
    queue = queue_for(pipeline.task, tier, spec.vram_gb)
    serving = (node for node in farm.nodes if queue in node.queues and node.state != "draining")
    return [node for node in serving if _fits(node, spec) and not _lacks(node, pipeline, tier)]


def ready(nodes: Sequence[FarmNode]) -> list[FarmNode]:
    """Those that nobody has paused."""
    return [node for node in nodes if node.state == "ready"]


def free(nodes: Sequence[FarmNode]) -> list[FarmNode]:
    """Those that would begin at once."""
    return [node for node in ready(nodes) if not node.job]


def choose(
    farm: Overview, catalogue: Mapping[str, Pipeline], mappings: Mappings, wanted: Choice, when_busy: WhenBusy
) -> Choice:
    """What to run where `wanted` is asked for: a lower tier when the project falls back and only that is free."""
    can = able(farm, wanted.pipeline, wanted.tier)
    if when_busy == "queue" or free(can) or not farm.reachable:
        return wanted
    lower = [choice for choice in _below(catalogue, mappings, wanted) if able(farm, choice.pipeline, choice.tier)]
    at_once = [choice for choice in lower if free(able(farm, choice.pipeline, choice.tier))]
    if can and not at_once:
        return wanted
    return next(iter(at_once or lower), wanted)


def missing(farm: Overview, choice: Choice) -> str:
    """Why no connected node can run it, or empty. What comes with Workprint itself may wait for a worker to start."""
    if never := never_runs(choice):
        return never
    if not farm.reachable or _suited(farm, choice.pipeline, choice.tier) or _may_start(farm, choice):
        return ""
    needs = choice.pipeline.needs or "a farm node that can run it"
    return f"{choice.pipeline.label} needs {needs}; none is connected.{_nearest(farm, choice)}"


def never_runs(choice: Choice) -> str:
    """Why no node can run it, whatever comes, or empty."""
    pipeline, why = choice.pipeline, choice.pipeline.unavailable.rstrip(".")
    return f"{pipeline.label} cannot run in this version: it {why}." if why else ""


def waits_for(farm: Overview, choice: Choice) -> str:
    """What has to come before it can begin, when that is more than its turn; or empty."""
    suited = _suited(farm, choice.pipeline, choice.tier)
    can = able(farm, choice.pipeline, choice.tier)
    if not farm.reachable or ready(can):
        return ""
    if can:
        return f"{WAITS_FOR}{_named(can)} that can run it: paused, until an admin of the workspace resumes it."
    if suited:
        return (
            f"{WAITS_FOR}{_named(suited)} that can run it: {choice.pipeline.label} failed there too often and is "
            "tried again within half an hour, or when an admin of the workspace forgives it."
        )
    return f"{WAITS_FOR}{_wanted(farm, choice)}; none is connected.{_nearest(farm, choice)}"


def waits_no_longer(job: Job) -> dict[str, object]:
    """What changes in a job that begins or ends: what it waited for has come, or does not matter any more."""
    return {"notice": ""} if job.get("notice", "").startswith(WAITS_FOR) else {}


def _wanted(farm: Overview, choice: Choice) -> str:
    if choice.spec.vram_gb and not any(_fits(node, choice.spec) for node in farm.nodes):
        return f"a {choice.spec.vram_gb:g} GB node"
    if _may_start(farm, choice):
        return "a farm node"
    needs = choice.pipeline.needs
    return f"a node that can run {choice.pipeline.label}{f', which needs {needs}' if needs else ''}"


def _may_start(farm: Overview, choice: Choice) -> bool:
    """Whether it comes with Workprint itself, so that any node can run it that does not say otherwise."""
    return choice.spec.runner == "local" and not any(choice.name in node.lacks for node in farm.nodes)


def _named(nodes: Sequence[FarmNode]) -> str:
    return f"{nodes[0].name}, the only node" if len(nodes) == 1 else f"one of the {len(nodes)} nodes"


def _nearest(farm: Overview, choice: Choice) -> str:
    """What the node lacks that comes nearest, as one more sentence; empty where there is none."""
    nearest = max(farm.nodes, key=lambda node: (_fits(node, choice.spec), node.vram_gb), default=None)
    if nearest is None:
        return ""
    return f" {nearest.name} comes nearest: {_why_not(nearest, choice)}"


def _fits(node: FarmNode, spec: TierSpec) -> bool:
    return node.vram_gb + TOLERANCE_GB >= spec.vram_gb


def _lacks(node: FarmNode, pipeline: Pipeline, tier: Tier) -> bool:
    """Whether a node lacks something; one that has not said yet can run what comes with Workprint itself."""
    name = f"{pipeline.id}@{tier}"
    if name in node.can:
        return False
    return name in node.lacks or pipeline.tiers[tier].runner != "local"


def _below(catalogue: Mapping[str, Pipeline], mappings: Mappings, wanted: Choice) -> list[Choice]:
    """The tiers below, the highest first: of the same pipeline, else the pipeline that stands for the tier there."""
    found: list[Choice] = []
    for tier in reversed(TIERS[: TIERS.index(wanted.tier)]):
        if tier in wanted.pipeline.tiers:
            found.append(_fallback(wanted, wanted.pipeline, tier))
            continue
        mapped = mappings.get(wanted.pipeline.task, {}).get(tier, {})
        other = catalogue.get(str(mapped.get("pipeline_id", "")).partition(":")[0])
        if other is not None and tier in other.tiers:
            found.append(_fallback(wanted, other, tier))
    return found


def _fallback(wanted: Choice, pipeline: Pipeline, tier: Tier) -> Choice:
    pixels = pipeline.tiers[tier].long_edge_px
    return Choice(pipeline, tier, FELL_BACK.format(asked=wanted.tier.capitalize(), tier=tier, pixels=pixels))


def _why_not(node: FarmNode, choice: Choice) -> str:
    if not _fits(node, choice.spec):
        return f"it has {node.vram_gb:g} GB of GPU memory." if node.vram_gb else "it has no GPU."
    if node.state == "draining":
        return "it takes nothing new."
    lacks = node.lacks.get(choice.name, "")
    return f"{lacks.rstrip('.')}." if lacks else "it has not said yet that it can."
