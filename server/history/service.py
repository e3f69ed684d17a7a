"""History: the versions of every project, what is different between any two, and the way back to them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from crdt_schema.documents import UnknownDocument, kind_of
from crdt_schema.ids import ProjectId, new_id
from crdt_schema.takes import Takes
from server.auth.actor import Actor
from server.errors import BadRequest, Conflict, NotFound
from server.history.commits import Commits, Page
from server.history.compare import RecordChange, comparable, compare, takes_told
from server.history.rewind import RESTORABLE, Rewound, Target, left_of, rewind
from server.hub.errand import hand_in
from server.hub.hub import Hub
from server.hub.reading import plain_in_turns
from server.snapshot.tree import has_place
from server.snapshot.writer import Homes

NOW = "now"
"""Names today's state where a commit is asked for."""
Breach = dict[str, Any]
"""What was put back, as its author is told it: `{id, rule, path, message, lift, title}`."""
State = dict[str, dict[str, Any]]
"""Comparable documents by name."""
Snapshot = Callable[[ProjectId], Awaitable[str | None]]
"""Commits what stands now; the commit, None when nothing has changed."""
TAKE_GONE = "take_gone"
"""Why a shot did not get the take back that it had: nobody refused it, the take is not there any more."""


@dataclass(frozen=True)
class Restored:
    """What became of a way back."""

    restored: int
    """Records that are now as they were then."""
    refused: list[Breach]
    before: str
    """The version that holds what stood until now: restoring it takes this back."""


class History:
    """Time travel over all projects. Made once by the app; Git is read in threads."""

    def __init__(self, homes: Homes, hub: Hub, snapshot: Snapshot) -> None:
        self._homes, self._hub, self._snapshot = homes, hub, snapshot

    async def page(self, project: ProjectId, before: str = "", limit: int = 50) -> Page:
        """A part of the timeline, newest first; raises NotFound, NoRepository."""
        return await asyncio.to_thread(lambda: self._commits(project).page(before, limit))

    async def documents(self, project: ProjectId, commit: str) -> dict[str, Any]:
        """Every document as it stood in a commit, by its name; raises NotFound, NoRepository, TooLarge."""
        return await asyncio.to_thread(lambda: self._commits(project).documents(commit))

    async def diff(self, project: ProjectId, start: str, end: str) -> tuple[list[RecordChange], dict[str, Any]]:
        """What is different between two versions, each a commit or `NOW`: records, and takes. Raises as `documents`."""
        before, after = await self._state(project, start), await self._state(project, end)
        return await asyncio.to_thread(lambda: (compare(before, after), takes_told(before, after)))

    async def restore(
        self, project: ProjectId, commit: str, target: Target, by: Actor, *, undoes: str = ""
    ) -> Restored:
        """Turn today's document, or what `target` names of it, into what it was: a new change of `by`'s, as any other.

        With `undoes`, the commit that was restored before, what has been changed since that stays as it is. What stands
        until then is committed first. Raises BadRequest for what is never restored, Conflict, NotFound,
        Forbidden, Unavailable, and what a snapshot raises.
        """
        _demand_restorable(target)
        old = (await self.documents(project, commit)).get(target.document)
        _demand_readable(target.document, old)
        since = (await self.documents(project, undoes)).get(target.document) if undoes else None
        before = await self.commit_now(project)
        async with self._hub.room(project, "takes") as takes_room, self._hub.room(project, target.document) as room:
            takes = Takes(takes_room.doc).takes()
            await room.saved()
            plan = await asyncio.to_thread(rewind, room.doc.get_update(), target, old, takes, since=since)
            breaches = await hand_in(room, by, plan.updates)
            left = await asyncio.to_thread(left_of, room.doc.get_update(), plan, target, old, takes, since=since)
        restored = Restored(len(plan.changes) - left, breaches + _gone(plan), before)
        if restored.restored:
            self.tell_team(project, target.document, _notice(target, plan, by, commit, before))
        return restored

    async def commit_now(self, project: ProjectId) -> str:
        """The version that holds what stands now: nothing that comes after it can lose it."""
        commit = await self._snapshot(project)
        return commit or (await self.page(project, limit=1)).entries[0].commit

    def tell_team(self, project: ProjectId, document: str, notice: dict[str, Any]) -> None:
        """Tell whoever has the document or the canvas open; with both they hear it twice, under one id."""
        payload = json.dumps(notice)
        for room in self._hub.rooms():
            if room.project == project and room.document in ("canvas", document):
                for session in room.sessions:
                    session.link.tell(payload)

    async def _state(self, project: ProjectId, version: str) -> State:
        if version != NOW:
            found = await self.documents(project, version)
        else:
            found = await self._today(project)
        return await asyncio.to_thread(lambda: {name: comparable(name, value) for name, value in found.items()})

    async def _today(self, project: ProjectId) -> dict[str, Any]:
        """Every document that has a place in the repository, as it is now."""
        async with self._hub.log(project) as store:
            names = [name for name in await store.documents() if has_place(name)]
        found: dict[str, Any] = {}
        for name in names:
            async with self._hub.room(project, name) as room:
                found[name] = await plain_in_turns(room)
        return found

    def _commits(self, project: ProjectId) -> Commits:
        return Commits(self._homes.get(project).folder)


def _demand_restorable(target: Target) -> None:
    try:
        roots = RESTORABLE.get(kind_of(target.document).name)
    except UnknownDocument:
        raise BadRequest("document must name a document of a project, for instance canvas or script/draft.") from None
    if roots is None:
        raise BadRequest("Takes, and what people said of them, are never turned back. Choose another take instead.")
    if target.root and target.root not in roots:
        raise BadRequest(f"root must be one of {', '.join(roots)} in this document.")
    if target.field and not target.record:
        raise BadRequest("A field belongs to a record: name that too.")


def _demand_readable(document: str, old: object) -> None:
    """Raise Conflict when a person has broken the file of that version: half of it would delete the other half."""
    kind = kind_of(document)
    if kind.name == "fork":
        raise NotFound("A fork has no versions of its own: it is committed once it is merged.")
    if isinstance(old, dict) and cast("dict[str, object]", old).get("schema") != kind.schema:
        raise Conflict("This document cannot be read in that version. Choose another one.")
    if old is None and document == "canvas":
        raise NotFound("This version holds no canvas.")


def _gone(plan: Rewound) -> list[Breach]:
    return [
        {
            "id": new_id("gone"),
            "rule": TAKE_GONE,
            "path": [change.root, change.id, "active_take"],
            "message": "The take that was active then is not there any more.",
            "lift": "",
            "title": change.title,
        }
        for change in plan.gone
    ]


def _notice(target: Target, plan: Rewound, by: Actor, commit: str, before: str) -> dict[str, Any]:
    return {
        "type": "restored",
        "id": new_id("notice"),
        "by": {"id": by.user_id, "name": by.name},
        "document": target.document,
        "record": target.record or None,
        "field": target.field or None,
        "title": plan.changes[0].title if target.record else "",
        "records": len(plan.changes),
        "commit": commit,
        "before": before,
    }
