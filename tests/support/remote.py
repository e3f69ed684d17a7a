"""A person with real git and git-lfs at another machine, who knows of a project only its address and their token."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from crdt_schema.ids import ProjectId
from server import keys
from server.projects.index import Project
from tests.support.git import environment, git
from tests.support.service import Service, made, running_service


async def at(folder: Path, *arguments: str) -> str:
    """What `git …` prints in a folder; the service goes on meanwhile."""
    return await asyncio.to_thread(git, folder, *arguments)


async def refused(folder: Path, *arguments: str) -> str:
    """What `git …` says when it fails, which it must."""
    done = await asyncio.to_thread(
        subprocess.run,
        ["git", *arguments],
        check=False,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@dataclass
class Studio:
    """A service with one project of Ana's, and the people of it."""

    service: Service
    project: Project
    ana: aiohttp.ClientSession
    tokens: dict[str, str] = field(default_factory=dict[str, str])

    def address(self, who: str, project: str = "") -> str:
        """What somebody types behind `git clone`."""
        url = self.service.server.make_url(f"/git/{project or self.project.id}.git")
        return str(url.with_user(who).with_password(self.tokens.get(who, who)))

    async def clone(self, who: str, folder: Path) -> Path:
        """A clone; large files in it are pointers until they are pulled."""
        skip = ("-c", "filter.lfs.process=git-lfs filter-process --skip")
        await at(folder.parent, *skip, "clone", "-q", self.address(who), folder.name)
        return folder


@asynccontextmanager
async def open_studio(workspace: Path, settings: Mapping[str, str] | None = None) -> AsyncGenerator[Studio]:
    """Ana owns it, Eva edits, Vic views; each has an API token."""
    async with running_service(workspace, port=0, **(settings or {})) as service:
        ana = await service.sign_in("Ana", "owner")
        made_project = await made(ana, "/api/projects", {"name": "Night Bus"})
        project = service.app[keys.PROJECTS].get(ProjectId(made_project["id"]))
        studio = Studio(service, project, ana)
        studio.tokens["Ana"] = await api_token(ana, "owner")
        studio.tokens["Eva"] = await api_token(await service.sign_in("Eva", "editor"), "editor")
        studio.tokens["Vic"] = await api_token(await service.sign_in("Vic", "viewer"), "viewer")
        yield studio


async def api_token(session: aiohttp.ClientSession, role: str, **more: object) -> str:
    """A new API token of whoever the session belongs to."""
    return (await made(session, "/api/me/tokens", {"name": "git", "role": role, **more}))["token"]


async def commit(folder: Path, name: str, data: bytes) -> str:
    """A commit with a new file in a clone; returns it."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    await at(folder, "add", name)
    await at(folder, "commit", "-qm", f"Add {name}")
    return (await at(folder, "rev-parse", "HEAD")).strip()
