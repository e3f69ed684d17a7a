"""A run context that remembers its steps, and recipes to run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.spec import Cancelled

NOIR = ["#0b0f14", "#1a1a2e", "#c2185b", "#00bcd4", "#f2e9dc"]
DOOR = "A femme fatale enters a smoky laundromat through the glass door, neon sign outside in the rain"


class Context:
    """Scratch folder and progress of one attempt; cancelled as soon as `cancel_at` per cent are reached."""

    def __init__(self, scratch: Path, cancel_at: float | None = None) -> None:
        self.scratch = scratch
        self.steps: list[tuple[float, str]] = []
        self._cancel_at = cancel_at

    def progress(self, percent: float, step: str) -> None:
        self.steps.append((percent, step))
        if self._cancel_at is not None and percent >= self._cancel_at:
            raise Cancelled("The job was cancelled")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(tmp_path)


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., Context]:
    made: list[Context] = []

    def make(cancel_at: float | None = None) -> Context:
        folder = tmp_path / f"attempt-{len(made)}"
        folder.mkdir()
        made.append(Context(folder, cancel_at))
        return made[-1]

    return make


@pytest.fixture
def recipe() -> Callable[..., dict[str, Any]]:
    def make(prompt: str = DOOR, **changes: Any) -> dict[str, Any]:
        base: dict[str, Any] = {
            "version": "recipe.1",
            "pipeline": "previz-image",
            "pipeline_version": "1.0.0",
            "tier": "low",
            "width": 240,
            "height": 136,
            "aspect_ratio": "16:9",
            "prompt": {"direct": prompt, "identity": "", "aesthetic": "neo-noir", "context": ""},
            "negative_prompt": "",
            "seed": 42,
            "parameters": {"lighting": "neon-night", "lens_mm": 35, "shot_size": "auto"},
            "palette": NOIR,
            "slate": {"project": "Neo-Noir Laundromat", "chapter": 1, "scene": 1, "shot": 1, "title": "The door"},
        }
        parameters = {**base["parameters"], **changes.pop("parameters", {})}
        return {**base, **changes, "parameters": parameters}

    return make
