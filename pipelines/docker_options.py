"""What a definition may say about its container, with the limits that hold when it says nothing."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pipelines.spec import Pipeline, PipelineError, TierSpec

Table = Mapping[str, Any]

KNOWN: dict[str, type | tuple[type, ...]] = {
    "memory_gb": (int, float),
    "cpus": (int, float),
    "pids": int,
    "seconds": (int, float),
    "output_gb": (int, float),
    "tmp_gb": (int, float),
    "shm_gb": (int, float),
    "network": bool,
    "user": str,
    "environment": dict,
    "command": list,
    "collect": list,
    "progress": str,
    "model": str,
    "build": str,
}
"""The options of the runner; any other is the container's own business and is handed over in job.json."""
PLACEHOLDERS = ("prompt", "negative_prompt", "seed", "width", "height", "fps", "frames", "tier", "out")
"""What a command line may name in braces, beside inputs.NAME, parameters.NAME, parts.NAME and options.NAME."""
_PLACEHOLDER = re.compile(r"\{([a-z][a-zA-Z0-9_.-]*)\}")


class BadOption(PipelineError):
    """An option of a tier cannot mean anything; the message names it."""


@dataclass(frozen=True)
class Options:
    """Limits and manners of one container."""

    memory_gb: float = 8.0
    """Main memory, with shared memory and /tmp in it; there is no swap beyond it."""
    cpus: float = 0.0
    """Processors it may use; 0: all."""
    pids: int = 512
    seconds: float = 3600.0
    output_gb: float = 16.0
    tmp_gb: float = 4.0
    shm_gb: float = 1.0
    network: bool = False
    user: str = ""
    """As in `docker run --user`; empty: the worker's own, or nobody when that is root."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    command: tuple[str, ...] = ()
    """A command line with {inputs.source}, {parameters.scale}, {seed}, {out} and so on; empty: the image's own."""
    collect: tuple[str, ...] = ()
    """Patterns of the files that are the result, of a command that writes no result.json."""
    progress: str = ""
    """A regular expression whose first group is the per cent done, for a command that prints it."""
    model: str = ""
    """Folder of weights below WORKPRINT_MODELS, which the container sees as /models."""
    build: str = ""
    """What to give `docker build` when the image is missing."""
    models_folder: Path | None = None

    @property
    def progress_pattern(self) -> re.Pattern[str] | None:
        """The regular expression, or none."""
        return re.compile(self.progress) if self.progress else None

    def command_line(self, job: Table) -> list[str] | None:
        """The command with its placeholders filled in from job.json; one that stands for several files is repeated."""
        if not self.command:
            return None
        return [word for part in self.command for word in _filled(part, job)]


def read_options(spec: TierSpec, environment: Mapping[str, str] = os.environ) -> Options:
    """The options of a tier; raises BadOption."""
    given: dict[str, Any] = {name: spec.options[name] for name in KNOWN if name in spec.options}
    for name, value in given.items():
        kind = KNOWN[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BadOption(f"options.{name}: {value!r} is of the wrong kind")
        if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
            raise BadOption(f"options.{name}: must be more than 0")
    for name in ("command", "collect"):
        given[name] = tuple(_texts(name, given.get(name, [])))
    _texts("environment", list(given.get("environment", {}).values()))
    _check_pattern(given.get("progress", ""))
    for pattern in given["collect"]:
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise BadOption(f"options.collect: {pattern!r} leads out of the output folder")
    models = environment.get("WORKPRINT_MODELS", "")
    return Options(**given, models_folder=Path(models) if models else None)


def check_placeholders(pipeline: Pipeline, options: Options) -> None:
    """Raise BadOption when the command line names what no job of this pipeline has."""
    known = {
        *PLACEHOLDERS,
        *(f"parameters.{param.name}" for param in pipeline.params),
        *(f"inputs.{each.name}" for each in pipeline.inputs if each.types != ("String",)),
    }
    for part in options.command:
        for name in _PLACEHOLDER.findall(part):
            if name not in known and not name.startswith(("options.", "parts.")):
                raise BadOption(
                    f"options.command: there is no {{{name}}} here; there are "
                    f"{', '.join(f'{{{each}}}' for each in sorted(known))}. An input or a parameter is declared above"
                )


def _texts(name: str, values: list[Any]) -> list[str]:
    if not all(isinstance(value, str) and value and "\0" not in value for value in values):
        raise BadOption(f"options.{name}: every entry must be a text")
    return cast("list[str]", values)


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise BadOption(f"options.progress: {error}") from error
    if pattern and not groups:
        raise BadOption("options.progress: the per cent must stand in a group, such as '([0-9.]+)%'")


def _filled(part: str, job: Table) -> list[str]:
    """One word of the command line; a word that is nothing but an input becomes one word per file of it."""
    alone = _PLACEHOLDER.fullmatch(part)
    if alone:
        value = _look_up(alone[1], job)
        return [str(one) for one in cast("list[Any]", value)] if isinstance(value, list) else [_word(value)]
    return [_PLACEHOLDER.sub(lambda found: _word(_first(_look_up(found[1], job))), part)]


def _look_up(path: str, job: Table) -> object:
    value: Any = job
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise PipelineError(f"The command line names {{{path}}}, which this job does not have")
        value = cast("Table", value)[name]
    return cast("object", value)


def _first(value: object) -> object:
    many: list[object] = cast("Any", value) if isinstance(value, list) else []
    return many[0] if many else cast("object", value)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
