"""What holds for the rules of every kind of document, whatever is written: they never fail, and they settle at once."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt_schema.documents import KINDS
from crdt_schema.nodes import NODE_SPECS, blank_node
from crdt_schema.production import Locks
from crdt_schema.records import Role
from crdt_schema.rules import RULE_TEXTS
from server.guard.rules import ROOTS, RULES
from server.guard.touches import Kind, Record, Touch
from tests.support.touched import Sheet, as_role, judge, lock, settle

IDS = ["a", "b", "c", "../bad"]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        False,
        1,
        -1,
        3.0,
        1.5,
        1e300,
        float("nan"),
        "",
        "a",
        "b",
        "shot",
        "prompt",
        "style",
        "text",
        "generate",
        "cancel",
        "approved",
        "eve",
        "rob",
        "x" * 300,
        "\ud800",
        [],
        ["#fff"],
        {},
        {"x": 1, "y": 2},
        {"x": "1"},
        {"lens_mm": 35},
        {"a": True},
        {5: 1},
        b"bytes",
        {1, 2},
    ]
)
FIELDS = sorted(
    {
        *(name for kind in NODE_SPECS for name in blank_node(kind)),
        *("source", "source_socket", "target", "target_socket", "kind", "node", "job"),
        *("author", "resolved", "data", "frame", "take", "created_at", "tags", "fields", "eve", "rob", "bad name"),
        *("chain", "shot", "text", "trim_start", "audio_gain_db", ""),
    }
)
HOLDS: st.SearchStrategy[Kind] = st.sampled_from(["map", "map", "map", "plain", "text", "other"])


@st.composite
def records(draw: st.DrawFn) -> Record:
    kind = draw(HOLDS)
    values: dict[str, Any] = {}
    if draw(st.booleans()):
        values = dict(blank_node(draw(st.sampled_from(sorted(NODE_SPECS)))))
    elif draw(st.booleans()):
        ends = st.sampled_from(["a", "b", "c"])
        values = {"source": draw(ends), "source_socket": "text", "target": draw(ends), "target_socket": "prompt"}
    elif draw(st.booleans()):
        values = {"author": draw(st.sampled_from(["eve", "rob"])), "text": "words"}
    values |= draw(st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=3))
    for gone in draw(st.lists(st.sampled_from(FIELDS), max_size=2)):
        values.pop(gone, None)
    if kind in ("text", "other"):
        return Record(kind, {})
    held = {} if kind == "plain" else draw(st.dictionaries(st.sampled_from(FIELDS), HOLDS, max_size=2))
    return Record(kind, values, {name: each for name, each in held.items() if name in values and each != "plain"})


@st.composite
def changed(draw: st.DrawFn, roots: tuple[str, ...]) -> tuple[Sheet, Sheet]:
    """A state of a document, and what somebody made of it: mostly a field here and there."""
    before, after = Sheet(), Sheet()
    for root in roots:
        for key in IDS:
            old = draw(st.none() | records())
            if old is None or draw(st.integers(0, 3)) == 0:
                new = draw(st.none() | records())
            elif old.kind in ("map", "plain"):
                values = {**old.values, **draw(st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=2))}
                new = Record(old.kind, values, old.kinds)
            else:
                new = old
            before, after = before.having(root, **{key: old}), after.having(root, **{key: new})
    return before, after


LOCKS = st.builds(
    Locks,
    shots=st.dictionaries(st.sampled_from(["a", "b"]), st.just(lock("shot", "a"))),
    styles=st.dictionaries(st.sampled_from(["b", "c"]), st.just(lock("style", "b"))),
    pictures=st.dictionaries(st.sampled_from(["a", "b"]), st.just(lock("picture", "a"))),
    styled=st.dictionaries(st.sampled_from(["a", "c"]), st.just("chain-1")),
)
ACTORS = st.sampled_from([as_role(role, user) for role in get_args(Role) for user in ("eve", "rob")])


def test_every_kind_of_document_has_rules_and_roots() -> None:
    assert RULES.keys() == ROOTS.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(st.data())
@settings(max_examples=120, deadline=None)
def test_whatever_is_written_the_rules_answer_and_what_they_leave_stands(kind: str, data: st.DataObject) -> None:
    before, after = data.draw(changed(ROOTS[kind]))
    actor, locks = data.draw(ACTORS), data.draw(LOCKS)
    breaches = judge(kind, before, after, actor, locks)
    assert all(each.rule in RULE_TEXTS and each.message for each in breaches)
    assert len({each[1:4] for each in breaches}) == len(breaches), "each place is put back once"
    left = settle(before, after, breaches)
    assert judge(kind, before, left, actor, locks) == []


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_touch_that_names_fields_that_are_not_there_breaks_nothing(kind: str, data: st.DataObject) -> None:
    if not ROOTS[kind]:
        return
    root = data.draw(st.sampled_from([*ROOTS[kind], "meta", "of_a_stranger"]))
    fields = data.draw(st.none() | st.frozensets(st.sampled_from(FIELDS), max_size=4))
    before, after = data.draw(st.none() | records()), data.draw(st.none() | records())
    touch = Touch(root, data.draw(st.sampled_from(IDS)), fields, before, after)
    view = Sheet().having(root, **{touch.key: after})
    list(RULES[kind](data.draw(ACTORS), [touch], view, data.draw(LOCKS)))
