"""The catalogue of pipelines: read once from catalog/*.toml, validated, looked up and used to check parameters."""

import re
import tomllib
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast, get_args

from crdt_schema.records import Tier
from crdt_schema.sockets import SOCKET_TYPES
from pipelines import binding
from pipelines.spec import (
    BadParameter,
    Input,
    Param,
    ParamType,
    Pipeline,
    RunnerName,
    TierSpec,
    UnknownPipeline,
)

CATALOG = Path(__file__).parent / "catalog"
QUALITY = Path(__file__).parent / "quality.toml"

_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
_PARAM_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LOCAL_ENTRY = re.compile(r"[a-z_][a-z0-9_.]*:[a-z_][a-z0-9_]*")
_TIERS: tuple[str, ...] = get_args(Tier)
_RUNNERS: tuple[str, ...] = get_args(RunnerName)
_PARAM_TYPES: tuple[str, ...] = get_args(ParamType)

Table = dict[str, Any]


class BadCatalog(Exception):
    """A catalogue file does not describe a pipeline; the message names the file and the field."""


@cache
def load_catalog() -> dict[str, Pipeline]:
    """Every pipeline by id, in alphabetical order; read once per process."""
    return read_catalog(CATALOG)


def read_catalog(folder: Path) -> dict[str, Pipeline]:
    """The pipelines described by the .toml files of `folder`; raises BadCatalog."""
    catalog: dict[str, Pipeline] = {}
    uuids: set[str] = set()
    for path in sorted(folder.glob("*.toml")):
        try:
            pipeline = parse(tomllib.loads(path.read_text(encoding="utf-8")))
            for spec in pipeline.tiers.values():
                if spec.runner == "comfyui":
                    binding.checks(pipeline, spec)
        except (tomllib.TOMLDecodeError, BadCatalog, binding.BadBinding) as error:
            raise BadCatalog(f"{path.name}: {error}") from error
        if pipeline.id in catalog or pipeline.uuid in uuids:
            raise BadCatalog(f"{path.name}: the id {pipeline.id} or its uuid is taken by another file")
        catalog[pipeline.id] = pipeline
        uuids.add(pipeline.uuid)
    return catalog


def get(pipeline_id: str) -> Pipeline:
    """The pipeline of that `name` or `name:tag` (P-006; the tag is a version or "latest"); raises UnknownPipeline."""
    name, _, tag = pipeline_id.partition(":")
    pipeline = load_catalog().get(name)
    if pipeline is None:
        raise UnknownPipeline(f"There is no pipeline called {name[:80]}")
    if tag not in ("", "latest", pipeline.version):
        raise UnknownPipeline(f"{name} is here in version {pipeline.version}, not {tag[:80]}")
    return pipeline


def check(pipeline: Pipeline, parameters: Mapping[str, object]) -> dict[str, object]:
    """The parameters a run gets: each checked, the missing ones with their default; raises BadParameter."""
    known = {param.name: param for param in pipeline.params}
    for name in parameters:
        if name not in known:
            raise BadParameter(name, f"{pipeline.label} has no parameter called {name[:80]}")
    return {name: param.checked(parameters.get(name, param.default)) for name, param in known.items()}


def quality_mappings() -> dict[str, dict[str, Table]]:
    """Task type -> tier -> the pipeline it stands for (I-027 to I-034) and whether this installation can run it."""
    mappings = cast("dict[str, dict[str, Table]]", tomllib.loads(QUALITY.read_text(encoding="utf-8")))
    catalog = load_catalog()
    for tiers in mappings.values():
        for mapping in tiers.values():
            pipeline = catalog.get(str(mapping["pipeline_id"]).partition(":")[0])
            mapping["available"] = pipeline is not None and pipeline.is_local
    return mappings


def parse(table: Table) -> Pipeline:
    """One catalogue file as a Pipeline; raises BadCatalog."""
    _only(table, {*_TEXT_FIELDS, "output", "price_usd", "inputs", "params", "tiers"}, "the pipeline")
    texts: dict[str, Any] = {name: _text(table, name, required=name not in ("needs", "task")) for name in _TEXT_FIELDS}
    texts["task"] = texts["task"] or "generate-image"
    if not _ID.fullmatch(texts["id"]):
        raise BadCatalog(f"id: {texts['id']!r} is not made of a-z 0-9 . -")
    try:
        uuid.UUID(texts["uuid"])
    except ValueError as error:
        raise BadCatalog(f"uuid: {texts['uuid']!r} is none") from error
    output = table.get("output")
    if output not in SOCKET_TYPES:
        raise BadCatalog(f"output: {output!r} is no socket type")
    tiers = cast("dict[Tier, TierSpec]", {name: _tier(name, spec) for name, spec in _table(table, "tiers").items()})
    if not tiers:
        raise BadCatalog("tiers: there is none")
    if any(spec.runner != "local" for spec in tiers.values()) and not texts["needs"]:
        raise BadCatalog("needs: a pipeline that does not run locally must say what it needs")
    return Pipeline(
        **texts,
        output=output,
        inputs=tuple(_input(entry) for entry in _tables(table, "inputs")),
        params=_params(_tables(table, "params")),
        tiers=tiers,
        price_usd=_number(table, "price_usd", minimum=0.0),
    )


_TEXT_FIELDS = ("id", "version", "uuid", "label", "summary", "needs", "licence", "source", "task")


def _input(entry: Table) -> Input:
    _only(entry, {"name", "types", "label", "required"}, "an input")
    name = _text(entry, "name")
    types = entry.get("types")
    if not isinstance(types, list) or not types:
        raise BadCatalog(f"input {name}: types must be a list of socket types")
    types = cast("list[Any]", types)
    for socket in types:
        if socket not in SOCKET_TYPES:
            raise BadCatalog(f"input {name}: {socket!r} is no socket type")
    return Input(name, tuple(types), _text(entry, "label"), bool(entry.get("required", True)))


def _params(entries: list[Table]) -> tuple[Param, ...]:
    params = tuple(_param(entry) for entry in entries)
    names = [param.name for param in params]
    if len(set(names)) < len(names):
        raise BadCatalog("params: two have the same name")
    return params


def _param(entry: Table) -> Param:
    _only(
        entry,
        {"name", "type", "default", "label", "help", "minimum", "maximum", "choices", "unit"},
        "a parameter",
    )
    name, kind = _text(entry, "name"), _text(entry, "type")
    if not _PARAM_NAME.fullmatch(name):
        raise BadCatalog(f"parameter {name!r}: the name is not made of a-z 0-9 _")
    if kind not in _PARAM_TYPES:
        raise BadCatalog(f"parameter {name}: {kind!r} is no type")
    param = Param(
        name=name,
        type=cast("ParamType", kind),
        default=entry.get("default"),
        label=_text(entry, "label"),
        help=_text(entry, "help"),
        minimum=entry.get("minimum"),
        maximum=entry.get("maximum"),
        choices=tuple(entry.get("choices", ())),
        unit=entry.get("unit", ""),
    )
    try:
        param.checked(param.default)
    except BadParameter as error:
        raise BadCatalog(f"parameter {name}: its own default is refused: {error}") from error
    return param


def _tier(name: str, entry: Any) -> TierSpec:  # noqa: ANN401 - whatever the file holds there
    if name not in _TIERS or not isinstance(entry, dict):
        raise BadCatalog(f"tiers: {name!r} is no tier")
    entry = cast("Table", entry)
    _only(entry, {"runner", "entry", "vram_gb", "long_edge_px", "seconds_prior", "options"}, f"tier {name}")
    runner, target = _text(entry, "runner"), _text(entry, "entry")
    if runner not in _RUNNERS:
        raise BadCatalog(f"tier {name}: {runner!r} is no runner")
    if runner == "local" and not _LOCAL_ENTRY.fullmatch(target):
        raise BadCatalog(f"tier {name}: a local entry has the form module:function")
    return TierSpec(
        runner=cast("RunnerName", runner),
        entry=target,
        vram_gb=_number(entry, "vram_gb", minimum=0.0),
        long_edge_px=int(_number(entry, "long_edge_px", minimum=2.0)),
        seconds_prior=_number(entry, "seconds_prior", minimum=0.001),
        options=_table(entry, "options"),
    )


def _only(table: Table, known: set[str], what: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise BadCatalog(f"{what} has unknown fields: {', '.join(unknown)}")


def _text(table: Table, name: str, *, required: bool = True) -> str:
    value = table.get(name, "")
    if not isinstance(value, str) or (required and not value):
        raise BadCatalog(f"{name}: a text is missing")
    return value


def _number(table: Table, name: str, *, minimum: float) -> float:
    value = table.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < minimum:
        raise BadCatalog(f"{name}: a number of at least {minimum:g} is missing")
    return float(value)


def _table(table: Table, name: str) -> Table:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise BadCatalog(f"{name}: must be a table")
    return cast("Table", value)


def _tables(table: Table, name: str) -> list[Table]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in cast("list[object]", value)):
        raise BadCatalog(f"{name}: must be a list of tables")
    return cast("list[Table]", value)
