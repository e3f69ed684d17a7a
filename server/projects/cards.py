"""What the list of projects shows of each: read from its documents once, and then what has changed in them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.ids import ProjectId
from crdt_schema.takes import Takes
from server.hub.changes import Changes
from server.hub.guarded import failures_logged
from server.hub.hub import Hub
from server.hub.room import Room
from server.projects import layout
from server.projects.index import Project

log = structlog.get_logger(__name__)
ROOTS = {"canvas": ("nodes",), "takes": ("takes",)}


@dataclass(frozen=True)
class Card:
    """A project at a glance: its shots, its takes, the newest take's moment and a picture's blob (empty: none yet)."""

    shots: int
    takes: int
    newest: str
    poster: str


@dataclass
class _Look:
    """What has been read of one open document."""

    changes: Changes
    active_takes: dict[str, str] = field(default_factory=dict[str, str])
    """By shot; empty for one without."""
    thumbnails: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """By take: when it was made, and its small picture's blob."""


class Cards:
    """One for the service; `attach` is an `on_open` of the Hub."""

    def __init__(self) -> None:
        self._known: dict[ProjectId, tuple[object, Card]] = {}
        self._looks: dict[Room, _Look] = {}
        """Of rooms that are open."""

    def attach(self, room: Room) -> Callable[[], None]:
        """Notice that a document has changed; it is read when somebody looks at the list."""
        roots = ROOTS.get(room.document)
        if roots is None:
            return lambda: None
        look = self._looks[room] = _Look(Changes(room.doc, roots))

        def detach() -> None:
            self._looks.pop(room, None)
            if look.changes.waiting:
                self._known.pop(room.project, None)
            look.changes.detach()

        return detach

    async def of(self, hub: Hub, project: Project) -> Card:
        """The card of a project as it stands; raises what opening its documents raises."""
        stamp, known = _stamp(project), self._known.get(project.id)
        if known is not None and known[0] == stamp and not self._is_behind(project.id):
            return known[1]
        async with hub.room(project.id, "canvas") as canvas, hub.room(project.id, "takes") as takes:
            card = _card(await self._read(canvas), await self._read(takes))
            self._known[project.id] = (stamp, card)
        return card

    def _is_behind(self, project: ProjectId) -> bool:
        return any(look.changes.waiting for room, look in self._looks.items() if room.project == project)

    async def _read(self, room: Room) -> _Look:
        """All that is known of a document, once nothing waits."""
        while True:
            # It may have been loaded again meanwhile.
            await room.ready()
            look = self._looks[room]
            if not look.changes.waiting:
                return look
            await look.changes.in_turns(partial(_put, look, room.doc))


def _put(look: _Look, doc: Doc[Any], root: str, key: str) -> None:
    """This is how a record stands now; one that cannot be read is not counted."""
    (look.active_takes if root == "nodes" else look.thumbnails).pop(key, None)
    with failures_logged(log, "a record cannot be read, and counts for nothing", root=root, key=key):
        if root == "nodes":
            node = Canvas(doc).node(key)
            if node is not None and node["type"] == "shot":
                # In words: a client may have written anything there.
                look.active_takes[key] = str(node["active_take"])
        elif (take := Takes(doc).take(key)) is not None:
            look.thumbnails[key] = (str(take["created_at"]), str(take["thumbnail"]["blob"]))


def _card(canvas: _Look, takes: _Look) -> Card:
    newest = max(takes.thumbnails.values(), default=("", ""))
    chosen = (takes.thumbnails[take] for take in canvas.active_takes.values() if take in takes.thumbnails)
    _, poster = max(chosen, default=newest)
    return Card(len(canvas.active_takes), len(takes.thumbnails), newest[0], poster)


def _stamp(project: Project) -> object:
    """Another one where another project's folder has taken the place of one that was erased."""
    found = (project.folder / layout.MANIFEST).stat()
    return found.st_ino, found.st_mtime_ns
