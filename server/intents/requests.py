"""A request as the server noticed it: which intent in which project, and who wrote it."""

from dataclasses import dataclass

from crdt_schema.ids import IntentId, ProjectId
from server.auth.actor import Actor


@dataclass(frozen=True)
class Request:
    """An intent that was noticed, and who wrote it; None when that can no longer be told."""

    project: ProjectId
    intent: IntentId
    actor: Actor | None
