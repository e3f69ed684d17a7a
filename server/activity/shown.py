"""Which records of each kind of documents the activity shows, and how it calls them; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """How the records of one root are called."""

    word: str
    """Their type, where the record names none itself."""
    title: str = "title"
    """Field that holds their title; empty when there is none."""
    type: str = ""
    """Field that holds their type."""
    refers_to: str = ""
    """Root of the records that they are called after: by the fields below, or by their own key without any."""
    by: tuple[str, ...] = ()

    def names(self, field: str) -> bool:
        """Whether a record is called something else when this field changes."""
        return field in (self.title, self.type, "deleted", *self.by)


SHOWN: dict[str, dict[str, Shown]] = {
    "canvas": {
        "nodes": Shown("node", type="type"),
        "edges": Shown("edge", "", refers_to="nodes", by=("source", "target")),
        "intents": Shown("intent", "", type="kind", refers_to="nodes", by=("node",)),
    },
    "styles": {
        "styles": Shown("style"),
        "votes": Shown("vote", "", refers_to="styles"),
        "notes": Shown("note", "text"),
    },
    "annotations": {
        "marks": Shown("mark", "text", type="kind"),
        "notes": Shown("note", "text"),
        "verdicts": Shown("verdict", ""),
    },
    "takes": {"takes": Shown("take", "name")},
    "library": {"assets": Shown("asset", type="kind")},
    "production": {
        "locks": Shown("lock", "target"),
        "chains": Shown("chain", "name"),
        "segments": Shown("segment", "text"),
    },
    "fork": {
        "nodes": Shown("node", type="type"),
        "edges": Shown("edge", "", refers_to="nodes", by=("source", "target")),
    },
    "script": {"text": Shown("script", "")},
}
"""What is called after another record stands below it. Jobs are left out, for each take tells of its own; so is the
list of unlocks in `production`, for the locks tell of themselves."""
