"""Makes words fit to be kept and shown that came from a container, a library or another machine; pure."""

import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""How programs colour a terminal, move its cursor or rename its window (ECMA-48)."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """The text without what only a terminal obeys, and without halves of surrogate pairs, which no UTF-8 can hold."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text)).encode("utf-8", "replace").decode("utf-8")
