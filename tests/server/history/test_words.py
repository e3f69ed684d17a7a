"""Texts are compared word by word, and nothing of either is lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.history.words import MOST_PIECES, word_diff

TEXTS = st.text(alphabet="ab é🎬.\n", max_size=60)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_out_of_their_difference(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert "".join(text for op, text in pieces if op != "+") == before
    assert "".join(text for op, text in pieces if op != "-") == after
    assert all(one[0] != other[0] for one, other in pairwise(pieces)), "runs are joined"


def test_a_word_that_was_put_in_stands_alone() -> None:
    assert word_diff("She waits.", "She still waits.") == [("=", "She"), ("+", " still"), ("=", " waits.")]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("end", ["\n", " "])
def test_long_texts_are_compared_in_larger_pieces(end: str) -> None:
    before = "".join(f"word {number}{end}" for number in range(MOST_PIECES))
    after = before.replace("word 7", "verb 7")
    pieces = word_diff(before, after)
    assert "".join(text for op, text in pieces if op != "+") == before
    assert "".join(text for op, text in pieces if op != "-") == after
