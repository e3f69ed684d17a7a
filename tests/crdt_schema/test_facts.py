"""A take names the files that came with it in its facts."""

import pytest

from crdt_schema.facts import MOST_FURTHER, Further, fact_of, further_files
from crdt_schema.ids import BlobHash

HASH = "ab" * 32


def test_a_file_that_was_named_is_found_again() -> None:
    facts = {"seed": "1", **dict([fact_of("cuts.edl", HASH, "text/x-edl")])}
    assert list(further_files(facts)) == [Further("cuts.edl", BlobHash(HASH), "text/x-edl")]


@pytest.mark.parametrize(
    "facts",
    [
        None,
        [],
        {"cuts.edl": f"{HASH} text/x-edl"},
        {"also:cuts.edl": "no hash"},
        {"also:cuts.edl": 7},
        {"also:json": f"{HASH} application/json"},
        {"also:../cuts.edl": f"{HASH} text/x-edl"},
        {"also:.cuts.edl": f"{HASH} text/x-edl"},
        {"also:cuts.edl.": f"{HASH} text/x-edl"},
        {f"also:{'x' * 90}.edl": f"{HASH} text/x-edl"},
    ],
)
def test_what_is_written_otherwise_names_none(facts: object) -> None:
    assert list(further_files(facts)) == []


def test_a_take_has_no_more_than_two_dozen() -> None:
    facts = dict(fact_of(f"{number}.edl", HASH, "text/x-edl") for number in range(50))
    assert len(list(further_files(facts))) == MOST_FURTHER
