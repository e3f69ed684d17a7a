"""Where a request comes from, also when a proxy in front of Workprint passes it on."""

from aiohttp import web

from server.keys import CONFIG


def address_of(request: web.Request) -> str:
    """The address of whoever asks: the last one that none of our own proxies vouches for."""
    proxies, address = request.app[CONFIG].proxies, request.remote or ""
    passed = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    while address in proxies and passed:
        address = passed.pop()
    return address


def is_https(request: web.Request) -> bool:
    """Whether the browser's own connection is encrypted."""
    if request.remote in request.app[CONFIG].proxies:
        return request.headers.get("X-Forwarded-Proto", request.scheme) == "https"
    return request.secure
