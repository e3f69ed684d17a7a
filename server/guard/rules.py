"""Which rules judge the documents of each kind, and the roots they look at."""

from crdt_schema.documents import KINDS

ROOTS: dict[str, tuple[str, ...]] = {
    name: tuple(root for root in kind.roots if name != "script") for name, kind in KINDS.items()
}
"""The maps of records that the guard watches, by kind of document; a script is one text."""
