"""Signing in: an access token that lives for minutes, and what renews it for as long as a program runs."""

import asyncio
from typing import Any

import aiohttp

from client.errors import Refused

RENEWED_AFTER = 0.6
"""Of the token's lifetime."""
PAUSE_SECONDS = 5.0
"""After the studio could not be reached."""


class SignIn:
    """Who is signed in. `token` is good for now; `renew` and `stay` make it good for later."""

    def __init__(self, url: str, granted: dict[str, Any]) -> None:
        self._url = url.rstrip("/")
        self._renewing = asyncio.Lock()
        self._take(granted)

    def _take(self, granted: dict[str, Any]) -> None:
        self.token = str(granted["access_token"])
        self._refresh_token = str(granted["refresh_token"])
        self._lifetime_seconds = float(granted["expires_in"])
        self._due = asyncio.get_running_loop().time() + self._lifetime_seconds * RENEWED_AFTER

    async def renew(self, session: aiohttp.ClientSession) -> None:
        """Get another token if this one grows old; raises Refused when the sign-in has been ended."""
        async with self._renewing:  # a refresh token works once
            if asyncio.get_running_loop().time() >= self._due:
                body = {"refresh_token": self._refresh_token}
                self._take(await _post(session, f"{self._url}/auth/refresh", body))

    async def stay(self, session: aiohttp.ClientSession) -> None:
        """Keep the token good until cancelled; raises Refused."""
        while True:
            await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))
            try:
                await self.renew(session)
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(PAUSE_SECONDS)


async def sign_in(url: str, username: str, password: str) -> SignIn:
    """Sign in with a name and a password; raises Refused."""
    async with aiohttp.ClientSession() as session:
        body = {"username": username, "password": password}
        return SignIn(url, await _post(session, f"{url.rstrip('/')}/auth/token", body))


async def _post(session: aiohttp.ClientSession, address: str, body: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    async with session.post(address, json=body) as reply:
        answer: Any = await reply.json()
        if reply.status >= 500:  # noqa: PLR2004 - the server's trouble passes
            raise aiohttp.ClientError(answer["error"]["message"])
        if not reply.ok:
            raise Refused(answer["error"]["message"])
        return answer
