"""Judges a request for a take: role, lock, gates, pipeline, parameters and budget, in that order; it writes nothing."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from crdt_schema.production import Locks
from crdt_schema.project import Manifest, contract_gate
from crdt_schema.records import CanvasPlain, Tier
from crdt_schema.rules import RULE_TEXTS
from crdt_schema.takes import Costs
from pipelines import registry
from pipelines.registry import quality_mappings
from pipelines.spec import Pipeline, PipelineError, UnknownPipeline
from render_farm.overview import UNREACHABLE, Overview
from server.auth.actor import Actor
from server.auth.policy import may, who_may
from server.intents import abilities, recipe
from server.intents.abilities import Choice, Mappings
from server.intents.price import price_of
from server.intents.recipe import Recipe, Refused
from server.intents.shelf import Shelf

BUDGET_TEXT = "Budget Cap exceeded. Admin override required."
"""Kept word for word (G-050)."""
SAME_TAKE = "Nothing has changed since {name}: it is offered instead. Ask for a fresh take to make it again."
SAME_JOB = "This very take is being made already. Ask for a fresh take to make it twice."
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
    farm: Overview = UNREACHABLE
    shelf: Shelf = field(default_factory=Shelf)
    """The project's takes, and what is being made: what joined shots give, and what need not be made again."""
    batch: str = ""
    fresh: bool = False


@dataclass(frozen=True)
class Accepted:
    """The request stands: this is what will run, and what it will cost."""

    pipeline: Pipeline
    tier: Tier
    recipe: Recipe
    price_usd: float
    tier_asked: Tier
    notice: str = ""
    equal_take: str = ""
    """A take that is there and equal: nothing runs, and it is offered instead."""


class Judge:
    """The one place that decides whether a take may be made. `pipelines` is the catalogue."""

    def __init__(
        self,
        pipelines: Mapping[str, Pipeline],
        seed: Callable[[], int] = draw_seed,
        mappings: Mappings | None = None,
    ) -> None:
        self._pipelines = pipelines
        self._seed = seed
        self._mappings = quality_mappings() if mappings is None else mappings

    def judge(self, case: Case) -> Accepted:
        """Accept, or raise Refused with what stands in the way. Pure but for the seed."""
        if not may(case.actor, "generate"):
            raise Refused(f"A {case.actor.role} may not generate. Ask an editor of this project.")
        recipe.shot_of(case.canvas, case.node)
        self._must_be_open(case)
        gate = contract_gate(case.manifest["creative_contract"], case.manifest["project_settings"]["governance"])
        if not gate["holds"]:
            raise Refused(f"{gate['message']}. Can be lifted by {gate['who_can_lift']}.")
        choice = self.choice(case)
        tier_asked = self._tier_asked(case)
        if lacking := self._lacking(case, choice):
            raise Refused(lacking)
        made = recipe.build(
            case.canvas,
            case.manifest,
            case.node,
            choice.pipeline,
            seed=self._seed(),
            tier=choice.tier,
            takes=case.shelf.takes,
        )
        if (found := self._equal(case, made)) is not None:
            take, notice = found
            return Accepted(choice.pipeline, choice.tier, made, 0.0, tier_asked, notice, take)
        price_usd = price_of(choice.pipeline, made)
        self._must_be_affordable(case, price_usd)
        notice = choice.notice or abilities.waits_for(case.farm, choice)
        return Accepted(choice.pipeline, choice.tier, made, price_usd, tier_asked, notice)

    def choice(self, case: Case) -> Choice:
        """The pipeline and the tier that would run for a shot, as the farm is now; raises Refused."""
        pipeline, tier = self.pipeline(case), self._tier_asked(case)
        try:
            pipeline.tier(tier)
        except PipelineError as error:
            raise Refused(f"{str(error).rstrip('.')}.") from error
        when_busy = case.manifest["project_settings"]["when_busy"]
        return abilities.choose(case.farm, self._pipelines, self._mappings, Choice(pipeline, tier), when_busy)

    @staticmethod
    def _lacking(case: Case, choice: Choice) -> str:
        """Why it is not even put in line: in a project that waits, only what no node can ever run (I-044)."""
        if case.manifest["project_settings"]["when_busy"] == "queue":
            return abilities.never_runs(choice)
        return abilities.missing(case.farm, choice)

    def _tier_asked(self, case: Case) -> Tier:
        """That of the project, unless the shot's pipeline is named with a tag that stands for a tier (P-006)."""
        _, _, tag = recipe.pipeline_of(case.canvas, case.node).partition(":")
        return self.pipeline(case).tags.get(tag, case.manifest["project_settings"]["quality"])

    def pipeline(self, case: Case) -> Pipeline:
        """The pipeline joined to the shot; raises Refused."""
        return self.known(recipe.pipeline_of(case.canvas, case.node))

    def known(self, wanted: str) -> Pipeline:
        """The pipeline of that `name:tag`; raises Refused."""
        try:
            return registry.find(self._pipelines, wanted)
        except UnknownPipeline as error:
            raise Refused(f"{error}.") from error

    @staticmethod
    def _must_be_open(case: Case) -> None:
        """A locked shot gets no new take, whoever asks (G-073); passes of the takes it has are none (CF-63)."""
        lock = case.locks.shots.get(case.node)
        if lock is not None:
            text = RULE_TEXTS["shot_lock"].format(name=lock["by_name"])
            raise Refused(f"{text} Can be lifted by {who_may('unlock')}.")

    @staticmethod
    def _equal(case: Case, made: Recipe) -> tuple[str, str] | None:
        """An equal take and what to say of it; raises Refused when it is being made at this moment.

        In a batch, which makes only what has changed, a shot that wants any seed has an equal take with any seed.
        """
        if case.fresh:
            return None
        any_seed = bool(case.batch) and recipe.wants_any_seed(case.canvas, case.node)
        wanted = recipe.hash_of(made, any_seed=any_seed)
        active = str(recipe.shot_of(case.canvas, case.node).get("active_take", ""))
        if take := case.shelf.equal_take(case.node, active, wanted, any_seed=any_seed):
            return take, SAME_TAKE.format(name=case.shelf.takes[take]["name"])
        if case.shelf.is_being_made(case.node, wanted, any_seed=any_seed):
            raise Refused(SAME_JOB)
        return None

    @staticmethod
    def _must_be_affordable(case: Case, price_usd: float) -> None:
        cap = case.manifest["creative_contract"]["budgetCap"]
        if cap is not None and case.costs.spent_usd + case.costs.reserved_usd + price_usd > cap + CENT_FRACTION:
            raise Refused(BUDGET_TEXT)
