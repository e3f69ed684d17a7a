"""Who may generate what: every reason to refuse, in the words an artist reads, and the estimate by the same judge."""

from dataclasses import replace
from typing import Any

import pytest

from crdt_schema.production import NO_LOCKS, Locks
from crdt_schema.project import CONTRACT_GATE_TEXT, Manifest
from crdt_schema.records import CanvasPlain, Lock
from crdt_schema.takes import Costs
from pipelines.registry import load_catalog
from render_farm.overview import UNREACHABLE
from server.auth.actor import Actor
from server.intents.estimate import UNTIL_THEN, estimate
from server.intents.judge import BUDGET_TEXT, Case, Judge
from server.intents.recipe import Refused
from server.projects.manifest import NewProject, empty_contract, new_manifest
from tests.support.farm_seen import farm_of, node
from tests.support.farm_worker import TEST_STILL

EVE = Actor("eve", "Eve", "editor")
JUDGE = Judge({**load_catalog(), TEST_STILL.id: TEST_STILL}, seed=lambda: 5)
LOCK: Lock = {
    "kind": "shot",
    "target": "shot",
    "by": "ada",
    "by_name": "Ada Lovelace",
    "at": "2026-01-01T00:00:00Z",
    "reason": "",
}
READY = farm_of(node("one", job="j-0"), node("two"), waiting=("j-1", "j-2"))
"""Two nodes that can make a test still, one of them busy, and two jobs that wait."""


def make_manifest(
    cap: float | None = 100.0, references: int = 3, governance: Any = "studio", when_busy: Any = "queue"
) -> Manifest:
    contract = empty_contract()
    contract["budgetCap"] = cap
    contract["referencePack"] = [f"{number:064x}" for number in range(references)]
    request = NewProject("Night Bus", quality="low", governance=governance, contract=contract)
    empty: Any = {"structure": "three-act", "chapters": [], "emotionalBeats": []}
    made = new_manifest(request, "project-1", "2026-01-01T00:00:00Z", empty)
    made["project_settings"]["when_busy"] = when_busy
    return made


def make_canvas(pipeline: str = "test-still", **fields: object) -> CanvasPlain:
    shot: dict[str, Any] = {"type": "shot", "title": "S", "chapter": 1, "scene": 1, "shot": 1, "prompt": "bus"}
    return {
        "schema": "canvas.1",
        "nodes": {
            "shot": {**shot, "parameters": {}, "seed_mode": "random", **fields},
            "pipe": {"type": "pipeline", "title": "P", "pipeline": pipeline},
        },
        "edges": {"e": {"source": "pipe", "source_socket": "pipeline", "target": "shot", "target_socket": "pipeline"}},
    }


def case(**changes: Any) -> Case:
    values: dict[str, Any] = {
        "actor": EVE,
        "node": "shot",
        "canvas": make_canvas(),
        "costs": Costs(0, 0),
        "manifest": make_manifest(),
        "locks": NO_LOCKS,
        "farm": READY,
    }
    return Case(**{**values, **changes})


def reason(**changes: Any) -> str:
    with pytest.raises(Refused) as refusal:
        JUDGE.judge(case(**changes))
    return refusal.value.reason


def test_a_request_in_order_is_accepted_with_its_price() -> None:
    accepted = JUDGE.judge(case())
    assert (accepted.pipeline.id, accepted.tier, accepted.price_usd) == ("test-still", "low", 0.5)
    assert accepted.recipe["seed"] == 5


@pytest.mark.parametrize("role", ["viewer", "reviewer"])
def test_who_may_not_generate_is_told_whom_to_ask(role: Any) -> None:
    assert reason(actor=Actor("v", "V", role)) == f"A {role} may not generate. Ask an editor of this project."


def test_a_locked_shot_gets_no_new_take_whoever_asks_and_the_others_do() -> None:
    locks = Locks(shots={"shot": LOCK})
    words = "This shot is locked by Ada Lovelace. Can be lifted by an admin or the owner of this project."
    for role in ("editor", "admin", "owner"):
        assert reason(actor=Actor("x", "X", role), locks=locks) == words
    shown = estimate(JUDGE, case(locks=locks), {})
    assert (shown["available"], shown["reason"], shown["price_usd"]) == (False, words, 0.5)
    JUDGE.judge(case(locks=Locks(shots={"another": LOCK}, contract=LOCK, pictures={"chain": LOCK})))


def test_a_studio_project_without_its_brief_is_gated() -> None:
    lifted = f"{CONTRACT_GATE_TEXT}. Can be lifted by an editor, by"
    assert reason(manifest=make_manifest(cap=None)) == f"{lifted} setting a budget cap."
    assert reason(manifest=make_manifest(references=2)) == f"{lifted} adding 1 more reference image."
    assert reason(manifest=make_manifest(cap=None, references=0)) == (
        f"{lifted} setting a budget cap and adding 3 more reference images."
    )
    assert reason(manifest=make_manifest(cap=None, references=0, governance="sketch")) == (
        f"{lifted} setting a budget cap."
    )
    JUDGE.judge(case(manifest=make_manifest(references=0, governance="sketch")))


def test_a_pipeline_must_be_joined_known_and_there() -> None:
    canvas = make_canvas()
    canvas["edges"].clear()
    assert reason(canvas=canvas) == "Join a Pipeline to this shot first."
    assert reason(canvas=make_canvas("dall-e-9")) == "There is no pipeline called dall-e-9."
    assert reason(canvas=make_canvas("test-still:0.1")) == "test-still is here in version 1.0.0, not 0.1."
    falls_back = make_manifest(when_busy="fallback")
    assert "none is connected" in reason(canvas=make_canvas("t2i-sd1.5"), manifest=falls_back)


def test_a_project_that_waits_puts_in_line_what_a_node_may_come_for() -> None:
    canvas = make_canvas("t2i-sd1.5")
    accepted = JUDGE.judge(case(canvas=canvas))
    assert (accepted.pipeline.id, accepted.tier) == ("t2i-sd1.5", "low")
    assert accepted.notice.startswith("Waiting for a 12 GB node; none is connected.")
    made = estimate(JUDGE, case(canvas=canvas), {})
    assert (made["available"], made["farm_nodes"], made["queue"]) == (True, 0, "low")
    assert made["notice"] == f"{accepted.notice} {UNTIL_THEN}"


def test_what_no_node_can_ever_run_is_refused_in_every_project() -> None:
    for when_busy in ("queue", "fallback"):
        manifest = make_manifest(when_busy=when_busy)
        assert "cannot run in this version" in reason(canvas=make_canvas("midjourney"), manifest=manifest)


def test_a_tag_that_stands_for_a_tier_holds_whatever_the_project_s_quality() -> None:
    pinned = replace(TEST_STILL, tags={"final": "high"})
    judge = Judge({TEST_STILL.id: pinned}, seed=lambda: 5)
    high = farm_of(node("one", vram_gb=24, can=("test-still@high",)))
    accepted = judge.judge(case(canvas=make_canvas("test-still:final"), farm=high))
    assert (accepted.tier, accepted.tier_asked, accepted.recipe["tier"]) == ("high", "high", "high")


def test_a_tier_that_the_pipeline_does_not_have_is_named() -> None:
    assert "has no tier low" in reason(canvas=make_canvas("t2i-flux-schnell"))


def test_a_bad_parameter_is_named() -> None:
    assert reason(canvas=make_canvas(parameters={"steps": 0})).startswith("Steps must be a whole number")


def test_a_shot_that_is_gone_is_said_so() -> None:
    assert reason(node="gone") == "This shot is no longer on the canvas."


def test_the_budget_counts_takes_and_what_is_reserved_and_equal_to_the_cap_passes() -> None:
    cap = make_manifest(cap=1.6)
    JUDGE.judge(case(manifest=cap, costs=Costs(spent_usd=1.0, reserved_usd=0.1)))
    assert reason(manifest=cap, costs=Costs(spent_usd=1.0, reserved_usd=0.2)) == BUDGET_TEXT
    assert reason(manifest=cap, costs=Costs(spent_usd=0.0, reserved_usd=9.0)) == BUDGET_TEXT
    assert reason(manifest=make_manifest(cap=0.0)) == BUDGET_TEXT


def test_an_estimate_names_price_tier_time_and_place_in_line() -> None:
    made = estimate(JUDGE, case(costs=Costs(spent_usd=3.0, reserved_usd=2.0)), {})
    assert made["available"]
    assert (made["pipeline"], made["tier"], made["price_usd"]) == ("test-still", "low", 0.5)
    assert (made["position"], made["farm_nodes"], made["budget_left_usd"]) == (2, 2, 95.0)
    assert made["eta_seconds"] == 0.2
    assert made["reason"] == made["notice"] == ""


def test_an_estimate_says_what_stands_in_the_way_and_still_the_price() -> None:
    made = estimate(JUDGE, case(manifest=make_manifest(references=0)), {})
    assert (made["available"], made["price_usd"]) == (False, 0.5)
    assert made["reason"].startswith(CONTRACT_GATE_TEXT)


def test_an_estimate_says_what_would_delay_a_take() -> None:
    assert estimate(JUDGE, case(farm=farm_of()), {})["notice"].startswith("Waiting for a farm node; none is connected")
    paused = farm_of(node("one", state="paused"))
    assert "one, the only node that can run it: paused" in estimate(JUDGE, case(farm=paused), {})["notice"]
    away = estimate(JUDGE, case(farm=UNREACHABLE), {})
    assert away["available"]
    assert "when it returns" in away["notice"]
