"""The hub's two addresses, and its farewell to the clients when the server stops."""

from aiohttp import web

from crdt_schema.wire import CloseCode
from server.hub.admission import Admission, Admit
from server.hub.hub import Hub
from server.hub.sockets import Sockets
from server.hub.ws_hocuspocus import HocuspocusEndpoint
from server.hub.ws_yjs import YjsEndpoint

__all__ = ["Admission", "Admit", "add_routes"]


def add_routes(app: web.Application, hub: Hub, admit: Admit) -> None:
    """Serve both dialects. `hub.close()` stays with whoever made the hub."""
    sockets = Sockets(hub.limits, hub.counts)
    app.router.add_get("/ws/{project}", HocuspocusEndpoint(hub, sockets, admit).handle)
    app.router.add_get("/ws/{project}/{document:[^/]+(?:/[^/]+)?}", YjsEndpoint(hub, sockets, admit).handle)

    async def say_goodbye(_: web.Application) -> None:
        # aiohttp waits for every handler before it cleans up: they must end now.
        sockets.close_all(CloseCode.GOING_AWAY, "Workprint is shutting down.")

    app.on_shutdown.append(say_goodbye)
