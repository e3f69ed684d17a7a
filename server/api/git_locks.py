"""/git/{project}.git/info/lfs/locks: the locks of Git LFS, by which two people do not paint the same picture."""

import asyncio
from typing import Any

from aiohttp import web

from server.api.access import demand, instant, text
from server.api.git_access import enter_repository, for_lfs
from server.api.git_lfs import answer, named_in
from server.errors import BadRequest
from server.git.lfs_locks import LONGEST_PATH, AlreadyLocked, FileLock, FileLocks
from server.keys import AUDIT, CLOCK

LONGEST_PAGE = 100
LONGEST_NUMBER = 18
"""Of digits: SQLite has no longer ones."""


@for_lfs
async def create_lock(request: web.Request) -> web.Response:
    """POST /git/{project}.git/info/lfs/locks `{path}`: lock a file."""
    project, actor = await enter_repository(request, "edit")
    body = await named_in(request)
    path, now = text(body, "path", longest=LONGEST_PATH), request.app[CLOCK]().timestamp()
    try:
        taken = await asyncio.to_thread(FileLocks(project.folder).take, path, actor, now)
    except AlreadyLocked as error:
        return answer({"lock": told(error.lock), "message": error.message}, error.status)
    return answer({"lock": told(taken)}, 201)


@for_lfs
async def list_locks(request: web.Request) -> web.Response:
    """GET /git/{project}.git/info/lfs/locks?path=&id=&cursor=&limit=: the locks, oldest first."""
    project, _ = await enter_repository(request, "read")
    query = request.query
    locks, following = await page_of(
        FileLocks(project.folder), dict(query), path=query.get("path", ""), lock_id=query.get("id", "")
    )
    return answer({"locks": [told(lock) for lock in locks], **following})


@for_lfs
async def verify_locks(request: web.Request) -> web.Response:
    """POST /git/{project}.git/info/lfs/locks/verify: the locks before a push, one's own and those of others."""
    project, actor = await enter_repository(request, "edit")
    body = await named_in(request)
    locks, following = await page_of(FileLocks(project.folder), body)
    ours = [told(lock) for lock in locks if lock.owner == actor.user_id]
    theirs = [told(lock) for lock in locks if lock.owner != actor.user_id]
    return answer({"ours": ours, "theirs": theirs, **following})


@for_lfs
async def unlock(request: web.Request) -> web.Response:
    """POST /git/{project}.git/info/lfs/locks/{lock}/unlock `{force}`: one's own; by force, which is audited, any."""
    project, actor = await enter_repository(request, "edit")
    body = await named_in(request)
    force = body.get("force", False) is True
    if force:
        demand(actor, "unlock")
    freed = await asyncio.to_thread(FileLocks(project.folder).release, request.match_info["lock"], actor, force=force)
    if freed.owner != actor.user_id:
        detail = f"Git LFS lock of {freed.owner_name}"
        await request.app[AUDIT].note(project.id, actor, "unlock", freed.path, detail=detail)
    return answer({"lock": told(freed)})


async def page_of(
    locks: FileLocks, wanted: dict[str, Any], *, path: str = "", lock_id: str = ""
) -> tuple[list[FileLock], dict[str, str]]:
    """The part that `cursor` and `limit` ask for, and the cursor of the next one if there is one; raises BadRequest."""
    after, limit = whole(wanted, "cursor", 0), min(whole(wanted, "limit", LONGEST_PAGE) or LONGEST_PAGE, LONGEST_PAGE)
    found = await asyncio.to_thread(locks.find, path=path, lock_id=lock_id, after=after, limit=limit + 1)
    more = {"next_cursor": str(found[limit - 1].number)} if len(found) > limit else {}
    return found[:limit], more


def whole(wanted: dict[str, Any], name: str, default: int) -> int:
    """A whole number, as a number or as its digits; raises BadRequest."""
    given = str(wanted.get(name) or default)
    if not (given.isascii() and given.isdigit() and len(given) <= LONGEST_NUMBER):
        raise BadRequest(f"{name} must be a whole number.")
    return int(given)


def told(lock: FileLock) -> dict[str, object]:
    """A lock as git-lfs reads it."""
    owner = {"name": lock.owner_name}
    return {"id": lock.id, "path": lock.path, "locked_at": instant(lock.locked_at), "owner": owner}
