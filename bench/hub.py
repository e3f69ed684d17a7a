"""The hub as the benchmark meets it: the product's hub, endpoints, store and observers; any room, and anybody comes in.

The benchmark opens rooms of its own naming and demands that a document holds what its writers wrote and nothing else.
So a name becomes a document kind when somebody knocks at it, with no schema label, and its document is founded empty.
Nothing that costs time is left out: every change is on the disk before it is acknowledged, and the observers of a
canvas watch every room.
"""

import argparse
import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import uvloop
from aiohttp import web

from crdt_schema import shapes
from crdt_schema.documents import KINDS, DocumentKind
from crdt_schema.ids import ProjectId, is_id
from crdt_schema.production import NO_LOCKS, Locks
from server.auth.actor import HUES, SYSTEM, Actor
from server.clock import utc_now
from server.config import read_config
from server.errors import NotFound
from server.guard.guard import RuleGuard
from server.guard.rules import ROOTS
from server.guard.rules_common import breach, misfits
from server.guard.touches import Breach, Touch, View
from server.hub.hub import Hub
from server.hub.refusals import Guard, GuardFor, unguarded
from server.hub.room import OnOpen, Room
from server.hub.ws import Admission, add_routes
from server.intents.observer import IntentObserver
from server.keys import CONFIG
from server.logs import set_up_logs
from server.middleware import add_headers, tell_errors
from server.projects.index import Projects
from server.serve import SHUTDOWN_SECONDS, prepare_process
from server.snapshot.snapshotter import Snapshotter
from server.store.base import NewUpdate, StoredUpdate
from server.store.sqlite import SqliteUpdateStore

SHAPES = {
    **{name: shapes.number(-1e7, 1e7) for name in ("x", "y", "width", "height")},
    **{name: shapes.line() for name in ("color", "label")},
}
"""What the benchmark's nodes hold."""
EMPTY_UPDATE = b"\0\0"
NEVER_SECONDS = 1e6
"""What the benchmark writes is no canvas, so no snapshot of it is taken; what notes that one is due does its work."""
ARTISTS = cycle([Actor(f"artist-{hue}", f"Artist {hue}", "editor", hue) for hue in range(HUES)])


class FoundingStore(SqliteUpdateStore):
    """The product's store; a document that nobody has written begins with an empty update instead of a schema label."""

    async def load(self, document: str) -> list[StoredUpdate]:
        """Every update of a document in order; at least one."""
        history = await super().load(document)
        if history:
            return history
        now = utc_now().isoformat()
        await self.append([NewUpdate(document, SYSTEM.user_id, SYSTEM.name, now, EMPTY_UPDATE)])
        return await super().load(document)


async def admit(_request: web.Request, _token: str, _project: ProjectId, document: str) -> Admission:
    """Let anybody in, as one of a few artists in turn, and make the name a document's if it is not; raises NotFound."""
    if not is_id(document):
        raise NotFound(f"The benchmark has no room called {document[:80]!r}.")
    KINDS.setdefault(document, DocumentKind(document, schema="", written_by="editor"))
    return Admission(next(ARTISTS), writable=True)


def judge(_actor: Actor, touches: Sequence[Touch], _view: View, locks: Locks) -> Iterator[Breach]:
    """The canvas's rules for the benchmark's nodes, which have no type: every field that was touched, and its lock."""
    for touch in touches:
        if touch.key in locks.shots:
            yield breach("shot_lock", touch, None, name=locks.shots[touch.key]["by_name"])
        elif touch.after is not None and touch.after.kind == "map":
            yield from misfits(touch, SHAPES)


@asynccontextmanager
async def guarded(_project: ProjectId, _document: str) -> AsyncGenerator[Guard | None]:
    """The guard of a canvas."""
    yield RuleGuard(ROOTS["canvas"], judge, lambda _: NO_LOCKS, others=("meta", "notes"))


def observers(folder: Path) -> Sequence[OnOpen]:
    """What watches a canvas in the product."""
    snapshotter = Snapshotter(Projects(folder), quiet_seconds=NEVER_SECONDS, latest_seconds=NEVER_SECONDS)

    def note_changes(room: Room) -> Callable[[], None]:
        doc = room.doc
        subscription = doc.observe(lambda _: snapshotter.note(room.project, room.document, room.actor))
        return lambda: doc.unobserve(subscription)

    def note_intents(room: Room) -> Callable[[], None]:
        return IntentObserver(room, lambda _: None).detach

    return (note_changes, note_intents)


def build_app(folder: Path, guard_for: GuardFor = guarded) -> web.Application:
    """The hub with both dialects; its logs lie in `folder`."""

    async def open_store(project: ProjectId) -> SqliteUpdateStore:
        return await FoundingStore.open(folder / project / "documents.sqlite")

    app = web.Application(middlewares=[add_headers, tell_errors])
    app[CONFIG] = read_config({"WORKSPACE_ROOT": str(folder)})
    hub = Hub(open_store, on_open=observers(folder), guard_for=guard_for)
    add_routes(app, hub, admit)

    async def run_hub(_: web.Application) -> AsyncIterator[None]:
        yield
        await hub.close()

    app.cleanup_ctx.append(run_hub)
    return app


def main() -> None:
    """Serve until SIGINT or SIGTERM: `python -m bench.hub PORT FOLDER`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int, help="of 127.0.0.1")
    parser.add_argument("folder", type=Path, help="where the update logs are kept")
    parser.add_argument("--unguarded", action="store_true", help="judge nothing, to see what that costs")
    options = parser.parse_args()
    set_up_logs("text", "info")
    prepare_process()
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    web.run_app(
        build_app(options.folder, unguarded if options.unguarded else guarded),
        host="127.0.0.1",
        port=options.port,
        loop=loop,
        print=None,
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )


if __name__ == "__main__":
    main()
