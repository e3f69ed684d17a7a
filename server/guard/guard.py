"""Guard: lets the rules look at what a session has changed, and names what must be put back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pycrdt import Doc

from crdt_schema.production import Locks
from server.auth.actor import Actor
from server.guard.mirror import Mirror
from server.guard.touches import Breach, Record, Rules, Touch
from server.hub.refusals import Refusal

MOST_ROUNDS = 4
"""Putting one thing back may break a rule elsewhere, an edge to a node that is gone again. Then all of it goes."""


class _View:
    """The document with this tick's changes."""

    def __init__(self, mirror: Mirror, touches: Sequence[Touch]) -> None:
        self._mirror = mirror
        self._after = {(touch.root, touch.key): touch.after for touch in touches}

    def get(self, root: str, key: str) -> Record | None:
        if (root, key) in self._after:
            return self._after[root, key]
        return self._mirror.get(root, key)

    def keys(self, root: str) -> Iterable[str]:
        touched = {key: after for (name, key), after in self._after.items() if name == root}
        yield from (key for key, after in touched.items() if after is not None)
        yield from (key for key in self._mirror.keys(root) if key not in touched)


class RuleGuard:
    """The guard of one document: its roots, its rules, and the locks of today."""

    def __init__(
        self,
        roots: Sequence[str],
        rules: Rules,
        locks: Callable[[Doc[Any]], Locks],
        *,
        others: Iterable[str] = ("meta",),
    ) -> None:
        """`others`: roots besides those whose records are judged; `meta` is the server's in any case."""
        self.allowed_roots = frozenset((*roots, *others))
        self._mirror = Mirror(roots)
        self._doc: Doc[Any] | None = None
        self._rules = rules
        self._locks = locks
        self._rounds = 0
        self._breaches: set[tuple[str, str, str | None]] = set()

    def attach(self, doc: Doc[Any]) -> None:
        """Watch a document from here on."""
        self._doc = doc
        self._mirror.attach(doc)

    def detach(self) -> None:
        """Watch no more."""
        self._mirror.detach()

    async def read_some(self) -> None:
        """Read the document as it is, giving others their turn."""
        await self._mirror.read_some()

    def prepare(self) -> None:
        """Read what is left of it."""
        self._mirror.read_all()

    def accept(self) -> None:
        """What has changed was the server's own doing."""
        self._mirror.accept(self._mirror.touches())

    def judge(self, actor: Actor) -> Sequence[Refusal]:
        """What may not stand of all that has changed; what is left when nothing is named any more is accepted."""
        touches = self._mirror.touches()
        breaches: list[Breach] = []
        if touches and self._doc is not None:
            breaches = list(self._rules(actor, touches, _View(self._mirror, touches), self._locks(self._doc)))
        if not breaches:
            self._rounds = 0
            self._mirror.accept(touches)
            return ()
        self._rounds += 1
        self._breaches = {(breach.root, breach.key, breach.field) for breach in breaches}
        if self._rounds >= MOST_ROUNDS:
            self._breaches = {(touch.root, touch.key, None) for touch in touches}
        touched = {(touch.root, touch.key): touch for touch in touches}
        found = ((breach, touched.get((breach.root, breach.key))) for breach in breaches)
        return [_refusal(breach, touch) for breach, touch in found if touch is not None]

    def put_back(self, doc: Doc[Any]) -> None:  # noqa: ARG002 - the mirror holds the document's roots
        """Undo what the last judgement named; inside a transaction."""
        for root, key, field in self._breaches:
            self._mirror.put_back(root, key, field)
        self._breaches = set()


def _refusal(breach: Breach, touch: Touch) -> Refusal:
    path = (breach.root, breach.key) if breach.field is None else (breach.root, breach.key, breach.field)
    title = _title_of(touch.before) or _title_of(touch.after)
    return Refusal(
        breach.rule,
        path,
        breach.message,
        breach.lift,
        title,
        proposed=_shown(touch.after, breach.field),
        kept=_shown(touch.before, breach.field),
    )


def _title_of(record: Record | None) -> str:
    title = record.values.get("title") if record is not None else ""
    return title if isinstance(title, str) else ""


def _shown(record: Record | None, field: str | None) -> object:
    if record is None:
        return None
    if field is not None:
        return record.values.get(field)
    return record.values[""] if "" in record.values else _plain(record.values)


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    return dict(values)
