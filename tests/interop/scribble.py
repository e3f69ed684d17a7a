"""What random editors do to a pycrdt document: the twin of editor.mjs."""

import random
from collections.abc import Callable
from typing import Any, cast

from pycrdt import Array, Doc, Map, Text, UndoManager, XmlElement, XmlFragment, XmlText

WORDS = ("a", "bc", "déjà", "🎬", "x🎞️y", "def ", "漢字")


def roots(doc: Doc[Any]) -> tuple[Map[Any], Text, Array[Any], XmlFragment]:
    """Every shared type that the editors touch."""
    return (
        doc.get("nodes", type=Map),
        doc.get("text", type=Text),
        doc.get("list", type=Array),
        doc.get("page", type=XmlFragment),
    )


def undo_manager(doc: Doc[Any]) -> UndoManager:
    """One that takes each transaction for a step of its own."""
    return UndoManager(scopes=list(roots(doc)), capture_timeout_millis=0)


def scribble(doc: Doc[Any], rng: random.Random, count: int) -> None:
    """Make `count` random edits."""
    for _ in range(count):
        with doc.transaction():
            rng.choice(ACTS)(doc, rng)


def reading(doc: Doc[Any]) -> dict[str, Any]:
    """What the document says, as pycrdt reads it."""
    nodes, text, items, _ = roots(doc)
    return {"nodes": nodes.to_py(), "text": str(text), "list": items.to_py()}


def _value(rng: random.Random) -> Any:
    return rng.choice([rng.randrange(9), "é", None, True, 0.5, {"x": [1, {"y": "z"}]}, ["a", 2]])


def _nested(rng: random.Random, depth: int = 0) -> Map[Any]:
    fields: dict[str, Any] = {"x": _value(rng)}
    if rng.random() < 0.5:
        fields["prompt"] = Text(rng.choice(WORDS))
    if rng.random() < 0.3:
        fields["stars"] = Array([_value(rng), _value(rng)])
    if depth < 2 and rng.random() < 0.3:
        fields["in"] = _nested(rng, depth + 1)
    return Map(fields)


def _maps(doc: Doc[Any]) -> list[Map[Any]]:
    return [cast("Map[Any]", item) for item in roots(doc)[0].values() if isinstance(item, Map)]


def _set(doc: Doc[Any], rng: random.Random) -> None:
    nodes = roots(doc)[0]
    if rng.random() < 0.5:
        nodes[f"v{rng.randrange(5)}"] = _value(rng)
    else:
        nodes[f"n{rng.randrange(5)}"] = _nested(rng)


def _delete(doc: Doc[Any], rng: random.Random) -> None:
    roots(doc)[0].pop(f"{rng.choice('vn')}{rng.randrange(5)}", None)


def _set_inside(doc: Doc[Any], rng: random.Random) -> None:
    if maps := _maps(doc):
        item = rng.choice(maps)
        key = rng.choice(["x", "y", "in"])
        if rng.random() < 0.2:
            item.pop(key, None)
        else:
            item[key] = _nested(rng, 1) if rng.random() < 0.3 else _value(rng)


def _prompt(doc: Doc[Any], rng: random.Random) -> None:
    prompts = [item.get("prompt") for item in _maps(doc)]
    if texts := [prompt for prompt in prompts if isinstance(prompt, Text)]:
        _type_into(rng.choice(texts), rng)


def _type(doc: Doc[Any], rng: random.Random) -> None:
    _type_into(roots(doc)[1], rng)


def _type_into(text: Text | XmlText, rng: random.Random) -> None:
    now = "".join(part for part, _ in text.diff())
    at = rng.randrange(len(now) + 1)
    end = min(len(now), at + rng.randrange(4))
    # pycrdt counts bytes.
    first, last = len(now[:at].encode()), len(now[:end].encode())
    if rng.random() < 0.5 or last <= first:
        text.insert(first, rng.choice(WORDS))
    elif rng.random() < 0.6:
        del text[first:last]
    else:
        text.format(first, last, {rng.choice(["bold", "color"]): rng.choice([True, "red", None])})


def _list(doc: Doc[Any], rng: random.Random) -> None:
    items = roots(doc)[2]
    if rng.random() < 0.6:
        items.insert(rng.randrange(len(items) + 1), _nested(rng, 1) if rng.random() < 0.3 else _value(rng))
    elif len(items):
        at = rng.randrange(len(items))
        del items[at : at + 1 + rng.randrange(min(3, len(items) - at))]


def _page(doc: Doc[Any], rng: random.Random) -> None:
    page = roots(doc)[3].children
    at = rng.randrange(len(page) + 1)
    if rng.random() < 0.4 or not len(page):
        page.insert(at, XmlElement(rng.choice(["p", "h1", "li"]), contents=[XmlText(rng.choice(WORDS))]))
        return
    at %= len(page)
    element = cast("XmlElement", page[at])
    if rng.random() < 0.2:
        del page[at]
    elif rng.random() < 0.5:
        element.attributes[rng.choice(["id", "class"])] = rng.choice(WORDS)
    elif len(element.children):
        _type_into(cast("XmlText", element.children[0]), rng)


ACTS: tuple[Callable[[Doc[Any], random.Random], None], ...] = (
    _set, _set, _delete, _set_inside, _prompt, _type, _type, _list, _page,
)  # fmt: skip
