"""The files of takes over REST: compare them with the document, and put back what can be put back."""

from aiohttp import web

from server.api.access import enter
from server.keys import TAKES_CHECK
from server.projects.takes_folder import TakeFile


async def reconcile(request: web.Request) -> web.Response:
    """POST .../takes/reconcile: compare the takes with their files, and restore those whose bytes are still here."""
    project, _ = await enter(request, "edit")
    found = await request.app[TAKES_CHECK].reconcile(project.id)
    kinds = {
        "restored": found.restored,
        "vanished": found.vanished,
        "unknown": found.unknown,
        "damaged": found.damaged,
    }
    return web.json_response({kind: [file_json(file) for file in files] for kind, files in kinds.items()})


def file_json(file: TakeFile) -> dict[str, object]:
    """A file by its name and its numbers; where it lies stays on the server."""
    numbers = {name: file.numbers.get(name) for name in ("chapter", "scene", "shot", "take")}
    return {"id": file.take or None, "name": file.name, **numbers}
