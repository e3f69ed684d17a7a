"""What a take would cost, how long it would take and what stands in the way: before the click, changing nothing."""

from dataclasses import dataclass
from typing import TypedDict

from crdt_schema.records import Tier
from pipelines.spec import PipelineError
from render_farm.job import FarmUnavailable, QueueName
from render_farm.queues import Farm
from server.intents.judge import Case, Judge
from server.intents.recipe import Refused


class Estimate(TypedDict):
    """An estimate as it travels to the app; money in USD, times in seconds."""

    node: str
    available: bool
    """Whether Generate may be pressed."""
    reason: str
    """What stands in the way, or empty."""
    notice: str
    """What would delay it, or empty."""
    pipeline: str
    pipeline_label: str
    tier: Tier
    price_usd: float
    seconds: float
    """How long the work itself takes."""
    eta_seconds: float
    """Until the take is there, with the wait in line."""
    position: int
    """Jobs that wait before it."""
    farm_nodes: int
    """Farm nodes that serve the tier."""
    budget_left_usd: float | None


@dataclass(frozen=True)
class Line:
    """How the queue of a tier stands; unreachable when Redis is away."""

    reachable: bool
    waiting: int = 0
    nodes: int = 0
    busy: int = 0


def look_at_line(farm: Farm, queue: QueueName) -> Line:
    """How the queue of a tier stands now. It blocks."""
    try:
        serving = [node for node in farm.nodes() if queue in node.queues]
        return Line(True, farm.waiting(queue), len(serving), sum(1 for node in serving if node.job))
    except FarmUnavailable:
        return Line(reachable=False)


def estimate(judge: Judge, case: Case, line: Line) -> Estimate:
    """The estimate of a request, by the same judge that will answer it."""
    tier = case.manifest["project_settings"]["quality"]
    cap = case.manifest["creative_contract"]["budgetCap"]
    left = None if cap is None else round(cap - case.costs.spent_usd - case.costs.reserved_usd, 6)
    made: Estimate = {
        "node": case.node,
        "available": True,
        "reason": "",
        "notice": _notice(line, tier),
        "pipeline": "",
        "pipeline_label": "",
        "tier": tier,
        "price_usd": 0.0,
        "seconds": 0.0,
        "eta_seconds": 0.0,
        "position": line.waiting,
        "farm_nodes": line.nodes,
        "budget_left_usd": left,
    }
    try:
        pipeline = judge.pipeline(case)
        made["pipeline"], made["pipeline_label"] = pipeline.id, pipeline.label
        made["price_usd"] = pipeline.price_usd
        made["seconds"] = pipeline.tier(tier).seconds_prior
        made["eta_seconds"] = _eta(line, made["seconds"])
    except (Refused, PipelineError):
        pass  # the judge says the same below, with what comes before it
    try:
        judge.judge(case)
    except Refused as refusal:
        made["available"], made["reason"] = False, refusal.reason
    return made


def _eta(line: Line, seconds: float) -> float:
    ahead = line.waiting + line.busy
    return round(seconds * (1 + ahead / max(1, line.nodes)), 3)


def _notice(line: Line, tier: Tier) -> str:
    if not line.reachable:
        return "The farm cannot be reached; the take will be made when it returns."
    if not line.nodes:
        return f"No farm node for tier {tier} is connected; the take will be made when one is."
    return ""
