"""What may be done on the canvas, and what is put back."""

from collections.abc import Callable
from typing import Any

import pytest

from crdt_schema.nodes import NODE_SPECS, NodeType, blank_node
from crdt_schema.production import Locks
from server.guard.touches import Breach, Record
from tests.support.touched import Sheet, but, judge, lock, plain, settle, shared


def node(kind: NodeType, **values: Any) -> Record:
    spec = NODE_SPECS[kind]
    return shared(spec.texts, spec.maps, **{**blank_node(kind), **values})


def edge(source: str, source_socket: str, target: str, target_socket: str) -> Record:
    return plain(source=source, source_socket=source_socket, target=target, target_socket=target_socket)


LOOK = edge("style", "style", "shot", "style")
WORDS = edge("prompt", "text", "shot", "prompt")
PARAMETERS = {"lens_mm": 35, "lighting": "neon", "slate": True}
BOARD = (
    Sheet()
    .having(
        "nodes",
        shot=node("shot", title="The door", prompt="rain", parameters=PARAMETERS),
        other=node("shot", title="The wait"),
        style=node("style", context="noir"),
        prompt=node("prompt", prompt="a laundromat"),
        gone=node("prompt", deleted=True),
    )
    .having("edges", look=LOOK, words=WORDS)
    .having("intents", asked=plain(kind="generate", node="shot"))
)
LOCKED = Locks(shots={"shot": lock("shot", "shot")})
STYLED = Locks(styled={"shot": "chain-1"})
LOCKED_STYLE = Locks(styles={"style": lock("style", "style")})


def told(breaches: list[Breach]) -> list[tuple[str, str, str | None]]:
    return [(each.rule, each.key, each.field) for each in breaches]


def with_node(key: str, **values: Any) -> Sheet:
    return BOARD.having("nodes", **{key: but(BOARD.get("nodes", key), **values)})


@pytest.mark.parametrize("kind", NODE_SPECS)
def test_a_new_node_of_every_type_is_allowed(kind: NodeType) -> None:
    assert judge("canvas", BOARD, BOARD.having("nodes", fresh=node(kind))) == []


@pytest.mark.parametrize("kind", NODE_SPECS)
def test_a_new_node_that_a_client_keeps_as_one_plain_value_is_allowed(kind: NodeType) -> None:
    assert judge("canvas", BOARD, BOARD.having("nodes", fresh=plain(**blank_node(kind)))) == []
    assert judge("canvas", BOARD, BOARD.having("nodes", fresh=plain(type=kind))) == []


def test_a_node_that_comes_with_its_edge_is_allowed() -> None:
    after = BOARD.having("nodes", fresh=node("prompt")).having("edges", e=edge("fresh", "text", "other", "prompt"))
    assert judge("canvas", BOARD, after) == []


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        ("shot", "position", {"x": float("nan"), "y": 0}),
        ("shot", "position", {"x": 1e8, "y": 0}),
        ("shot", "position", {"x": 1}),
        ("shot", "position", [1, 2]),
        ("shot", "title", "long" * 51),
        ("shot", "title", 5),
        ("shot", "prompt", "x" * 100_001),
        ("shot", "seed", 2**31),
        ("shot", "seed", -1),
        ("shot", "seed", 1.5),
        ("shot", "seed", True),
        ("shot", "seed_mode", "sometimes"),
        ("shot", "chapter", 0),
        ("shot", "scene", 10_000),
        ("shot", "shot", "1/../../x"),
        ("shot", "active_take", "../x"),
        ("shot", "stars", {"take-1": 5}),
        ("shot", "stars", ["take-1"]),
        ("shot", "parameters", {"lens_mm": [35]}),
        ("shot", "parameters", {"a b": 1}),
        ("shot", "parameters", {"notes": "x" * 2_001}),
        ("shot", "deleted", "no"),
        ("shot", "of_a_newer_client", "x" * 1_001),
        ("shot", "no name", 1),
        ("style", "palette", ["red"]),
        ("style", "palette", ["#000000"] * 65),
        ("style", "palette", "#000000"),
    ],
)
def test_a_value_out_of_its_shape_is_put_back_and_nothing_else_of_the_node(key: str, field: str, value: Any) -> None:
    after = with_node(key, **{field: value, "new_field": "kept"})
    breaches = judge("canvas", BOARD, after)
    assert told(breaches) == [("schema", key, field)]
    assert breaches[0].message
    assert settle(BOARD, after, breaches) == with_node(key, new_field="kept")


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        ("shot", "position", {"x": -1e7, "y": 0.5}),
        ("shot", "seed", 3.0),
        ("shot", "seed", 2**31 - 1),
        ("shot", "chapter", 9_999),
        ("shot", "active_take", "take-1"),
        ("shot", "active_take", ""),
        ("shot", "stars", {"take-1": True}),
        ("shot", "parameters", {"lens_mm": 35, "grain": 0.5, "lighting": "neon", "slate": False}),
        ("shot", "deleted", True),
        ("shot", "of_a_newer_client", {"a": [1, 2]}),
        ("style", "palette", []),
        ("style", "palette", ["#abc", "#A1B2C3"]),
    ],
)
def test_a_value_in_its_shape_is_kept(key: str, field: str, value: Any) -> None:
    assert judge("canvas", BOARD, with_node(key, **{field: value})) == []


def test_a_shared_text_stays_one() -> None:
    shot = BOARD.get("nodes", "shot")
    assert shot is not None
    flattened = Record("map", {**shot.values, "prompt": "snow"}, {})
    breaches = judge("canvas", BOARD, BOARD.having("nodes", shot=flattened))
    assert ("schema", "shot", "prompt") in told(breaches)


def test_a_shared_text_is_not_taken_away_but_a_plain_field_may_be() -> None:
    shot = BOARD.get("nodes", "shot")
    assert shot is not None
    for name, expected in (("prompt", [("schema", "shot", "prompt")]), ("seed", [])):
        less = Record("map", {key: each for key, each in shot.values.items() if key != name}, shot.kinds)
        assert told(judge("canvas", BOARD, BOARD.having("nodes", shot=less))) == expected


def test_a_shared_node_is_not_replaced_by_a_plain_one() -> None:
    after = BOARD.having("nodes", shot=plain(**blank_node("shot")))
    assert told(judge("canvas", BOARD, after)) == [("schema", "shot", None)]


def test_at_most_thirty_two_fields_that_nobody_knows() -> None:
    many = {f"extra_{number}": number for number in range(33)}
    assert told(judge("canvas", BOARD, BOARD.having("nodes", n=node("note", **many)))) == [("schema", "n", None)]
    many.popitem()
    assert judge("canvas", BOARD, BOARD.having("nodes", n=node("note", **many))) == []


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (Record("plain", {"": 5}), "schema"),
        (Record("text", {}), "schema"),
        (Record("other", {}), "schema"),
        (plain(), "unknown_type"),
        (plain(type="hologram"), "unknown_type"),
        (plain(type=["shot"]), "unknown_type"),
        (node("shot", seed="x"), "schema"),
    ],
)
def test_a_node_that_is_none_does_not_come_to_be(record: Record, rule: str) -> None:
    after = BOARD.having("nodes", fresh=record).having("edges", e=edge("fresh", "style", "other", "style"))
    breaches = judge("canvas", BOARD, after)
    assert told(breaches) == [(rule, "fresh", None), ("dangling_edge", "e", None)]
    assert settle(BOARD, after, breaches) == BOARD


def test_an_id_is_of_the_one_alphabet() -> None:
    bad = "../x"
    after = BOARD.having("nodes", **{bad: node("note")}).having(
        "edges", **{bad: edge("prompt", "text", "other", "prompt")}
    )
    after = after.having("intents", **{bad: plain(kind="generate", node="shot")})
    assert told(judge("canvas", BOARD, after)) == [("bad_id", bad, None)] * 3


def test_a_node_keeps_its_type() -> None:
    assert told(judge("canvas", BOARD, with_node("shot", type="note"))) == [("write_once", "shot", "type")]
    old, new = (BOARD.having("nodes", n=plain(type=kind)) for kind in ("note", "shot"))
    assert told(judge("canvas", old, new)) == [("write_once", "n", None)]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (edge("prompt", "text", "other", "style"), "wrong_socket"),
        (edge("prompt", "out", "other", "prompt"), "wrong_socket"),
        (edge("shot", "output", "other", "prompt"), "wrong_socket"),
        (edge("prompt", "text", "nobody", "prompt"), "dangling_edge"),
        (edge("gone", "text", "other", "prompt"), "dangling_edge"),
        (plain(source="prompt", target="other"), "schema"),
        (plain(source="prompt", source_socket="text", target="other", target_socket="prompt", more=1), "schema"),
        (plain(source=["prompt"], source_socket="text", target="other", target_socket="prompt"), "schema"),
        (Record("plain", {"": "no edge"}), "schema"),
    ],
)
def test_an_edge_that_joins_nothing_is_put_back(wrong: Record, rule: str) -> None:
    assert told(judge("canvas", BOARD, BOARD.having("edges", fresh=wrong))) == [(rule, "fresh", None)]
    assert told(judge("canvas", BOARD, BOARD.having("edges", words=wrong))) == [(rule, "words", None)]


def test_deleting_a_node_with_its_edges_is_allowed_and_so_is_bringing_it_back() -> None:
    less = with_node("prompt", deleted=True).having("edges", words=None)
    assert judge("canvas", BOARD, less) == judge("canvas", less, BOARD) == []
    swept = BOARD.having("nodes", prompt=None).having("edges", words=None)
    assert judge("canvas", BOARD, swept) == []


def test_an_edge_to_a_node_that_goes_in_the_same_tick_is_put_back() -> None:
    after = with_node("prompt", deleted=True).having("edges", e=edge("prompt", "text", "other", "prompt"))
    assert told(judge("canvas", BOARD, after)) == [("dangling_edge", "e", None)]


def test_a_request_is_written_once() -> None:
    for after in (None, plain(kind="cancel", job="j"), plain(kind="generate", node="other")):
        assert told(judge("canvas", BOARD, BOARD.having("intents", asked=after))) == [("write_once", "asked", None)]
    assert judge("canvas", BOARD, BOARD.having("intents", second=plain(kind="cancel", job="asked"))) == []


@pytest.mark.parametrize(
    "record",
    [
        plain(kind="generate", node="shot", batch="b-1", fresh=True),
        plain(kind="cancel_batch", batch="b-1"),
    ],
)
def test_a_request_may_belong_to_a_batch_and_a_batch_may_be_cancelled(record: Record) -> None:
    assert judge("canvas", BOARD, BOARD.having("intents", more=record)) == []


@pytest.mark.parametrize(
    "record",
    [
        plain(kind="format-disk"),
        plain(kind="generate"),
        plain(kind="generate", node="../x"),
        plain(kind="cancel", node="shot"),
        plain(kind="cancel_batch", job="asked"),
        plain(kind="generate", node="shot", batch="../x"),
        plain(kind="generate", node="shot", fresh="yes"),
        Record("plain", {"": "generate"}),
    ],
)
def test_a_request_for_nothing_we_know_is_put_back(record: Record) -> None:
    assert told(judge("canvas", BOARD, BOARD.having("intents", odd=record))) == [("schema", "odd", None)]


LOCKED_EDITS: dict[str, Callable[[], tuple[Sheet, set[str | None]]]] = {
    "title": lambda: (with_node("shot", title="Mine"), {"title"}),
    "moved": lambda: (with_node("shot", position={"x": 9, "y": 9}), {"position"}),
    "typed": lambda: (with_node("shot", prompt="rain and snow"), {"prompt"}),
    "another take": lambda: (with_node("shot", active_take="take-2"), {"active_take"}),
    "starred": lambda: (with_node("shot", stars={"take-2": True}), {"stars"}),
    "deleted": lambda: (with_node("shot", deleted=True), {"deleted"}),
    "a lens": lambda: (with_node("shot", parameters={**PARAMETERS, "lens_mm": 85}), {"parameters"}),
    "yes for one": lambda: (with_node("shot", parameters={**PARAMETERS, "slate": 1}), {"parameters"}),
    "a new field": lambda: (with_node("shot", colour="red"), {"colour"}),
    "two fields": lambda: (with_node("shot", title="Mine", seed=5), {"title", "seed"}),
    "removed": lambda: (BOARD.having("nodes", shot=None), {None}),
    "replaced": lambda: (BOARD.having("nodes", shot=plain(**blank_node("shot"))), {None}),
}


@pytest.mark.parametrize("edit", LOCKED_EDITS)
def test_nothing_of_a_locked_shot_changes(edit: str) -> None:
    after, fields = LOCKED_EDITS[edit]()
    breaches = judge("canvas", BOARD, after, locks=LOCKED)
    assert {(each.rule, each.key, each.field) for each in breaches} == {("shot_lock", "shot", name) for name in fields}
    assert {(each.message, each.lift) for each in breaches} == {
        ("This shot is locked by Ada.", "an admin or the owner of this project")
    }
    assert settle(BOARD, after, breaches) == BOARD


def test_no_edge_into_a_locked_shot_is_made_changed_or_removed() -> None:
    for key, record in (
        ("fresh", edge("prompt", "text", "shot", "prompt")),
        ("words", None),
        ("words", edge("prompt", "text", "other", "prompt")),
    ):
        after = BOARD.having("edges", **{key: record})
        assert told(judge("canvas", BOARD, after, locks=LOCKED)) == [("shot_lock", key, None)]


def test_a_node_that_is_joined_to_a_locked_shot_neither_goes_nor_comes_back() -> None:
    less = with_node("prompt", deleted=True)
    assert told(judge("canvas", BOARD, less, locks=LOCKED)) == [("shot_lock", "prompt", "deleted")]
    assert told(judge("canvas", less, BOARD, locks=LOCKED)) == [("shot_lock", "prompt", "deleted")]
    swept = less.having("nodes", prompt=None).having("edges", words=None)
    breaches = judge("canvas", BOARD, swept, locks=LOCKED)
    assert told(breaches) == [("shot_lock", "prompt", None), ("shot_lock", "words", None)]
    assert settle(BOARD, swept, breaches) == BOARD


def test_a_new_node_survives_when_only_its_edge_into_a_locked_shot_is_refused() -> None:
    after = BOARD.having("nodes", fresh=node("prompt")).having("edges", e=edge("fresh", "text", "shot", "prompt"))
    assert told(judge("canvas", BOARD, after, locks=LOCKED)) == [("shot_lock", "e", None)]


def test_a_lock_on_one_shot_leaves_the_others_free() -> None:
    after = with_node("other", title="Free").having("edges", e=edge("prompt", "text", "other", "prompt"))
    assert judge("canvas", BOARD, after, locks=LOCKED) == []
    after = with_node("prompt", prompt="words that a locked shot uses too")
    assert judge("canvas", BOARD, after, locks=LOCKED) == []


def test_writing_the_same_again_breaks_no_lock() -> None:
    touched = BOARD.having("nodes", shot=but(BOARD.get("nodes", "shot"), seed=1.0))
    assert judge("canvas", BOARD, touched, locks=LOCKED) == []


def test_nothing_of_a_locked_style_changes_but_shots_may_still_join_it() -> None:
    after = with_node("style", palette=["#000"]).having("edges", e=edge("style", "style", "other", "style"))
    breaches = judge("canvas", BOARD, after, locks=LOCKED_STYLE)
    assert told(breaches) == [("style_lock", "style", "palette")]
    assert breaches[0].message == "Style locked. Create new chain for different look"


def test_the_look_of_a_shot_in_a_chain_with_a_master_style_is_fixed() -> None:
    for after, expected in (
        (with_node("shot", parameters={**PARAMETERS, "lens_mm": 85}), [("style_lock", "shot", "parameters")]),
        (with_node("shot", parameters={**PARAMETERS, "slate": False}), []),
        (with_node("shot", title="Free", prompt="free"), []),
        (BOARD.having("edges", look=None), [("style_lock", "look", None)]),
        (BOARD.having("edges", e=LOOK), [("style_lock", "e", None)]),
        (BOARD.having("edges", words=None), []),
        (with_node("style", deleted=True), [("style_lock", "style", "deleted")]),
        (with_node("other", parameters={"lens_mm": 85}), []),
    ):
        assert told(judge("canvas", BOARD, after, locks=STYLED)) == expected


def test_what_stood_wrongly_before_is_nobodys_breach_until_it_is_touched() -> None:
    old = BOARD.having("nodes", shot=but(BOARD.get("nodes", "shot"), seed="old", odd="x" * 5_000))
    after = old.having("nodes", shot=but(old.get("nodes", "shot"), title="New"))
    assert judge("canvas", old, after) == []
    assert judge("canvas", old, old.having("nodes", shot=None)) == []
