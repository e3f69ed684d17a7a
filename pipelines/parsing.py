"""Reads one definition of a pipeline out of plain data, and says which field is wrong where one is; pure.

A definition is a table, written as TOML or as JSON. docs/pipelines-format.md lists the fields; `FIELDS` is that list:
it decides what is known, and a test holds the page to it. Whatever is not in it is refused, so that a misspelt
field is told instead of being ignored.

- the pipeline: who it is (`id`, `version`, `uuid`, `label`, `summary`), what it is for (`task`), what it makes
  (`output`, `also`), what it costs (`price_usd` per `price_unit`), where it comes from (`licence`, `source`,
  `checked`, `weights`), what it needs (`needs` in words, `requires` to be checked), `sfw_gate`, `tags`, `unavailable`
- `inputs`: sockets, each with the types that it takes; `params`: settings, each with type, default and range
- `tiers`: per tier the runner, its image, graph, adapter or function (`entry`), memory, size and time, and options
"""

import math
import re
import uuid
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn, cast, get_args

from crdt_schema.records import Tier
from crdt_schema.sockets import SOCKET_TYPES, SocketType
from pipelines.spec import (
    BadParameter,
    Input,
    Param,
    ParamType,
    Pipeline,
    PriceUnit,
    RunnerName,
    TierSpec,
    Weights,
)

Table = dict[str, Any]

FIELDS: dict[str, tuple[str, ...]] = {
    "pipeline": (
        "id",
        "version",
        "uuid",
        "label",
        "summary",
        "task",
        "output",
        "also",
        "price_usd",
        "price_unit",
        "licence",
        "source",
        "checked",
        "weights",
        "needs",
        "requires",
        "sfw_gate",
        "tags",
        "unavailable",
        "inputs",
        "params",
        "tiers",
    ),
    "inputs": ("name", "types", "label", "required", "many", "help"),
    "params": ("name", "type", "default", "minimum", "maximum", "choices", "unit", "label", "help"),
    "weights": ("url", "licence", "size_gb"),
    "tiers": ("runner", "entry", "vram_gb", "long_edge_px", "seconds_prior", "optimizations", "options"),
}
"""Every field of a definition, by the table that it stands in."""

TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TASK = re.compile(r"[a-z][a-z0-9-]*")
_CHECKED = re.compile(r"unchecked|\d{4}-\d\d-\d\d: .+")
_LOCAL_ENTRY = re.compile(r"[a-z_][a-z0-9_.]*:[a-z_][a-z0-9_]*")
_REQUIREMENT = re.compile(r"(env|extra|module|program):[A-Za-z0-9_.+-]+")
_SOCKETS_OF_A_SHOT = ("pipeline", "style")
"""An input of these names would stand beside the shot's own socket."""


class BadCatalog(Exception):
    """A file does not describe a pipeline; the message names the file and the field."""


def parse(table: Table) -> Pipeline:
    """One definition as a Pipeline; raises BadCatalog."""
    if not isinstance(cast("object", table), dict):
        raise BadCatalog("a definition is a table")
    if not table:
        raise BadCatalog("is empty; `workprint pipeline new NAME` writes a definition with a comment at every field")
    read = _Reader(table, "")
    read.only("pipeline")
    unavailable = read.text("unavailable", default="")
    tiers = _tiers(read, needed=not unavailable)
    needs = read.text("needs", default="")
    if any(spec.runner != "local" for spec in tiers.values()) and not needs:
        read.wrong("needs", "a pipeline that does not run locally must say what it needs")
    return Pipeline(
        id=read.text("id", pattern=_ID, made_of="a-z 0-9 . -"),
        version=read.text("version", pattern=TAG, made_of="A-Z a-z 0-9 . _ -"),
        uuid=_uuid(read),
        label=read.text("label"),
        summary=read.text("summary"),
        output=read.socket("output"),
        also=read.sockets("also", default=()),
        inputs=_inputs(read),
        params=_params(read),
        tiers=tiers,
        price_usd=read.number("price_usd", least=0.0),
        price_unit=cast("PriceUnit", read.choice("price_unit", get_args(PriceUnit), default="image")),
        needs=needs,
        licence=read.text("licence"),
        source=read.text("source"),
        checked=read.text(
            "checked", default="unchecked", pattern=_CHECKED, made_of="'unchecked', or a date and what: words"
        ),
        weights=tuple(_weights(each) for each in read.tables("weights")),
        task=read.text("task", default="generate-image", pattern=_TASK, made_of="a-z 0-9 -"),
        sfw_gate=read.flag("sfw_gate", default=False),
        requires=_requires(read),
        tags=_tags(read, tiers),
        unavailable=unavailable,
    )


def _uuid(read: "_Reader") -> str:
    text = read.text("uuid")
    try:
        plain = str(uuid.UUID(text))
    except ValueError:
        plain = ""
    if plain != text:
        read.wrong("uuid", f"{text!r} is none; `python -m uuid` makes one")
    return text


def _requires(read: "_Reader") -> tuple[str, ...]:
    requires = read.texts("requires", default=())
    for each in requires:
        if not _REQUIREMENT.fullmatch(each):
            read.wrong("requires", f"{each!r} is not of the form env:NAME, extra:name, module:name or program:name")
    return requires


def _tags(read: "_Reader", tiers: dict[Tier, TierSpec]) -> dict[str, Tier]:
    tags = read.table("tags")
    for tag, tier in tags.items():
        if not TAG.fullmatch(tag) or tag == "latest":
            read.wrong("tags", f"{tag!r} cannot be a tag")
        if tier not in tiers:
            read.wrong("tags", f"{tag} stands for {tier!r}, which is no tier of this pipeline")
    return cast("dict[str, Tier]", tags)


def _inputs(read: "_Reader") -> tuple[Input, ...]:
    inputs = tuple(_input(entry) for entry in read.tables("inputs"))
    _no_twins(read, "inputs", [each.name for each in inputs])
    return inputs


def _input(read: "_Reader") -> Input:
    read.only("inputs")
    name = read.text("name", pattern=_NAME, made_of="a-z 0-9 _")
    read.rename(name)
    if name in _SOCKETS_OF_A_SHOT:
        read.wrong("name", f"{name} is a socket that every shot has")
    return Input(
        name=name,
        types=read.sockets("types"),
        label=read.text("label"),
        required=read.flag("required", default=True),
        many=read.flag("many", default=False),
        help=read.text("help", default=""),
    )


def _params(read: "_Reader") -> tuple[Param, ...]:
    params = tuple(_param(entry) for entry in read.tables("params"))
    _no_twins(read, "params", [each.name for each in params])
    return params


def _param(read: "_Reader") -> Param:
    read.only("params")
    name = read.text("name", pattern=_NAME, made_of="a-z 0-9 _")
    read.rename(name)
    kind = cast("ParamType", read.choice("type", get_args(ParamType)))
    param = Param(
        name=name,
        type=kind,
        default=read.values.get("default"),
        label=read.text("label"),
        help=read.text("help"),
        minimum=read.maybe_number("minimum"),
        maximum=read.maybe_number("maximum"),
        choices=read.texts("choices", default=()),
        unit=read.text("unit", default=""),
    )
    if (param.minimum is not None or param.maximum is not None) and kind not in ("integer", "float"):
        read.wrong("minimum", f"a {kind} has no range")
    if (kind == "enum") != bool(param.choices):
        read.wrong("choices", "an enum needs them, and nothing else has them")
    try:
        param.checked(param.default)
    except BadParameter as error:
        read.wrong("default", f"it is refused by its own parameter: {error}")
    return param


def _weights(read: "_Reader") -> Weights:
    read.only("weights")
    url = read.text("url")
    if not url.startswith("https://"):
        read.wrong("url", "an address that begins with https:// is missing")
    return Weights(url, read.text("licence"), read.number("size_gb", least=0.0, default=0.0))


def _tiers(read: "_Reader", *, needed: bool) -> dict[Tier, TierSpec]:
    tiers: dict[Tier, TierSpec] = {}
    known: tuple[str, ...] = get_args(Tier)
    for name, entry in read.table("tiers").items():
        if name not in known or not isinstance(entry, dict):
            read.wrong(
                "tiers", f"{name!r} is no tier; the tiers are {', '.join(known)}, each a table such as [tiers.low]"
            )
        tiers[cast("Tier", name)] = _tier(_Reader(cast("Table", entry), f"tiers.{name}"))
    if needed and not tiers:
        read.wrong("tiers", "there is none; only a pipeline that says why it is `unavailable` may do without")
    return tiers


def _tier(read: "_Reader") -> TierSpec:
    read.only("tiers")
    runner, entry = read.choice("runner", get_args(RunnerName)), read.text("entry")
    if runner == "local" and not _LOCAL_ENTRY.fullmatch(entry):
        read.wrong("entry", "a local entry has the form module:function")
    options = read.table("options")
    optimizations = read.texts("optimizations", default=())
    if optimizations:
        options = {**options, "optimizations": list(optimizations)}
    return TierSpec(
        runner=cast("RunnerName", runner),
        entry=entry,
        vram_gb=read.number("vram_gb", least=0.0),
        long_edge_px=int(read.number("long_edge_px", least=2.0)),
        seconds_prior=read.number("seconds_prior", least=0.001),
        options=options,
    )


def _no_twins(read: "_Reader", field: str, names: Sequence[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        read.wrong(field, f"two have the same name {twins[0]}")


class _Reader:
    """A table whose fields are read with their kinds checked; errors name the field by its path."""

    def __init__(self, values: Table, path: str) -> None:
        self.values = values
        self._path = path

    def rename(self, name: str) -> None:
        """Call an entry of a list by its own name instead of its number."""
        self._path = f"{self._path.rpartition('.')[0]}.{name}"

    def wrong(self, field: str, message: str) -> NoReturn:
        raise BadCatalog(f"{self._path}.{field}: {message}".removeprefix("."))

    def only(self, kind: str) -> None:
        unknown = sorted(set(self.values) - set(FIELDS[kind]))
        if unknown:
            where = f"{self._path}: " if self._path else ""
            meant = [(name, get_close_matches(name, FIELDS[kind], 1)) for name in unknown]
            told = ", ".join(f"{name} (for {close[0]}?)" if close else name for name, close in meant)
            raise BadCatalog(f"{where}unknown fields: {told}; there are {', '.join(FIELDS[kind])}")

    def text(
        self, name: str, *, default: str | None = None, pattern: re.Pattern[str] | None = None, made_of: str = ""
    ) -> str:
        value = self.values.get(name, default)
        if value is not None and not isinstance(value, str):
            self.wrong(name, f"{value!r} is no text; write it in quotes")
        if value is None or (default is None and not value.strip()):
            self.wrong(name, "a text is missing")
        if pattern is not None and not pattern.fullmatch(value):
            self.wrong(name, f"{value!r} is not made of {made_of}")
        return value

    def choice(self, name: str, known: Sequence[str], *, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if value not in known:
            self.wrong(name, f"{value!r} is none of {', '.join(known)}")
        return cast("str", value)

    def texts(self, name: str, *, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self.values.get(name, default)
        many: list[object] = list(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else []
        if isinstance(value, str):
            self.wrong(name, f'a list is missing; for one entry write ["{value}"]')
        if not isinstance(value, list | tuple) or (default is None and not many):
            self.wrong(name, "a list is missing")
        if not all(isinstance(each, str) and each for each in many):
            self.wrong(name, "every entry must be a text")
        return tuple(cast("list[str]", many))

    def socket(self, name: str) -> SocketType:
        value = self.values.get(name)
        if value not in SOCKET_TYPES:
            self.wrong(name, f"{value!r} is no socket type; they are {', '.join(SOCKET_TYPES)}")
        return value

    def sockets(self, name: str, *, default: tuple[SocketType, ...] | None = None) -> tuple[SocketType, ...]:
        for value in (texts := self.texts(name, default=default)):
            if value not in SOCKET_TYPES:
                self.wrong(name, f"{value!r} is no socket type; they are {', '.join(SOCKET_TYPES)}")
        return cast("tuple[SocketType, ...]", texts)

    def number(self, name: str, *, least: float, default: float | None = None) -> float:
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
            instead = (
                "" if value is None else f"; {value!r} is none" + ", write it without quotes" * isinstance(value, str)
            )
            self.wrong(name, f"a number of at least {least:g} is missing{instead}")
        return float(value)

    def maybe_number(self, name: str) -> float | None:
        value = self.values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            self.wrong(name, f"{value!r} is no number")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false")
        return value

    def table(self, name: str) -> Table:
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            self.wrong(name, "must be a table")
        return cast("Table", value)

    def tables(self, name: str) -> list["_Reader"]:
        value = self.values.get(name, [])
        many: list[object] = cast("list[object]", value) if isinstance(value, list) else []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in many):
            self.wrong(name, f"must be a list of tables; begin each with [[{name}]], in two pairs of brackets")
        where = f"{self._path}.{name}".removeprefix(".")
        return [_Reader(cast("Table", each), f"{where}.{number}") for number, each in enumerate(many, 1)]
