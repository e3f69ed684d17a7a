"""Puts the four parts of a composite prompt together in the words that a family of models understands; pure.

The parts stay apart in the recipe (I-021); this is done when a runner binds them. Their order in the text is the shot
first, then who is in it, where and why, and the look (CF-45). Three families:

- `sentence`: models that read whole sentences (FLUX, LTX, Wan). Each part becomes one; weights such as `(rain:1.3)`
  are taken out, because these models would read the brackets.
- `tags`: models that read comma-separated tags (Stable Diffusion 1.5 and XL). The same tag never stands twice, and
  weights stay as they were written (G-046).
- `instruction`: models that edit a picture. The shot's text is the order; the other parts say what has to stay.

A limit is counted roughly, and mostly too high: CLIP reads 77 tokens, of which two mark begin and end. What does not
fit is left out from the end of the context, then of the look, then of the identity. The shot's own text stays whole.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Family = Literal["sentence", "tags", "instruction"]
FAMILIES: tuple[str, ...] = get_args(Family)

CLIP_TOKENS = 75
"""What is left of CLIP's 77 for the text itself."""

_PARTS = ("direct", "identity", "context", "aesthetic")
_GIVE_WAY = ("context", "aesthetic", "identity")
_LEAD = {"identity": "Keep the subject: ", "context": "Setting: ", "aesthetic": "Look: "}
_WEIGHT = re.compile(r"\(([^()]*?)\s*:\s*\d+(?:\.\d+)?\)")
_COMMA = re.compile(r",(?![^(]*\))")
_PIECE = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")
_LETTERS_PER_TOKEN = 5


@dataclass(frozen=True)
class Prompt:
    """What a model is given, how long it is at most, and what did not fit."""

    text: str
    negative: str
    tokens: int
    left_out: tuple[str, ...] = ()


def assemble(
    parts: Mapping[str, str], negative: str = "", family: Family = "sentence", *, limit_tokens: int = 0
) -> Prompt:
    """The prompt for a family of models; a limit of 0 is none."""
    clauses = {name: list(_clauses(parts.get(name, ""), family)) for name in _PARTS}
    left_out: list[str] = []
    text = _text(clauses, family)
    for name in _GIVE_WAY:
        while limit_tokens and count_tokens(text) > limit_tokens and clauses[name]:
            left_out.append(clauses[name].pop())
            text = _text(clauses, family)
    plain = negative if family == "tags" else unweighted(negative)
    return Prompt(text, " ".join(plain.split()), count_tokens(text), tuple(left_out))


def count_tokens(text: str) -> int:
    """About how many tokens a text is; rather too many than too few, for a long word counts as several."""
    pieces = _PIECE.findall(text)
    return sum(math.ceil(len(piece) / _LETTERS_PER_TOKEN) for piece in pieces)


def unweighted(text: str) -> str:
    """The text with `(rain:1.3)` written as `rain`."""
    while True:
        text, found = _WEIGHT.subn(r"\1", text)
        if not found:
            return text


def _clauses(text: str, family: Family) -> Iterator[str]:
    """The pieces that can be left out one by one."""
    text = " ".join((text if family == "tags" else unweighted(text)).split())
    split = _COMMA.split(text) if family == "tags" else re.split(r"(?<=[.!?])\s+|,\s+", text)
    for clause in split:
        if clause.strip(" ,"):
            yield clause.strip(" ,")


def _text(clauses: Mapping[str, list[str]], family: Family) -> str:
    if family == "tags":
        tags = {tag.casefold(): tag for name in reversed(_PARTS) for tag in reversed(clauses[name])}
        return ", ".join(reversed(tags.values())) if tags else ""
    written = [(name, _joined(clauses[name])) for name in _PARTS if clauses[name]]
    if family == "instruction":
        return " ".join(_sentence(_LEAD.get(name, "") + text) for name, text in written)
    return " ".join(_sentence(text) for _, text in written)


def _joined(clauses: list[str]) -> str:
    text = clauses[0]
    for clause in clauses[1:]:
        text += (" " if text.endswith((".", "!", "?")) else ", ") + clause
    return text


def _sentence(text: str) -> str:
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
