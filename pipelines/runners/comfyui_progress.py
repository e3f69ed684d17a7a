"""Turns what ComfyUI tells over its websocket into one rising percentage and a name for what is being done; pure."""

from collections.abc import Mapping
from typing import Any

from pipelines.binding import Graph

_WEIGHTS = {"Sampler": 20.0, "Slow": 20.0, "VAEDecode": 3.0, "Loader": 3.0, "FaceSwap": 10.0}
"""About how long a node takes beside the others, by a part of its class's name; the rest take 1."""


class Progress:
    """How far one prompt is."""

    def __init__(self, prompt_id: str, graph: Graph) -> None:
        self.percent = 0.0
        self.step = ""
        self.over = False
        """Whether the server has said that the prompt ended, one way or another; its history knows which."""
        self.outputs: dict[str, Any] = {}
        """What nodes said that they made, for the case that the history is wiped."""
        self.succeeded = False
        self._prompt_id = prompt_id
        self._titles = {node: _title(entry) for node, entry in graph.items()}
        self._weights = {node: _weight(str(entry["class_type"])) for node, entry in graph.items()}
        self._parts = dict.fromkeys(graph, 0.0)
        self._current = ""

    def hear(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take in one message; those about other prompts are passed over."""
        if data.get("prompt_id") != self._prompt_id:
            return
        match kind:
            case "execution_cached":
                for node in data.get("nodes", ()):
                    self._at(str(node), 1.0)
            case "executing":
                self._begin(data.get("node"))
            case "progress":
                self._count(str(data.get("node", "")), data)
            case "progress_state":
                self._states(data.get("nodes", {}))
            case "executed":
                self.outputs[str(data.get("node"))] = data.get("output") or {}
            case "execution_success":
                self.succeeded = self.over = True
            case "execution_error" | "execution_interrupted":
                self.over = True
            case _:
                pass

    def _begin(self, node: object) -> None:
        if node is None:
            self.over = True
            return
        if self._current:
            self._at(self._current, 1.0)
        self._current = str(node)
        self.step = self._titles.get(self._current, "Working")

    def _states(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        for node, state in nodes.items():
            self._at(str(node), 1.0 if state.get("state") == "finished" else _share(state))

    def _count(self, node: str, data: Mapping[str, Any]) -> None:
        self._at(node, _share(data))
        if node in self._titles and float(data.get("max", 1)) > 1:
            self.step = f"{self._titles[node]} {data.get('value', 0):g}/{data['max']:g}"

    def _at(self, node: str, part: float) -> None:
        if node in self._parts:
            self._parts[node] = max(self._parts[node], part)
            done = sum(self._weights[name] * share for name, share in self._parts.items())
            self.percent = max(self.percent, 100.0 * done / sum(self._weights.values()))


def _share(state: Mapping[str, Any]) -> float:
    return min(1.0, float(state.get("value", 0)) / max(1.0, float(state.get("max", 1))))


def _weight(class_type: str) -> float:
    return max((weight for part, weight in _WEIGHTS.items() if part in class_type), default=1.0)


def _title(entry: Mapping[str, Any]) -> str:
    return str(entry.get("_meta", {}).get("title") or entry["class_type"])
