"""Values that would overflow the stack are refused unread; everything that people write is not."""

import subprocess
import sys
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from server.hub.codec import BadMessage
from server.hub.nesting import DEEPEST, check_nesting

HEAD = b"\1\1\5\0\x08\1\1t\1"


def lists(levels: int) -> bytes:
    """An update with one value: lists within lists."""
    return HEAD + b"\x75\1" * levels + b"\x7e\0"


def objects(levels: int) -> bytes:
    return HEAD + b"\x76\1\1a" * levels + b"\x7e\0"


def crooked(levels: int) -> bytes:
    """Each list holds a text before the next list, so that no two markers stand together."""
    return HEAD + b"\x75\2\x77\3abc" * levels + b"\x7e\0"


@pytest.mark.parametrize("make", [lists, objects, crooked])
@pytest.mark.parametrize("levels", [5_000, 100_000])
def test_a_value_nested_too_deeply_is_refused(make: Any, levels: int) -> None:
    with pytest.raises(BadMessage, match=str(DEEPEST)):
        check_nesting(make(levels))


def test_that_value_would_end_the_process() -> None:
    code = "import sys; from pycrdt import Doc; Doc().apply_update(sys.stdin.buffer.read())"
    done = subprocess.run([sys.executable, "-c", code], input=lists(100_000), check=False, timeout=30)
    assert done.returncode != 0


def test_what_is_not_read_because_it_is_small_is_harmless() -> None:
    doc: Doc[Any] = Doc()
    for update in (lists(4_999), objects(3_000)):
        check_nesting(update)
        doc.apply_update(update)
    assert doc.get_update()


def test_large_documents_of_every_kind_of_content_pass() -> None:
    doc: Doc[Any] = Doc()
    text, items, nodes = doc.get("text", type=Text), doc.get("items", type=Array), doc.get("nodes", type=Map)
    text.insert(0, "uuvv" * 5_000)
    text.format(3, 50, {"bold": True})
    text.insert_embed(7, {"uv": ["u", {"v": 1}]})
    del text[100:120]
    value = ["uv", 1, -70_000, 1.5, 2**60, True, False, None, {"u": [{"v": "uv"}]}, b"uv"]
    for number in range(50):
        items.append(value)
        items.append(Map({"t": Text("uvuv"), "a": Array([1, "u"])}))
        nodes[f"uv{number}"] = {"x": 1.25, "list": [1, [2, [3, ["u"]]]]}
    del items[3]
    del nodes["uv1"]
    update = doc.get_update()
    assert update.count(b"u") + update.count(b"v") > 10_000
    check_nesting(update)


@pytest.mark.parametrize("update", [b"u" * 20_000, b"\1\1\5\0\x1f" + b"uv" * 20_000, HEAD + b"\x01" + b"uv" * 20_000])
def test_garbage_of_that_size_is_refused(update: bytes) -> None:
    with pytest.raises(BadMessage):
        check_nesting(update)
