"""Draws the slate below the picture and the PREVIZ mark in its corner."""

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont
_INK, _DIM, _GROUND = (232, 229, 222), (150, 148, 144), (14, 14, 16)


def strip_height(width: int, height: int) -> int:
    """Pixels that the slate takes from the bottom of a frame; even, so that the picture stays even too."""
    wanted = max(26, round(max(width, height) * 0.036))
    return min(wanted + wanted % 2, height // 4 // 2 * 2)


def draw_slate(image: Image.Image, top: int, left: tuple[str, str], right: tuple[str, str]) -> None:
    """Two lines at the left, cut short where they meet the two at the right."""
    draw = ImageDraw.Draw(image)
    width, height = image.size
    draw.rectangle((0, top, width, height), fill=_GROUND)
    tall = height - top
    size = max(8.0, tall * 0.34)
    font = _font(size)
    margin = round(tall * 0.42)
    rows = top + tall * 0.30, top + tall * 0.72
    for row, said, fact, ink in zip(rows, left, right, (_INK, _DIM), strict=True):
        facts = fitted(fact, font, width * 0.55 - margin)
        taken = font.getlength(facts)
        draw.text((width - margin, row), facts, font=font, fill=ink, anchor="rm")
        draw.text((margin, row), fitted(said, font, width - taken - 3 * margin), font=font, fill=ink, anchor="lm")


def draw_mark(image: Image.Image, bottom: int) -> None:
    """PREVIZ in the upper right corner: half transparent, readable on dark and bright."""
    width = image.size[0]
    size = max(9.0, max(width, bottom) * 0.0135)
    font = _font(size)
    text = "P R E V I Z"
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    at = (width - size * 1.2, size * 1.3)
    draw.text((at[0] + 1, at[1] + 1), text, font=font, fill=(0, 0, 0, 110), anchor="rm")
    draw.text(at, text, font=font, fill=(255, 255, 255, 135), anchor="rm")
    image.paste(layer, (0, 0), layer)


def draw_counter(image: Image.Image, bottom: int, text: str) -> None:
    """Which frame this is, at the lower left of the picture, as `draw_mark` does."""
    size = max(9.0, max(image.size[0], bottom) * 0.0135)
    draw, at = ImageDraw.Draw(image), (size * 1.2, bottom - size * 1.3)
    draw.text((at[0] + 1, at[1] + 1), text, font=_font(size), fill=(0, 0, 0), anchor="lm")
    draw.text(at, text, font=_font(size), fill=(190, 190, 190), anchor="lm")


def lines(recipe: Mapping[str, Any], lens: str, lighting: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """What the slate says at its left and at its right."""
    slate: Mapping[str, Any] = recipe.get("slate") or {}
    place = " / ".join(
        f"{name} {slate[key]}"
        for key, name in (("chapter", "Ch"), ("scene", "Sc"), ("shot", "Sh"))
        if slate.get(key) not in (None, "")
    )
    parts = [str(slate.get("project") or "Untitled"), place, str(slate.get("title") or "")]
    prompt: Mapping[str, str] = recipe.get("prompt") or {}
    said = str(prompt.get("direct") or "").strip() or "(no prompt yet)"
    head = "  -  ".join(part for part in parts if part)
    return (printable(head), printable(said)), (f"{lens}  |  {lighting}", f"seed {recipe.get('seed', 0)}")


def printable(text: str) -> str:
    """What the built-in typeface can draw: one line, accents dropped where it has none, at most 400 characters."""
    shown = "".join(_drawn(character) for character in unicodedata.normalize("NFC", text[:2000]))
    return " ".join(shown.split())[:400]


def _drawn(character: str) -> str:
    """The character, its base letter where only that can be drawn, a dot where nothing can, or nothing for marks."""
    if character.isspace():
        return " "
    if _drawable(character):
        return character
    base = unicodedata.normalize("NFKD", character)[0]
    if _drawable(base):
        return base
    return "" if unicodedata.category(character)[0] in "CM" else "·"


def fitted(text: str, font: Font, width: float) -> str:
    """`text` cut to `width` pixels, with dots where it was cut."""
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle].rstrip() + "...") <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "..." if low else ""


@cache
def _font(size: float) -> Font:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType")
    return font


def _shape(character: str) -> bytes:
    image = Image.new("L", (40, 40))
    ImageDraw.Draw(image).text((8, 8), character, font=_font(16), fill=255)
    return image.tobytes()


@cache
def _missing() -> bytes:
    return _shape("\U000fffff")


@cache
def _drawable(character: str) -> bool:
    return character.isprintable() and not character.isspace() and _shape(character) != _missing()
