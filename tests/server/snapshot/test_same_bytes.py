"""The same documents are the same bytes and the same tree, in whichever order their changes came (W-069)."""

import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from crdt_schema import plain
from crdt_schema.canvas import Canvas
from crdt_schema.ids import NodeId
from server.auth.actor import Actor
from server.hub.replica import Replica
from server.projects.manifest import NewProject, new_manifest
from server.projects.narratives import narrative
from server.snapshot.repo import ProjectRepo, Tip
from server.snapshot.tree import build, encode

KEYS = st.sampled_from(["a", "b", "shot-1", "Z"])
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=4))
EDITS = st.tuples(st.sampled_from(["node", "type", "field", "delete", "style", "script"]), KEYS, VALUES)
MANIFEST = new_manifest(NewProject("Night Bus"), "u-1", "2026-01-02T03:04:05Z", narrative("three-act"))
ADA, NOW = Actor("ada", "Ada", "owner"), datetime(2026, 1, 2, tzinfo=UTC)
NAMES = ("canvas", "styles", "script/screenplay")


class Writer:
    """Somebody with copies of three documents."""

    def __init__(self, client_id: int) -> None:
        self.docs: dict[str, Doc[Any]] = {name: Doc(client_id=client_id) for name in NAMES}
        self.updates: list[tuple[str, bytes]] = []

    def do(self, kind: str, key: str, value: Any) -> None:
        name = {"style": "styles", "script": "script/screenplay"}.get(kind, "canvas")
        doc = self.docs[name]
        before = doc.get_state()
        with doc.transaction():
            self._change(doc, kind, key, value)
        self.updates.append((name, doc.get_update(before)))

    @staticmethod
    def _change(doc: Doc[Any], kind: str, key: str, value: Any) -> None:
        canvas, words = Canvas(doc), str(value)
        if kind == "script":
            doc.get("text", type=Text).insert(0, words)
        elif kind == "style":
            doc.get("styles", type=Map)[key] = Map({"title": words, "parameters": Map({"contrast": value})})
        elif kind == "node" or canvas.node(key) is None:
            canvas.add_node(NodeId(key), "shot", {"x": 0.5, "y": 2.0}, title=words)
        elif kind == "type":
            canvas.text(key, "prompt").insert(0, words)
        elif kind == "field":
            canvas.set_key(key, "parameters", words or "empty", value)
        else:
            canvas.set_field(key, "deleted", value=True)


class Copies:
    """The documents as rooms hold them: an update that comes too early waits."""

    def __init__(self) -> None:
        self._replicas = {name: Replica() for name in NAMES}

    def take(self, name: str, update: bytes) -> None:
        replica = self._replicas[name]
        replica.apply(update, self)
        while (ripe := replica.ripe()) is not None:
            replica.apply(ripe.update, self)

    def files(self) -> dict[str, bytes]:
        return build(
            {name: encode(name, plain.dump(replica.doc, name)) for name, replica in self._replicas.items()},
            MANIFEST,
            {},
        )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), EDITS), max_size=20), st.integers(0, 1 << 16))
def test_the_order_in_which_changes_came_leaves_no_trace(edits: list[tuple[bool, Any]], seed: int) -> None:
    writers = Writer(1), Writer(2)
    for first, edit in edits:
        writers[not first].do(*edit)
    one, other = Copies(), Copies()
    updates = [*writers[0].updates, *writers[1].updates]
    for name, update in updates:
        one.take(name, update)
    random.Random(seed).shuffle(updates)
    for name, update in (*updates, *updates[:3]):
        other.take(name, update)
    assert one.files() == other.files()
    with tempfile.TemporaryDirectory() as folder:
        repo = ProjectRepo.create(Path(folder))
        nothing = Tip("refs/heads/main", None, None, checked_out=True)
        tree, _ = repo.write_tree(nothing, one.files())
        assert repo.write_tree(nothing, dict(reversed(other.files().items())))[0] == tree
        # On top of any other state, too.
        commit = repo.commit(nothing, repo.write_tree(nothing, {"project.json": b"{}"})[0], "x\n", ADA, NOW)
        tip = repo.tip()
        assert tip.commit == commit
        assert repo.write_tree(tip, other.files())[0] == tree
