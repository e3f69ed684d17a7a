"""What the rules of every kind of document share: which fields differ, what a record must be, how a breach is told."""

import json
from collections.abc import Iterable, Iterator, Mapping

from crdt_schema.ids import is_id
from crdt_schema.rules import RULE_TEXTS, Rule
from crdt_schema.shapes import Shape
from crdt_schema.validate import faults
from crdt_schema.values import normal
from server.auth.policy import who_may
from server.guard.touches import Breach, Record, Touch

LIFTS: dict[Rule, str] = {
    "shot_lock": who_may("unlock"),
    "picture_lock": who_may("unlock"),
    "style_lock": who_may("unlock"),
    "contract_lock": who_may("edit_locked_contract"),
    "role": who_may("manage_members"),
}
"""Who can help; nobody can with the other rules."""
_NOTHING = object()
_NO_VALUES: Mapping[str, object] = {}


def breach(rule: Rule, touch: Touch, field: str | None = None, **words: object) -> Breach:
    """A breach of a rule by one record, or by one field of it, with the words of its text filled in."""
    return Breach(rule, touch.root, touch.key, field, RULE_TEXTS[rule].format(**words), LIFTS.get(rule, ""))


def is_whole(touch: Touch) -> bool:
    """Whether a record came, went or was replaced, rather than changed."""
    return touch.fields is None or touch.before is None or touch.after is None


def changes(touch: Touch) -> list[str | None]:
    """The fields that differ, in order; only None when the record as a whole came, went or was replaced."""
    if touch.fields is None or touch.before is None or touch.after is None:
        return [] if _same_record(touch.before, touch.after) else [None]
    return [name for name in sorted(touch.fields) if differs(touch.before, touch.after, name)]


def differs(before: Record, after: Record, name: str) -> bool:
    """Whether a field is another than it was, or held in another way."""
    return before.kinds.get(name) != after.kinds.get(name) or not same(
        before.values.get(name, _NOTHING), after.values.get(name, _NOTHING)
    )


def same(one: object, other: object) -> bool:
    """Whether two values are the same JSON; to Python alone, yes would be 1."""
    if one is other:
        return True
    if one != other:
        return False
    return isinstance(one, str) or _spelling(one) == _spelling(other)


def values_of(record: Record | None) -> Mapping[str, object]:
    """The fields of a record; none where there is no record."""
    return record.values if record is not None else _NO_VALUES


def text_of(record: Record | None, name: str) -> str:
    """A field that is a string; empty where it is anything else."""
    value = values_of(record).get(name)
    return value if isinstance(value, str) else ""


def unusable(touch: Touch) -> Breach | None:
    """What is wrong with a record that came or was replaced, before its fields are looked at."""
    if touch.before is None and not is_id(touch.key):
        return breach("bad_id", touch, id=repr(touch.key[:80]))
    after = touch.after
    if after is None or after.kind not in ("map", "plain") or "" in after.values:
        return breach("schema", touch, what=naming(touch.root), must="a map of fields")
    if after.kind == "plain" and touch.before is not None and touch.before.kind == "map":
        return breach("schema", touch, what=naming(touch.root), must="a shared map as it was, for others write in it")
    return None


def misfits(touch: Touch, book: Mapping[str, Shape], names: Iterable[str] | None = None) -> Iterator[Breach]:
    """Fields that hold what they must not: the first of a record that came or was replaced, else each one touched."""
    after = touch.after
    if after is None:
        return
    if touch.fields is None or touch.before is None:
        for fault in faults(book, sorted(after.values), after.values, after.kinds):
            yield breach("schema", touch, what=naming(fault.field), must=fault.must)
            return
    else:
        looked_at = touch.fields if names is None else names
        for fault in faults(book, sorted(looked_at), after.values, after.kinds, touch.before.kinds):
            yield breach("schema", touch, fault.field, what=naming(fault.field), must=fault.must)


def naming(name: str) -> str:
    """A field's name as a word of a sentence."""
    return name.replace("_", " ").strip()[:40].capitalize() or "This"


def _same_record(before: Record | None, after: Record | None) -> bool:
    if before is None or after is None:
        return before is after
    return before.kind == after.kind and before.kinds == after.kinds and same(before.values, after.values)


def _spelling(value: object) -> str:
    return json.dumps(normal(value), sort_keys=True)
