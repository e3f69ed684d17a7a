"""Runs the real farm worker with pipelines of tests: `test-still` can misbehave, `test-gpu`, `test-copy` copies."""

import errno
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image

from pipelines import providers, registry
from pipelines.runners import provider
from pipelines.spec import Input, Output, Param, Pipeline, PipelineError, Result, RunContext, TierSpec
from render_farm import machine, worker
from render_farm.gpu import Gpu
from render_farm.job import TIERS

MODULE = "pipelines.test_still"

TEST_STILL = Pipeline(
    id="test-still",
    version="1.0.0",
    uuid="00000000-0000-4000-8000-000000000001",
    label="Test still",
    summary="One colour, as asked.",
    output="Image",
    inputs=(),
    params=(
        Param("steps", "integer", 2, "Steps", "How many steps of 20 ms.", 1, 100_000),
        Param(
            "behaviour",
            "enum",
            "good",
            "Behaviour",
            "How the run ends.",
            choices=(
                *("good", "talk", "fail", "crash", "deaf", "die", "die-once", "not-a-picture"),
                *("gibberish", "tell-path", "disk-full", "endless-once"),
            ),
        ),
        Param("marker", "string", "", "Marker", "A file that is written when the run has begun."),
    ),
    tiers={tier: TierSpec("local", f"{MODULE}:render", 0, 64, 0.1) for tier in TIERS},
    price_usd=0.5,
    needs="",
    licence="the licence of Workprint",
    source="tests",
)

TEST_GPU = replace(
    TEST_STILL,
    id="test-gpu",
    uuid="00000000-0000-4000-8000-000000000002",
    label="Test on a GPU",
    inputs=(Input("reference", ("Image",), "Reference", required=False),),
    tiers={
        tier: TierSpec("local", f"{MODULE}:render", vram_gb, long_edge_px, 0.1)
        for tier, vram_gb, long_edge_px in (("low", 4, 512), ("standard", 12, 1024), ("high", 24, 2048))
    },
    needs="a GPU",
)


TEST_COPY = replace(
    TEST_STILL,
    id="test-copy",
    uuid="00000000-0000-4000-8000-000000000003",
    label="Test copy",
    summary="What is joined, shown on the way and handed in once it may.",
    inputs=(Input("source", ("Image",), "Source"),),
    params=(Param("go_on", "string", "", "Go on", "A file; the run ends when it is there."),),
    tiers={tier: TierSpec("local", f"{MODULE}:copy", 0, 64, 0.1) for tier in TIERS},
)


def copy(recipe: Any, _options: Any, context: RunContext) -> Result:
    """Show what is joined, wait until the test has seen it, and hand it in."""
    (source,) = context.inputs["source"]
    context.preview(source)
    while not Path(recipe["parameters"]["go_on"]).exists():
        context.check()
        time.sleep(0.02)
    target = context.scratch / "copy.png"
    target.write_bytes(source.read_bytes())
    facts = {"input": source.name, "mode": oct(source.stat().st_mode & 0o777)}
    return Result((Output(target, "image/png", recipe["width"], recipe["height"]),), facts=facts)


def render(recipe: Any, _options: Any, context: RunContext) -> list[Output]:
    parameters = recipe["parameters"]
    first = mark(parameters["marker"])
    while first and parameters["behaviour"] == "endless-once":
        context.check()
        time.sleep(0.02)
    for step in range(parameters["steps"]):
        context.progress(100 * step / parameters["steps"], f"Step {step + 1}")
        if parameters["behaviour"] == "talk":
            talk(context, step)
        time.sleep(0.02)
    behave(parameters["behaviour"], context, first=first)
    path = context.scratch / "still.png"
    if parameters["behaviour"] == "not-a-picture":
        path.write_bytes(b"no picture at all")
    else:
        colour = (recipe["seed"] % 256, recipe["seed"] // 256 % 256, 90)
        Image.new("RGB", (recipe["width"], recipe["height"]), colour).save(path)
    return [Output(path, "image/png", recipe["width"], recipe["height"])]


def talk(context: RunContext, step: int) -> None:
    """Say a line at every step, and show a picture at every tenth."""
    context.log(f"step {step + 1}: the lamp is warm")
    if step % 10 == 0:
        picture = context.scratch / "preview.png"
        Image.new("RGB", (96, 54), (200, 140, step % 256)).save(picture)
        context.preview(picture)


def mark(marker: str) -> bool:
    """Write the pid of the attempt; whether it is the first."""
    if not marker:
        return True
    path = Path(marker)
    before = path.read_text() if path.exists() else ""
    written = path.with_name(f"{path.name}.{os.getpid()}")
    written.write_text(f"{before}{os.getpid()}\n")
    written.replace(path)  # whoever sees it can read it
    return not before


def behave(behaviour: str, context: RunContext, *, first: bool) -> None:
    match behaviour:
        case "gibberish":
            context.log(f"\ud800 \x1b[2J{context.scratch} with token-of-the-order")
            time.sleep(1)
            context.check()
        case "tell-path":
            raise PipelineError(f"The film {context.scratch / 'made.mp4'} cannot be read")
        case "disk-full":
            raise PipelineError("The output is no picture") from OSError(errno.ENOSPC, "No space left on device")
        case "fail":
            raise PipelineError("The lens cap was on")
        case "crash":
            raise KeyError("/secret/path/of/this/machine")
        case "deaf":
            time.sleep(60)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die-once" if first:
            os.kill(os.getpid(), signal.SIGKILL)
        case _:
            return


def add_to_catalogue() -> None:
    """Make the pipeline known in this process and in those forked from it."""
    module = ModuleType(MODULE)
    module.render = render  # pyright: ignore[reportAttributeAccessIssue] - a module made at run time
    module.copy = copy  # pyright: ignore[reportAttributeAccessIssue] - as above
    sys.modules[MODULE] = module
    registry.load_catalog().update({each.id: each for each in (TEST_STILL, TEST_GPU, TEST_COPY)})


def reach_providers_at(address: str) -> None:
    """Speak to the providers of tests/support/providers.py instead of those on the internet, and without long waits."""
    known = providers.providers()
    table = {name: replace(each, base=f"{address}/{name}") for name, each in known.items()}
    provider.providers = lambda: table  # pyright: ignore[reportPrivateImportUsage] - the one that the runner reads
    provider.FIRST_POLL_SECONDS = provider.TICK_SECONDS = 0.05


def read_free_memory_from(path: Path) -> None:
    """Have a card of 24 GB of which as much is free as stands in a file."""

    def read(_index: int) -> Gpu:
        return Gpu("Test card", 24.0, float(path.read_text()))

    machine.gpu = read


if __name__ == "__main__":
    add_to_catalogue()
    if os.environ.get("WORKPRINT_TEST_HEARTBEAT_SECONDS"):
        worker.HEARTBEAT_SECONDS = float(os.environ["WORKPRINT_TEST_HEARTBEAT_SECONDS"])
    if os.environ.get("WORKPRINT_TEST_FREE_GB"):
        read_free_memory_from(Path(os.environ["WORKPRINT_TEST_FREE_GB"]))
    if os.environ.get("WORKPRINT_TEST_PROVIDERS"):
        reach_providers_at(os.environ["WORKPRINT_TEST_PROVIDERS"])
    sys.exit(worker.main())
