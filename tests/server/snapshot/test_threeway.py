"""Merging what was done to a text twice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from server.snapshot.threeway import hunks_of, merge_text, rebased

WORDS = st.text(st.sampled_from("ab🎬é\n "), max_size=30)


def merged(base: str, ours: str, theirs: str) -> str:
    doc: Doc[Any] = Doc()
    text = doc.get("text", type=Text)
    text += ours
    merge_text(text, base, theirs)
    return str(text)


def with_end(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


@given(WORDS.map(with_end), WORDS)
def test_an_untouched_document_becomes_the_file(base: str, theirs: str) -> None:
    assert merged(base, base, theirs) == theirs


@given(WORDS, WORDS)
def test_an_untouched_file_changes_no_document(ours: str, base: str) -> None:
    assert merged(with_end(base), ours, with_end(base)) == ours


@given(WORDS.map(with_end), WORDS.map(with_end))
def test_what_both_did_is_done_once(base: str, both: str) -> None:
    assert merged(base, both, both) == both


@given(WORDS.map(with_end), WORDS.map(with_end), WORDS.map(with_end))
def test_every_word_that_was_written_new_is_there(base: str, ours: str, theirs: str) -> None:
    result = merged(base, ours, theirs)
    for hunk in rebased(hunks_of(base, theirs), base, ours):
        assert hunk.words in result


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result"),
    [
        ("a\nb\nc\n", "a\nB\nc\n", "a\nb\nC\n", "a\nB\nC\n"),
        ("a\n", "a", "a\nb\n", "a\nb\n"),
        ("a b c\n", "a b c d\n", "x b c\n", "x b c d\n"),
        ("one\ntwo\n", "one\n", "one\ntwo\nthree\n", "one\nthree\n"),
        ("", "ours\n", "theirs\n", "ours\ntheirs\n"),
    ],
)
def test_both_changes_stand_in_their_places(base: str, ours: str, theirs: str, result: str) -> None:
    assert merged(base, ours, theirs) == result
