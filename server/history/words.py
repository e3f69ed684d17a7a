"""Words: how one text became another, word by word; pure."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

Op = Literal["=", "-", "+"]
"""Stayed, went, came."""
MOST_PIECES = 3000
"""Of one text: comparing takes time with their square at worst. Longer texts are compared line by line."""
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_LINES = re.compile(r".*\n|.+")


def word_diff(before: str, after: str) -> list[tuple[Op, str]]:
    """Runs of text in reading order: without those that came it is `before`, without those that went `after`."""
    runs: list[tuple[Op, str]] = []
    for op, text in _pieces(before, after):
        if runs and runs[-1][0] == op:
            runs[-1] = (op, runs[-1][1] + text)
        elif text:
            runs.append((op, text))
    return runs


def _pieces(before: str, after: str) -> Iterator[tuple[Op, str]]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > MOST_PIECES:
        old, new = _LINES.findall(before), _LINES.findall(after)
    if max(len(old), len(new)) > MOST_PIECES:
        old, new = [before] if before else [], [after] if after else []
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield "=", "".join(old[start:end])
        else:
            yield "-", "".join(old[start:end])
            yield "+", "".join(new[new_start:new_end])
