"""Where each project is pushed to: kept with the workspace's own state, never in a project, for the server alone."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from crdt_schema.ids import ProjectId
from server.errors import BadRequest
from server.snapshot.repo import replace_file

LONGEST_URL = 500
_SEEN = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Remote:
    """A repository elsewhere, and what the server shows there to be let in; empty: what this machine's Git knows."""

    url: str
    token: str = ""

    @property
    def shown(self) -> str:
        """The address as people may see it."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def origin(self) -> str:
        """Scheme, host and port: the only place that is shown the token."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Remotes:
    """Every method blocks."""

    def __init__(self, folder: Path, allowed: tuple[str, ...]) -> None:
        """`allowed`: how an address may begin."""
        self._folder = folder
        self._allowed = allowed

    def get(self, project: ProjectId) -> Remote | None:
        """The remote of a project; None where there is none."""
        try:
            raw = json.loads(self._place(project).read_bytes())
            return Remote(str(raw["url"]), str(raw["token"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def all(self) -> list[ProjectId]:
        """The projects that have one."""
        return [ProjectId(place.stem) for place in sorted(self._folder.glob("*.json"))]

    def set(self, project: ProjectId, url: str, token: str | None) -> Remote | None:
        """Set the remote; an empty address removes it, and without a `token` the one stays that this host was shown.

        Raises BadRequest.
        """
        if not url:
            self._place(project).unlink(missing_ok=True)
            return None
        self._check(url)
        before, wanted = self.get(project), Remote(url, token or "")
        if token is None and before is not None and before.origin == wanted.origin:
            wanted = Remote(url, before.token)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = self._place(project)
        replace_file(place, json.dumps(asdict(wanted)).encode(), self._folder, mode=0o600)
        return wanted

    def _check(self, url: str) -> None:
        if len(url) > LONGEST_URL or _SEEN.fullmatch(url) is None or ".." in url or "::" in url.partition("//")[0]:
            raise BadRequest("url must be the address of a Git repository.")
        if not url.startswith(self._allowed):
            raise BadRequest(
                f"This studio pushes to addresses that begin with {' or '.join(self._allowed)}. "
                "Whoever runs it can allow more (WORKPRINT_PUSH_TO)."
            )
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            raise BadRequest("url must be the address of a Git repository.") from None
        if parts.password is not None or (parts.username and parts.scheme != "ssh"):
            raise BadRequest("Send the password or token as token, not in the address.")
        if host.startswith("-") or (parts.scheme != "file" and not host):
            raise BadRequest("url must be the address of a Git repository.")

    def _place(self, project: ProjectId) -> Path:
        return self._folder / f"{project}.json"
