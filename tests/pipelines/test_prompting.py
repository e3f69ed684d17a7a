"""How the four parts of a composite prompt become one text for each family of models."""

from typing import Any

import pytest

from pipelines.prompting import CLIP_TOKENS, Family, assemble, count_tokens, unweighted

PARTS = {
    "direct": "a woman enters, (rain:1.3) on the glass",
    "identity": "Vera",
    "context": "chapter 1",
    "aesthetic": "neo-noir, rain",
}


@pytest.mark.parametrize(
    ("family", "text"),
    [
        (
            "sentence",
            "A woman enters, rain on the glass. Vera. Chapter 1. Neo-noir, rain.",
        ),
        (
            "tags",
            "a woman enters, (rain:1.3) on the glass, Vera, chapter 1, neo-noir, rain",
        ),
        (
            "instruction",
            "A woman enters, rain on the glass. Keep the subject: Vera. Setting: chapter 1. Look: neo-noir, rain.",
        ),
    ],
)
def test_each_family_gets_the_parts_in_its_own_words(family: Family, text: str) -> None:
    assert assemble(PARTS, family=family).text == text


@pytest.mark.parametrize(
    ("parts", "family", "text"),
    [
        ({}, "sentence", ""),
        ({"direct": "  "}, "tags", ""),
        ({"direct": "Stop!"}, "sentence", "Stop!"),
        ({"direct": "One. Two"}, "sentence", "One. Two."),
        ({"direct": "door, neon", "aesthetic": "Neon, grain"}, "tags", "door, neon, grain"),
        ({"direct": "(wet street, night:1.5), fog"}, "tags", "(wet street, night:1.5), fog"),
        ({"aesthetic": "grain"}, "instruction", "Look: grain."),
    ],
)
def test_empty_doubled_and_ended_parts(parts: dict[str, str], family: Family, text: str) -> None:
    assert assemble(parts, family=family).text == text


def test_the_shots_own_text_stays_whole_and_the_context_gives_way_first() -> None:
    parts = {**PARTS, "context": "a, b, c, d, e, f", "identity": "x, y"}
    limit = count_tokens("a woman enters, (rain:1.3) on the glass, x, y, a, b, neo-noir, rain")
    prompt = assemble(parts, family="tags", limit_tokens=limit)
    assert prompt.left_out == ("f", "e", "d", "c")
    assert prompt.tokens <= limit
    hard = assemble(parts, family="tags", limit_tokens=1)
    assert hard.text == "a woman enters, (rain:1.3) on the glass"
    assert hard.left_out[-2:] == ("y", "x")


def test_only_models_that_read_weights_are_given_them() -> None:
    negative = "(crowd:1.5), text"
    assert assemble({}, negative, "tags").negative == negative
    assert assemble({}, negative, "sentence").negative == "crowd, text"
    assert unweighted("((wet (street:1.2)):1.1)") == "((wet street):1.1)"


# Counted with CLIP's own tokenizer, as ComfyUI brings it.
@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("a woman enters the smoky laundromat", 8),
        ("neon sign outside, in the rain, 35mm", 11),
        ("extraordinarily photorealistic", 4),
        ("A femme fatale enters a smoky laundromat through the glass door, neon sign outside in the rain", 21),
        ("chiaroscuro, Rembrandt lighting, volumetric god rays, anamorphic bokeh", 18),
    ],
)
def test_the_count_is_rough_and_hardly_ever_too_low(text: str, counted: int) -> None:
    assert counted - 1 <= count_tokens(text) <= counted * 1.5


def test_clip_takes_about_seventy_five_tokens() -> None:
    many: dict[str, Any] = {"direct": "door", "context": ", ".join(f"place{number}" for number in range(100))}
    prompt = assemble(many, family="tags", limit_tokens=CLIP_TOKENS)
    assert CLIP_TOKENS - 5 <= prompt.tokens <= CLIP_TOKENS
