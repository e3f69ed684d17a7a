"""Provenance: the file beside each take that says how it was made, for whoever has nothing but the folder (W-081)."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from crdt_schema import plain
from crdt_schema.ids import is_blob_hash
from crdt_schema.records import Take
from crdt_schema.values import normal
from server.snapshot.repo import STATE_FOLDER, WRITERS, demand_inside, replace_file
from server.store.blobs import make_folders

SCHEMA = "provenance.1"
MOST_REMEMBERED = 20_000
"""Sidecars held in memory, of two kilobytes or so: a take never changes, so it is encoded once."""


@dataclass(frozen=True)
class Sidecar:
    """The file beside a take; plain Git keeps it."""

    data: bytes

    def encode(self) -> bytes:
        """The file."""
        return self.data


def sidecar_path(media_path: str) -> str:
    """`…/S01_S01_take01.json` beside the media of a take."""
    return f"{media_path.rpartition('.')[0]}.json"


def sidecar(take_id: str, take: Take) -> Sidecar:
    """What is known of how a take was made; the same bytes for the same take. Raises KeyError."""
    recipe, media = take["recipe"], take["media"]
    said = {
        "schema": SCHEMA,
        "take": take_id,
        "name": take["name"],
        "number": take["number"],
        "shot": {name: take[name] for name in ("node", "chapter", "scene", "shot")},
        "media": {
            "sha256": media["blob"],
            **{name: value for name, value in media.items() if name != "blob"},
        },
        "pipeline": {"id": recipe.get("pipeline", ""), "version": recipe.get("pipeline_version", "")},
        "seed": recipe.get("seed"),
        "inputs": sorted(set(_hashes(recipe))),
        "recipe": recipe,
        **({"facts": take["facts"]} if "facts" in take else {}),  # older takes have the bytes that they had
        "job": {"id": take["job"], "attempt": take["attempt"]},
        "made_by": {"id": take["created_by"], "name": take["created_by_name"]},
        "made_at": take["created_at"],
        "seconds": take["seconds"],
        "cost_usd": take["cost_usd"],
    }
    return Sidecar(plain.encode(normal(said)))


def put_sidecar(folder: Path, path: str, made: Sidecar) -> None:
    """Write the file beside a take, once: one that stands is left as it is. It blocks; raises LeadsOut, OSError."""
    place = folder / path
    if not place.exists():
        demand_inside(folder, place)
        make_folders(folder, place.parent)
        replace_file(place, made.data, folder / STATE_FOLDER)


def put_sidecars(folder: Path, made: Mapping[str, Sidecar]) -> None:
    """As `put_sidecar`, for many: each waits for the disk, and the disk takes many at once."""
    if made:
        with ThreadPoolExecutor(min(WRITERS, len(made))) as pool:
            list(pool.map(partial(put_sidecar, folder), made.keys(), made.values()))


class Sidecars:
    """The sidecars of takes, each made once; for any thread."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Sidecar] = {}

    def of(self, take_id: str, take: Take) -> Sidecar:
        """As `sidecar`."""
        # A take of that id in a restored or imported project may be another one.
        key = take_id, take["media"]["blob"], take["name"], take["created_at"], take["created_by_name"]
        found = self._made.get(key)
        if found is None:
            found = sidecar(take_id, take)
            if len(self._made) >= MOST_REMEMBERED:
                self._made.clear()
            self._made[key] = found
        return found


def _hashes(value: object) -> Iterator[str]:
    """The files that a recipe names, wherever in it they stand."""
    if isinstance(value, str):
        if is_blob_hash(value):
            yield value
    elif isinstance(value, Mapping):
        for each in cast("Mapping[str, object]", value).values():
            yield from _hashes(each)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from _hashes(each)
