"""The short commands: each does one thing to a workspace and answers with a line."""

from crdt_schema.records import Role
from server.auth.actor import SYSTEM
from server.auth.people import People
from server.clock import utc_now
from server.config import Config
from server.projects.index import NewProject, Projects


async def add_user(config: Config, name: str, role: Role, password: str) -> str:
    """Add somebody to the workspace."""
    people = await People.open(config.state_folder / "workspace.sqlite", utc_now)
    try:
        user = await people.add(name, password, role)
    finally:
        await people.close()
    return f"{user.name} may sign in as {user.role}."


async def login_url(config: Config) -> str:
    """A link that signs the owner of the workspace in, once, within an hour."""
    people = await People.open(config.state_folder / "workspace.sqlite", utc_now)
    try:
        owner = await people.ensure_local_owner()
        code = await people.one_time_login(owner.id)
    finally:
        await people.close()
    return f"{config.own_url}/auth/one-time?code={code}"


async def new_project(config: Config, name: str) -> str:
    """Make a project on disk; a hub that runs finds it at once."""
    projects = Projects(config.workspace_root, utc_now)
    await projects.start()
    project = await projects.create(NewProject(title=name), by=SYSTEM)
    return f"{project.manifest['title']}: {project.id}"
