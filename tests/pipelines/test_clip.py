"""Previz clips: the same scene as the frame, a camera that truly moves, and a film that every player takes."""

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipelines import media, registry, requirements, run
from pipelines.previz import clip, moves
from pipelines.spec import Cancelled, PipelineError, Result
from render_farm.thumbnail import thumbnail
from tests.support.run_context import Attempt

Recipe = Callable[..., dict[str, Any]]
Shoot = Callable[..., Result]
Frames = NDArray[np.uint8]
SIZE = (240, 136)


@pytest.fixture
def shoot(recipe: Recipe, tmp_path: Path) -> Shoot:
    made: list[Attempt] = []

    def render(**changes: Any) -> Result:
        asked = recipe(pipeline="previz-video", **changes)
        asked["parameters"] = {"lighting": "neon-night", "frames": 8, "grain": 0, "slate": False, **asked["parameters"]}
        made.append(Attempt(tmp_path / str(len(made))))
        return run.run("previz-video", "low", asked, made[-1])

    return render


def frames_of(result: Result) -> Frames:
    """Every frame as a player decodes it."""
    output = result.outputs[0]
    command = [media.ffmpeg(), "-v", "error", "-i", str(output.path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, output.height, output.width, 3)


def probe(path: Path) -> str:
    return subprocess.run(
        [media.ffmpeg(), "-hide_banner", "-i", str(path)], capture_output=True, text=True, timeout=60, check=False
    ).stderr


def far(first: Frames, second: Frames) -> float:
    """The mean difference of two frames, in steps of eight bits."""
    return float(np.abs(first.astype(np.float32) - second).mean())


def test_a_clip_has_the_frames_the_rate_and_the_size_that_were_asked_for(shoot: Shoot) -> None:
    result = shoot(parameters={"frames": 7, "rate": "24000/1001", "slate": True})
    output = result.outputs[0]
    assert (output.media_type, output.width, output.height) == ("video/mp4", *SIZE)
    assert (output.frames, output.rate) == (7, "24000/1001")
    assert frames_of(result).shape == (7, 136, 240, 3)
    assert "23.98 fps" in probe(output.path)
    assert result.facts["encoder"].startswith("ffmpeg")


def test_a_clip_is_tagged_for_every_player_and_plays_while_it_loads(shoot: Shoot) -> None:
    path = shoot().outputs[0].path
    assert "h264 (High)" in probe(path)
    assert "yuv420p(tv, bt709, progressive)" in probe(path)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_another_film(shoot: Shoot) -> None:
    first, again, other = (shoot(seed=seed, parameters={"grain": 0.4}) for seed in (42, 42, 43))
    assert first.outputs[0].path.read_bytes() == again.outputs[0].path.read_bytes()
    assert far(frames_of(first)[0], frames_of(other)[0]) > 6


def test_a_push_in_begins_at_the_frame_that_previz_image_draws(shoot: Shoot, recipe: Recipe, tmp_path: Path) -> None:
    still = recipe(parameters={"slate": False, "grain": 0})
    made = run.run("previz-image", "low", still, Attempt(tmp_path / "still")).outputs[0]
    frame = np.asarray(Image.open(made.path).convert("RGB"))
    film = frames_of(shoot(parameters={"move": "push-in"}))
    assert far(film[0], frame) < 6
    assert far(film[-1], frame) > 1.5 * far(film[0], frame)


@pytest.mark.parametrize("move", [name for name in moves.MOVES if name != "static"])
def test_every_move_moves_the_picture_from_its_first_frame_to_its_last(shoot: Shoot, move: str) -> None:
    film = frames_of(shoot(parameters={"move": move, "amount": 1, "frames": 4}))
    assert far(film[0], film[-1]) > 2.5
    assert min(float(frame.std()) for frame in film) > 15, "no frame is empty"


def test_a_static_camera_leaves_the_picture_alone(shoot: Shoot) -> None:
    film = frames_of(shoot(parameters={"move": "static"}))
    assert far(film[1], film[-1]) < 2, "only the counter and the codec change"


def test_near_things_pass_far_ones_when_the_camera_travels_and_do_not_when_it_pans() -> None:
    x = y = np.zeros(1)
    truck, pan = moves.MOVES["truck-right"](1, 4, 1), moves.MOVES["pan-right"](1, 4, 1)
    seen = {name: [_across(pose, metres, x, y) for metres in (2.0, 40.0)] for name, pose in (("t", truck), ("p", pan))}
    assert seen["t"][0] > 10 * seen["t"][1]
    assert seen["p"][0] == pytest.approx(seen["p"][1])


def _across(pose: moves.Pose, metres: float, x: Any, y: Any) -> float:
    """Where on the plate the middle of the frame looks, at that distance."""
    right, _, ahead = pose.rays(x, y)
    return abs(float((pose.right + right[0] * (metres - pose.forward) / ahead[0]) / metres))


@pytest.mark.parametrize("ease", moves.EASES)
def test_every_ease_begins_at_the_beginning_and_ends_at_the_end(ease: str) -> None:
    path = moves.path("push-in", ease, 24, focus=3, amount=1)
    forward = [pose.forward for pose in path]
    assert forward == sorted(forward)
    assert (forward[0], forward[-1]) == (0, pytest.approx(0.42 * 3))


def test_frames_are_counted_in_the_picture_and_the_clock_keeps_to_the_rate() -> None:
    assert clip.counter(0, 48, Fraction(24)) == "0001/0048  00:00:00:00"
    assert clip.counter(47, 48, Fraction(24)) == "0048/0048  00:00:01:23"
    assert clip.counter(30, 60, Fraction("30000/1001")) == "0031/0060  00:00:01:00"


def test_mark_and_counter_are_burnt_into_every_frame(shoot: Shoot) -> None:
    film = frames_of(shoot(width=960, height=540, parameters={"frames": 3, "move": "static"}))
    corner = film[:, 510:535, 5:240].astype(np.float32)
    assert far(film[0][510:535, 5:120], film[2][510:535, 5:120]) > 0.5, "the counter counts"
    assert float(corner.max()) > 150
    right = film[:, 5:30, 830:955].mean(axis=3)
    assert all(float(np.diff(frame, axis=1).max()) > 15 for frame in right), "PREVIZ has edges"


def test_progress_rises_to_the_end_and_previews_come_along(recipe: Recipe, tmp_path: Path) -> None:
    attempt = Attempt(tmp_path / "told")
    run.run("previz-video", "low", recipe(parameters={"frames": 6}), attempt)
    percents = [percent for percent, _ in attempt.steps]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert attempt.previews
    assert attempt.previews[0].startswith(b"\xff\xd8")


@pytest.mark.timeout(300)
def test_a_cancelled_clip_ends_with_its_frame_and_leaves_no_ffmpeg(recipe: Recipe, tmp_path: Path) -> None:
    attempt = Attempt(tmp_path / "cancelled")

    def work() -> None:
        with pytest.raises(Cancelled):
            run.run("previz-video", "low", recipe(width=480, height=272, parameters={"frames": 480}), attempt)

    thread = threading.Thread(target=work)
    thread.start()
    limit = time.monotonic() + 200
    while not any(step.startswith("Frame 3 ") for _, step in attempt.steps):
        assert time.monotonic() < limit
        attempt.cancelled.wait(0.01)
    attempt.cancelled.set()
    told = len(attempt.steps)
    thread.join(60)
    assert not thread.is_alive()
    assert len(attempt.steps) - told <= 1, "one step may be told at this very moment"
    assert not _children_named("ffmpeg")


def _children_named(name: str) -> list[str]:
    """Children of this process whose command line holds a word."""
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has just ended
            for child in (task / "children").read_text().split():
                words = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace")
                if name in words:
                    found.append(words)
    return found


def test_a_film_has_a_poster_for_its_card(shoot: Shoot, tmp_path: Path) -> None:
    small = thumbnail(shoot(parameters={"frames": 30}).outputs[0], tmp_path)
    with Image.open(small.path) as image:
        assert (image.format, image.size) == ("WEBP", SIZE)
        assert float(np.asarray(image.convert("L")).std()) > 15
    assert [path.name for path in tmp_path.glob("thumbnail*")] == ["thumbnail.webp"]


def test_a_film_that_is_none_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no film at all")
    with pytest.raises(PipelineError, match="film could not be"):
        media.poster(tmp_path / "broken.mp4", tmp_path / "poster.png")


def test_a_node_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def has_module(name: str) -> bool:
        return name != "imageio_ffmpeg"

    monkeypatch.setattr(requirements, "_has_module", has_module)
    said = run.ready(registry.get("previz-video"), "low")
    assert "workprint[video]" in said


def test_the_catalogue_offers_every_move_and_ease() -> None:
    params = {param.name: param for param in registry.get("previz-video").params}
    assert set(params["move"].choices) == set(moves.MOVES)
    assert set(params["ease"].choices) == set(moves.EASES)
    assert all(Fraction(rate) > 0 for rate in params["rate"].choices)
