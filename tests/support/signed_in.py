"""People at browsers and programs, as they sign in to a service under test."""

from typing import Any

import aiohttp

from tests.support.service import PASSWORD, Service, made


def browser(service: Service, **headers: str) -> aiohttp.ClientSession:
    """A browser: it keeps cookies, also those of a bare address."""
    session = aiohttp.ClientSession(
        service.server.make_url("/"), headers=headers, cookie_jar=aiohttp.CookieJar(unsafe=True)
    )
    service.keep(session)
    return session


async def signed_in_browser(service: Service, name: str) -> aiohttp.ClientSession:
    """A browser at which somebody who was added has signed in."""
    session = browser(service)
    await made(session, "/auth/login", {"username": name, "password": PASSWORD}, 200)
    return session


def bearing(service: Service, token: str) -> aiohttp.ClientSession:
    """A program that sends a token."""
    return service.session({"Authorization": f"Bearer {token}"})


async def sent(
    session: aiohttp.ClientSession, method: str, path: str, body: object = None, *, status: int = 200
) -> Any:
    """Send JSON and expect a status; the reply."""
    async with session.request(method, path, json=body) as reply:
        text = await reply.text()
        assert reply.status == status, text
        return await reply.json()


async def id_of(session: aiohttp.ClientSession) -> str:
    """The user id of whoever a session belongs to."""
    return (await sent(session, "GET", "/api/me"))["id"]


async def refusal(session: aiohttp.ClientSession, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and message of what must fail."""
    async with session.request(method, path, json=body) as reply:
        assert reply.status >= 400, await reply.text()
        return reply.status, (await reply.json())["error"]["message"]
