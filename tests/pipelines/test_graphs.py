"""The graphs that come along, held to the node classes of a real ComfyUI, where there is one."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
import urllib3

from pipelines import binding
from pipelines.runners import comfyui_words
from tests.support import comfyui_real

pytestmark = [
    pytest.mark.timeout(200),
    pytest.mark.skipif(not comfyui_real.HOME, reason="WORKPRINT_TEST_COMFYUI names no ComfyUI"),
]
NOT_IN_CORE = {"ReActorFaceSwap"}
NEWER = {
    *("SeedVR2Preprocess", "SeedVR2TemporalChunk", "SeedVR2Conditioning", "SeedVR2TemporalMerge"),
    "SeedVR2PostProcessing",
}
"""Of ComfyUI 0.38, written after their source; an older server tells that it lacks them."""
FILES = {*comfyui_words.FOLDERS, "image", "file"}
PLAIN = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[comfyui_real.Real]:
    made = comfyui_real.Real(tmp_path_factory.mktemp("comfyui"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def classes(server: comfyui_real.Real) -> dict[str, Any]:
    return urllib3.request("GET", f"{server.url}/object_info").json()


@pytest.mark.parametrize("name", sorted(path.stem for path in binding.GRAPHS.glob("*.json")))
def test_every_node_of_a_graph_exists_and_takes_what_it_is_given(name: str, classes: dict[str, Any]) -> None:
    graph = binding.graph_of(binding.TierSpec("comfyui", name, 0, 512, 1))
    unknown = {node["class_type"] for node in graph.values()} - set(classes)
    assert unknown <= NOT_IN_CORE | NEWER
    assert not [fault for node in graph for fault in faults(graph, node, classes)]


def faults(graph: binding.Graph, node: str, classes: dict[str, Any]) -> list[str]:
    """What the class of a node declares otherwise than the graph has it."""
    name, inputs = graph[node]["class_type"], graph[node]["inputs"]
    if name not in classes:
        return []
    declared: dict[str, Any] = classes[name]["input"]
    known = {**declared.get("required", {}), **declared.get("optional", {})}
    told = [f"{node} {name}: no input {field}" for field in inputs if field not in known]
    told += [f"{node} {name}: {field} is missing" for field in declared.get("required", {}) if field not in inputs]
    for field, value in inputs.items():
        kind, *more = known.get(field, ["*"])
        if isinstance(value, list):
            source, socket = cast("tuple[str, int]", value)
            before = graph[source]["class_type"]
            if before in classes and classes[before]["output"][socket] != kind:
                told.append(f"{node} {name}: {field} is {kind}, {before} gives {classes[before]['output'][socket]}")
        elif not isinstance(kind, list) and kind not in PLAIN:
            told.append(f"{node} {name}: {field} wants {kind} of another node")
        elif field not in FILES and (isinstance(kind, list) or kind == "COMBO"):
            offered = cast("list[object]", kind if isinstance(kind, list) else more[0]["options"])
            if value not in offered:
                told.append(f"{node} {name}: {field} has no choice {value!r}")
    return told
