"""The short commands: each does one thing to a workspace and answers with a line."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from crdt_schema.ids import BlobHash
from crdt_schema.records import Role
from server.auth.actor import SYSTEM
from server.auth.people import People
from server.clock import utc_now
from server.config import Config
from server.doctor.examine import examine
from server.errors import NotFound, Unavailable
from server.projects.index import NewProject, Projects
from server.store.blobs import LocalBlobs
from server.store.replication import Replication
from server.store.s3 import bucket_of


@asynccontextmanager
async def opened(config: Config) -> AsyncGenerator[People]:
    """The people of the workspace. A hub that runs notices within a second what is changed."""
    people = await People.open(config.state_folder / "workspace.sqlite", utc_now)
    try:
        yield people
    finally:
        await people.close()


async def add_user(config: Config, name: str, role: Role, password: str) -> str:
    """Add somebody to the workspace."""
    async with opened(config) as people:
        user = await people.add(name, password, role)
    return f"{user.name} may sign in as {user.role}."


async def list_users(config: Config) -> str:
    """Everybody of the workspace."""
    async with opened(config) as people:
        return "\n".join(f"{user.role or 'none':<9}{user.name}" for user in await people.all())


async def change_role(config: Config, name: str, role: Role) -> str:
    """Give somebody another role in the workspace."""
    async with opened(config) as people:
        user = await people.named(name)
        await people.change_role(user, role)
    return f"{user.name} is {role} now."


async def remove_user(config: Config, name: str) -> str:
    """Let somebody in no more."""
    async with opened(config) as people:
        user = await people.named(name)
        await people.remove(user)
    return f"{user.name} may not sign in any more and is signed out everywhere."


async def set_password(config: Config, name: str, password: str) -> str:
    """Give somebody another password."""
    async with opened(config) as people:
        user = await people.named(name)
        await people.set_password(user, password)
    return f"{user.name} has a new password and is signed out everywhere."


async def login_url(config: Config) -> str:
    """A link that signs the owner of the workspace in, once, within an hour."""
    async with opened(config) as people:
        owner = await people.ensure_local_owner()
        code = await people.one_time_login(owner.id)
    return f"{config.own_url}/auth/one-time?code={code}"


async def doctor(config: Config, project: str, *, deep: bool, repair: bool) -> tuple[str, int]:
    """Examine the workspace or one project: the report and the exit status."""
    replication, loop = Replication(bucket_of(config), dict), asyncio.get_running_loop()

    def fetch(uuid: str, blobs: LocalBlobs, blob: BlobHash) -> bool:
        """In the thread of the examination."""
        try:
            asyncio.run_coroutine_threadsafe(replication.ensure(uuid, blobs, blob), loop).result()
        except (NotFound, Unavailable):
            return False
        return True

    try:
        report = await asyncio.to_thread(examine, config.workspace_root, project, deep=deep, repair=repair, fetch=fetch)
    finally:
        await replication.close()
    return report.text(), report.exit_status


async def new_project(config: Config, name: str) -> str:
    """Make a project on disk; a hub that runs finds it at once."""
    projects = Projects(config.workspace_root, utc_now)
    await projects.start()
    project = await projects.create(NewProject(title=name), by=SYSTEM)
    return f"{project.manifest['title']}: {project.id}"
