"""Who may change what has an author: styles, assets, marks, notes, votes and verdicts."""

from typing import Any

import pytest

from crdt_schema.production import NO_LOCKS, Locks
from server.auth.actor import Actor
from server.guard.rules import RULES
from server.guard.touches import Breach, Record, Touch
from tests.support.touched import EVE, ROB, Sheet, as_role, but, judge, lock, plain, settle, shared

ZOE = as_role("reviewer", "zoe")
AT = "2026-01-02T03:04:05.678Z"


def note(author: str, **values: Any) -> Record:
    fields: dict[str, Any] = {
        "mark": "m1",
        "reply_to": "",
        "text": "softer",
        "created_at": AT,
        "resolved": False,
        "deleted": False,
    }
    return shared(["text"], author=author, **{**fields, **values})


def remark(author: str, **values: Any) -> Record:
    fields: dict[str, Any] = {"style": "noir", "text": "too cold", "created_at": AT, "deleted": False}
    return shared(["text"], author=author, **{**fields, **values})


def mark(author: str, **values: Any) -> Record:
    fields: dict[str, Any] = {
        "take": "take-1",
        "frame": 12,
        "kind": "stroke",
        "text": "",
        "created_at": AT,
        "deleted": False,
    }
    return shared(["text"], author=author, **{**fields, "data": {"points": [[0.1, 0.2]]}, **values})


def style(author: str, **values: Any) -> Record:
    fields: dict[str, Any] = {
        "title": "Noir",
        "context": "rain",
        "palette": ["#000"],
        "parameters": {},
        "deleted": False,
    }
    return shared(["context"], ["parameters"], author=author, **{**fields, **values})


def asset(author: str, **values: Any) -> Record:
    fields: dict[str, Any] = {
        "kind": "prop",
        "title": "Coat",
        "description": "",
        "tags": ["wool"],
        "fields": {},
        "deleted": False,
    }
    return shared(["description"], ["fields"], author=author, **{**fields, **values})


def told(breaches: list[Breach]) -> list[tuple[str, str, str | None]]:
    return [(each.rule, each.key, each.field) for each in breaches]


OWN = [("annotations", "notes", note), ("annotations", "marks", mark), ("styles", "notes", remark)]
EVERYBODYS = [("styles", "styles", style), ("library", "assets", asset)]


@pytest.mark.parametrize(("document", "root", "make"), [*OWN, *EVERYBODYS])
def test_a_record_is_written_in_ones_own_name_only(document: str, root: str, make: Any) -> None:
    mine, forged = (Sheet().having(root, n=make(author)) for author in ("eve", "rob"))
    assert judge(document, Sheet(), mine) == []
    assert told(judge(document, Sheet(), forged)) == [("forged_author", "n", None)]
    nameless = Sheet().having(root, n=shared(title="x"))
    assert told(judge(document, Sheet(), nameless)) == [("forged_author", "n", None)]


@pytest.mark.parametrize(("document", "root", "make"), [*OWN, *EVERYBODYS])
def test_nobody_changes_the_author_not_even_to_oneself(document: str, root: str, make: Any) -> None:
    before = Sheet().having(root, n=make("rob"))
    after = Sheet().having(root, n=make("eve"))
    breaches = judge(document, before, after)
    assert told(breaches) == [("forged_author", "n", "author")]
    assert settle(before, after, breaches) == before
    own = Sheet().having(root, n=make("eve"))
    assert told(judge(document, own, before)) == [("forged_author", "n", "author")]


@pytest.mark.parametrize(("document", "root", "make"), OWN)
def test_only_its_author_edits_deletes_or_removes_a_note(document: str, root: str, make: Any) -> None:
    before = Sheet().having(root, n=make("rob"))
    edited = Sheet().having(root, n=make("rob", text="harder", deleted=True))
    for after, fields in ((edited, ["deleted", "text"]), (Sheet(), [None]), (before.having(root, n=plain()), [None])):
        breaches = judge(document, before, after, EVE)
        assert told(breaches) == [("not_yours", "n", field) for field in fields]
        assert settle(before, after, breaches) == before
    assert judge(document, before, edited, ROB) == judge(document, before, Sheet(), ROB) == []


def test_whoever_may_write_resolves_a_note_and_nothing_else_of_it() -> None:
    before = Sheet().having("notes", n=note("rob"))
    after = Sheet().having("notes", n=note("rob", resolved=True, text="mine now"))
    breaches = judge("annotations", before, after, ZOE)
    assert told(breaches) == [("not_yours", "n", "text")]
    assert settle(before, after, breaches) == Sheet().having("notes", n=note("rob", resolved=True))
    wrong = Sheet().having("notes", n=note("rob", resolved="yes"))
    assert told(judge("annotations", before, wrong, ZOE)) == [("schema", "n", "resolved")]


@pytest.mark.parametrize(("document", "root", "make"), EVERYBODYS)
def test_what_belongs_to_the_project_is_edited_by_every_editor(document: str, root: str, make: Any) -> None:
    before = Sheet().having(root, n=make("rob"))
    assert judge(document, before, Sheet().having(root, n=make("rob", title="New", deleted=True))) == []
    assert told(judge(document, before, Sheet().having(root, n=make("rob", title=7)))) == [("schema", "n", "title")]


def test_a_reviewer_votes_and_notes_but_does_not_edit_styles() -> None:
    before = Sheet().having("styles", noir=style("eve")).having("votes", noir=shared())
    after = (
        before.having("styles", noir=style("eve", title="Mine"))
        .having("votes", noir=shared(rob=1))
        .having("notes", n=remark("rob"))
    )
    breaches = judge("styles", before, after, ROB)
    assert told(breaches) == [("role", "noir", "title")]
    assert "editors" in breaches[0].message
    assert "reviewer" in breaches[0].message
    assert breaches[0].lift
    assert judge("styles", before, after, EVE) != []


@pytest.mark.parametrize(
    ("document", "root", "word"), [("styles", "votes", -1), ("annotations", "verdicts", "approved")]
)
def test_everybody_has_one_word_and_only_their_own(document: str, root: str, word: object) -> None:
    before = Sheet().having(root, t=shared(zoe=word))
    mine = Sheet().having(root, t=shared(zoe=word, rob=word))
    assert judge(document, before, mine, ROB) == judge(document, mine, before, ROB) == []
    assert judge(document, Sheet(), Sheet().having(root, t=shared(rob=word)), ROB) == []
    stolen = Sheet().having(root, t=shared(eve=word, rob=word))
    breaches = judge(document, before, stolen, ROB)
    assert told(breaches) == [("not_yours", "t", "eve"), ("not_yours", "t", "zoe")]
    assert settle(before, stolen, breaches) == mine
    assert told(judge(document, before, Sheet(), ROB)) == [("not_yours", "t", None)]
    forged = Sheet().having(root, t=shared(eve=word))
    assert told(judge(document, Sheet(), forged, ROB)) == [("not_yours", "t", None)]


def test_two_who_are_the_first_to_vote_at_the_same_time_both_keep_their_vote() -> None:
    before, after = Sheet().having("votes", t=shared(zoe=1)), Sheet().having("votes", t=shared(rob=-1))
    replaced = [Touch("votes", "t", None, before.get("votes", "t"), after.get("votes", "t"))]
    breaches = list(RULES["styles"](ROB, replaced, after, NO_LOCKS))
    assert told(breaches) == [("not_yours", "t", "zoe")]
    assert settle(before, after, breaches).get("votes", "t") == shared(zoe=1, rob=-1)


@pytest.mark.parametrize(("document", "root"), [("styles", "votes"), ("annotations", "verdicts")])
@pytest.mark.parametrize("word", [2, "yes", True, None, {"a": 1}, [1]])
def test_a_word_that_is_none_is_put_back(document: str, root: str, word: object) -> None:
    before = Sheet().having(root, t=shared())
    assert told(judge(document, before, Sheet().having(root, t=shared(rob=word)), ROB)) == [("schema", "t", "rob")]
    assert told(judge(document, Sheet(), Sheet().having(root, t=shared(rob=word)), ROB)) == [("schema", "t", None)]


def test_words_of_several_people_are_not_kept_in_one_plain_value() -> None:
    assert told(judge("styles", Sheet(), Sheet().having("votes", t=plain(rob=1)), ROB)) == [("schema", "t", None)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frame", -1),
        ("frame", 1.5),
        ("kind", "blot"),
        ("data", "x"),
        ("data", {"points": "x" * 200_001}),
        ("created_at", "yesterday"),
        ("take", "../x"),
        ("text", "x" * 100_001),
    ],
)
def test_a_mark_holds_what_a_mark_holds(field: str, value: object) -> None:
    before = Sheet().having("marks", m=mark("rob"))
    after = before.having("marks", m=but(mark("rob"), **{field: value}))
    assert told(judge("annotations", before, after, ROB)) == [("schema", "m", field)]


def test_nothing_of_a_locked_style_changes() -> None:
    locks = Locks(styles={"noir": lock("style", "noir")})
    before = Sheet().having("styles", noir=style("eve"), other=style("eve"))
    after = before.having("styles", noir=style("eve", title="Mine"), other=style("eve", title="Free"))
    assert told(judge("styles", before, after, locks=locks)) == [("style_lock", "noir", "title")]


@pytest.mark.parametrize("actor", [as_role("viewer"), as_role("reviewer"), as_role("editor"), as_role("owner")])
def test_only_the_server_writes_jobs_and_takes(actor: Actor) -> None:
    for root in ("jobs", "takes"):
        after = Sheet().having(root, j=plain(status="completed"))
        assert told(judge("takes", Sheet(), after, actor)) == [("server_only", "j", None)]
        assert told(judge("takes", after, Sheet(), actor)) == [("server_only", "j", None)]


@pytest.mark.parametrize(
    ("document", "root", "make"),
    [("annotations", "notes", note), ("annotations", "marks", mark), ("styles", "notes", remark)],
)
def test_a_viewer_writes_nothing(document: str, root: str, make: Any) -> None:
    after = Sheet().having(root, n=make("eve"))
    assert told(judge(document, Sheet(), after, as_role("viewer"))) == [("role", "n", None)]
