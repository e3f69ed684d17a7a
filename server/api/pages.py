"""The web app's own files: built once, served as they are; every other address gets the app's one page."""

from pathlib import Path

from aiohttp import web

from server.errors import Unavailable
from server.safety import app_policy

WEB_BUILD = Path(__file__).parent.parent.parent / "client" / "web" / "build"
IMMUTABLE = "public, max-age=31536000, immutable"


async def page(request: web.Request) -> web.StreamResponse:
    """GET anything else: the file of that name, or the app."""
    wanted = request.match_info["path"]
    root = WEB_BUILD.resolve()
    file = built_file(root, wanted)
    if file is not None and file.suffix != ".html":
        lasting = wanted.startswith("_app/immutable/")
        return web.FileResponse(file, headers={"Cache-Control": IMMUTABLE if lasting else "no-cache"})
    index = root / "index.html"
    if not index.is_file():
        raise Unavailable("The web app is not built. Run `make build`.")
    policy = app_policy(index.read_text())
    return web.FileResponse(index, headers={"Cache-Control": "no-cache", "Content-Security-Policy": policy})


def built_file(root: Path, wanted: str) -> Path | None:
    """The file of that name in the folder of the web app, if there is one; never anything outside it."""
    try:
        file = (root / wanted).resolve()
        return file if file.is_relative_to(root) and file.is_file() else None
    except (ValueError, OSError):  # a null character, or more than a file system takes
        return None
