"""Opening: which document gets which guard, and where its locks come from."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from crdt_schema.documents import KINDS, kind_of
from crdt_schema.ids import ProjectId
from crdt_schema.production import NO_LOCKS, Locks, locks_of
from server.guard.guard import RuleGuard
from server.guard.rules import ROOTS, rules_with
from server.guard.rules_canvas import DeclaredBy
from server.guard.touches import Rules
from server.hub.hub import Hub
from server.hub.refusals import Guard, GuardFor
from server.hub.room import Room

LOCKS_ARE_IN = "production"


def guards(find_hub: Callable[[], Hub], declared_by: DeclaredBy = lambda _: None) -> GuardFor:
    """Gives each document the guard of its kind. `find_hub`: the hub is made with what this returns.

    `declared_by`: the sockets that a pipeline declares, out of the catalogue of today.
    """
    rules = rules_with(declared_by)

    def guard_for(project: ProjectId, document: str) -> AbstractAsyncContextManager[Guard | None]:
        return _guarding(find_hub(), rules, project, document)

    return guard_for


@asynccontextmanager
async def _guarding(
    hub: Hub, rules: Mapping[str, Rules], project: ProjectId, document: str
) -> AsyncGenerator[Guard | None]:
    kind = kind_of(document).name
    roots = ("meta", *KINDS[kind].roots)
    if kind not in rules:
        yield None
    elif kind == LOCKS_ARE_IN:
        yield RuleGuard(ROOTS[kind], rules[kind], locks_of, others=roots)
    else:
        # Held open as long as the document is: a lock counts from the moment in which it is set.
        async with hub.room(project, LOCKS_ARE_IN) as production:
            yield RuleGuard(ROOTS[kind], rules[kind], LocksIn(production), others=roots)


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
