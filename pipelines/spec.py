"""What a pipeline is: data that the server lists and checks, and that a farm node runs; pure."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from crdt_schema.nodes import Declared, Socket
from crdt_schema.records import Tier
from crdt_schema.sockets import SocketType

ParamType = Literal["string", "integer", "float", "boolean", "enum", "palette"]
RunnerName = Literal["local", "docker", "comfyui", "provider"]

MAX_STRING_CHARS = 20_000
MAX_PALETTE_COLOURS = 12
_HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class PipelineError(Exception):
    """Something went wrong; the message is written for the artist who asked."""


class Cancelled(PipelineError):
    """The job was cancelled while it ran."""


class OutOfMemory(PipelineError):
    """The GPU's memory (or the container's) did not suffice; no fault of the node, one tier up may do."""


class Transient(PipelineError):
    """It failed for a reason that may be gone at the next try: a provider's 503, a server that restarted."""


class NotSafe(PipelineError):
    """The safe-for-work check found something that this pipeline must not be given (P-016, X-015)."""


class UnknownPipeline(PipelineError):
    """No pipeline of that id is in the catalogue."""


class BadParameter(PipelineError):
    """A parameter is not one of the pipeline's, or its value is not allowed."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True)
class Param:
    """One setting an artist may change."""

    name: str
    type: ParamType
    default: object
    label: str
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""

    def checked(self, value: object) -> object:
        """`value` in the parameter's own type; raises BadParameter."""
        if self.type in ("integer", "float"):
            return self._number(value)
        if self.type == "boolean" and isinstance(value, bool):
            return value
        if self.type == "enum" and isinstance(value, str) and value in self.choices:
            return value
        if self.type == "string" and isinstance(value, str) and len(value) <= MAX_STRING_CHARS:
            return value
        if self.type == "palette":
            return self._palette(value)
        raise BadParameter(self.name, f"{self.label} must be {self._wanted()}")

    def _number(self, value: object) -> int | float:
        wrong = BadParameter(self.name, f"{self.label} must be {self._wanted()}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise wrong
        if self.type == "integer" and value != int(value):
            raise wrong
        if self.minimum is not None and value < self.minimum:
            raise wrong
        if self.maximum is not None and value > self.maximum:
            raise wrong
        return int(value) if self.type == "integer" else float(value)

    def _palette(self, value: object) -> list[str]:
        colours = cast("list[object]", value) if isinstance(value, list) else None
        if colours is None or len(colours) > MAX_PALETTE_COLOURS:
            raise BadParameter(self.name, f"{self.label} must be {self._wanted()}")
        if not all(isinstance(colour, str) and _HEX_COLOUR.fullmatch(colour) for colour in colours):
            raise BadParameter(self.name, f"{self.label} must be {self._wanted()}")
        return [str(colour).lower() for colour in colours]

    def _wanted(self) -> str:
        match self.type:
            case "enum":
                return "one of " + ", ".join(self.choices)
            case "boolean":
                return "true or false"
            case "string":
                return f"a text of at most {MAX_STRING_CHARS} characters"
            case "palette":
                return f"a list of at most {MAX_PALETTE_COLOURS} colours such as #1a2b3c"
            case "integer" | "float":
                kind = "a whole number" if self.type == "integer" else "a number"
                low = f" from {self.minimum:g}" if self.minimum is not None else ""
                high = f" up to {self.maximum:g}" if self.maximum is not None else ""
                return kind + low + high + (f" {self.unit}" if self.unit else "")


@dataclass(frozen=True)
class Input:
    """One input socket; it takes any one of `types` (C-021), and with `many` several edges at once."""

    name: str
    types: tuple[SocketType, ...]
    label: str
    required: bool = True
    many: bool = False
    help: str = ""


@dataclass(frozen=True)
class Weights:
    """Files of a model that a node must have; `size_gb` is 0 where it is not known."""

    url: str
    licence: str
    size_gb: float = 0.0


@dataclass(frozen=True)
class TierSpec:
    """How one tier of a pipeline runs: `entry` is a Python "module:function", an image, a graph or an adapter."""

    runner: RunnerName
    entry: str
    vram_gb: float
    long_edge_px: int
    seconds_prior: float
    options: dict[str, Any] = field(default_factory=dict[str, Any])


PriceUnit = Literal["image", "second", "job"]


@dataclass(frozen=True)
class Pipeline:
    """One entry of the catalogue; the price is per image, per second of the result, or per job."""

    id: str
    version: str
    uuid: str
    label: str
    summary: str
    output: SocketType
    inputs: tuple[Input, ...]
    params: tuple[Param, ...]
    tiers: dict[Tier, TierSpec]
    price_usd: float
    needs: str
    licence: str
    source: str
    task: str = "generate-image"
    """What it is for, such as generate-image, generate-video, upscale, speech; `style-...` goes to the style queues."""
    price_unit: PriceUnit = "image"
    sfw_gate: bool = False
    """Whether every picture that goes in or comes out must pass the safe-for-work check first."""
    checked: str = "unchecked"
    """When somebody last held which of price and licence against the source."""
    also: tuple[SocketType, ...] = ()
    """Kinds that a run may hand in beside `output`, or instead of it."""
    weights: tuple[Weights, ...] = ()
    requires: tuple[str, ...] = ()
    """What a node must have: "env:NAME" (a setting), "extra:name" (of Workprint), "module:name", "program:name"."""
    tags: Mapping[str, Tier] = field(default_factory=dict[str, Tier])
    """Tags that stand for one tier of this pipeline (P-006): `auteur-flux:1.0-draft` is its tier low."""
    unavailable: str = ""
    """Why no node can run it in this version, whatever it has; such a pipeline may have no tiers."""

    @property
    def makes(self) -> tuple[SocketType, ...]:
        """All kinds that a run may hand in, the usual one first."""
        return (self.output, *self.also)

    @property
    def sockets(self) -> Declared:
        """The sockets of a shot that runs on it, besides the shot's own (C-024)."""
        return Declared(tuple(Socket(i.name, i.label, i.types, i.many) for i in self.inputs), self.makes)

    def runner(self, tier: Tier) -> RunnerName:
        """The runner of that tier; raises PipelineError when the pipeline does not have the tier."""
        return self.tier(tier).runner

    def tier(self, tier: Tier) -> TierSpec:
        """The settings of that tier; raises PipelineError when the pipeline does not have it."""
        if tier not in self.tiers:
            if self.unavailable:
                raise PipelineError(f"{self.label} cannot run in this version: it {self.unavailable}")
            has = ", ".join(self.tiers)
            raise PipelineError(f"{self.label} has no tier {tier}; it has {has}")
        return self.tiers[tier]

    @property
    def is_local(self) -> bool:
        """Whether every tier runs in this installation's own Python, with nothing else to install."""
        return not self.unavailable and all(tier.runner == "local" for tier in self.tiers.values())


@dataclass(frozen=True)
class Output:
    """One file a run has made, inside the scratch folder of its context; 0 where a field has no meaning.

    A still has neither frames nor rate. Video counts pictures, sound counts sample frames; `rate` is a rational
    such as "24/1", "24000/1001" or "22050/1" per second.
    """

    path: Path
    media_type: str
    width: int = 0
    height: int = 0
    frames: int = 0
    rate: str = ""


@dataclass(frozen=True)
class Result:
    """What a run gives back: its files, the first of which is the take, and what is worth remembering about it."""

    outputs: tuple[Output, ...]
    cost_usd: float | None = None
    """What a provider says that it cost; None where nobody bills."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """For the take's provenance: image digest, server version, checkpoint hashes, a provider's request id."""


class RunContext(Protocol):
    """All that a running pipeline may touch."""

    @property
    def scratch(self) -> Path:
        """An empty folder that belongs to this attempt."""
        ...

    @property
    def inputs(self) -> Mapping[str, tuple[Path, ...]]:
        """The files joined to each media input, by the input's name; read-only, named by hash and suffix."""
        ...

    def progress(self, percent: float, step: str) -> None:
        """Tell how far the run is; raises as `check`."""
        ...

    def check(self) -> None:
        """Raise Cancelled (or another end) when the attempt has to stop; call it at least every second."""
        ...

    def log(self, line: str) -> None:
        """Keep a line in the attempt's log, which artists and TDs read live. Never a secret."""
        ...

    def preview(self, path: Path) -> None:
        """Show a small JPEG, PNG or WebP of the work so far (I-018); the file may be removed afterwards."""
        ...


Recipe = Mapping[str, Any]


class Runner(Protocol):
    """A module of `pipelines.runners`: one way of running a pipeline."""

    def ready(self, pipeline: Pipeline, spec: TierSpec) -> str:
        """Empty when this node can run that now, else what is missing, for the person who looks after the node."""
        ...

    def run(self, pipeline: Pipeline, spec: TierSpec, recipe: Recipe, context: RunContext) -> Result:
        """Run it to its end; raises PipelineError and its kinds."""
        ...
