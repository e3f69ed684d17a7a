"""Copies of documents for snapshots: brought in step by differences; only what changed is read and written anew."""

import json
from collections.abc import Iterable
from functools import partial
from typing import Any, cast

from pycrdt import Doc, Map, MapEvent

from crdt_schema import plain
from server.snapshot.tree import encode, is_script
from server.snapshot.wording import Record

NOTHING = b"\0"
"""State vector of an empty document."""


class Copy:
    """One document as snapshots see it. `receive` and `state` are for every thread, the rest is one snapshot's."""

    def __init__(self, name: str, *updates: bytes) -> None:
        self.name = name
        self.state = NOTHING
        """State vector of what is in it: what has to be received are the changes since."""
        self.plain: Record = {}
        """The plain value of the document, as of `catch_up`; nobody changes it."""
        self.file = b""
        """Its file in the repository."""
        self._received = list(updates)
        self._doc: Doc[Any] = Doc()
        roots = () if is_script(name) else plain.roots_of(name)
        self._records: dict[str, dict[str, object]] = {root: {} for root in roots}
        self._lines: dict[str, dict[str, str]] = {root: {} for root in roots}
        self._touched: dict[str, set[str]] = {root: set() for root in roots}

    def receive(self, update: bytes) -> None:
        """Take in changes; they may be known already."""
        self._received.append(update)

    def catch_up(self) -> None:
        """Bring `plain` and `file` in step with everything received."""
        roots = {root: self._doc.get(root, type=Map) for root in self._touched}
        # Observed only for so long: a document that is observed is never let go.
        watching = {root: shared.observe_deep(partial(_note, self._touched[root])) for root, shared in roots.items()}
        try:
            while self._received:
                self._doc.apply_update(self._received[0])
                del self._received[0]
        finally:
            for root, shared in roots.items():
                shared.unobserve(watching[root])
        self.state = self._doc.get_state()
        if is_script(self.name):
            self.plain = cast("Record", plain.whole(self.name, {}, plain.text_of(self._doc)))
            self.file = encode(self.name, self.plain)
        elif not self.file or any(self._touched.values()):
            self._read_touched()

    def _read_touched(self) -> None:
        # In one transaction: pycrdt would open one for each value that is read, and commit it.
        with self._doc.transaction():
            read = plain.reader(self._doc, self.name)
            for root, keys in self._touched.items():
                for key in keys:
                    self._put(root, key, read(root, key))
        self.plain = cast("Record", plain.whole(self.name, {root: dict(of) for root, of in self._records.items()}))
        self.file = self._written()
        for keys in self._touched.values():
            keys.clear()

    def _put(self, root: str, key: str, record: object) -> None:
        if record is None:
            self._records[root].pop(key, None)
            self._lines[root].pop(key, None)
        else:
            self._records[root][key] = record
            self._lines[root][key] = plain.lines(key, record)

    def _written(self) -> bytes:
        """The canonical JSON of `plain`, of the lines of its records."""
        parts: list[str] = []
        for name, value in sorted(self.plain.items()):
            if isinstance(value, dict) and value:
                inner = ",\n".join(self._lines[name][key] for key in sorted(cast("Record", value)))
                parts.append(f"  {json.dumps(name)}: {{\n{inner}\n  }}")
            else:
                parts.append(f"  {json.dumps(name)}: {json.dumps(value)}")
        return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def _note(keys: set[str], events: Iterable[Any]) -> None:
    """Note which records of a root a transaction has touched."""
    for event in events:
        if event.path:
            keys.add(event.path[0])
        elif isinstance(event, MapEvent):
            keys.update(event.keys)
