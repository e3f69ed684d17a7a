"""The sockets of a shot follow what its pipeline declares (C-024), and edges to sockets that went stay (C-020)."""

import pytest
from pycrdt import Doc

from crdt_schema.canvas import BadCanvasEdit, Canvas
from crdt_schema.ids import EdgeId, NodeId
from crdt_schema.nodes import NODE_SPECS, Declared, NodeType, Socket, inputs_of, may_join, may_stand, outputs_of
from crdt_schema.records import Edge

FLEXIACT = Declared(
    (Socket("target", "Target", ("Image",)), Socket("motion", "Motion", ("Video", "ControlMap"))), ("Video",)
)
WORDS = Declared((Socket("prompt", "Prompt", ("String",), many=True),), ("Image",))
SPEECH = Declared((Socket("prompt", "Text", ("String",)), Socket("reference", "Voice", ("Audio",))), ("Audio",))
SILENT = Declared((), ("Image",))


def names(declared: Declared | None) -> list[str]:
    return [socket.name for socket in inputs_of("shot", declared)]


def test_a_shot_without_a_pipeline_has_its_own_sockets() -> None:
    assert names(None) == ["pipeline", "prompt", "style"]
    assert inputs_of("prompt", FLEXIACT) == NODE_SPECS["prompt"].inputs


def test_what_a_pipeline_declares_comes_behind_the_shots_own_sockets() -> None:
    assert names(FLEXIACT) == ["pipeline", "style", "target", "motion"]
    assert names(SPEECH) == ["pipeline", "prompt", "style", "reference"]
    assert names(WORDS) == ["pipeline", "prompt", "style"]


def test_a_pipeline_that_declares_nothing_takes_nothing_away() -> None:
    assert names(SILENT) == names(None)


def test_a_shot_gives_what_its_pipeline_makes() -> None:
    assert [socket.types for socket in outputs_of("shot", SPEECH)] == [("Audio",)]
    assert outputs_of("style", SPEECH) == NODE_SPECS["style"].outputs


@pytest.mark.parametrize(
    ("gives", "socket", "joins"),
    [(WORDS, "target", True), (WORDS, "motion", False), (FLEXIACT, "motion", True), (SPEECH, "motion", False)],
)
def test_shots_are_joined_where_what_one_makes_is_what_the_other_takes(
    gives: Declared, socket: str, *, joins: bool
) -> None:
    assert may_join("shot", "output", "shot", socket, gives=gives, takes=FLEXIACT) is joins


def test_without_the_pipeline_there_is_no_such_socket() -> None:
    assert not may_join("shot", "output", "shot", "target", gives=WORDS)


@pytest.mark.parametrize(
    ("source", "out", "target", "into", "stands"),
    [
        ("shot", "output", "shot", "target", True),
        ("prompt", "text", "shot", "foreground", True),
        ("prompt", "text", "shot", "style", False),
        ("prompt", "text", "shot", "Not a name", False),
        ("prompt", "nothing", "shot", "target", False),
        ("prompt", "text", "style", "target", False),
    ],
)
def test_an_edge_to_a_socket_that_a_pipeline_may_have_declared_stands(
    source: NodeType, out: str, target: NodeType, into: str, *, stands: bool
) -> None:
    assert may_stand(source, out, target, into) is stands


def test_such_an_edge_is_on_the_canvas_and_in_what_is_written_to_git() -> None:
    canvas = Canvas(Doc())
    for name in ("a", "b"):
        canvas.add_node(NodeId(name), "shot", {"x": 0, "y": 0})
    edge: Edge = {"source": "a", "source_socket": "output", "target": "b", "target_socket": "target"}
    canvas.add_edge(EdgeId("e"), edge)
    assert canvas.edges() == {"e": edge}
    with pytest.raises(BadCanvasEdit):
        canvas.add_edge(EdgeId("f"), {**edge, "target_socket": "style"})
