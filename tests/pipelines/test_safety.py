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

from pipelines import media, registry, requirements, run, safety, safety_limits
from pipelines.spec import NotSafe, Output, Pipeline, PipelineError, RunContext, TierSpec
from tests.support.run_context import Attempt

FACE = Path(__file__).parent / "pictures" / "eileen_collins.jpg"
NO_FACES = {"FACE_FEMALE": 0.4}
"""What a definition of these tests adds; UNSAFE itself is what a definition can only make stricter."""


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


def test_a_picture_is_looked_at_whatever_its_file_is_called(tmp_path: Path) -> None:
    for name in ("voice.wav", "notes.txt", "table.json", "scan"):
        (tmp_path / name).write_bytes(FACE.read_bytes())
        with pytest.raises(NotSafe, match="stopped this"):
            safety.check_pictures([tmp_path / name], Attempt(tmp_path / "a"), NO_FACES)


def test_the_cover_of_a_record_is_looked_at_and_a_sound_alone_passes(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path / "a")
    sound, record = tmp_path / "sound.wav", tmp_path / "record.mp3"
    tone = ["-f", "lavfi", "-i", "sine=duration=1"]
    media.read_words([*tone, f"file:{sound}"], attempt.check)
    media.read_words([*tone, "-i", f"file:{FACE}", "-map", "0", "-map", "1", f"file:{record}"], attempt.check)
    assert safety.check_pictures([sound], attempt, NO_FACES)["safety_pictures"] == "0"
    with pytest.raises(NotSafe, match="stopped this"):
        safety.check_pictures([record], attempt, NO_FACES)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_every_picture_of_an_animation_is_looked_at(tmp_path: Path, kind: str) -> None:
    face = Image.open(FACE).convert("RGB").resize((288, 288))
    calm = [Image.new("RGB", (288, 288), (20 * number, 110, 80)) for number in range(9)]
    path = tmp_path / f"moving.{kind.lower()}"
    calm[0].save(path, kind, save_all=True, append_images=[*calm[1:], face, calm[0]], duration=100)
    attempt = Attempt(tmp_path / "a")
    assert int(safety.check_pictures([path], attempt)["safety_pictures"]) > 9
    with pytest.raises(NotSafe, match="stopped this"):
        safety.check_pictures([path], attempt, NO_FACES)


def test_a_film_that_breaks_off_is_refused_and_not_passed_for_its_beginning(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    picture = Image.effect_noise((288, 288), 90).convert("RGB").tobytes()
    with media.h264(film, (288, 288), "4/1") as write:
        for _ in range(20):
            write(picture)
    whole = film.read_bytes()
    attempt = Attempt(tmp_path / "a")
    safety.check_pictures([film], attempt)
    film.write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(NotSafe, match="could not look"):
        safety.check_pictures([film], attempt)


def test_a_tier_can_make_the_check_stricter_and_never_laxer() -> None:
    limits = safety_limits.limits_of({"unsafe": {"BELLY_EXPOSED": 0.5, "BUTTOCKS_EXPOSED": 0.2}})
    assert (limits["BELLY_EXPOSED"], limits["BUTTOCKS_EXPOSED"], limits["ANUS_EXPOSED"]) == (0.5, 0.2, 0.35)


@pytest.mark.parametrize(
    ("unsafe", "told"),
    [
        ({"BUTTOCKS_EXPOSED": 1.0}, "would let more through"),
        ({"BUTTOCKS_EXPOSED": 2.0}, "more than 0, up to 1"),
        ({"ANUS_EXPOSED": 0}, "more than 0, up to 1"),
        ({"ELBOW": 0.5}, "'ELBOW' is no part"),
    ],
)
def test_a_definition_that_would_open_the_gate_is_refused(tmp_path: Path, unsafe: dict[str, float], told: str) -> None:
    with pytest.raises(PipelineError, match=told):
        safety_limits.limits_of({"unsafe": unsafe})
    written = "{ " + ", ".join(f"{part} = {limit}" for part, limit in unsafe.items()) + " }"
    text = (registry.CATALOG / "faceswap-reactor.toml").read_text() + f"unsafe = {written}\n"
    (tmp_path / "open.toml").write_text(text)
    with pytest.raises(registry.BadCatalog, match=r"open.toml: tiers.low: options.unsafe"):
        registry.read_definition(tmp_path / "open.toml")


@pytest.mark.parametrize("kept", ["id", "uuid"])
def test_a_template_of_the_same_name_does_not_open_the_gate(tmp_path: Path, kept: str) -> None:
    text = (registry.CATALOG / "faceswap-reactor.toml").read_text().replace("sfw_gate = true", "sfw_gate = false")
    other = {"id": "uuid = ", "uuid": "id = "}[kept]
    lines = [line for line in text.splitlines() if not line.startswith(other)]
    new = {"id": 'uuid = "6f8f2f0e-7d53-4c86-9d52-5a1d2c0b7f99"', "uuid": 'id = "another"'}[kept]
    (tmp_path / "faceswap-reactor.toml").write_text("\n".join([new, *lines]))
    catalogue = registry.Catalogue(templates=[tmp_path])
    assert registry.find(catalogue.pipelines, "faceswap-reactor").sfw_gate
    assert registry.find(catalogue.pipelines, registry.get("faceswap-reactor").uuid).sfw_gate
    assert [problem.file for problem in catalogue.problems] == ["faceswap-reactor.toml"]


@pytest.mark.parametrize("recipe", [{"options": {"unsafe": {}}}, {"sfw_gate": False}, {"unsafe": {}}])
def test_nothing_in_a_recipe_opens_the_gate(gated: Any, plain: Path, tmp_path: Path, recipe: Any) -> None:
    pipeline, ran = gated(plain, NO_FACES)
    with pytest.raises(NotSafe):
        run.run_pipeline(pipeline, "low", recipe, Attempt(tmp_path / "a", {"image": (FACE,)}))
    with pytest.raises(PipelineError, match="has no parameter called sfw_gate"):
        run.run_pipeline(pipeline, "low", {"parameters": {"sfw_gate": False}}, Attempt(tmp_path / "b"))
    assert ran == []


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
