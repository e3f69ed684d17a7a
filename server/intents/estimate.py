"""What a take would cost, how long it would take and what stands in the way, asked before the click; pure."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from crdt_schema.farm import BatchEstimate, Estimate
from render_farm.job import QUEUES, queue_for
from render_farm.line import Waiting
from render_farm.overview import Overview
from server.intents import eta
from server.intents.abilities import Choice, able, ready, waits_for
from server.intents.judge import Case, Judge
from server.intents.recipe import Refused, hash_of

Percents = Mapping[str, float]
"""How far jobs are."""
UNTIL_THEN = "The take is made when that has come; until then it can be cancelled."


def estimate(judge: Judge, case: Case, percents: Percents) -> Estimate:
    """The estimate of a request, by the same judge that will answer it."""
    made = _judged(judge, case)
    _tell_when([made], _with(case.farm, made), percents)
    return made


def estimate_batch(judge: Judge, cases: Iterable[Case], percents: Percents) -> BatchEstimate:
    """The estimates of several shots that are asked for at once: each waits for those before it."""
    shots: list[Estimate] = []
    farm: Overview | None = None
    left: float | None = None
    for case in cases:
        left = _left(case) if farm is None else left
        # Each is judged by its own price; whether the budget lasts for all is said once, for all.
        shots.append(_judged(judge, replace(case, farm=farm or case.farm)))
        farm = _with(farm or case.farm, shots[-1])
    if farm is not None:
        _tell_when(shots, farm, percents)
    price = round(sum(shot["price_usd"] for shot in shots if shot["available"]), 6)
    return {
        "shots": shots,
        "available": sum(shot["available"] for shot in shots),
        "cached": sum(bool(shot["cached_take"]) for shot in shots),
        "price_usd": price,
        "eta_seconds": max((shot["eta_seconds"] for shot in shots if shot["available"]), default=0.0),
        "budget_left_usd": left,
        "affordable": left is None or price <= left,
    }


def _judged(judge: Judge, case: Case) -> Estimate:
    """What the judge says, without the line that it would wait in."""
    tier = case.manifest["project_settings"]["quality"]
    made: Estimate = {
        "node": case.node,
        "available": True,
        "reason": "",
        "notice": _away(case.farm),
        "pipeline": "",
        "pipeline_label": "",
        "pipeline_version": "",
        "runner": "",
        "entry": "",
        "queue": "",
        "tier": tier,
        "tier_asked": tier,
        "vram_gb": 0.0,
        "price_usd": 0.0,
        "seconds": 0.0,
        "seconds_from": "prior",
        "eta_seconds": 0.0,
        "position": 0,
        "farm_nodes": 0,
        "budget_left_usd": _left(case),
        "recipe_hash": "",
        "cached_take": "",
    }
    with suppress(Refused):  # the judge says the same below, with what comes before it
        _tell_choice(made, case.farm, judge.choice(case))
    try:
        accepted = judge.judge(case)
    except Refused as refusal:
        made["available"], made["reason"] = False, refusal.reason
        return made
    made["tier_asked"] = accepted.tier_asked
    made["recipe_hash"], made["price_usd"] = hash_of(accepted.recipe), accepted.price_usd
    if accepted.equal_take:
        made["cached_take"], made["notice"] = accepted.equal_take, accepted.notice
        made["seconds"] = 0.0
    return made


def _tell_choice(made: Estimate, farm: Overview, choice: Choice) -> None:
    pipeline, spec = choice.pipeline, choice.spec
    queue, work = queue_for(pipeline.task, choice.tier, spec.vram_gb), eta.duration(farm, pipeline, choice.tier)
    made["pipeline"], made["pipeline_label"], made["pipeline_version"] = pipeline.id, pipeline.label, pipeline.version
    made["runner"], made["entry"], made["queue"], made["tier"] = spec.runner, spec.entry, queue, choice.tier
    made["vram_gb"], made["price_usd"] = spec.vram_gb, pipeline.price_usd
    made["seconds"], made["seconds_from"] = work.seconds, work.known_from
    made["farm_nodes"] = len(ready(able(farm, pipeline, choice.tier)))
    waits = waits_for(farm, choice)
    made["notice"] = choice.notice or (f"{waits} {UNTIL_THEN}" if waits else _away(farm))


def _tell_when(shots: Iterable[Estimate], farm: Overview, percents: Percents) -> None:
    """Place and time of each of these shots, which stand in the queues of that farm."""
    places, arrivals = eta.places(farm), eta.arrivals(farm, percents)
    for made in shots:
        job = _name(made)
        made["position"] = places.get(job, 0)
        if job in places:
            made["eta_seconds"] = arrivals.get(job, made["seconds"])


def _away(farm: Overview) -> str:
    return "" if farm.reachable else "The farm cannot be reached; the take will be made when it returns."


def _left(case: Case) -> float | None:
    cap, costs = case.manifest["creative_contract"]["budgetCap"], case.costs
    return None if cap is None else round(cap - costs.spent_usd - costs.reserved_usd, 6)


def _with(farm: Overview, shot: Estimate) -> Overview:
    """The farm as it would be with one more job in its queue."""
    if not shot["available"] or shot["cached_take"] or shot["queue"] not in QUEUES:
        return farm
    queue, job = shot["queue"], _name(shot)
    card = Waiting(
        job=job,
        project="",
        person="",
        pipeline=shot["pipeline"],
        tier=shot["tier"],
        vram_gb=shot["vram_gb"],
        priority=0,
        seconds=shot["seconds"],
        asked_at="",
    )
    lines = {**farm.lines, queue: (*farm.lines.get(queue, ()), job)}
    return replace(farm, lines=lines, cards={**farm.cards, job: card})


def _name(shot: Estimate) -> str:
    """What a take that nobody has asked for yet is called in the line."""
    return f"estimate {shot['node']}"
