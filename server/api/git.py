"""/git/{project}.git: fetch and push over smart HTTP, in a stream through `git http-backend`."""

import asyncio
import re
from collections.abc import AsyncIterator

from aiohttp import web

from server.api.git_access import enter_repository, for_git
from server.errors import BadRequest, Forbidden, Unavailable
from server.git.backend import CHUNK_BYTES, NOT_NOW, Call, Running, Service
from server.git.push import read_push, refusals, report
from server.keys import GIT
from server.projects.index import Project
from server.safety import headers_for
from server.snapshot.repo import MAIN_BRANCH, ProjectRepo

PROTOCOL = re.compile(r"[a-z0-9=:.-]{0,64}")


@for_git
async def info_refs(request: web.Request) -> web.StreamResponse:
    """GET /git/{project}.git/info/refs?service=: which branches and tags there are."""
    match request.query.get("service"):
        case "git-upload-pack":
            service: Service = "git-upload-pack"
            project, actor = await enter_repository(request, "read")
        case "git-receive-pack":
            service = "git-receive-pack"
            project, actor = await enter_repository(request, "edit")
        case _:
            raise Forbidden("This repository is served over smart HTTP only. Update Git.")
    call = Call(project.folder, service, actor, advertise=True, protocol=protocol_of(request))
    return await exchange(request, call, nothing())


@for_git
async def upload_pack(request: web.Request) -> web.StreamResponse:
    """POST /git/{project}.git/git-upload-pack: what a fetch asks for."""
    project, actor = await enter_repository(request, "read")
    demand_type(request, "git-upload-pack")
    call = Call(project.folder, "git-upload-pack", actor, advertise=False, protocol=protocol_of(request))
    return await exchange(request, call, request.content.iter_chunked(CHUNK_BYTES))


@for_git
async def receive_pack(request: web.Request) -> web.StreamResponse:
    """POST /git/{project}.git/git-receive-pack: what a push brings, unless it would change what must stay."""
    project, actor = await enter_repository(request, "edit")
    demand_type(request, "git-receive-pack")
    body = aiter(request.content.iter_chunked(CHUNK_BYTES))
    push = await read_push(body)
    refused = refusals(push, await asyncio.to_thread(written_by_us, project))
    if refused:
        await drain(body, request.app[GIT].limits.push_bytes)
        told = report(push, refused)
        if told is None:
            raise Forbidden("; ".join(f"{ref}: {reason}" for ref, reason in refused.items()))
        return web.Response(body=told, content_type="application/x-git-receive-pack-result")
    call = Call(project.folder, "git-receive-pack", actor, advertise=False, protocol=protocol_of(request))
    return await exchange(request, call, after(push.head, body))


def written_by_us(project: Project) -> frozenset[str]:
    """The branches that nobody pushes to: the one snapshots go to today, and main. It blocks; raises NoRepository."""
    return frozenset({ProjectRepo(project.folder).tip().branch, MAIN_BRANCH})


async def exchange(request: web.Request, call: Call, body: AsyncIterator[bytes]) -> web.StreamResponse:
    """Let Git answer the request, both ways at once; whoever hangs up ends it."""
    response = web.StreamResponse(headers={**headers_for(request.path), "Cache-Control": "no-store"})
    response.content_type = f"application/x-{call.service}-{'advertisement' if call.advertise else 'result'}"
    try:
        async with request.app[GIT].run(call) as running:
            feeding = asyncio.create_task(running.feed(body))
            try:
                await running.ready()
                await response.prepare(request)
                await pass_on(running, response)
            finally:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
    except (TimeoutError, ConnectionError):
        if not response.prepared:
            raise Unavailable(NOT_NOW) from None
        # In the middle of an answer there is no other way to say that it ends here.
        if request.transport is not None:
            request.transport.abort()
    return response


async def pass_on(running: Running, response: web.StreamResponse) -> None:
    """Git's answer, as fast as the client takes it."""
    async for chunk in running.output():
        await response.write(chunk)


def demand_type(request: web.Request, service: Service) -> None:
    """Raise BadRequest for a body that no git has sent."""
    if request.content_type != f"application/x-{service}-request":
        raise BadRequest("This address is for git. Clone it with `git clone`.")


def protocol_of(request: web.Request) -> str:
    """The protocol that the client would like to speak; nothing when it is none."""
    wanted = request.headers.get("Git-Protocol", "")
    return wanted if PROTOCOL.fullmatch(wanted) else ""


async def nothing() -> AsyncIterator[bytes]:
    """An empty body."""
    for chunk in ():
        yield chunk


async def after(head: bytes, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body of which the head was read already."""
    yield head
    async for chunk in body:
        yield chunk


async def drain(body: AsyncIterator[bytes], longest_bytes: int) -> None:
    """Read the rest of a push that is refused: a client listens only when it has said everything."""
    async for chunk in body:
        longest_bytes -= len(chunk)
        if longest_bytes < 0:
            raise BadRequest("This push is too large, and would have been refused. Push to a branch of your own.")
