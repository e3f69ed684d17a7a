"""The composition root: builds every service once, in order, each from those above it. Nothing else does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import cast

from aiohttp import web

from crdt_schema.ids import ProjectId, UserId
from pipelines.registry import LOOK_SECONDS, Catalogue, sockets_of
from render_farm.planner import LineKeeper
from render_farm.queues import Farm
from server import keys
from server.activity.service import Activity
from server.api import routes
from server.api.admission import admitter
from server.auth.actor import SYSTEM, Actor
from server.auth.attempts import Attempts
from server.auth.audit import AuditAction
from server.auth.people import People
from server.auth.tokens import FarmGrant, Tokens, workspace_secret
from server.clock import utc_now
from server.config import Config
from server.errors import NotFound, Unauthorised
from server.git.backend import Backend, GitLimits
from server.guard.opening import guards
from server.history.forks import Forks
from server.history.service import History
from server.hub import ws
from server.hub.hub import Hub, OpenStore
from server.hub.limits import Limits
from server.intents.farm_live import FarmLive
from server.intents.service import FindActor, Intents
from server.metrics import registry_of
from server.middleware import add_headers, answer_what_is_no_http, know_the_user, tell_errors
from server.production.chains import SceneChains
from server.production.locks import LockKeeper, WriteAudit
from server.projects.cards import Cards
from server.projects.demo import ensure_demo
from server.projects.duplicate import Duplicates
from server.projects.importing import Imports
from server.projects.index import Projects
from server.projects.layout import LIBRARY, PIPELINE_TEMPLATES
from server.projects.proposals import Proposals
from server.projects.takes_check import TakesCheck
from server.projects.thumbnails import Thumbnails, ffmpeg_program
from server.projects.trash import Trash
from server.projects.uploads import Uploads
from server.snapshot.merger import FindPerson
from server.snapshot.pusher import Pusher
from server.snapshot.remotes import Remotes
from server.snapshot.repo import NO_HOST
from server.snapshot.snapshotter import Snapshotter
from server.store.base import UpdateStore
from server.store.blobs import LocalBlobs
from server.store.replication import Replication
from server.store.s3 import bucket_of
from server.store.sqlite import SqliteUpdateStore


def build_app(config: Config, clock: Callable[[], datetime] = utc_now) -> web.Application:
    """The whole service; it starts when the application starts and stops with it, in reverse."""
    answer_what_is_no_http()
    # Bodies that are held in memory; files are read piece by piece and measured by their handlers.
    app = web.Application(middlewares=[add_headers, tell_errors, know_the_user], client_max_size=1 << 20)
    app[keys.CONFIG] = config
    app[keys.CLOCK] = clock
    app[keys.CATALOGUE] = Catalogue(templates=[config.workspace_root / LIBRARY / PIPELINE_TEMPLATES])
    app[keys.PIPELINES] = app[keys.CATALOGUE].pipelines
    app[keys.ATTEMPTS] = Attempts(clock)
    app[keys.TOKENS] = Tokens(workspace_secret(config.state_folder, config.secret))
    app[keys.FARM] = Farm(config.redis_url, config.namespace)
    app[keys.REPLICATION] = Replication(bucket_of(config), lambda: blobs_of(app[keys.PROJECTS]))
    app[keys.PROJECTS] = Projects(config.workspace_root, clock, app[keys.REPLICATION].note)
    app[keys.UPLOADS] = Uploads(max_bytes=config.file_bytes, now=lambda: clock().timestamp())
    app[keys.THUMBNAILS] = Thumbnails(ffmpeg_program())
    app[keys.PROPOSALS] = Proposals(app[keys.PROJECTS], clock)
    app[keys.PUSHER] = Pusher(
        app[keys.PROJECTS],
        Remotes(config.state_folder / "remotes", config.push_to),
        push_seconds=config.push_seconds,
        certificates=config.push_ca,
        now=clock,
    )
    app[keys.SNAPSHOTTER] = Snapshotter(
        app[keys.PROJECTS],
        quiet_seconds=config.snapshot_quiet_seconds,
        latest_seconds=config.snapshot_latest_seconds,
        find_person=author_finder(app),
        pusher=app[keys.PUSHER],
    )
    app[keys.INTENTS] = Intents(
        projects=app[keys.PROJECTS],
        farm=app[keys.FARM],
        issue_token=farm_token_issuer(app[keys.TOKENS], clock),
        hub_url=config.hub_url or config.own_url,
        pipelines=app[keys.PIPELINES],
        find_actor=actor_finder(app),
    )
    app[keys.FARM_LIVE] = FarmLive(app[keys.PROJECTS], app[keys.INTENTS].view)
    app[keys.CARDS] = Cards()
    app[keys.HUB] = Hub(
        open_store=store_opener(app[keys.PROJECTS]),
        on_open=tuple(app[key].attach for key in (keys.SNAPSHOTTER, keys.INTENTS, keys.FARM_LIVE, keys.CARDS)),
        limits=limits_of(config),
        guard_for=guards(lambda: app[keys.HUB], partial(sockets_of, app[keys.PIPELINES])),
        on_refused=app[keys.PROPOSALS].note,
    )
    app[keys.PROJECTS].on_change(lambda project, _by: app[keys.HUB].tell(project, "manifest"))
    add_what_needs_the_hub(app, clock)
    started = [run_catalogue, run_people, run_projects, run_replication, run_files, run_snapshotter]
    app.cleanup_ctx.extend([*started, run_hub, run_lines, run_intents, run_takes_check, run_activity])
    # aiohttp waits for every handler before it cleans up: who looks at the farm must be let go now.
    app.on_shutdown.append(lambda app: app[keys.FARM_LIVE].close())
    routes.add_routes(app)
    ws.add_routes(app, app[keys.HUB], admitter(app))
    routes.add_pages(app)
    return app


def add_what_needs_the_hub(app: web.Application, clock: Callable[[], datetime]) -> None:
    """Build the services that work on rooms."""
    app[keys.TRASH] = Trash(app[keys.PROJECTS], app[keys.HUB], app[keys.SNAPSHOTTER], clock)
    app[keys.DUPLICATES] = Duplicates(app[keys.PROJECTS], app[keys.HUB], app[keys.SNAPSHOTTER], clock)
    app[keys.IMPORTS] = Imports(app[keys.PROJECTS], app[keys.TRASH], clock)
    app[keys.TAKES_CHECK] = TakesCheck(app[keys.PROJECTS], app[keys.HUB], app[keys.REPLICATION])
    app[keys.LOCKS] = LockKeeper(app[keys.HUB], audit_writer(app), clock)
    app[keys.CHAINS] = SceneChains(app[keys.HUB])
    app[keys.GIT] = Backend(git_limits(app[keys.CONFIG]))
    app[keys.HISTORY] = History(app[keys.PROJECTS], app[keys.HUB], app[keys.SNAPSHOTTER].snapshot_now)
    app[keys.FORKS] = Forks(app[keys.HISTORY], app[keys.HUB], clock)
    app[keys.ACTIVITY] = Activity(app[keys.HUB])
    app[keys.METRICS] = registry_of(app[keys.HUB])


def limits_of(config: Config) -> Limits:
    """The hub's limits as the settings say; what no setting names keeps its default."""
    # Who sends too long an update is told so: the frame around it, and its address, must pass.
    frame_bytes = 2 * config.update_bytes
    return Limits(
        frame_bytes=frame_bytes,
        update_bytes=config.update_bytes,
        document_bytes=config.document_bytes,
        messages_per_second=config.messages_per_second,
        receive_bytes_per_second=config.receive_bytes_per_second,
        receive_burst_bytes=2 * frame_bytes,
        sessions_per_user=config.sessions_per_user,
        sessions_per_room=config.sessions_per_room,
        presence_bytes=config.presence_bytes,
        presence_per_second=config.presence_per_second,
    )


def blobs_of(projects: Projects) -> dict[str, LocalBlobs]:
    """The blobs of every project; it blocks."""
    return {project.id: project.blobs for project in projects.all()}


def git_limits(config: Config) -> GitLimits:
    """How much serving Git may take from the machine."""
    return GitLimits(
        processes=config.git_processes,
        processes_per_person=config.git_processes_per_user,
        idle_seconds=config.git_idle_seconds,
        longest_seconds=config.git_seconds,
        push_bytes=config.git_push_bytes,
    )


def store_opener(projects: Projects) -> OpenStore:
    """Opens the update log of a project, inside the project's own folder (W-010)."""

    async def open_store(project: ProjectId) -> UpdateStore:
        folder = await asyncio.to_thread(projects.get, project)
        return await SqliteUpdateStore.open(folder.folder / ".workprint" / "documents.sqlite")

    return open_store


def farm_token_issuer(tokens: Tokens, clock: Callable[[], datetime]) -> Callable[[ProjectId, str], str]:
    """Makes the token that goes out with an order."""
    return lambda project, job: tokens.issue_farm(FarmGrant(project, job), now=clock())


def actor_finder(app: web.Application) -> FindActor:
    """Finds somebody by id with the role they have in a project today."""

    async def find_actor(project: ProjectId, user_id: UserId) -> Actor | None:
        people = app[keys.PEOPLE]
        try:
            user = await people.user(user_id)
        except Unauthorised:
            return None
        role = await people.role_in(project, user)
        return None if role is None else user.acting_as(role)

    return find_actor


def author_finder(app: web.Application) -> FindPerson:
    """Finds somebody by what Git knows of them: the address that snapshots give people, else the name."""

    async def find_person(name: str, address: str) -> Actor | None:
        user_id, _, host = address.partition("@")
        try:
            if host == NO_HOST:
                user = await app[keys.PEOPLE].user(UserId(user_id))
            else:
                user = await app[keys.PEOPLE].named(name)
        except (Unauthorised, NotFound):
            return None
        return user.acting_as("editor")

    return find_person


def audit_writer(app: web.Application) -> WriteAudit:
    """Writes what was locked, unlocked and overridden into the audit log."""

    async def write(  # noqa: PLR0917 - the fields of a line, in its order
        project: str | None, by: Actor, action: str, target: str, reason: str, detail: str
    ) -> None:
        await app[keys.AUDIT].note(project, by, cast("AuditAction", action), target, reason=reason, detail=detail)

    return write


async def run_catalogue(app: web.Application) -> AsyncIterator[None]:
    """Take in templates while nobody asks for the list: who uses one that was changed gets what it says now."""

    async def watch() -> None:
        while True:
            await asyncio.to_thread(app[keys.CATALOGUE].refresh)
            await asyncio.sleep(LOOK_SECONDS)

    watching = asyncio.create_task(watch())
    yield
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def run_people(app: web.Application) -> AsyncIterator[None]:
    """Open who may sign in."""
    people = await People.open(app[keys.CONFIG].state_folder / "workspace.sqlite", app[keys.CLOCK])
    app[keys.PEOPLE] = people
    app[keys.AUDIT] = people.audit

    async def ask_again(user: str) -> None:
        await app[keys.HUB].reconsider(user)

    people.on_change(ask_again)
    watching = asyncio.create_task(people.watch())
    yield
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await people.close()


async def run_projects(app: web.Application) -> AsyncIterator[None]:
    """Find the projects of the workspace."""
    await app[keys.PROJECTS].start()
    await app[keys.TRASH].start()
    yield


async def run_replication(app: web.Application) -> AsyncIterator[None]:
    """Keep the bucket in step, where there is one."""
    app[keys.REPLICATION].start()
    yield
    await app[keys.REPLICATION].close()


async def run_files(app: web.Application) -> AsyncIterator[None]:
    """Forget abandoned uploads; stop making previews at the end."""
    sweeping = asyncio.create_task(app[keys.UPLOADS].sweep_on(app[keys.PROJECTS].all))
    yield
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    await app[keys.THUMBNAILS].close()


async def run_snapshotter(app: web.Application) -> AsyncIterator[None]:
    """Commit what changes; when stopping, commit what is still waiting."""
    app[keys.SNAPSHOTTER].start(app[keys.HUB])
    await app[keys.PUSHER].start()
    yield
    await app[keys.SNAPSHOTTER].close()
    await app[keys.PUSHER].close()


async def run_intents(app: web.Application) -> AsyncIterator[None]:
    """Send intents to the farm and write down what comes back."""
    app[keys.INTENTS].start(app[keys.HUB])
    app[keys.FARM_LIVE].start(app[keys.HUB], app[keys.INTENTS].progress)
    yield
    await app[keys.INTENTS].close()


async def run_lines(app: web.Application) -> AsyncIterator[None]:
    """Keep the farm's queues in their running order."""
    farm = app[keys.FARM]
    keeper = LineKeeper(farm.planner, farm.ledger, farm.redis_url)
    keeping = asyncio.create_task(keeper.run())
    yield
    while not keeping.done():  # Python 3.11's asyncio.wait_for, which redis-py uses, can swallow a cancel
        keeping.cancel()
        await asyncio.wait([keeping], timeout=0.2)
    await keeper.close()


async def run_takes_check(app: web.Application) -> AsyncIterator[None]:
    """Compare takes and folders once, beside all else."""
    checking = asyncio.create_task(app[keys.TAKES_CHECK].run())
    yield
    checking.cancel()
    await asyncio.gather(checking, return_exceptions=True)


async def run_activity(app: web.Application) -> AsyncIterator[None]:
    """Let go of what was read of the logs."""
    yield
    await app[keys.ACTIVITY].close()


async def run_hub(app: web.Application) -> AsyncIterator[None]:
    """Serve documents; the first start makes the demo project."""
    if app[keys.CONFIG].demo:
        marker = app[keys.CONFIG].state_folder / "demo-unfinished"
        await ensure_demo(app[keys.PROJECTS], app[keys.HUB], app[keys.SNAPSHOTTER], marker, by=SYSTEM)
    yield
    await app[keys.HUB].close()
    await app[keys.PROPOSALS].close()
