"""Proposals: what somebody wrote and the guard did not let stand, kept for its author until they discard it."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, cast

import structlog

from crdt_schema.ids import ProjectId, is_id
from server.auth.actor import Actor
from server.errors import NotFound
from server.hub.refusals import Refusal
from server.projects.index import Projects
from server.projects.rewritten import rewritten
from server.snapshot.repo import STATE_FOLDER, replace_file

FOLDER = "proposals"
MOST_KEPT = 200
"""Of one person in one project; the oldest go first."""
LONGEST_BYTES = 64 * 1024
"""What is longer is not kept; that it was refused is."""


class Proposal(TypedDict):
    """One change that was put back. A file of them lies in the project's folder, so that it moves with the project."""

    id: str
    at: str
    document: str
    record: str
    """Root and id, as in `nodes/shot-1`."""
    field: str | None
    """None: the whole record."""
    title: str
    rule: str
    message: str
    lift: str
    proposed: object
    """What was written, as JSON; None when it was removed, or is too long to keep."""
    kept: object
    """What stood, as JSON; None when there was nothing."""
    cut: bool
    """Whether it was too long to keep."""


class Proposals:
    """The proposals of all projects. Written one after the other, in the order in which they were refused."""

    def __init__(self, projects: Projects, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._projects = projects
        self._now = now
        self._turn = asyncio.Lock()
        self._writing: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger(__name__)

    def note(self, project: ProjectId, document: str, actor: Actor, refusals: Sequence[tuple[str, Refusal]]) -> None:
        """Keep what was put back; it is on disk a moment later."""
        at = self._now().isoformat(timespec="milliseconds")
        fresh = [_proposal(known, at, document, refusal) for known, refusal in refusals]
        task = asyncio.create_task(self._add(project, actor.user_id, fresh), name="proposals")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def entries(self, project: ProjectId, user_id: str) -> list[Proposal]:
        """Somebody's own, newest first."""
        async with self._turn:
            return (await asyncio.to_thread(_read, self._place(project, user_id)))[::-1]

    async def discard(self, project: ProjectId, user_id: str, proposal_id: str) -> None:
        """Forget one; raises NotFound."""
        async with self._turn:
            place = self._place(project, user_id)
            known = await asyncio.to_thread(_read, place)
            left = [each for each in known if each["id"] != proposal_id]
            if len(left) == len(known):
                raise NotFound("There is no such proposal of yours. Perhaps it was discarded already.")
            await asyncio.to_thread(_write, place, left)

    async def close(self) -> None:
        """Wait until everything is on disk."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    async def _add(self, project: ProjectId, user_id: str, fresh: Sequence[Proposal]) -> None:
        try:
            async with self._turn:
                place = self._place(project, user_id)
                await asyncio.to_thread(_add, place, fresh)
        except Exception:  # noqa: BLE001 - a disk that fails here must not end anybody's session
            self._log.exception("proposals_not_kept", project=project, user=user_id)

    def _place(self, project: ProjectId, user_id: str) -> Path:
        if not is_id(user_id):
            raise NotFound("There is no such person.")
        return self._projects.get(project).folder / STATE_FOLDER / FOLDER / f"{user_id}.json"


def _proposal(known: str, at: str, document: str, refusal: Refusal) -> Proposal:
    root, key, *field = refusal.path
    cut = len(json.dumps([refusal.proposed, refusal.kept])) > LONGEST_BYTES
    return {
        "id": known,
        "at": at,
        "document": document,
        "record": f"{root}/{key}",
        "field": field[0] if field else None,
        "title": refusal.title,
        "rule": refusal.rule,
        "message": refusal.message,
        "lift": refusal.lift,
        "proposed": None if cut else refusal.proposed,
        "kept": None if cut else refusal.kept,
        "cut": cut,
    }


def _add(place: Path, fresh: Sequence[Proposal]) -> None:
    """Who types on where they may not type makes one proposal, not one for each letter."""
    earlier = {_spot(each): each for each in _read(place)}
    for each in fresh:
        before = earlier.pop(_spot(each), None)
        if before is not None:
            each["proposed"] = _with(before, each)
    _write(place, [*earlier.values(), *fresh][-MOST_KEPT:])


def _spot(proposal: Proposal) -> tuple[str, str, str | None]:
    return proposal["document"], proposal["record"], proposal["field"]


def _with(before: Proposal, each: Proposal) -> object:
    """What is proposed now, with the words that came before and were put back as well."""
    first, second, kept = before["proposed"], each["proposed"], each["kept"]
    if isinstance(first, str) and isinstance(second, str) and isinstance(kept, str) and before["kept"] == kept:
        return rewritten(kept, first, second)[:LONGEST_BYTES]
    return second


def _read(place: Path) -> list[Proposal]:
    try:
        return cast("list[Proposal]", json.loads(place.read_bytes()))
    except FileNotFoundError:
        return []


def _write(place: Path, proposals: Sequence[Proposal]) -> None:
    if not proposals:
        place.unlink(missing_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    replace_file(place, json.dumps(proposals, ensure_ascii=False).encode(), place.parent)
