"""Warden: has a room's guard look at what each session changed, and tells whoever changed what may not be changed."""

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog
from pycrdt import Doc, Map

from crdt_schema.documents import Identity, identify, identity_of
from crdt_schema.ids import ProjectId, new_id
from server.errors import Forbidden
from server.hub.common import Common
from server.hub.rates import Bucket
from server.hub.refusals import Guard, OnRefused, Refusal
from server.hub.session import Session

Compensate = Callable[[Callable[[Doc[Any]], None]], object]
"""Runs a change of the server's own in the tick that is going on."""

READ_AFTER_SECONDS = 1.0
"""A guard reads the document once those who opened it have got theirs."""
MOST_ROUNDS = 8
"""Far more than putting things back should ever take."""
MOST_TOLD = 100
"""Refusals of one notice; all of them are kept for their author."""


class TooStubborn(Forbidden):
    """Somebody goes on and on changing what they may not change."""


class Warden:
    """What the server keeps of one document against everybody: its schema and epoch, and what its guard says."""

    def __init__(
        self, place: tuple[ProjectId, str], common: Common, guard: Guard | None, on_refused: OnRefused
    ) -> None:
        self._place = place
        self._limits = common.limits
        self._counts = common.counts
        self._guard = guard
        self._on_refused = on_refused
        self._log = structlog.get_logger(__name__).bind(project=place[0], document=place[1])
        self._detach: list[Callable[[], None]] = []
        self._reading: asyncio.Task[None] | None = None
        self._strikes: dict[str, Bucket] = {}
        self._identity_touched = False
        self.identity = Identity("", "")
        """Schema and epoch as the server wrote them."""

    @property
    def roots(self) -> frozenset[bytes] | None:
        """The shared types at the top that the document has, as updates write their names; None: any."""
        return None if self._guard is None else frozenset(name.encode() for name in self._guard.allowed_roots)

    def attach(self, doc: Doc[Any]) -> None:
        """Watch a document from here on."""
        meta: Map[Any] = doc.get("meta", type=Map)
        self._detach.append(partial(meta.unobserve, meta.observe(self._note_identity)))
        if self._guard is not None:
            self._guard.attach(doc)
            self._detach.append(self._guard.detach)
            self._reading = asyncio.create_task(self._read(self._guard), name=f"guard {self._place[1]}")

    def detach(self) -> None:
        """Watch no more."""
        if self._reading is not None:
            self._reading.cancel()
        detach, self._detach = self._detach, []
        for each in detach:
            each()

    def prepare(self) -> None:
        """Be ready to judge: a session's change is about to be applied."""
        if self._guard is not None:
            self._guard.prepare()

    def accept(self) -> None:
        """What has changed was the server's own doing."""
        if self._guard is not None:
            self._guard.accept()

    def check(self, session: Session, doc: Doc[Any], compensate: Compensate) -> None:
        """Judge what a session has just changed and put back what may not stand; raises TooStubborn."""
        if self._identity_touched:
            self._keep_identity(session, doc, compensate)
        if self._guard is None:
            return
        refusals: list[Refusal] = []
        for _ in range(MOST_ROUNDS):
            found = self._guard.judge(session.actor)
            if not found:
                break
            refusals += found
            compensate(self._guard.put_back)
        else:
            self._log.error("not_put_back", user=session.actor.user_id, rules=sorted({each.rule for each in refusals}))
            self._guard.accept()
        if refusals:
            self._tell(session, refusals)

    def _tell(self, session: Session, refusals: Sequence[Refusal]) -> None:
        known = [(new_id("kept"), refusal) for refusal in refusals]
        rules = sorted({refusal.rule for refusal in refusals})
        self._log.info("put_back", user=session.actor.user_id, rules=rules, count=len(refusals))
        for rule in rules:
            self._counts.refuse(f"rule_{rule}")
        self._on_refused(*self._place, session.actor, known)
        session.link.tell(notice(self._place[1], known[:MOST_TOLD]))
        minute = self._limits.refusals_per_minute
        # By person: whoever was closed may come back, but not with a clean slate.
        strikes = self._strikes.setdefault(session.actor.user_id, Bucket(minute / 60.0, minute))
        if not strikes.takes(1.0):
            raise TooStubborn(f"Your changes are not kept: {refusals[0].message}")

    def _keep_identity(self, session: Session, doc: Doc[Any], compensate: Compensate) -> None:
        """Schema and epoch are the server's word: written over by a client, the document could not be opened again."""
        if identity_of(doc) != self.identity:
            self._log.warning("identity_restored", user=session.actor.user_id)
            compensate(partial(identify, identity=self.identity))
        self._identity_touched = False

    def _note_identity(self, _: object) -> None:
        self._identity_touched = True

    @staticmethod
    async def _read(guard: Guard) -> None:
        await asyncio.sleep(READ_AFTER_SECONDS)
        await guard.read_some()


def notice(document: str, refusals: Sequence[tuple[str, Refusal]]) -> str:
    """What the sender is told, as JSON; `docs/protocol.md` describes it."""
    breaches = [
        {
            "id": refusal_id,
            "rule": refusal.rule,
            "path": list(refusal.path),
            "message": refusal.message,
            "lift": refusal.lift,
            "title": refusal.title,
        }
        for refusal_id, refusal in refusals
    ]
    return json.dumps({"type": "refused", "document": document, "breaches": breaches})
