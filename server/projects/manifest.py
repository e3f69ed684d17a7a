"""`project.json`: made, read without loss, checked (W-045 to W-059, CF-18); pure."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from crdt_schema import plain
from crdt_schema.ids import is_blob_hash, is_id
from crdt_schema.project import CreativeContract, Governance, Manifest, Narrative, NarrativeStructure, WhenBusy
from crdt_schema.records import Tier
from server.errors import BadRequest
from server.projects.layout import CANVAS

SCHEMA = "project.1"
DEFAULT_ASPECT_RATIO = "16:9"
MAX_TITLE_LENGTH = 300
MAX_TEXT_LENGTH = 20_000
ASSET_LISTS = ("characters", "locations", "styles", "music")

Check = Callable[[object], bool]


class BrokenManifest(BadRequest):
    """A `project.json` that cannot be understood; the message says which field."""

    code = "broken_manifest"


def empty_contract() -> CreativeContract:
    """The brief of a project before anybody filled it in."""
    return {
        "targetFormat": "",
        "targetRuntime": 0,
        "aspectRatio": "",
        "referencePack": [],
        "budgetCap": None,
        "styleNotes": "",
    }


@dataclass(frozen=True)
class NewProject:
    """What somebody says about a project that is to be made."""

    title: str
    description: str = ""
    quality: Tier = "standard"
    structure: NarrativeStructure = "three-act"
    governance: Governance = "studio"
    contract: CreativeContract = field(default_factory=empty_contract)


def new_manifest(request: NewProject, uuid: str, created: str, narrative: Narrative) -> Manifest:
    """The manifest of a new project; raises BadRequest."""
    return check(
        {
            "schema": SCHEMA,
            "uuid": uuid,
            "title": " ".join(request.title.split()),
            "description": request.description.strip(),
            "created": created,
            "canvas_path": CANVAS,
            "version": 0,
            "project_settings": {
                "aspect_ratio": request.contract["aspectRatio"] or DEFAULT_ASPECT_RATIO,
                "quality": request.quality,
                "fps": 24,
                "resolution": [1920, 1080],
                "governance": request.governance,
                "when_busy": "queue",
            },
            "narrative": copy.deepcopy(narrative),
            "assets": {name: [] for name in ASSET_LISTS},
            "creative_contract": copy.deepcopy(request.contract),
        }
    )


def decode(data: bytes) -> Manifest:
    """A manifest from its file: aliases of S4 understood, missing settings at their defaults, unknown keys kept."""
    try:
        raw: object = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BrokenManifest("it is no JSON") from None
    if not isinstance(raw, dict):
        raise BrokenManifest("it is no JSON object")
    record = cast("dict[str, Any]", raw)
    label = record.get("schema", SCHEMA)
    if label != SCHEMA:
        raise BrokenManifest(f"its schema {str(label)[:40]!r} is not known to this version of Workprint")
    _take_aliases(record)
    _fill(record, _defaults())
    return check(cast("Manifest", record))


def encode(manifest: Manifest) -> bytes:
    """The file of a manifest: canonical JSON."""
    return plain.encode(manifest)


def check(manifest: Manifest) -> Manifest:
    """Return the manifest, or raise BrokenManifest naming the first field that is wrong."""
    for path, (holds, wanted) in _RULES.items():
        value: object = manifest
        for key in path.split("."):
            value = cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
        if not holds(value):
            raise BrokenManifest(f"{path} must be {wanted}")
    return manifest


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _take_aliases(record: dict[str, Any]) -> None:
    """Rename the keys of S4 to those of S1; where both stand, S1's holds (CF-18)."""
    settings: object = record.pop("settings", None)
    own = record.setdefault("project_settings", {})
    if not isinstance(own, dict):
        raise BrokenManifest("project_settings must be an object")
    target = cast("dict[str, Any]", own)
    for alias, name in (("id", "uuid"), ("name", "title")):
        if alias in record:
            record.setdefault(name, record.pop(alias))
    if "quality" in record:
        target.setdefault("quality", record.pop("quality"))
    if isinstance(settings, dict):
        for name, value in cast("dict[str, Any]", settings).items():
            target.setdefault("aspect_ratio" if name == "aspectRatio" else name, value)


def _defaults() -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "description": "",
        "created": "",
        "canvas_path": CANVAS,
        "version": 0,
        "project_settings": {
            "aspect_ratio": DEFAULT_ASPECT_RATIO,
            "quality": "standard",
            "fps": 24,
            "resolution": [1920, 1080],
            # A folder that says nothing about governance came from elsewhere; the strict rules are the safe ones.
            "governance": "studio",
            "when_busy": "queue",
        },
        "narrative": {"structure": "three-act", "chapters": [], "emotionalBeats": []},
        "assets": {name: [] for name in ASSET_LISTS},
        "creative_contract": dict(empty_contract()),
    }


def _fill(record: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Put in what is missing, at every level."""
    for name, default in defaults.items():
        if name not in record:
            record[name] = default
        elif isinstance(default, dict) and isinstance(record[name], dict):
            _fill(record[name], cast("dict[str, Any]", default))


def _text(longest: int, *, empty: bool = True) -> tuple[Check, str]:
    def holds(value: object) -> bool:
        if not isinstance(value, str) or len(value) > longest or not (empty or value.strip()):
            return False
        # A lone surrogate or a null can be written neither as UTF-8 nor by Git.
        return "\x00" not in value and not any("\ud800" <= char <= "\udfff" for char in value)

    return holds, f"a text of {'0' if empty else '1'} to {longest} characters"


def _whole(least: int, most: int) -> tuple[Check, str]:
    return (
        lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most,
        f"a whole number from {least} to {most}",
    )


def _number_or_none(value: object) -> bool:
    return value is None or _is_amount(value)


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9  # noqa: PLR2004 - no budget


def _one_of(*words: str) -> tuple[Check, str]:
    return lambda value: value in words, f"one of {', '.join(words)}"


def _is_list(value: object, holds: Check) -> bool:
    return isinstance(value, list) and all(map(holds, cast("list[object]", value)))


def _is_resolution(value: object) -> bool:
    holds, _ = _whole(16, 16384)
    return _is_list(value, holds) and len(cast("list[object]", value)) == 2  # noqa: PLR2004 - width and height


def _is_numbered(value: object) -> bool:
    """A chapter or a scene: a number, a title, and below a chapter its scenes."""
    if not isinstance(value, dict):
        return False
    record = cast("dict[str, object]", value)
    below = record.get("scenes", [])
    return (
        isinstance(record.get("number"), int) and isinstance(record.get("title"), str) and _is_list(below, _is_numbered)
    )


def _is_asset_lists(value: object) -> bool:
    return isinstance(value, dict) and all(
        _is_list(items, lambda item: isinstance(item, str)) for items in cast("dict[str, object]", value).values()
    )


_RULES: dict[str, tuple[Check, str]] = {
    "uuid": (is_id, "an id of A-Z a-z 0-9 _ -"),
    "title": _text(MAX_TITLE_LENGTH, empty=False),
    "description": _text(MAX_TEXT_LENGTH),
    "created": _text(64),
    "canvas_path": _text(300, empty=False),
    "version": _whole(0, 2**53),
    "project_settings.aspect_ratio": _text(16, empty=False),
    "project_settings.quality": _one_of(*get_args(Tier)),
    "project_settings.fps": _whole(1, 240),
    "project_settings.resolution": (_is_resolution, "a width and a height"),
    "project_settings.governance": _one_of(*get_args(Governance)),
    "project_settings.when_busy": _one_of(*get_args(WhenBusy)),
    "narrative.structure": _one_of(*get_args(NarrativeStructure)),
    "narrative.chapters": (lambda value: _is_list(value, _is_numbered), "a list of chapters"),
    "narrative.emotionalBeats": (
        lambda value: _is_list(value, lambda item: isinstance(item, str)),
        "a list of texts",
    ),
    "assets": (_is_asset_lists, "lists of texts"),
    "creative_contract.targetFormat": _text(200),
    "creative_contract.targetRuntime": (_is_amount, "a number of seconds"),
    "creative_contract.aspectRatio": _text(16),
    "creative_contract.referencePack": (lambda value: _is_list(value, is_blob_hash), "a list of SHA-256 hashes"),
    "creative_contract.budgetCap": (_number_or_none, "an amount or null"),
    "creative_contract.styleNotes": _text(MAX_TEXT_LENGTH),
}
