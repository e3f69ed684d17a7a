"""The catalogue of pipelines: read from catalog/ and from folders of templates, looked up, used to check parameters."""

import json
import os
import re
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import cast

from crdt_schema.nodes import Declared
from crdt_schema.records import Tier
from pipelines import binding
from pipelines.docker_options import BadOption, check_placeholders, read_options
from pipelines.parsing import BadCatalog, Table, parse
from pipelines.safety_limits import BadLimits, limits_of
from pipelines.spec import BadParameter, Pipeline, PipelineError, TierSpec, UnknownPipeline

__all__ = ["BadCatalog", "Catalogue", "Problem", "Table", "check", "find", "for_task", "get", "load_catalog", "parse"]

CATALOG = Path(__file__).parent / "catalog"
QUALITY = Path(__file__).parent / "quality.toml"
TEMPLATES_VARIABLE = "WORKPRINT_PIPELINES"
"""Folders of templates, separated as in PATH, that a process reads beside the catalogue of this version."""
LOOK_SECONDS = 2.0
"""How often the folders of templates are looked at, at most, and only when somebody asks."""

_BOUND = ("comfyui", "provider")
"""Runners that put a recipe's values where the definition says."""

Seen = dict[Path, tuple[int, int]]
"""File -> when it was changed (in nanoseconds) and its size in bytes."""


@dataclass(frozen=True)
class Problem:
    """A template that cannot be used; `file` is its name without its folder."""

    file: str
    message: str


@dataclass
class Catalogue:
    """The pipelines of this version, and those of templates, which may come, change and go while it is in use (P-008).

    `pipelines` stays the same object: whoever holds it sees what is new after somebody has called `refresh`.
    """

    templates: Sequence[Path] = ()
    clock: Callable[[], float] = time.monotonic
    pipelines: dict[str, Pipeline] = field(default_factory=dict[str, Pipeline])
    problems: tuple[Problem, ...] = ()
    _of_template: dict[Path, str] = field(default_factory=dict[Path, str])
    _seen: Seen = field(default_factory=dict[Path, tuple[int, int]])
    _looked: float | None = None
    _steps: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.pipelines.update(read_catalog(CATALOG))
        self._steps = _steps_of(self.pipelines.values())
        self.refresh()

    def refresh(self) -> None:
        """Take in what has changed in the folders of templates; cheap when nothing has."""
        now = self.clock()
        if self._looked is not None and now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        seen = {path: mark for folder in self.templates for path, mark in _look(folder).items()}
        if seen != self._seen:
            self._seen = seen
            self._read(sorted(path for path in seen if _is_definition(path)))

    def _read(self, paths: Sequence[Path]) -> None:
        before = {path: self.pipelines[name] for path, name in self._of_template.items()}
        gone = set(self._of_template.values())
        found = {name: pipeline for name, pipeline in self.pipelines.items() if name not in gone}
        self._of_template = {}
        problems: list[Problem] = []
        for path in paths:
            try:
                pipeline = read_definition(path)
                _must_be_new(pipeline, found)
                _must_use_steps(pipeline, self._steps)
            except BadCatalog as error:
                problems.append(Problem(path.name, str(error)))
                # Somebody may be in the middle of saving it: shots that use it go on with what it said.
                pipeline = before.get(path)
                if pipeline is None or pipeline.id in found:
                    continue
            found[pipeline.id] = pipeline
            self._of_template[path] = pipeline.id
        self.problems = tuple(problems)
        # Others read in their own threads: what stays must not be away for a moment.
        self.pipelines.update(found)
        for name in gone - set(found):
            del self.pipelines[name]


@cache
def _shared() -> Catalogue:
    folders = os.environ.get(TEMPLATES_VARIABLE, "").split(os.pathsep)
    return Catalogue(templates=[Path(folder) for folder in folders if folder])


def load_catalog() -> dict[str, Pipeline]:
    """Every pipeline of this process by id, looked through again when templates have changed."""
    _shared().refresh()
    return _shared().pipelines


def read_catalog(folder: Path) -> dict[str, Pipeline]:
    """The pipelines described by the files of `folder`, in alphabetical order; raises BadCatalog."""
    catalog: dict[str, Pipeline] = {}
    for path in definitions(folder):
        pipeline = read_definition(path)
        try:
            _must_be_new(pipeline, catalog)
        except BadCatalog as error:
            raise BadCatalog(f"{path.name}: {error}") from error
        catalog[pipeline.id] = pipeline
    return catalog


def definitions(folder: Path) -> list[Path]:
    """The files of a folder that describe pipelines, in alphabetical order."""
    return sorted(path for path in _look(folder) if _is_definition(path))


def read_definition(path: Path) -> Pipeline:
    """The pipeline that a .toml or .json file describes, with graphs that lie beside it; raises BadCatalog."""
    try:
        pipeline = parse(cast("Table", _table(path)))
        tiers: dict[Tier, TierSpec] = {name: _with_graph(spec, path) for name, spec in pipeline.tiers.items()}
        pipeline = replace(pipeline, tiers=tiers)
        for name, spec in tiers.items():
            _check_options(pipeline, name, spec)
    except OSError as error:
        raise BadCatalog(f"{path.name}: cannot be read: {error.strerror}") from error
    except BadCatalog as error:
        raise BadCatalog(f"{path.name}: {error}") from error
    return pipeline


def _table(path: Path) -> object:
    kind = path.suffix.removeprefix(".")
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if kind == "toml" else json.loads(text)
    except UnicodeDecodeError as error:
        raise BadCatalog("is no text in UTF-8; save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise BadCatalog(f"is no {kind.upper()}: {error}{_line_of(str(error), text)}") from error


def _line_of(told: str, text: str) -> str:
    """The line that a parser complains about, which is what its author recognises."""
    found = re.search(r"\bline (\d+)", told)
    lines = text.splitlines()
    if found is None or not 0 < int(found[1]) <= len(lines):
        return ""
    return f". The line is: {lines[int(found[1]) - 1].strip()[:120]}"


def _check_options(pipeline: Pipeline, name: Tier, spec: TierSpec) -> None:
    try:
        if spec.runner in _BOUND:
            binding.checks(pipeline, spec)
        elif spec.runner == "docker":
            check_placeholders(pipeline, read_options(spec))
        limits_of(spec.options)
    except (binding.BadBinding, BadOption, BadLimits) as error:
        raise BadCatalog(f"tiers.{name}: {error}") from error


def _with_graph(spec: TierSpec, definition: Path) -> TierSpec:
    """A graph whose file lies beside the definition becomes part of it, so that a farm node needs no second file."""
    if spec.runner != "comfyui" or not spec.entry.endswith(".json"):
        return spec
    if Path(spec.entry).name != spec.entry or not (definition.parent / spec.entry).is_file():
        raise BadCatalog(f"tiers: there is no graph {spec.entry} beside this file")
    graph = _table(definition.parent / spec.entry)
    if not isinstance(graph, dict):
        raise BadCatalog(f"{spec.entry}: no graph in ComfyUI's API format")
    return replace(spec, options={**spec.options, "graph": cast("Table", graph)})


def _look(folder: Path) -> Seen:
    marks: Seen = {}
    for path in [*folder.glob("*.toml"), *folder.glob("*.json")]:
        try:
            found = path.stat()
        except OSError:
            continue
        marks[path] = (found.st_mtime_ns, found.st_size)
    return marks


def _is_definition(path: Path) -> bool:
    """Whether a file is a definition and not a graph that belongs to one: a graph's keys are its nodes."""
    if path.suffix == ".toml":
        return True
    try:
        table = _table(path)
    except (OSError, BadCatalog):
        return True
    return isinstance(table, dict) and ("id" in table or "tiers" in table)


def _must_be_new(pipeline: Pipeline, catalog: Mapping[str, Pipeline]) -> None:
    if pipeline.id in catalog or any(pipeline.uuid == other.uuid for other in catalog.values()):
        raise BadCatalog(f"the id {pipeline.id} or its uuid is taken by another file")


def must_be_free(field: str, value: str, file: str) -> None:
    """Raise BadCatalog when a pipeline that comes with Workprint has that `id` or `uuid`."""
    taken = next((each for each in _built_in() if value == getattr(each, field)), None)
    if taken is not None:
        raise BadCatalog(f"{file}: {field}: {taken.label}, which comes with Workprint, has it; take another")


def must_use_our_steps(pipeline: Pipeline, file: str) -> None:
    """Raise BadCatalog when a template wants to run code of its own inside a farm worker."""
    try:
        _must_use_steps(pipeline, _steps_of(_built_in()))
    except BadCatalog as error:
        raise BadCatalog(f"{file}: {error}") from error


def _must_use_steps(pipeline: Pipeline, steps: frozenset[str]) -> None:
    """A template describes; what runs inside the farm worker itself is only what this version comes with."""
    for name, spec in pipeline.tiers.items():
        if spec.runner == "local" and spec.entry not in steps:
            raise BadCatalog(
                f"tiers.{name}.entry: {spec.entry} is no step of Workprint; code of yours goes into a container"
            )


def _steps_of(pipelines: Iterable[Pipeline]) -> frozenset[str]:
    tiers = (spec for pipeline in pipelines for spec in pipeline.tiers.values())
    return frozenset(spec.entry for spec in tiers if spec.runner == "local")


@cache
def _built_in() -> tuple[Pipeline, ...]:
    return tuple(read_catalog(CATALOG).values())


def find(catalog: Mapping[str, Pipeline], wanted: str) -> Pipeline:
    """The pipeline of that `name`, `name:tag` or UUID (P-006, `PipelineReference`); raises UnknownPipeline.

    A tag is a version, "latest", or one of the pipeline's own, which narrows it to the tier that it stands for.
    """
    name, _, tag = wanted.partition(":")
    pipeline = catalog.get(name) or next((each for each in catalog.values() if each.uuid == wanted), None)
    if pipeline is None:
        raise UnknownPipeline(f"There is no pipeline called {name[:80]}")
    if tag in pipeline.tags:
        tier = pipeline.tags[tag]
        return replace(pipeline, tiers={tier: pipeline.tiers[tier]})
    if tag not in ("", "latest", pipeline.version):
        has = " and ".join([pipeline.version, *pipeline.tags])
        raise UnknownPipeline(f"{name} is here in version {has}, not {tag[:80]}")
    return pipeline


def sockets_of(catalog: Mapping[str, Pipeline], wanted: str) -> Declared | None:
    """What the pipeline of that name declares for the sockets of a shot; None where there is no such pipeline."""
    try:
        return find(catalog, wanted).sockets
    except UnknownPipeline:
        return None


def get(pipeline_id: str) -> Pipeline:
    """The pipeline of that `name` or `name:tag` in this process's own catalogue; raises UnknownPipeline."""
    return find(load_catalog(), pipeline_id)


def check(pipeline: Pipeline, parameters: Mapping[str, object]) -> dict[str, object]:
    """The parameters a run gets: each checked, the missing ones with their default; raises BadParameter."""
    known = {param.name: param for param in pipeline.params}
    for name in parameters:
        if name not in known:
            raise BadParameter(name, f"{pipeline.label} has no parameter called {name[:80]}")
    return {name: param.checked(parameters.get(name, param.default)) for name, param in known.items()}


@cache
def _quality() -> dict[str, dict[Tier, Table]]:
    return cast("dict[str, dict[Tier, Table]]", tomllib.loads(QUALITY.read_text(encoding="utf-8")))


def mapping_for(task: str, tier: Tier) -> Table:
    """The row of quality.toml for a task and a tier: style tasks share one table, and `default` is for the rest."""
    tables = _quality()
    name = "style" if task.startswith("style-") else task
    return tables.get(name, tables["default"])[tier]


def for_task(task: str, tier: Tier, catalog: Mapping[str, Pipeline] | None = None) -> Pipeline:
    """The pipeline that a tier stands for (I-023, CF-25); raises PipelineError when it does not have that tier."""
    pipeline = find(load_catalog() if catalog is None else catalog, str(mapping_for(task, tier)["pipeline_id"]))
    pipeline.tier(tier)
    return pipeline


def quality_mappings() -> dict[str, dict[str, Table]]:
    """Task type -> tier -> the pipeline it stands for (I-027 to I-034) and whether this installation can run it."""
    return {
        task: {tier: {**row, "available": _is_local(task, tier)} for tier, row in rows.items()}
        for task, rows in _quality().items()
    }


def _is_local(task: str, tier: Tier) -> bool:
    try:
        return for_task(task, tier).is_local
    except PipelineError:
        return False
