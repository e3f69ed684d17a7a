"""The audit log: who did what with rights, locks and whole projects, when and why; it only ever grows (G-103)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import aiosqlite

from server.auth.actor import Actor
from server.auth.database import Database

AuditAction = Literal[
    "lock",
    "unlock",
    "contract_change",
    "role_change",
    "member_added",
    "member_removed",
    "ownership_transferred",
    "share_created",
    "share_revoked",
    "token_created",
    "token_revoked",
    "project_deleted",
    "project_restored",
    "project_erased",
    "project_duplicated",
    "project_imported",
    "exported",
    "budget_override",
    "access_change",
    "remote_change",
    "farm_change",
]
LONGEST_PAGE = 200
LAST_ID = (1 << 63) - 1


@dataclass(frozen=True)
class Note:
    """What is to be written."""

    project: str | None
    by: Actor
    action: AuditAction
    target: str
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Entry:
    """One thing that was done."""

    id: int
    at: str
    by_id: str
    by_name: str
    action: str
    target: str
    target_name: str
    """What the person, link or token was called then; empty where the target is something else."""
    reason: str
    detail: str


TARGET_NAME = (
    """COALESCE((SELECT name FROM users WHERE id = :target), (SELECT label FROM credentials WHERE id = :target), '')"""
)
WRITE = f"""
    INSERT INTO audit (at, project, by_id, by_name, action, target, target_name, reason, detail)
    VALUES (:at, :project, :by_id, :by_name, :action, :target, {TARGET_NAME}, :reason, :detail)
"""  # noqa: S608 - our own words; what is given are values


class Audit:
    """Writes and reads it. The tables' own triggers refuse to change or remove an entry."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def note(
        self, project: str | None, by: Actor, action: AuditAction, target: str, *, reason: str = "", detail: str = ""
    ) -> None:
        """Write an entry; None is the workspace. No secret belongs into any of the words."""
        async with self._database.write() as writing:
            await self.note_within(writing, Note(project, by, action, target, reason, detail))

    async def note_within(self, writing: aiosqlite.Connection, note: Note) -> None:
        """As `note`, in the transaction that makes the change itself."""
        await writing.execute(
            WRITE,
            {
                "at": self._clock().isoformat(),
                "project": note.project,
                "by_id": note.by.user_id,
                "by_name": note.by.name,
                "action": note.action,
                "target": note.target,
                "reason": note.reason,
                "detail": note.detail,
            },
        )

    async def page(self, project: str | None, *, before: int = LAST_ID, limit: int = 50) -> list[Entry]:
        """The newest entries of a project or, for None, of the workspace, that are older than entry `before`."""
        query = (
            "SELECT id, at, by_id, by_name, action, target, "
            # Entries from before names were kept: nobody's row is ever removed.
            "COALESCE(NULLIF(target_name, ''), (SELECT name FROM users WHERE id = target), ''), reason, detail "
            "FROM audit WHERE project IS ? AND id < ? ORDER BY id DESC LIMIT ?"
        )
        rows = await self._database.all(query, (project, before, limit))
        return [Entry(*row) for row in rows]
