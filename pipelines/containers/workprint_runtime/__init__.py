"""What a container says to Workprint: copy this folder into the image; it needs Python 3.9 and nothing else.

from workprint_runtime import Job, run

def main(job: Job) -> None:
    job.progress(0, "Loading")
    model = load(job.options["model"])
    model(job.prompt, seed=job.seed).save(job.file("result.png"))
    job.result("result.png")

run(main)
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Failed", "Job", "TryAgain", "run"]

DEFAULT_JOB = "/job/job.json"


class Failed(Exception):
    """It cannot be done; the message is for the artist who asked: what happened, and what to do."""

    kind = "failed"


class TryAgain(Failed):
    """It did not work, and may at the next try."""

    kind = "transient"


class Job:
    """What was asked (job.json), and how to answer."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.pipeline: str = told.get("pipeline", "")
        self.tier: str = told.get("tier", "")
        self.prompt: str = told.get("prompt", "")
        self.negative_prompt: str = told.get("negative_prompt", "")
        self.seed: int = int(told.get("seed", 0))
        self.width: int = int(told.get("width", 0))
        self.height: int = int(told.get("height", 0))
        self.parameters: dict[str, Any] = told.get("parameters", {})
        self.options: dict[str, Any] = told.get("options", {})
        self.texts: dict[str, str] = told.get("texts", {})
        self.loras: list[dict[str, Any]] = told.get("loras", [])
        self.inputs: dict[str, list[Path]] = {
            name: [Path(path) for path in paths] for name, paths in told.get("inputs", {}).items()
        }
        self.out = Path(told["out"])
        self._outputs: list[dict[str, Any]] = []
        self._facts: dict[str, str] = {}

    def input(self, name: str) -> Path:
        """The first file joined to an input; raises Failed when nothing is."""
        files = self.inputs.get(name) or []
        if not files:
            raise Failed(f"Nothing is joined to the input {name}. Join it to this shot and generate again.")
        return files[0]

    def file(self, name: str) -> Path:
        """Where to write a file of that name."""
        return self.out / name

    def progress(self, percent: float, step: str = "") -> None:
        """How far the job is, 0 to 100, and what it does now."""
        _say({"progress": round(float(percent), 2), "step": step})

    def log(self, line: str) -> None:
        """A line for the log of the attempt, which artists and TDs read live."""
        _say({"log": str(line)})

    def preview(self, name: str) -> None:
        """Show a small PNG, JPEG or WebP that was written to `file(name)`."""
        _say({"preview": name})

    def result(self, name: str, *, frames: int = 0, rate: str = "", width: int = 0, height: int = 0) -> None:
        """Name a finished file; the first is the take. `rate` is a rational such as 24/1 per second."""
        self._outputs.append({"path": name, "frames": frames, "rate": rate, "width": width, "height": height})

    def fact(self, name: str, value: object) -> None:
        """Something for the take's provenance, such as the hash of a checkpoint."""
        self._facts[name] = str(value)

    def write_result(self) -> None:
        """Write result.json; `run` does it."""
        self._write({"outputs": self._outputs, "facts": self._facts})

    def write_error(self, kind: str, message: str) -> None:
        """Write result.json of a failure; `run` does it."""
        self._write({"error": {"kind": kind, "message": message}})

    def _write(self, result: dict[str, Any]) -> None:
        # Written beside and renamed: a killed container leaves the whole file or none.
        beside = self.out / "result.json.part"
        beside.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
        beside.replace(self.out / "result.json")


def load(path: str | os.PathLike[str] | None = None) -> Job:
    """The job of this container."""
    return Job(json.loads(Path(path or os.environ.get("WORKPRINT_JOB", DEFAULT_JOB)).read_text(encoding="utf-8")))


def run(main: Callable[[Job], None]) -> None:
    """Do the job with `main` and leave with the right result.json and exit status."""
    job = load()
    try:
        main(job)
        job.write_result()
    except Failed as error:
        job.write_error(error.kind, str(error))
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - whatever a model throws is told
        traceback.print_exc()
        if is_out_of_memory(error):
            job.write_error("out_of_memory", str(error))
        else:
            job.write_error("failed", f"{type(error).__name__}: {error}")
        sys.exit(1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the GPU or the machine was full: torch.OutOfMemoryError, MemoryError and their older spellings."""
    return type(error).__name__ in ("OutOfMemoryError", "MemoryError") or "out of memory" in str(error).lower()


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
