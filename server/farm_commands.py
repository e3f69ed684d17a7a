"""`workprint farm`: how the farm stands, and its nodes and jobs in the hands of whoever looks after it."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from render_farm.job import FarmError, FarmNode, FarmUnavailable, NodeState, QueueName
from render_farm.line import Waiting
from render_farm.queues import Farm
from server.config import Config
from server.errors import Conflict, NotFound, Unavailable

STATES: dict[str, NodeState] = {"pause": "paused", "drain": "draining", "resume": "ready"}
BY_COMMAND = "It was put back in line with `workprint farm requeue`."


def farm_command(given: argparse.Namespace, config: Config) -> str:
    """Run one of them; what to print. Raises Unavailable, NotFound and Conflict."""
    farm = Farm(config.redis_url, config.namespace)
    try:
        return _answer(given, farm)
    except FarmUnavailable:
        raise Unavailable(
            "The farm cannot be reached: no Redis answers at REDIS_URL. Is `workprint up` running?"
        ) from None
    except FarmError as error:
        raise Conflict(f"{error}.") from None
    finally:
        farm.close()


def _answer(given: argparse.Namespace, farm: Farm) -> str:
    match given.action:
        case "status":
            return status_json(farm) if given.json else status_table(farm)
        case "requeue":
            farm.requeue(given.job, BY_COMMAND)
            return f"{given.job} is back in line."
        case "forgive":
            names, state = farm.roster.forgive(given.node), "forgiven"
        case command:
            state = STATES[command]
            names = farm.roster.command(given.node, state)
    if not names:
        raise NotFound(f"No farm node or host called {given.node} is connected. `workprint farm status` lists them.")
    return f"{', '.join(names)}: {state}"


def status_json(farm: Farm) -> str:
    """Everything, for programs."""
    lines = farm.planner.lines()
    status: dict[str, Any] = {
        "nodes": [node.as_json() for node in farm.nodes()],
        "queues": {queue: [asdict(card) for card in line] for queue, line in lines.items()},
        "running": [asdict(card) for card in farm.planner.running()],
    }
    return json.dumps(status, indent=2)


def status_table(farm: Farm) -> str:
    """Nodes, what they work on, and how long the queues are, for people."""
    nodes = farm.nodes()
    cards = {card.job: card for card in farm.planner.running()}
    parts = [
        _table(("NODE", "STATE", "GPU", "FREE/ALL GB", "QUEUES", "WORKS ON"), [_row(node, cards) for node in nodes])
    ]
    if not nodes:
        parts = ["No farm node is connected. `workprint worker` starts one."]
    parts.append(_queues(farm.planner.lines()))
    return "\n\n".join(parts)


def _row(node: FarmNode, cards: dict[str, Waiting]) -> tuple[str, ...]:
    card = cards.get(node.job)
    memory = f"{node.vram_free_gb:.1f}/{node.vram_gb:.1f}" if node.vram_gb else "-"
    served = ",".join(queue for queue in node.queues if not queue.startswith("style_"))
    return (
        node.name,
        node.state,
        node.gpu or "-",
        memory,
        served,
        f"{card.pipeline} {card.job}" if card else node.job or "-",
    )


def _queues(lines: dict[QueueName, list[Waiting]]) -> str:
    rows = [
        (
            queue,
            str(len(line)),
            str(len({card.project for card in line})),
            f"{sum(card.work for card in line):.0f} s",
            line[0].job,
        )
        for queue, line in lines.items()
        if line
    ]
    return _table(("QUEUE", "WAITING", "PROJECTS", "WORK", "NEXT"), rows) if rows else "Nothing waits."


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    )
    return "\n".join(lines)
