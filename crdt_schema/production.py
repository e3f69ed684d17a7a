"""The `production` document: locks, scene chains, segments and the notes of who locked what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from pycrdt import Doc, Map, Text

from crdt_schema.ids import check_id
from crdt_schema.records import AuditNote, Fork, Lock, LockKind, SceneChain, Segment
from crdt_schema.values import normal

LOCK_KINDS: tuple[LockKind, ...] = get_args(LockKind)
TRIMS: tuple[str, ...] = ("trim_start", "trim_end", "audio_trim_start", "audio_trim_end")
"""Fields of a segment that say, in frames, how much is cut off."""
AUDIO_GAIN = "audio_gain_db"


class BadProductionEdit(ValueError):
    """An edit would break the shape of the production document."""


@dataclass(frozen=True)
class Locks:
    """What is locked in a project today, ready to be asked by the rules."""

    shots: Mapping[str, Lock] = field(default_factory=dict[str, Lock])
    """By the id of the shot's node."""
    styles: Mapping[str, Lock] = field(default_factory=dict[str, Lock])
    """By the id of the style's node."""
    pictures: Mapping[str, Lock] = field(default_factory=dict[str, Lock])
    """By the id of the scene chain."""
    contract: Lock | None = None
    styled: Mapping[str, str] = field(default_factory=dict[str, str])
    """Scene chain by the node of each shot whose chain has a master style (G-033)."""
    chain_of_segment: Mapping[str, str] = field(default_factory=dict[str, str])


NO_LOCKS = Locks()


def lock_key(kind: LockKind, target: str) -> str:
    """Where a lock stands in `locks`: `shot:<node>`, `style:<node>`, `picture:<chain>`, `contract`."""
    return kind if kind == "contract" else f"{kind}:{check_id(target)}"


class Production:
    """Typed access to a `production` document; use it inside one transaction per change."""

    def __init__(self, doc: Doc[Any]) -> None:
        self._locks: Map[Any] = doc.get("locks", type=Map)
        self._chains: Map[Any] = doc.get("chains", type=Map)
        self._segments: Map[Any] = doc.get("segments", type=Map)
        self._audit: Map[Any] = doc.get("audit", type=Map)
        self._forks: Map[Any] = doc.get("forks", type=Map)

    def locks(self) -> dict[str, Lock]:
        """Every lock by its key."""
        return cast("dict[str, Lock]", _records(self._locks))

    def lock(self, kind: LockKind, target: str = "") -> Lock | None:
        """One lock; None while it is open."""
        return cast("Lock | None", normal(self._locks.get(lock_key(kind, target))))

    def set_lock(self, lock: Lock) -> None:
        """Lock something; a lock that is there is replaced."""
        self._locks[lock_key(lock["kind"], lock["target"])] = dict(lock)

    def remove_lock(self, kind: LockKind, target: str = "") -> bool:
        """Open a lock; whether there was one."""
        key = lock_key(kind, target)
        there = key in self._locks
        if there:
            del self._locks[key]
        return there

    def chains(self) -> dict[str, SceneChain]:
        """Every scene chain that is not deleted."""
        found = {key: {**_BLANK_CHAIN, **chain} for key, chain in _records(self._chains).items()}
        return {key: cast("SceneChain", chain) for key, chain in found.items() if not chain["deleted"]}

    def add_chain(self, chain_id: str, chain: SceneChain) -> None:
        """Add a scene chain; raises BadProductionEdit when that id was used."""
        if chain_id in self._chains:
            raise BadProductionEdit(f"scene chain {chain_id} exists")
        self._chains[check_id(chain_id)] = Map(dict(chain))

    def set_chain_field(self, chain_id: str, name: str, value: object) -> None:
        """Set one field of a scene chain, e.g. its order or `deleted`."""
        _record(self._chains, chain_id, "scene chain")[name] = value

    def segments(self) -> dict[str, Segment]:
        """Every segment, also of deleted chains."""
        found = _records(self._segments)
        return {key: cast("Segment", {**BLANK_SEGMENT, **segment}) for key, segment in found.items()}

    def segment(self, segment_id: str) -> Segment | None:
        """One segment."""
        found = normal(self._segments.get(segment_id))
        return cast("Segment", {**BLANK_SEGMENT, **cast("dict[str, object]", found)}) if _is_record(found) else None

    def add_segment(self, segment_id: str, segment: Segment) -> None:
        """Add a segment; raises BadProductionEdit when that id was used. The chain's order is the caller's to set."""
        if segment_id in self._segments:
            raise BadProductionEdit(f"segment {segment_id} exists")
        self._segments[check_id(segment_id)] = Map({**segment, "text": Text(segment["text"])})

    def set_segment(self, segment_id: str, **values: float) -> None:
        """Set trims and the audio gain of a segment; raises BadProductionEdit for any other field."""
        record = _record(self._segments, segment_id, "segment")
        for name, value in values.items():
            if name not in (*TRIMS, AUDIO_GAIN):
                raise BadProductionEdit(f"{name} is neither a trim nor a level")
            if record.get(name) != value:
                record[name] = value

    def audit(self) -> dict[str, AuditNote]:
        """Who locked and unlocked what, and why."""
        return cast("dict[str, AuditNote]", _records(self._audit))

    def note_audit(self, note_id: str, note: AuditNote) -> None:
        """Write down that something was locked or unlocked; raises BadProductionEdit when that id was used."""
        if note_id in self._audit:
            raise BadProductionEdit(f"the note {note_id} exists")
        self._audit[check_id(note_id)] = dict(note)

    def forks(self) -> dict[str, Fork]:
        """Every fork of the canvas by its name, those that were deleted too."""
        return cast("dict[str, Fork]", _records(self._forks))

    def set_fork(self, name: str, fork: Fork) -> None:
        """Write down that a fork was made, or deleted."""
        self._forks[check_id(name)] = dict(fork)


def locks_of(doc: Doc[Any]) -> Locks:
    """What a `production` document says is locked; anything unreadable in it locks nothing."""
    production = Production(doc)
    by_kind: dict[str, dict[str, Lock]] = {kind: {} for kind in LOCK_KINDS}
    for lock in production.locks().values():
        if lock.get("kind") in by_kind:
            by_kind[lock["kind"]][lock.get("target", "")] = lock
    segments, chains = production.segments(), production.chains()
    styled = {key for key, chain in chains.items() if chain["master_style_context"]}
    return Locks(
        shots=by_kind["shot"],
        styles=by_kind["style"],
        pictures=by_kind["picture"],
        contract=by_kind["contract"].get(""),
        styled={each["shot"]: each["chain"] for each in segments.values() if each["chain"] in styled},
        chain_of_segment={key: each["chain"] for key, each in segments.items()},
    )


_BLANK_CHAIN: dict[str, object] = {
    "name": "",
    "master_style_context": "",
    "aspect_ratio": "",
    "order": [],
    "deleted": False,
}
BLANK_SEGMENT: dict[str, object] = {
    "chain": "",
    "shot": "",
    "text": "",
    **dict.fromkeys(TRIMS, 0),
    AUDIO_GAIN: 0,
}
"""Every field of a segment, for those that are left out."""


def _is_record(value: object) -> bool:
    return isinstance(value, dict)


def _records(root: Map[Any]) -> dict[str, dict[str, object]]:
    found = cast("dict[str, object]", normal(root))
    return {key: cast("dict[str, object]", value) for key, value in found.items() if _is_record(value)}


def _record(root: Map[Any], key: str, what: str) -> Map[Any]:
    record = root.get(key)
    if not isinstance(record, Map):
        raise BadProductionEdit(f"there is no {what} {key}")
    return cast("Map[Any]", record)
