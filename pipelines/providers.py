"""The providers that are known, as the table in providers.toml declares them; pure."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

TABLE = Path(__file__).parent / "providers.toml"

State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Upload:
    """Where files go that are too large to stand in a request."""

    path: str
    field: str
    address_at: str


@dataclass(frozen=True)
class Provider:
    """How one provider's queue is spoken to; the table says what each field means."""

    label: str
    key: str
    base: str
    authorization: str
    submit: str
    id_at: str
    states: Mapping[str, State]
    status: str = ""
    status_at: str = ""
    result: str = ""
    result_at: str = ""
    cancel: str = ""
    cancel_at: str = ""
    cancel_method: str = "POST"
    state_at: str = "status"
    ahead_at: str = ""
    error_at: tuple[str, ...] = ()
    model_field: str = ""
    idempotency_header: str = ""
    cost_at: str = ""
    cost_header: str = ""
    cost_scale: float = 1.0
    max_inline_bytes: int = 1_000_000
    key_hosts: tuple[str, ...] = ()
    upload: Upload | None = field(default=None)


@cache
def providers() -> Mapping[str, Provider]:
    """Every provider by the name that stands before the colon of a tier's entry."""
    tables = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: _provider(table) for name, table in tables.items()}


def split_entry(entry: str) -> tuple[str, str]:
    """Provider and model of an entry such as `fal:fal-ai/flux/dev`."""
    name, _, model = entry.partition(":")
    return name, model


def at(reply: object, path: str) -> list[Any]:
    """Everything at a path such as `images.*.url`; empty when nothing is there."""
    found: list[Any] = [reply]
    for name in path.split("."):
        step: list[Any] = []
        for value in found:
            if isinstance(value, list):
                items = cast("list[Any]", value)
                step += items if name == "*" else items[int(name) : int(name) + 1] if name.isdigit() else []
            elif isinstance(value, dict) and name in value:
                step.append(cast("dict[str, Any]", value)[name])
        found = step
    return [value for value in found if value is not None]


def _provider(table: Mapping[str, Any]) -> Provider:
    known = {entry.name for entry in fields(Provider)}
    values: dict[str, Any] = {
        name: tuple(cast("list[str]", value)) if isinstance(value, list) else value for name, value in table.items()
    }
    if set(values) - known:
        raise ValueError(f"providers.toml: nobody reads {', '.join(sorted(set(values) - known))}")
    upload = values.pop("upload", None)
    return Provider(**values, upload=Upload(**upload) if upload else None)
