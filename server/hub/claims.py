"""Claims: whose a Yjs client id is, so that nobody can write as somebody else."""

from collections.abc import Callable

from server.errors import Forbidden
from server.hub.session import Session


class Forged(Forbidden):
    """Somebody wrote under the Yjs client id of somebody else."""


class Claims:
    """Yjs client ids by person, since the document was loaded.

    An id is the person's who is present with it, or else theirs who first wrote with it, live. A sync reply claims
    nothing: after a crash clients bring back what others had written and the server has lost, and the others will go
    on with their ids. For the same reason nothing is remembered from one load to the next. The log names the session's
    user in any case; what a claim prevents is that somebody uses up the numbers of another person's next edits, which
    would then be taken for old ones.
    """

    def __init__(self, own: int, server: str, present: Callable[[int], str | None]) -> None:
        """`own`: the client id of the server's own Doc, the user `server`'s. `present`: who is here with an id."""
        self._owners = {own: server}
        self._present = present

    def check(self, origin: object, client: int) -> None:
        """Raise Forged when a session writes with an id that is somebody else's."""
        owner = self._owners.get(client)
        if owner is None:
            owner = self._present(client)
        if isinstance(origin, Session) and owner is not None and owner != origin.actor.user_id:
            raise Forged("This Yjs client id belongs to somebody else. Reload, so that yours gets its own.")

    def note(self, origin: object, client: int) -> None:
        """An update with new content of that id was applied."""
        if client not in self._owners and isinstance(origin, Session) and not origin.relaying:
            self._owners[client] = origin.actor.user_id
