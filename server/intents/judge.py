"""Judges a request for a take: role, lock, gates, pipeline, parameters and budget, in that order; it writes nothing."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crdt_schema.production import Locks
from crdt_schema.project import Manifest, contract_gate
from crdt_schema.records import CanvasPlain, Tier
from crdt_schema.rules import RULE_TEXTS
from crdt_schema.takes import Costs
from pipelines.spec import Pipeline, PipelineError, UnknownPipeline
from server.auth.actor import Actor
from server.auth.policy import may, who_may
from server.intents import recipe
from server.intents.recipe import Recipe, Refused

BUDGET_TEXT = "Budget Cap exceeded. Admin override required."
"""Kept word for word (G-050)."""
CENT_FRACTION = 1e-9
"""Sums of prices are floats; equal to the cap passes (G-050)."""


def draw_seed() -> int:
    """A seed for a shot that wants another one each time."""
    return secrets.randbelow(recipe.HIGHEST_SEED + 1)


@dataclass(frozen=True)
class Case:
    """What a judgement is about: who asks for which shot, and all that the answer depends on."""

    actor: Actor
    node: str
    canvas: CanvasPlain
    costs: Costs
    manifest: Manifest
    locks: Locks


@dataclass(frozen=True)
class Accepted:
    """The request stands: this is what will run, and what it will cost."""

    pipeline: Pipeline
    tier: Tier
    recipe: Recipe
    price_usd: float


class Judge:
    """The one place that decides whether a take may be made. `pipelines` is the catalogue."""

    def __init__(self, pipelines: Mapping[str, Pipeline], seed: Callable[[], int] = draw_seed) -> None:
        self._pipelines = pipelines
        self._seed = seed

    def judge(self, case: Case) -> Accepted:
        """Accept, or raise Refused with what stands in the way. Pure but for the seed."""
        if not may(case.actor, "generate"):
            raise Refused(f"A {case.actor.role} may not generate. Ask an editor of this project.")
        recipe.shot_of(case.canvas, case.node)
        self._must_be_open(case)
        gate = contract_gate(case.manifest["creative_contract"], case.manifest["project_settings"]["governance"])
        if not gate["holds"]:
            raise Refused(f"{gate['message']}. Can be lifted by {gate['who_can_lift']}.")
        tier = case.manifest["project_settings"]["quality"]
        pipeline = self.pipeline(case)
        self._must_be_there(pipeline, tier)
        made = recipe.build(case.canvas, case.manifest, case.node, pipeline, seed=self._seed())
        self._must_be_affordable(case, pipeline.price_usd)
        return Accepted(pipeline, tier, made, pipeline.price_usd)

    def pipeline(self, case: Case) -> Pipeline:
        """The pipeline joined to the shot; raises Refused."""
        return self.known(recipe.pipeline_of(case.canvas, case.node))

    def known(self, wanted: str) -> Pipeline:
        """The pipeline of that `name:tag`; raises Refused."""
        name, _, tag = wanted.partition(":")
        pipeline = self._pipelines.get(name)
        if pipeline is None:
            raise Refused(f"There is no pipeline called {name[:80]}.") from UnknownPipeline(name)
        if tag not in ("", "latest", pipeline.version):
            raise Refused(f"{name} is here in version {pipeline.version}, not {tag[:80]}.")
        return pipeline

    @staticmethod
    def _must_be_open(case: Case) -> None:
        """A locked shot gets no new take, whoever asks (G-073); passes of the takes it has are none (CF-63)."""
        lock = case.locks.shots.get(case.node)
        if lock is not None:
            text = RULE_TEXTS["shot_lock"].format(name=lock["by_name"])
            raise Refused(f"{text} Can be lifted by {who_may('unlock')}.")

    @staticmethod
    def _must_be_there(pipeline: Pipeline, tier: Tier) -> None:
        try:
            runner = pipeline.runner(tier)
        except PipelineError as error:
            raise Refused(f"{str(error).rstrip('.')}.") from error
        if runner != "local":
            raise Refused(f"{pipeline.label} needs {pipeline.needs}; none is connected.")

    @staticmethod
    def _must_be_affordable(case: Case, price_usd: float) -> None:
        cap = case.manifest["creative_contract"]["budgetCap"]
        if cap is not None and case.costs.spent_usd + case.costs.reserved_usd + price_usd > cap + CENT_FRACTION:
            raise Refused(BUDGET_TEXT)
