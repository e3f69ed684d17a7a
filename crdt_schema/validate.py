"""The rule book of shapes: what every field of every record may hold; pure tables and one way to ask them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, get_args

from crdt_schema import shapes
from crdt_schema.nodes import NodeType
from crdt_schema.records import AssetKind, MarkKind, SeedMode, Verdict
from crdt_schema.shapes import Kind, Shape

MOST_EXTRA = 32
"""Fields of one record that no table names."""

_NODE: dict[str, Shape] = {
    "type": shapes.one_of(get_args(NodeType)),
    "title": shapes.line(),
    "position": shapes.POSITION,
    "deleted": shapes.FLAG,
}
_NUMBER = shapes.whole(1, shapes.HIGHEST_NUMBER)
_FRAMES = shapes.whole(0, shapes.HIGHEST_FRAME)

NODE_SHAPES: dict[NodeType, dict[str, Shape]] = {
    "shot": {
        **_NODE,
        "chapter": _NUMBER,
        "scene": _NUMBER,
        "shot": _NUMBER,
        "prompt": shapes.TEXT,
        "negative_prompt": shapes.TEXT,
        "parameters": shapes.PARAMETERS,
        "seed": shapes.whole(0, shapes.HIGHEST_SEED),
        "seed_mode": shapes.one_of(get_args(SeedMode)),
        "active_take": shapes.ID_OR_NONE,
        "stars": shapes.STARS,
    },
    "pipeline": {**_NODE, "pipeline": shapes.PIPELINE},
    "style": {**_NODE, "context": shapes.TEXT, "palette": shapes.PALETTE},
    "prompt": {**_NODE, "prompt": shapes.TEXT},
    "note": {**_NODE, "text": shapes.TEXT},
}

EDGE_SHAPES: dict[str, Shape] = {
    "source": shapes.ID,
    "source_socket": shapes.ID,
    "target": shapes.ID,
    "target_socket": shapes.ID,
}
INTENT_SHAPES: dict[str, Shape] = {
    "kind": shapes.one_of(("generate", "cancel", "cancel_batch")),
    "node": shapes.ID,
    "job": shapes.ID,
    "batch": shapes.ID,
    "fresh": shapes.FLAG,
}
STYLE_SHAPES: dict[str, Shape] = {
    "title": shapes.line(),
    "context": shapes.TEXT,
    "palette": shapes.PALETTE,
    "parameters": shapes.PARAMETERS,
    "author": shapes.ID,
    "deleted": shapes.FLAG,
}
STYLE_REMARK_SHAPES: dict[str, Shape] = {
    "author": shapes.ID,
    "style": shapes.ID,
    "text": shapes.TEXT,
    "created_at": shapes.TIME,
    "deleted": shapes.FLAG,
}
MARK_SHAPES: dict[str, Shape] = {
    "author": shapes.ID,
    "take": shapes.ID,
    "frame": _FRAMES,
    "kind": shapes.one_of(get_args(MarkKind)),
    "data": shapes.DRAWING,
    "text": shapes.TEXT,
    "created_at": shapes.TIME,
    "deleted": shapes.FLAG,
}
REMARK_SHAPES: dict[str, Shape] = {
    "author": shapes.ID,
    "mark": shapes.ID_OR_NONE,
    "reply_to": shapes.ID_OR_NONE,
    "text": shapes.TEXT,
    "created_at": shapes.TIME,
    "resolved": shapes.FLAG,
    "deleted": shapes.FLAG,
}
ASSET_SHAPES: dict[str, Shape] = {
    "kind": shapes.one_of(get_args(AssetKind)),
    "title": shapes.line(),
    "description": shapes.TEXT,
    "tags": shapes.TAGS,
    "fields": shapes.PARAMETERS,
    "author": shapes.ID,
    "deleted": shapes.FLAG,
}
SEGMENT_SHAPES: dict[str, Shape] = {
    "chain": shapes.ID,
    "shot": shapes.ID,
    "text": shapes.TEXT,
    "trim_start": _FRAMES,
    "trim_end": _FRAMES,
    "audio_trim_start": _FRAMES,
    "audio_trim_end": _FRAMES,
    "audio_gain_db": shapes.number(-96, 24),
}
VOTE = shapes.one_of((1, -1))
VERDICT = shapes.one_of(get_args(Verdict))


class Fault(NamedTuple):
    """A field that does not hold what it must."""

    field: str
    must: str


def faults(
    book: Mapping[str, Shape],
    names: Iterable[str],
    values: Mapping[str, object],
    kinds: Mapping[str, Kind],
    before: Mapping[str, Kind] | None = None,
) -> Iterator[Fault]:
    """Which of the fields called `names` hold what they must not.

    `kinds` says how the fields are held that are no plain values; `before` the same of the record as it was: what
    several people write into at once stays a shared text or map, or the words of the others would be lost.
    """
    extra: list[str] = []
    was = before or {}
    for name in names:
        shape = book.get(name)
        if shape is None:
            if name in values:
                extra.append(name)
        elif not _fits(shape, name, values, kinds.get(name, "plain"), was.get(name, "plain")):
            yield Fault(name, shape.must)
    if extra:
        yield from _extra_faults(book, extra, values, kinds)


def _fits(shape: Shape, name: str, values: Mapping[str, object], held: Kind, was: Kind) -> bool:
    shared = was != "plain" and was in shape.held
    if name not in values:
        return not shared
    return held in shape.held and (held == was or not shared) and shape.fits(values[name])


def _extra_faults(
    book: Mapping[str, Shape], names: list[str], values: Mapping[str, object], kinds: Mapping[str, Kind]
) -> Iterator[Fault]:
    """Fields that no table names may stand while they are few and small: a newer client may know more than we do."""
    too_many = len(values.keys() - book.keys()) > MOST_EXTRA
    for name in names:
        if too_many or kinds.get(name) == "other" or not shapes.extra_fits(name, values[name]):
            yield Fault(name, f"one of at most {MOST_EXTRA} further fields of up to {shapes.LONGEST_EXTRA} characters")
