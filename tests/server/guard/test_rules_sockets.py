"""Edges are judged by what the joined pipelines declare; what an earlier pipeline took is left alone (C-020, C-024)."""

from functools import partial

import pytest

from crdt_schema.nodes import Declared
from crdt_schema.sockets import SocketType
from pipelines.registry import sockets_of
from pipelines.spec import Input, Pipeline
from server.guard.rules import rules_with
from tests.server.guard.test_rules_canvas import edge, node, told
from tests.support.touched import Sheet, but, judge


def pipeline(name: str, output: SocketType, **inputs: tuple[SocketType, ...]) -> Pipeline:
    sockets = tuple(Input(each, types, each) for each, types in inputs.items())
    return Pipeline(name, "1", f"uuid-of-{name}", name, "", output, sockets, (), {}, 0.0, "", "MIT", "here")


CATALOG = {
    each.id: each
    for each in (
        pipeline("still", "Image", prompt=("String",)),
        pipeline("restore", "Video", source=("Video",)),
        pipeline("motion", "Video", target=("Image",), motion=("Video", "ControlMap")),
    )
}
RULES = rules_with(partial(sockets_of, CATALOG))
BOARD = (
    Sheet()
    .having(
        "nodes",
        shot=node("shot"),
        other=node("shot"),
        words=node("prompt"),
        still=node("pipeline", pipeline="still:latest"),
        motion=node("pipeline", pipeline="motion"),
    )
    .having("edges", a=edge("still", "pipeline", "shot", "pipeline"))
)
JOINED = BOARD.having("edges", b=edge("motion", "pipeline", "other", "pipeline"))


def judged(before: Sheet, after: Sheet) -> list[tuple[str, str, str | None]]:
    return told(judge("canvas", before, after, rules=RULES))


def test_a_socket_that_the_joined_pipeline_declares_takes_what_it_takes() -> None:
    assert judged(JOINED, JOINED.having("edges", e=edge("shot", "output", "other", "target"))) == []


@pytest.mark.parametrize("socket", ["motion", "source", "nothing"])
def test_another_type_or_a_socket_of_another_pipeline_is_refused(socket: str) -> None:
    after = JOINED.having("edges", e=edge("shot", "output", "other", socket))
    assert judged(JOINED, after) == [("wrong_socket", "e", None)]


def test_without_the_pipeline_there_is_no_such_socket() -> None:
    after = BOARD.having("edges", e=edge("shot", "output", "other", "target"))
    assert judged(BOARD, after) == [("wrong_socket", "e", None)]


def test_the_pipeline_and_the_edge_that_it_allows_may_come_in_one_tick() -> None:
    together = JOINED.having("edges", e=edge("shot", "output", "other", "target"))
    assert judged(BOARD, together) == []


def test_a_change_of_the_pipeline_takes_no_edge_away() -> None:
    before = JOINED.having("edges", e=edge("shot", "output", "other", "target"))
    changed = before.having("nodes", motion=but(before.get("nodes", "motion"), pipeline="restore"))
    assert judged(before, changed) == []
    again = changed.having("edges", f=edge("shot", "output", "other", "target"))
    assert judged(changed, again) == [("wrong_socket", "f", None)]


def test_a_pipeline_that_is_not_in_the_catalogue_declares_nothing() -> None:
    unknown: Declared | None = sockets_of(CATALOG, "no-such-pipeline")
    assert unknown is None
