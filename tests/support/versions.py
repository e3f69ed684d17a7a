"""A film with somebody of every role and snapshots to go back to: what tests of history begin with."""

from typing import Any

from crdt_schema.records import Take
from crdt_schema.takes import Takes
from server import keys
from server.auth.actor import FARM
from tests.support.crew import Film
from tests.support.service import PNG_PIXEL
from tests.support.workspace import take_record


async def version_of(film: Film, name: str = "") -> str:
    """Commit what stands now; the commit."""
    done = await film.send("the owner", "POST", "/snapshots", {"name": name} if name else {}, 201)
    return done["commit"] or (await timeline(film))[0]["commit"]


async def timeline(film: Film, query: str = "") -> list[dict[str, Any]]:
    """The newest entries."""
    return (await film.send("the viewer", "GET", f"/history{query}"))["entries"]


async def diff(film: Film, start: str, end: str = "now") -> dict[str, Any]:
    """What is different between two versions."""
    return await film.send("the viewer", "GET", f"/history/diff?from={start}&to={end}")


def brief(found: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Which records are different, and how."""
    return {(each["document"], each["id"], each["change"]) for each in found["records"]}


async def make_take(film: Film, node: str, number: int) -> Take:
    """A take as the recorder makes it: blob, file, record."""
    app = film.crew.service.app
    project = app[keys.PROJECTS].get(film.project)
    blob = project.blobs.put_bytes(PNG_PIXEL)
    name = app[keys.PROJECTS].store_take(project, chapter=1, scene=1, shot=1, number=number, suffix=".png", blob=blob)
    take = take_record(node, name, blob, len(PNG_PIXEL), number=number)
    async with app[keys.HUB].room(film.project, "takes") as room:
        room.edit(FARM, lambda doc: Takes(doc).add_take(f"take-{number}", take))
        await room.saved()
    return take
