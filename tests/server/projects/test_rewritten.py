"""What was written in two goes and put back twice is one text again."""

import pytest

from server.projects.rewritten import rewritten


@pytest.mark.parametrize(
    ("kept", "first", "second", "together"),
    [
        ("Rain.", "Rain. Written on t", "Rain.he train", "Rain. Written on the train"),
        ("", "half a ", "sentence", "half a sentence"),
        ("a cat sat", "a black cat sat", "a cat sat down", "a black cat sat down"),
        ("a cat sat", "a cat sat down", "a black cat sat", "a black cat sat down"),
        ("one two three", "one three", "one two three four", "one three four"),
        ("one two", "two", "one", ""),
    ],
)
def test_two_changes_of_one_text_are_put_together(kept: str, first: str, second: str, together: str) -> None:
    assert rewritten(kept, first, second) == together


def test_what_is_sent_once_more_does_not_stand_there_twice() -> None:
    assert rewritten("Rain.", "Rain. The train.", "Rain. The train.") == "Rain. The train."
    assert rewritten("Rain.", "Rain. The", "Rain. The train.") == "Rain. The train."
