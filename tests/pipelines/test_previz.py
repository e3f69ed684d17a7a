"""Previz frames: the same from the same recipe, different where it matters, and never a flat card."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipelines import registry, run
from pipelines.previz import slate
from pipelines.previz.colour import oklab_of, to_oklab

Recipe = Callable[..., dict[str, Any]]
Pixels = NDArray[np.float32]
Shoot = Callable[..., Pixels]

SHOTS = [
    "Wide shot. A woman enters a smoky laundromat, neon sign outside in the rain",
    "Close-up of a hand on the door handle, neon reflected in wet chrome",
    "Low angle. Silhouette in the doorway, long shadow across the checkered floor, red neon sign behind",
    "A sunny desert road, a car",
    "A forest at dawn, mist",
    "Office dialogue, two people at a table, a lamp, a telephone, bookshelf",
    "A city skyline at golden hour, a man on a rooftop",
    "A detective walks down a wet street at night, rain, taxi",
    "A couple on the beach at sunset",
    "Snow in the mountains, a hiker",
    "A bedroom, a woman asleep on the bed, mirror, fireplace, staircase",
    "A bar, a gangster with a gun sits at the counter",
    "A long corridor, a child runs",
    "A meadow with a tree and a campfire under the stars and the moon",
    "",
]


@pytest.fixture
def shoot(recipe: Recipe, make_context: Callable[..., Any]) -> Shoot:
    """Render a recipe and return its pixels, 0 to 1, without the slate."""

    def render(prompt: str = SHOTS[0], **changes: Any) -> Pixels:
        made = recipe(prompt, **changes)
        made["parameters"].setdefault("slate", False)
        path = run.run("previz-image", "low", made, make_context()).outputs[0].path
        return np.asarray(Image.open(path).convert("RGB"), np.float32) / np.float32(255)

    return render


def difference(first: Pixels, second: Pixels) -> float:
    """The mean difference of two frames, in steps of eight bits."""
    return float(np.abs(first - second).mean() * 255)


def test_the_same_recipe_gives_the_same_bytes(recipe: Recipe, make_context: Callable[..., Any]) -> None:
    made = [run.run("previz-image", "low", recipe(), make_context()).outputs[0].path.read_bytes() for _ in range(2)]
    assert made[0] == made[1]


def test_another_process_gives_the_same_bytes(recipe: Recipe, context: Any, tmp_path: Path) -> None:
    here = hashlib.sha256(run.run("previz-image", "low", recipe(), context).outputs[0].path.read_bytes()).hexdigest()
    program = """
import hashlib, json, pathlib, sys
from pipelines import run
class Context:
    scratch = pathlib.Path(sys.argv[1])
    def progress(self, percent, step): pass
made = run.run("previz-image", "low", json.loads(sys.argv[2]), Context()).outputs[0].path.read_bytes()
print(hashlib.sha256(made).hexdigest())
"""
    folder = tmp_path / "other"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), json.dumps(recipe())],
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == here


@pytest.mark.parametrize("prompt", SHOTS)
def test_no_frame_is_a_flat_card(shoot: Shoot, prompt: str) -> None:
    frame = shoot(prompt)
    bright = frame.mean(axis=2)
    assert float(bright.max() - bright.min()) > 0.35, "there are shadows and lights"
    assert float(bright.std()) > 0.06, "tones are spread"
    blocks = bright[:128, :240].reshape(8, 16, 15, 16).mean(axis=(1, 3))
    assert float(blocks.std()) > 0.04, "different parts of the frame show different things"
    smooth = (bright[:-2] + bright[1:-1] + bright[2:]) / 3
    edges = np.abs(np.diff(smooth, axis=1)) > 0.05
    assert 0.004 < float(edges.mean()) < 0.5, "things have outlines, and it is not noise"
    assert len(np.unique((frame * 31).astype(np.uint8).reshape(-1, 3), axis=0)) > 150, "colours are shaded"


def test_another_seed_is_another_composition(shoot: Shoot) -> None:
    frames = [shoot(seed=seed) for seed in (1, 2, 3)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert all(difference(frames[a], frames[b]) > 6 for a, b in pairs)


LIGHTINGS = registry.get("previz-image").params[0].choices


def test_every_lighting_preset_looks_different_from_every_other(shoot: Shoot) -> None:
    frames = {name: shoot("A man in a room, a window", palette=[], parameters={"lighting": name}) for name in LIGHTINGS}
    for first in LIGHTINGS:
        for second in LIGHTINGS:
            assert first == second or difference(frames[first], frames[second]) > 3, (first, second)


def test_high_key_is_brighter_and_flatter_than_low_key(shoot: Shoot) -> None:
    high, low = (
        shoot("A man in a room", palette=[], parameters={"lighting": name}).mean(axis=2)
        for name in ("studio-high-key", "studio-low-key")
    )
    assert float(high.mean()) > float(low.mean()) + 0.15
    assert float(np.quantile(low, 0.2)) < 0.12


def test_golden_hour_is_warmer_than_overcast(shoot: Shoot) -> None:
    warm, grey = (
        shoot("A man in a meadow", palette=[], parameters={"lighting": name}).mean(axis=(0, 1))
        for name in ("golden-hour-soft", "overcast-flat")
    )
    assert warm[0] / warm[2] > 1.25 * grey[0] / grey[2]


def test_a_longer_lens_is_another_perspective(shoot: Shoot) -> None:
    frames = [shoot("A man in the street", parameters={"lens_mm": mm}) for mm in (18, 35, 85)]
    assert difference(frames[0], frames[1]) > 5
    assert difference(frames[1], frames[2]) > 5


def test_a_wide_open_lens_throws_the_background_out_of_focus(shoot: Shoot) -> None:
    prompt = "Medium shot of a man, a bookshelf behind him"
    still = {"lens_mm": 100, "grain": 0}
    sharp, soft = (
        shoot(prompt, width=480, height=270, parameters={**still, "t_stop": stop}).mean(axis=2) for stop in (22, 1.0)
    )
    assert float(np.abs(np.diff(soft, axis=1)).mean()) < 0.85 * float(np.abs(np.diff(sharp, axis=1)).mean())


PALETTES = {
    "noir": ["#0b0f14", "#1a1a2e", "#c2185b", "#00bcd4", "#f2e9dc"],
    "moss": ["#10160f", "#2f4a2b", "#7d9a4f", "#d9e2b0"],
    "rust": ["#140b07", "#5a2413", "#c4622d", "#f2c48d"],
}


@pytest.mark.parametrize("name", PALETTES)
def test_the_picture_wears_its_palette(shoot: Shoot, name: str) -> None:
    """Its colours are shades of its own swatches, more than without a palette and more than of other palettes."""
    own = [oklab_of(_linear(colour)) for colour in PALETTES[name]]
    worn = shoot("A man in a room, a window, a lamp", palette=PALETTES[name])
    bare = shoot("A man in a room, a window, a lamp", palette=[])
    assert _distance(worn, own) < _distance(bare, own)
    others = [_distance(worn, [oklab_of(_linear(c)) for c in PALETTES[other]]) for other in PALETTES if other != name]
    assert _distance(worn, own) < min(others)


def _linear(colour: str) -> tuple[float, float, float]:
    r, g, b = (((int(colour[i : i + 2], 16) / 255 + 0.055) / 1.055) ** 2.4 for i in (1, 3, 5))
    return r, g, b


def _distance(frame: Pixels, swatches: list[tuple[float, float, float]]) -> float:
    r, g, b = (((frame[::2, ::2, k] + 0.055) / 1.055) ** 2.4 for k in range(3))
    _, a, blue = to_oklab(r, g, b)
    gaps: list[Any] = []
    for _, sa, sb in swatches:  # from grey to the swatch: a swatch in dim light is still that swatch
        share = np.clip((a * sa + blue * sb) / (sa * sa + sb * sb), 0, 1)
        gaps.append(np.hypot(a - share * sa, blue - share * sb))
    return float(np.minimum.reduce(gaps).mean())


def test_a_silhouette_stands_dark_before_its_light(shoot: Shoot) -> None:
    frame = shoot(SHOTS[2], parameters={"slate": False, "lighting": "neon-night", "lens_mm": 28}).mean(axis=2)
    assert float(np.quantile(frame, 0.1)) < 0.12
    assert float(np.quantile(frame, 0.97)) > 0.35


@pytest.mark.parametrize(
    ("width", "height"), [(240, 102), (240, 136), (136, 240), (200, 200), (240, 180), (64, 64), (300, 98)]
)
def test_every_aspect_ratio_is_delivered_to_the_pixel(recipe: Recipe, context: Any, width: int, height: int) -> None:
    output = run.run("previz-image", "low", recipe(width=width, height=height), context).outputs[0]
    with Image.open(output.path) as image:
        assert image.size == (width, height) == (output.width, output.height)
        assert image.mode == "RGB"
        assert "srgb" in image.info


def test_a_full_size_frame_of_the_standard_tier(recipe: Recipe, context: Any) -> None:
    output = run.run("previz-image", "standard", recipe(tier="standard", width=1024, height=428), context).outputs[0]
    with Image.open(output.path) as image:
        assert image.size == (1024, 428)


HOSTILE = {
    "long": "a woman in a laundromat " * 4400,
    "emoji": "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 neon \U0001f327\ufe0f" * 20,
    "right-to-left": "امرأة تدخل \u202e\u05de\u05db\u05d1\u05e1\u05d4\u202c",
    "lines": "a man\n\n\r\n\tin\x0b a\u2028room",
    "control": "\x00\x01\x1b[31mdoor\x7f\x9f\ufffe",
    "marks": "e" + "\u0301" * 500,
    "surrogate": "lonely \ud800 half",
    "pattern": "(((((.*)+)+)+)+$" * 50,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_prompt_renders_like_any_other(recipe: Recipe, context: Any, name: str) -> None:
    made = recipe(HOSTILE[name])
    made["slate"]["title"] = HOSTILE[name]
    output = run.run("previz-image", "low", made, context).outputs[0]
    with Image.open(output.path) as image:
        assert float(np.asarray(image).std()) > 10


def test_strange_seeds_and_a_missing_slate_are_taken(recipe: Recipe, make_context: Callable[..., Any]) -> None:
    for seed in (0, -5, 2**80):
        made = recipe(seed=seed, slate=None, palette=None)
        assert run.run("previz-image", "low", made, make_context())


def test_the_slate_shows_one_line_of_what_its_typeface_has() -> None:
    assert slate.printable("Zoë\n enters\x00 \u202ethe  bar") in ("Zoë enters the bar", "Zoe enters the bar")
    assert "·" in slate.printable("門 \U0001f600")
    assert len(slate.printable("x" * 100_000)) == 400


def test_the_slate_takes_a_strip_and_leaves_the_rest_to_the_picture(shoot: Shoot) -> None:
    bare, slated = shoot(), shoot(parameters={"slate": True})
    strip = slate.strip_height(240, 136)
    assert float(slated[-3:, :3].mean()) < 0.1
    assert difference(bare, slated) > 1
    assert strip % 2 == 0
