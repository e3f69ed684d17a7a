"""The safe-for-work check, with the real model: what it refuses never leaves the node, and nothing is waved through.

The picture is a portrait of the astronaut Eileen Collins by NASA, in the public domain. No picture that shows more
is kept here: the rules of these tests forbid a face instead.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from pipelines import media, registry, requirements, run, safety
from pipelines.spec import NotSafe, Output, Pipeline, PipelineError, RunContext, TierSpec
from tests.support.run_context import Attempt

FACE = Path(__file__).parent / "pictures" / "eileen_collins.jpg"
NO_FACES = {"FACE_FEMALE": 0.4}


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A gated pipeline whose step writes the picture that it is told to, and what is forbidden to it."""

    def make(writes: Path, unsafe: Mapping[str, float]) -> tuple[Pipeline, list[str]]:
        ran: list[str] = []

        def step(_recipe: Any, _options: Any, context: RunContext) -> list[Output]:
            ran.append("ran")
            made = context.scratch / "made.jpg"
            made.write_bytes(writes.read_bytes())
            context.preview(made)
            return [Output(made, "image/jpeg", 8, 8)]

        module = ModuleType("pipelines.gated_for_a_test")
        module.step = step  # pyright: ignore[reportAttributeAccessIssue] - a module takes any name
        monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
        tier = TierSpec("local", "pipelines.gated_for_a_test:step", 0, 768, 1, {"unsafe": dict(unsafe)})
        pipeline = replace(registry.get("safety-nudenet"), id="gated", sfw_gate=True, params=(), tiers={"low": tier})
        return pipeline, ran

    return make


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    Image.new("RGB", (320, 200), (120, 140, 90)).save(tmp_path / "plain.png")
    return tmp_path / "plain.png"


def test_the_model_sees_the_face_of_a_portrait_where_it_is() -> None:
    first = safety.look(Image.open(FACE))[0]
    assert first.part == "FACE_FEMALE"
    assert first.score > 0.5
    left, top, width, height = first.box
    assert left < 135 < left + width
    assert top < 120 < top + height


def test_a_portrait_passes_and_what_was_seen_is_a_fact_of_the_take(tmp_path: Path) -> None:
    facts = safety.check_pictures([FACE], Attempt(tmp_path))
    assert facts["safety_model"].startswith("nudenet 3.")
    assert facts["safety_pictures"] == "1"
    assert float(facts["safety_score"]) < 0.35


def test_a_refused_input_ends_the_run_before_the_pipeline_sees_it(gated: Any, plain: Path, tmp_path: Path) -> None:
    pipeline, ran = gated(plain, NO_FACES)
    attempt = Attempt(tmp_path / "a", {"image": (FACE,)})
    with pytest.raises(NotSafe, match="safe-for-work check stopped this"):
        run.run_pipeline(pipeline, "low", {}, attempt)
    assert ran == []
    assert "FACE_FEMALE" in attempt.told


def test_a_refused_output_is_no_result_and_was_no_preview(gated: Any, plain: Path, tmp_path: Path) -> None:
    pipeline, ran = gated(FACE, NO_FACES)
    attempt = Attempt(tmp_path / "a", {"image": (plain,)})
    with pytest.raises(NotSafe):
        run.run_pipeline(pipeline, "low", {}, attempt)
    assert ran == ["ran"]
    assert attempt.previews == []


def test_what_passes_keeps_its_result_with_the_facts_of_the_check(gated: Any, plain: Path, tmp_path: Path) -> None:
    pipeline, _ = gated(plain, NO_FACES)
    result = run.run_pipeline(pipeline, "low", {}, Attempt(tmp_path / "a", {"image": (plain,)}))
    assert result.facts["safety_pictures"] == "1"
    assert result.outputs[0].path.exists()


def test_a_film_is_looked_at_second_by_second(tmp_path: Path, plain: Path) -> None:
    film = tmp_path / "film.mp4"
    calm, face = (Image.open(path).convert("RGB").resize((288, 288)).tobytes() for path in (plain, FACE))
    with media.h264(film, (288, 288), "4/1") as write:
        for frame in [calm] * 10 + [face] * 10:
            write(frame)
    attempt = Attempt(tmp_path / "a")
    assert safety.check_pictures([film], attempt)["safety_pictures"] > "3"
    with pytest.raises(NotSafe):
        safety.check_pictures([film], attempt, NO_FACES)
    assert not list(attempt.scratch.iterdir()), "its pictures are gone"


@pytest.mark.parametrize("name", ["broken.png", "broken.mp4", "unknown"])
def test_what_cannot_be_looked_at_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"neither a picture nor a film")
    with pytest.raises(NotSafe, match="could not look"):
        safety.check_pictures([tmp_path / name], Attempt(tmp_path / "a"))


def test_a_node_without_the_check_cannot_run_what_is_gated(
    monkeypatch: pytest.MonkeyPatch, gated: Any, plain: Path, tmp_path: Path
) -> None:
    pipeline, ran = gated(plain, {})
    pipeline = replace(pipeline, requires=())

    def has_module(name: str) -> bool:
        return name != "nudenet"

    monkeypatch.setattr(requirements, "_has_module", has_module)
    assert "workprint[safety]" in run.ready(pipeline, "low")
    with pytest.raises(PipelineError, match="safety"):
        run.run_pipeline(pipeline, "low", {}, Attempt(tmp_path / "a"))
    assert ran == []


def test_face_swaps_are_gated() -> None:
    assert registry.get("faceswap-reactor").sfw_gate


def test_the_check_is_a_pipeline_too_and_reports(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path / "a", {"image": (FACE,)})
    result = run.run("safety-nudenet", "low", {}, attempt)
    assert [output.media_type for output in result.outputs] == ["image/png", "application/json"]
    assert '"safe": true' in result.outputs[1].path.read_text()
    assert "FACE_FEMALE" in result.outputs[1].path.read_text()
