"""The one place that sets and lifts locks: each time with a line in both audit logs (G-072 to G-080, G-013, G-103)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from pycrdt import Doc

from crdt_schema.canvas import Canvas
from crdt_schema.ids import ProjectId, is_id, new_id
from crdt_schema.production import Locks, Production, locks_of
from crdt_schema.records import AuditNote, Lock, LockKind
from crdt_schema.rules import RULE_TEXTS
from server.auth.actor import Actor
from server.auth.policy import Action, Resource, may, who_may
from server.errors import BadRequest, Forbidden, Locked, NotFound
from server.hub.hub import Hub

T = TypeVar("T")
UNLOCK_NEEDS_A_REASON = "Say why: an unlock stands in the audit log with its reason."
CHANGE_NEEDS_A_REASON = "Say why: a change of a locked brief stands in the audit log with its reason."
LONGEST_TITLE = 120


class Target(NamedTuple):
    """What can be locked: a shot or a style by its node, the picture of a scene chain, the contract."""

    kind: LockKind
    id: str = ""

    def __str__(self) -> str:
        """As it stands in the audit log."""
        return f"{self.kind}:{self.id}" if self.id else self.kind


CONTRACT = Target("contract")


class WriteAudit(Protocol):
    """Writes a line into the workspace's audit log."""

    def __call__(  # noqa: PLR0917 - the fields of a line, in its order
        self, project: str | None, by: Actor, action: str, target: str, reason: str, detail: str, /
    ) -> Awaitable[None]:
        """On disk when this is done."""
        ...


class LockKeeper:
    """The locks of all projects. Made once by the app."""

    def __init__(self, hub: Hub, write_audit: WriteAudit, clock: Callable[[], datetime]) -> None:
        self._hub, self._write_audit, self._clock = hub, write_audit, clock
        self._amending: dict[ProjectId, asyncio.Lock] = {}

    async def locks(self, project: ProjectId) -> Locks:
        """Every lock of a project as it stands."""
        async with self._hub.room(project, "production") as room:
            return locks_of(room.doc)

    async def lock(self, project: ProjectId, target: Target, by: Actor, reason: str = "") -> Lock:
        """Lock something; on disk when this returns. What is locked stays as it is, whoever locks it again.

        Raises Forbidden, NotFound when there is nothing to lock.
        """
        _demand(by, "lock")
        async with AsyncExitStack() as held:
            if target == CONTRACT:
                await held.enter_async_context(self._amendments(project))
            canvas = await held.enter_async_context(self._hub.room(project, "canvas"))
            room = await held.enter_async_context(self._hub.room(project, "production"))
            title = _title(canvas.doc, room.doc, target)
            if title is None:
                raise NotFound(NOT_THERE[target.kind])
            # Nothing is awaited from here to the edit: of two who lock at once, the second finds the first one's lock.
            standing = Production(room.doc).lock(*target)
            note = self._note("lock", target, by, reason, title)
            lock = standing or _lock(target, note)
            if standing is None:
                room.edit(by, lambda doc: _set(doc, lock, note))
            await room.saved()
        if standing is None:
            await self._tell(project, by, note)
        return lock

    async def unlock(self, project: ProjectId, target: Target, by: Actor, reason: str) -> None:
        """Lift a lock; on disk when this returns. Nothing happens where there is none.

        What is locked need not be there any more. Raises Forbidden, BadRequest without a reason, NotFound.
        """
        _demand(by, "unlock")
        if not reason.strip():
            raise BadRequest(UNLOCK_NEEDS_A_REASON)
        if target != CONTRACT and not is_id(target.id):
            raise NotFound(NOT_THERE[target.kind])
        async with self._hub.room(project, "canvas") as canvas, self._hub.room(project, "production") as room:
            standing = Production(room.doc).lock(*target)
            note = self._note("unlock", target, by, reason, _title(canvas.doc, room.doc, target) or "")
            if standing:
                room.edit(by, lambda doc: _lift(doc, target, note))
            await room.saved()
        if standing:
            await self._tell(project, by, note)

    async def demand_contract(self, project: ProjectId, by: Actor, reason: str) -> Lock | None:
        """The lock of the contract; raises Locked for who may not change it, BadRequest for who does not say why."""
        lock = (await self.locks(project)).contract
        if lock is not None:
            if not may(by, "edit_project", Resource(locked=True)):
                who = who_may("edit_locked_contract")
                raise Locked(f"{RULE_TEXTS['contract_lock'].format(name=lock['by_name'])} Ask {who}.")
            if not reason.strip():
                raise BadRequest(CHANGE_NEEDS_A_REASON)
        return lock

    async def amend_contract(
        self,
        project: ProjectId,
        by: Actor,
        reason: str,
        *,
        changes: Callable[[], Sequence[str]],
        write: Callable[[], Awaitable[T]],
    ) -> T:
        """Do `write`, which changes the contract as `changes` says in words: the one way, locked or not.

        No lock comes between the question whether it is locked and the change. While it is locked, the audit log
        knows of the change before it is made. Raises Locked, BadRequest.
        """
        async with self._amendments(project):
            changed = changes()
            if changed and await self.demand_contract(project, by, reason) is not None:
                note = self._note("contract_change", CONTRACT, by, reason, ", ".join(changed))
                async with self._hub.room(project, "production") as room:
                    room.edit(by, lambda doc: Production(doc).note_audit(new_id("audit"), note))
                    await room.saved()
                await self._tell(project, by, note)
            return await write()

    def _amendments(self, project: ProjectId) -> asyncio.Lock:
        return self._amending.setdefault(project, asyncio.Lock())

    def _note(self, action: str, target: Target, by: Actor, reason: str, detail: str) -> AuditNote:
        at = self._clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "at": at,
            "by": by.user_id,
            "by_name": by.name,
            "action": action,
            "target": str(target),
            "reason": reason.strip(),
            "detail": detail,
        }

    async def _tell(self, project: ProjectId, by: Actor, note: AuditNote) -> None:
        await self._write_audit(project, by, note["action"], note["target"], note["reason"], note["detail"])


NOT_THERE: dict[LockKind, str] = {
    "shot": "There is no such shot on the canvas.",
    "style": "There is no such style on the canvas.",
    "picture": "There is no such scene chain.",
    "contract": "",
}


def _title(canvas: Doc[Any], production: Doc[Any], target: Target) -> str | None:
    """What people call it; None when it is not there, or deleted."""
    if target.kind == "contract":
        return ""
    if not is_id(target.id):
        return None
    if target.kind == "picture":
        chain = Production(production).chains().get(target.id)
        return None if chain is None else chain["name"]
    node = Canvas(canvas).node(target.id)
    return None if node is None or node["type"] != target.kind else str(node["title"])[:LONGEST_TITLE]


def _lock(target: Target, note: AuditNote) -> Lock:
    return {
        "kind": target.kind,
        "target": target.id,
        "by": note["by"],
        "by_name": note["by_name"],
        "at": note["at"],
        "reason": note["reason"],
    }


def _set(doc: Doc[Any], lock: Lock, note: AuditNote) -> None:
    production = Production(doc)
    production.set_lock(lock)
    production.note_audit(new_id("audit"), note)


def _lift(doc: Doc[Any], target: Target, note: AuditNote) -> None:
    production = Production(doc)
    production.remove_lock(*target)
    production.note_audit(new_id("audit"), note)


def _demand(by: Actor, action: Action) -> None:
    if not may(by, action):
        raise Forbidden(f"You are {by.role} here. Ask {who_may(action)}.")
