"""The catalogue over REST: what can be generated, on what terms, and whether a connected farm node can do it now."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

from aiohttp import web

from crdt_schema.records import Tier
from crdt_schema.takes import TIERS
from pipelines.registry import for_task, quality_mappings
from pipelines.spec import Input, Pipeline, PipelineError
from render_farm.job import FarmNode, FarmUnavailable
from render_farm.overview import Overview
from server.api.access import demand
from server.auth.policy import who_may
from server.errors import Forbidden
from server.intents.abilities import Choice, missing
from server.keys import CATALOGUE, FARM, INTENTS, PIPELINES
from server.middleware import USER


async def mappings(request: web.Request) -> web.Response:
    """GET /api/quality/mappings: which pipeline each tier runs, by task type, and whether one can now (I-016)."""
    farm, catalogue = await request.app[INTENTS].view.look(), request.app[PIPELINES]
    found = quality_mappings()
    for task, tiers in found.items():
        for tier in TIERS:
            if tier in tiers:
                tiers[tier]["available"] = _runs(farm, catalogue, task, tier)
    return web.json_response(found)


def _runs(farm: Overview, catalogue: dict[str, Pipeline], task: str, tier: Tier) -> bool:
    """Whether a connected farm node can run what a tier stands for."""
    try:
        return not missing(farm, Choice(for_task(task, tier, catalogue), tier))
    except PipelineError:
        return False


async def pipelines(request: web.Request) -> web.Response:
    """GET /api/pipelines: every pipeline, with what it needs where no connected farm node can run it."""
    catalogue = request.app[CATALOGUE]
    await asyncio.to_thread(catalogue.refresh)
    try:
        nodes = await asyncio.to_thread(request.app[FARM].nodes)
    except FarmUnavailable:
        nodes = []
    found = sorted(catalogue.pipelines.values(), key=lambda pipeline: pipeline.id)
    return web.json_response([pipeline_json(pipeline, nodes) for pipeline in found])


async def problems(request: web.Request) -> web.Response:
    """GET /api/pipelines/problems: templates of the Library that cannot be used, and why, for admins (P-008)."""
    user = request[USER]
    if user.role is None:
        raise Forbidden(f"You have no role in this workspace. Ask {who_may('read_audit', 'workspace')}.")
    demand(user.acting_as(user.role), "read_audit", "workspace")
    catalogue = request.app[CATALOGUE]
    await asyncio.to_thread(catalogue.refresh)
    return web.json_response([asdict(problem) for problem in catalogue.problems])


def pipeline_json(pipeline: Pipeline, nodes: Sequence[FarmNode] = ()) -> dict[str, object]:
    """What the app shows of a pipeline."""
    return {
        "id": pipeline.id,
        "version": pipeline.version,
        "uuid": pipeline.uuid,
        "label": pipeline.label,
        "summary": pipeline.summary,
        "task": pipeline.task,
        "output": pipeline.output,
        "also": list(pipeline.also),
        "price_usd": pipeline.price_usd,
        "price_unit": pipeline.price_unit,
        "licence": pipeline.licence,
        "source": pipeline.source,
        "checked": pipeline.checked,
        "weights": [asdict(each) for each in pipeline.weights],
        "needs": pipeline.needs,
        "sfw_gate": pipeline.sfw_gate,
        "tags": dict(pipeline.tags),
        "unavailable": pipeline.unavailable,
        "inputs": [_input_json(each) for each in pipeline.inputs],
        "params": [{**asdict(param), "choices": list(param.choices)} for param in pipeline.params],
        "tiers": {tier: _tier_json(pipeline, tier, nodes) for tier in pipeline.tiers},
    }


def _input_json(entry: Input) -> dict[str, object]:
    return {**asdict(entry), "types": list(entry.types)}


def _tier_json(pipeline: Pipeline, tier: Tier, nodes: Sequence[FarmNode]) -> dict[str, object]:
    spec = pipeline.tiers[tier]
    name = f"{pipeline.id}@{tier}"
    # What comes with Workprint waits for its node to start; everything else has to be somewhere already.
    can = any(name in node.can for node in nodes) or (
        pipeline.is_local and not any(name in node.lacks for node in nodes)
    )
    nearest = max((node for node in nodes if name in node.lacks), key=lambda node: node.vram_gb, default=None)
    return {
        "available": can,
        "needs": "" if can else pipeline.needs or pipeline.unavailable,
        "lacks": "" if can or nearest is None else f"{nearest.name}: {nearest.lacks[name]}",
        "runner": spec.runner,
        "vram_gb": spec.vram_gb,
        "long_edge_px": spec.long_edge_px,
        "seconds_prior": spec.seconds_prior,
    }
