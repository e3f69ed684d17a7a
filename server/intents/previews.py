"""Small pictures of work that is under way, the newest of each job, in memory only: nobody misses them afterwards."""

from dataclasses import dataclass

from crdt_schema.ids import ProjectId
from server.errors import BadRequest, TooLarge
from server.intents.progress import Progress

MOST_BYTES = 512 * 1024
"""Of one picture."""
MOST_JOBS = 512
"""Nodes that fall silent leave their pictures behind; the oldest go first."""
SIGNATURES = {
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/webp": (8, b"WEBP"),
}
"""How each kind that is taken begins: what a file is its bytes say."""


@dataclass(frozen=True)
class Preview:
    """A picture; `number` counts those of its job."""

    data: bytes
    media_type: str
    number: int


class Previews:
    """The newest picture of each job, whose address is shown with the job's progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._kept: dict[tuple[ProjectId, str], Preview] = {}
        progress.on_end.append(self._forget)

    def put(self, project: ProjectId, job: str, data: bytes) -> Preview:
        """Show a picture instead of the last one; raises TooLarge, BadRequest.

        One of a job that is not shown, because it has ended by now, is not kept: nobody would ever forget it.
        """
        if len(data) > MOST_BYTES:
            raise TooLarge(f"A preview may have at most {MOST_BYTES // 1024} KiB.")
        before = self._kept.pop((project, job), None)
        preview = Preview(data, _kind_of(data), before.number + 1 if before is not None else 1)
        if self._progress.of(project, job) is None:
            return preview
        while len(self._kept) >= MOST_JOBS:
            del self._kept[next(iter(self._kept))]
        self._kept[project, job] = preview
        address = f"/api/projects/{project}/jobs/{job}/preview?v={preview.number}"
        self._progress.add(project, job, preview=address)
        return preview

    def _forget(self, project: ProjectId, job: str) -> None:
        self._kept.pop((project, job), None)

    def get(self, project: ProjectId, job: str) -> Preview | None:
        """The newest picture of a job that is under way."""
        return self._kept.get((project, job))


def _kind_of(data: bytes) -> str:
    for media_type, (at, signature) in SIGNATURES.items():
        if data[at : at + len(signature)] == signature:
            return media_type
    raise BadRequest("A preview is a JPEG, a PNG or a WebP.")
