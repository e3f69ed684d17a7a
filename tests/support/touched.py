"""A document as the guard shows it to the rules: its records, what was touched between two states, what is left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from crdt_schema.production import NO_LOCKS, Locks
from crdt_schema.records import Lock, Role
from server.auth.actor import Actor
from server.guard.rules import ROOTS, RULES
from server.guard.touches import Breach, Kind, Record, Rules, Touch

EVE = Actor("eve", "Eve", "editor")
ROB = Actor("rob", "Rob", "reviewer")

State = Mapping[str, Mapping[str, Record]]


@dataclass(frozen=True)
class Sheet:
    """A state of a document, which the rules may look into."""

    roots: State = field(default_factory=dict[str, Mapping[str, Record]])

    def get(self, root: str, key: str) -> Record | None:
        return self.roots.get(root, {}).get(key)

    def keys(self, root: str) -> Iterable[str]:
        return self.roots.get(root, {}).keys()

    def having(self, root: str, **records: Record | None) -> "Sheet":
        """The same with these records added or replaced, or taken away where None is given."""
        found = {**self.roots.get(root, {}), **records}
        kept = {key: each for key, each in found.items() if each is not None}
        return Sheet({**self.roots, root: kept})


def shared(texts: Sequence[str] = (), maps: Sequence[str] = (), /, **values: Any) -> Record:
    """A Y.Map, of whose fields some are shared texts and maps."""
    kinds: dict[str, Kind] = {**dict.fromkeys(texts, "text"), **dict.fromkeys(maps, "map")}
    return Record("map", values, kinds)


def plain(**values: Any) -> Record:
    """A record that is one plain value."""
    return Record("plain", values)


def but(record: Record | None, /, **values: Any) -> Record:
    """A record with other values in some fields."""
    assert record is not None
    return Record(record.kind, {**record.values, **values}, record.kinds)


def touches(before: Sheet, after: Sheet, roots: Iterable[str]) -> list[Touch]:
    """What a session touched; a record whose way of being held changed was replaced."""
    found: list[Touch] = []
    for root in roots:
        for key in sorted({*before.keys(root), *after.keys(root)}):
            old, new = before.get(root, key), after.get(root, key)
            if old == new and repr(old) == repr(new):
                continue
            whole = old is None or new is None or old.kind != new.kind or new.kind != "map"
            found.append(Touch(root, key, None if whole else _fields(old, new), old, new))
    return found


def judge(
    kind: str,
    before: Sheet,
    after: Sheet,
    actor: Actor = EVE,
    locks: Locks = NO_LOCKS,
    *,
    rules: Mapping[str, Rules] = RULES,
) -> list[Breach]:
    """What the rules of a kind of document say to a change."""
    return list(rules[kind](actor, touches(before, after, ROOTS[kind]), after, locks))


def settle(before: Sheet, after: Sheet, breaches: Iterable[Breach]) -> Sheet:
    """What stands after the breaches were put back."""
    for each in breaches:
        old = before.get(each.root, each.key)
        now = after.get(each.root, each.key)
        if each.field is None or now is None:
            after = after.having(each.root, **{each.key: old})
        else:
            after = after.having(each.root, **{each.key: _put_back(now, old, each.field)})
    return after


def lock(kind: Any, target: str = "", by: str = "Ada") -> Lock:
    """A lock that Ada has set."""
    return {"kind": kind, "target": target, "by": by.lower(), "by_name": by, "at": "", "reason": ""}


def as_role(role: Role, user: str = "eve") -> Actor:
    """Somebody with a role."""
    return Actor(user, user.capitalize(), role)


def _fields(old: Record | None, new: Record | None) -> frozenset[str]:
    values = [cast("Record", each) for each in (old, new)]
    names = set(values[0].values) | set(values[1].values)
    return frozenset(
        name
        for name in names
        if repr(values[0].values.get(name, values)) != repr(values[1].values.get(name, values))
        or values[0].kinds.get(name) != values[1].kinds.get(name)
    )


def _put_back(now: Record, old: Record | None, name: str) -> Record:
    values, kinds = dict(now.values), dict(now.kinds)
    values.pop(name, None)
    kinds.pop(name, None)
    if old is not None and name in old.values:
        values[name] = old.values[name]
        if name in old.kinds:
            kinds[name] = old.kinds[name]
    return Record(now.kind, values, kinds)
