"""Ends what killed attempts of this node left running in containers."""

import sys

import structlog

DOCKER = "pipelines.runners.docker"

log = structlog.get_logger("workprint.farm")


def sweep_containers() -> None:
    """Remove containers whose attempt is gone; nothing on a node that never asked the Docker runner for anything."""
    runner = sys.modules.get(DOCKER)
    if runner is None:
        return
    try:
        removed = runner.sweep()
    except Exception as error:  # noqa: BLE001 - whatever Docker does, the node serves on
        log.warning("containers of killed attempts were not looked for", error=str(error))
    else:
        for attempt in removed:
            log.warning("removed the container of a killed attempt", attempt=attempt)
