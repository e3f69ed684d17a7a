"""Opening: which document gets which guard, and where its locks come from."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from crdt_schema.documents import KINDS, kind_of
from crdt_schema.ids import ProjectId
from crdt_schema.production import NO_LOCKS, Locks, locks_of
from server.guard.guard import RuleGuard
from server.guard.rules import ROOTS, RULES
from server.hub.hub import Hub
from server.hub.refusals import Guard, GuardFor
from server.hub.room import Room

LOCKS_ARE_IN = "production"


def guards(find_hub: Callable[[], Hub]) -> GuardFor:
    """Gives each document the guard of its kind. `find_hub`: the hub is made with what this returns."""

    def guard_for(project: ProjectId, document: str) -> AbstractAsyncContextManager[Guard | None]:
        return _guarding(find_hub(), project, document)

    return guard_for


@asynccontextmanager
async def _guarding(hub: Hub, project: ProjectId, document: str) -> AsyncGenerator[Guard | None]:
    kind = kind_of(document).name
    roots = ("meta", *KINDS[kind].roots)
    if kind not in RULES:
        yield None
    elif kind == LOCKS_ARE_IN:
        yield RuleGuard(ROOTS[kind], RULES[kind], locks_of, others=roots)
    else:
        # Held open as long as the document is: a lock counts from the moment in which it is set.
        async with hub.room(project, LOCKS_ARE_IN) as production:
            yield RuleGuard(ROOTS[kind], RULES[kind], LocksIn(production), others=roots)


class LocksIn:
    """The locks of a project as they are at the moment; read again only when something has changed there."""

    def __init__(self, production: Room) -> None:
        self._production = production
        self._read_from: object = None
        self._locks = NO_LOCKS

    def __call__(self, _doc: object) -> Locks:
        """Today's locks, whichever document asks."""
        today = self._production.plain()
        if self._read_from is not today:
            self._read_from = today
            self._locks = locks_of(self._production.doc)
        return self._locks
