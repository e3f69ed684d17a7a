"""What is different between two states is told by record and field, in an order that never varies."""

import random
from typing import Any

from server.history.compare import MOST_RECORDS, comparable, compare, takes_told, told

SHOT = {"type": "shot", "title": "The door", "chapter": 1, "scene": 1, "shot": 1, "position": {"x": 0, "y": 0}}


def canvas(nodes: dict[str, Any], edges: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    return {"canvas": comparable("canvas", {"schema": "canvas.1", "nodes": nodes, "edges": edges or {}})}


def test_the_same_state_is_not_different() -> None:
    assert compare(canvas({"a": SHOT}), canvas({"a": dict(SHOT)})) == []


def test_three_and_three_point_nothing_are_the_same() -> None:
    assert compare(canvas({"a": {**SHOT, "shot": 3}}), canvas({"a": {**SHOT, "shot": 3.0}})) == []


def test_a_prompt_is_told_by_word_and_a_parameter_by_its_name() -> None:
    before = canvas({"a": {**SHOT, "prompt": "She waits.", "parameters": {"lens_mm": 35, "grain": 1}}})
    after = canvas({"a": {**SHOT, "prompt": "She still waits.", "parameters": {"lens_mm": 50, "grain": 1}}})
    [change] = told(compare(before, after))[0]
    assert (change["document"], change["root"], change["id"], change["change"]) == ("canvas", "nodes", "a", "changed")
    assert (change["title"], change["type"]) == ("The door", "shot")
    assert change["fields"] == [
        {"name": "parameters.lens_mm", "from": 35, "to": 50},
        {
            "name": "prompt",
            "from": "She waits.",
            "to": "She still waits.",
            "words": [["=", "She"], ["+", " still"], ["=", " waits."]],
        },
    ]


def test_what_came_and_what_went_is_called_as_it_is_called_where_it_stands() -> None:
    before, after = canvas({"a": {**SHOT, "title": "Old"}}), canvas({"b": {**SHOT, "title": "New", "prompt": "A bus."}})
    gone, came = sorted(told(compare(before, after))[0], key=lambda change: change["id"])
    assert (gone["change"], gone["title"]) == ("removed", "Old")
    assert (came["change"], came["title"]) == ("added", "New")
    assert {"name": "prompt", "from": None, "to": "A bus."} in came["fields"]
    assert not {"title", "position", "type"} & {field["name"] for field in came["fields"]}


def test_an_edge_is_called_after_what_it_joins() -> None:
    nodes = {"a": SHOT, "p": {"type": "prompt", "title": "Rain"}}
    edge = {"source": "p", "source_socket": "text", "target": "a", "target_socket": "prompt"}
    [change] = compare(canvas(nodes), canvas(nodes, {"e": edge}))
    assert (change.root, change.change, change.title, change.type) == ("edges", "added", "Rain → The door", "edge")


def test_the_order_is_that_of_the_film_however_the_records_lie() -> None:
    nodes = {f"s{number}": {**SHOT, "scene": number % 3, "shot": number, "title": ""} for number in range(1, 12)}
    nodes["style"] = {"type": "style", "title": "Noir"}
    expected = [change.id for change in compare(canvas({}), canvas(nodes))]
    assert expected[:3] == ["s3", "s6", "s9"]
    assert expected[-1] == "style"
    for seed in range(5):
        keys = list(nodes)
        random.Random(seed).shuffle(keys)
        assert [change.id for change in compare(canvas({}), canvas({key: nodes[key] for key in keys}))] == expected


def test_a_script_is_one_record_and_its_last_line_feed_is_no_difference() -> None:
    before = {"script/draft": comparable("script/draft", "FADE IN:\n")}
    assert compare(before, {"script/draft": comparable("script/draft", {"text": "FADE IN:"})}) == []
    after = {"script/draft": comparable("script/draft", {"text": "FADE OUT:"})}
    [change] = compare(before, after)
    assert (change.title, change.type, change.change) == ("draft", "script", "changed")
    assert change.plain()["fields"][0]["words"][1:3] == [["-", "IN"], ["+", "OUT"]]
    assert compare({}, {"script/draft": comparable("script/draft", {"text": ""})}) == []


def test_what_somebody_broke_by_hand_breaks_nothing() -> None:
    odd: dict[str, Any] = {"nodes": {"a": 5, "b": None, "c": {"title": ["x"], "parameters": 3}}, "edges": 7}
    everything = {"canvas": comparable("canvas", odd), "nonsense": comparable("nonsense", {})}
    assert {change.id for change in compare(everything, {})} == {"a", "c"}
    assert takes_told(everything, {"takes": comparable("takes", {"takes": 3})})["added"] == []


def test_takes_that_came_and_the_choice_of_another_one_are_told() -> None:
    take = {"node": "a", "name": "one.png", "number": 1, "created_at": "2026-01-01", "thumbnail": {"blob": "ff"}}
    before = canvas({"a": {**SHOT, "active_take": ""}})
    after = canvas({"a": {**SHOT, "active_take": "t1"}}) | {"takes": comparable("takes", {"takes": {"t1": take}})}
    shown = {"id": "t1", "node": "a", "name": "one.png", "number": 1, "thumbnail": "ff"}
    choice = {"node": "a", "title": "The door", "from": None, "to": shown}
    assert takes_told(before, after) == {"added": [shown], "removed": [], "active": [choice]}


def test_more_than_can_be_looked_at_is_counted_instead() -> None:
    nodes = {f"n{number}": SHOT for number in range(MOST_RECORDS + 5)}
    shown, left_out = told(compare({}, canvas(nodes)))
    assert (len(shown), left_out) == (MOST_RECORDS, 5)
    large = {f"n{number}": {**SHOT, "prompt": "x" * 1_000_000} for number in range(6)}
    shown, left_out = told(compare({}, canvas(large)))
    assert (len(shown), left_out) == (3, 3)
