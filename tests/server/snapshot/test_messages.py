"""What a commit says: one table of changes and their words."""

from typing import Any

import pytest

from server.auth.actor import FARM, SYSTEM, Actor
from server.snapshot.messages import State, compose, credit, describe, label, one_line

ADA, GRACE = Actor("ada", "Ada", "owner"), Actor("grace", "Grace", "editor")


def shot(title: str = "The door", number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "type": "shot",
        "title": title,
        "chapter": 1,
        "scene": 1,
        "shot": number,
        "position": {"x": 0, "y": 0},
        "prompt": "She enters.",
        "negative_prompt": "",
        "parameters": {"lens_mm": 35, "lighting": "neon-night"},
        "seed": 1,
        "seed_mode": "random",
        "active_take": "",
        "stars": {},
        **fields,
    }


STYLE = {"type": "style", "title": "Noir", "context": "wet neon", "palette": ["#000000"], "position": {"x": 0, "y": 0}}
NOTE = {"type": "note", "title": "Note", "text": "hello", "position": {"x": 0, "y": 0}}
BRIEF: dict[str, Any] = {
    "budgetCap": None,
    "referencePack": [],
    "styleNotes": "",
    "targetFormat": "",
    "targetRuntime": 0,
}
MANIFEST: dict[str, Any] = {
    "title": "Night Bus",
    "description": "",
    "version": 1,
    "project_settings": {"quality": "standard", "aspect_ratio": "16:9"},
    "creative_contract": BRIEF,
    "narrative": {},
}


def state(
    nodes: dict[str, Any] | None = None,
    *,
    edges: dict[str, Any] | None = None,
    takes: dict[str, Any] | None = None,
    jobs: dict[str, Any] | None = None,
    manifest: dict[str, Any] | None = None,
    others: dict[str, Any] | None = None,
) -> State:
    return State(
        {"nodes": nodes or {}, "edges": edges or {}},
        {"takes": takes or {}, "jobs": jobs or {}},
        manifest or MANIFEST,
        others or {},
    )


def take(number: int) -> dict[str, Any]:
    return {"node": "a", "number": number}


CHANGES: list[tuple[State, State, list[str]]] = [
    (state({"a": shot()}), state({"a": shot(prompt="She leaves.")}), ["Shot 1.1.1 The door: prompt edited"]),
    (
        state({"a": shot()}),
        state({"a": shot(parameters={"lens_mm": 50, "lighting": "neon-night"}, seed=42)}),
        ["Shot 1.1.1 The door: lens 35 mm -> 50 mm, seed 1 -> 42"],
    ),
    (state({"a": shot()}), state({"a": shot("The gate")}), ["Shot 1.1.1 The gate: renamed from The door"]),
    (state({"a": shot()}), state({"a": shot(number=4)}), ["Shot 1.1.4 The door: moved in the film from 1.1.1"]),
    (
        state({"a": shot()}),
        state({"a": shot(active_take="t2", stars={"t2": True})}, takes={"t2": take(2)}),
        ["Shot 1.1.1 The door: take 2 chosen, 1 take starred, take 2 made"],
    ),
    (
        state({"a": shot()}, takes={"t1": take(1)}),
        state({"a": shot()}, takes={"t1": take(1), "t2": take(2), "t3": take(3)}),
        ["Shot 1.1.1 The door: takes 2, 3 made"],
    ),
    (
        state({"a": shot()}, jobs={"j1": {"node": "a", "status": "running"}}),
        state({"a": shot()}, jobs={"j1": {"node": "a", "status": "failed"}, "j2": {"node": "a", "status": "refused"}}),
        ["Shot 1.1.1 The door: 1 job failed, 1 job refused"],
    ),
    (state({"s": STYLE}), state({"s": {**STYLE, "palette": ["#ffffff"]}}), ["Style Noir: palette changed"]),
    (state({"s": STYLE}), state({"s": {**STYLE, "context": "dry"}}), ["Style Noir: style context edited"]),
    (
        state({"a": shot(), "s": STYLE}),
        state({"a": shot(position={"x": 9, "y": 9}), "s": {**STYLE, "position": {"x": 1, "y": 0}}}),
        ["2 nodes moved"],
    ),
    (state(), state({"a": shot(), "n": NOTE}), ["Shot 1.1.1 The door and Note added"]),
    (state(), state({str(n): shot(f"Shot {n}", n) for n in range(4)}), ["4 nodes added"]),
    (state({"a": shot(), "s": STYLE}), state({"s": STYLE}), ["Shot 1.1.1 The door removed"]),
    (
        state({"a": shot()}, edges={"e1": {}, "e2": {}}),
        state({"a": shot()}, edges={"e3": {}}),
        ["1 edge joined", "2 edges cut"],
    ),
    (
        state(),
        state(manifest={**MANIFEST, "title": "Day Bus", "version": 9}),
        ["Project renamed from Night Bus"],
    ),
    (
        state(),
        state(manifest={**MANIFEST, "creative_contract": {**BRIEF, "budgetCap": 20, "referencePack": ["a", "b"]}}),
        ["Brief: budget cap in dollars set to 20, 2 references added"],
    ),
    (
        state(),
        state(manifest={**MANIFEST, "project_settings": {"quality": "high", "aspect_ratio": "21:9"}}),
        ["Settings: aspect ratio 16:9 -> 21:9, quality standard -> high"],
    ),
    (state(), state(manifest={**MANIFEST, "version": 2}), ["Project files updated"]),
    (State({}, {}, {}), state({"a": shot()}), ["Shot 1.1.1 The door added"]),
]


@pytest.mark.parametrize(("old", "new", "said"), CHANGES, ids=[said[0] for _, _, said in CHANGES])
def test_each_change_has_its_words(old: State, new: State, said: list[str]) -> None:
    assert describe(old, new) == said


NOIR = {"title": "Noir", "context": "wet neon", "palette": ["#000000"], "parameters": {"contrast": 0.7}}
LOCK = {"kind": "shot", "target": "a", "by": "ada"}
CHAIN = {"name": "Opening", "order": ["s1", "s2"], "master_style_context": "", "aspect_ratio": "16:9"}
OTHERS: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "styles",
        {"styles": {"n": NOIR}},
        {"styles": {"n": {**NOIR, "parameters": {"contrast": 0.9}}}},
        ["Style Noir: contrast 0.7 -> 0.9"],
    ),
    (
        "styles",
        {"styles": {"n": NOIR}},
        {"styles": {"n": {**NOIR, "title": "Black", "context": "dry", "palette": []}}},
        ["Style Black: renamed from Noir, style context edited, palette changed"],
    ),
    ("styles", {}, {"styles": {"n": NOIR}}, ["Style Noir added"]),
    (
        "styles",
        {"styles": {str(n): {**NOIR, "title": str(n)} for n in range(4)}, "votes": {"n": {}}},
        {"styles": {}, "votes": {"n": {"ada": 1}}, "notes": {"x": {}}},
        ["4 styles removed", "1 style voted on", "1 note on styles"],
    ),
    (
        "library",
        {"assets": {"r": {"kind": "talent", "title": "Rosa", "tags": [], "fields": {}}}},
        {"assets": {"r": {"kind": "talent", "title": "Rosa", "tags": ["lead"], "fields": {"age": 40}}}},
        ["Talent Rosa: tags changed, age set to 40"],
    ),
    ("library", {}, {"assets": {"g": {"kind": "prop", "title": "Gun"}}}, ["Prop Gun added"]),
    ("production", {}, {"locks": {"shot:a": LOCK}}, ["Shot 1.1.1 The door locked"]),
    ("production", {"locks": {"contract": {"kind": "contract"}}}, {"locks": {}}, ["Brief and budget unlocked"]),
    (
        "production",
        {"chains": {"c": CHAIN}, "segments": {"s1": {"trim_start": 0}}},
        {"chains": {"c": {**CHAIN, "order": ["s2", "s1"], "name": "Start"}}, "segments": {"s1": {"trim_start": 4}}},
        ["Scene chain Start: order changed, name Opening -> Start", "1 segment changed"],
    ),
    ("production", {}, {"chains": {"c": CHAIN}}, ["Scene chain Opening added"]),
    ("production", {}, {"audit": {"n": {}}}, ["Locks and scene chains changed"]),
    (
        "annotations/a",
        {"notes": {"n": {"resolved": False}}},
        {
            "notes": {"n": {"resolved": True}, "m": {}},
            "marks": {"k": {}, "l": {}},
            "verdicts": {"t": {"ada": "approved"}},
        },
        ["Notes on Shot 1.1.1 The door: 2 marks drawn, 1 note written, 1 note resolved, verdict given"],
    ),
    ("annotations/gone", {}, {}, ["Notes on a deleted shot"]),
    ("script/screenplay", {}, {}, ["Script screenplay edited"]),
]


@pytest.mark.parametrize(("name", "before", "after", "said"), OTHERS, ids=[each[3][0] for each in OTHERS])
def test_each_change_beside_the_canvas_has_its_words(
    name: str, before: dict[str, Any], after: dict[str, Any], said: list[str]
) -> None:
    old, new = state({"a": shot()}, others={name: before}), state({"a": shot()}, others={name: after})
    assert describe(old, new, [name]) == said


def test_other_documents_of_any_shape_can_be_told() -> None:
    for name in ("styles", "library", "production", "annotations/a", "script/x"):
        for odd in ({root: [1] for root in ("styles", "assets", "locks", "notes")}, {"styles": {"s": 3}, "chains": 1}):
            assert describe(state(others={name: odd}), state(others={name: NOIR}), [name])
            assert describe(state(others={name: NOIR}), state(others={name: odd}), [name])


def test_shots_come_first_in_the_order_of_the_film_then_styles() -> None:
    old = {"z": STYLE, "y": shot("One", 1), "x": shot("Two", 2)}
    new: dict[str, Any] = {
        "z": {**STYLE, "context": "x"},
        "y": shot("One", 1, prompt="x"),
        "x": shot("Two", 2, prompt="x"),
    }
    assert describe(state(old), state(new)) == [
        "Shot 1.1.1 One: prompt edited",
        "Shot 1.1.2 Two: prompt edited",
        "Style Noir: style context edited",
    ]


def test_the_order_of_the_records_changes_no_word() -> None:
    nodes = {str(n): shot(f"Shot {n}", n) for n in range(3)}
    changed: dict[str, Any] = {key: {**node, "prompt": "x"} for key, node in nodes.items()}
    backwards = dict(reversed(changed.items()))
    assert describe(state(nodes), state(changed)) == describe(state(nodes), state(backwards))


def test_an_older_commit_of_any_shape_can_be_compared() -> None:
    odd = State({"nodes": [1, 2], "edges": "x"}, {"takes": None, "jobs": {"j": 3}}, {"title": None})
    assert describe(odd, state({"a": shot()}))
    assert describe(State({"nodes": {"a": "text"}}, {}, {}), state({"a": shot()}))


def test_a_subject_is_short_and_the_body_says_everything() -> None:
    clauses = [f"Shot 1.1.{n} A fairly long title of a shot: prompt edited" for n in range(1, 6)]
    message = compose(clauses, co_authors=["Grace <grace@workprint.invalid>"])
    subject, body, trailers = message.rstrip("\n").split("\n\n")
    assert subject == f"{clauses[0]}; and 4 more"
    assert body.split("\n") == [f"- {clause}" for clause in clauses]
    assert trailers == "Co-authored-by: Grace <grace@workprint.invalid>"


def test_a_clause_that_is_too_long_for_a_subject_is_cut_there_and_whole_in_the_body() -> None:
    clause = "Shot 1.1.1 The door: " + ", ".join(f"parameter {n} set to a value" for n in range(9))
    subject, body = compose([clause], name="Rough cut").rstrip("\n").split("\n\n")
    assert subject.startswith("Rough cut: Shot 1.1.1 The door: parameter 0")
    assert len(subject) <= 111
    assert body == f"- {clause}"


def test_a_short_message_is_one_line() -> None:
    assert compose(["2 nodes moved", "1 edge joined"]) == "2 nodes moved; 1 edge joined\n"
    assert compose(["2 nodes moved"], name="Rough\ncut") == "Rough cut: 2 nodes moved\n"


@pytest.mark.parametrize("title", ["a\nb", "a\r\n\r\nCo-authored-by: x <y@z>", "a\u2028b", "x" * 1000])
def test_a_title_from_a_document_stays_one_bounded_line(title: str) -> None:
    shown = label(shot(title))
    assert len(shown.splitlines()) == 1
    assert len(shown) < 60
    assert len(one_line(title)) <= 80


def test_the_person_who_changed_most_is_the_author() -> None:
    assert credit({ADA: 2, GRACE: 5, FARM: 90, SYSTEM: 1}) == (GRACE, [ADA])
    assert credit({GRACE: 2, ADA: 2}) == (ADA, [GRACE])
    assert credit({FARM: 3, SYSTEM: 9}) == (FARM, [])
    assert credit({}) == (SYSTEM, [])


def test_a_person_with_two_roles_in_a_day_is_one_person() -> None:
    promoted = Actor("grace", "Grace", "admin")
    assert credit({GRACE: 2, ADA: 3, promoted: 2}) == (promoted, [ADA])


def test_a_label_is_short_and_visible_whatever_a_client_wrote() -> None:
    odd = {"type": "shot", "title": "a\x00b\x1b[31m", "chapter": "long " * 10_000, "scene": "\n\n", "shot": -3}
    assert label(odd) == "Shot long long l…..-3 a b [31m"
