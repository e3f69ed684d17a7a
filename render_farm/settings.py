"""What a setting is, and those that a farm worker is told by its environment: one documented table, read once."""

import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from render_farm.logs import LOG_LEVELS, LOG_STYLES

SHORTEST_SECONDS = 0.5
"""Of a lease and of an attempt: less could run out between two looks of whoever watches it."""


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, its default as it would be written, and what it does."""

    name: str
    default: str
    help: str


class BadSetting(ValueError):
    """A setting holds something that it cannot mean."""


FARM_SETTINGS: tuple[Setting, ...] = (
    Setting("REDIS_URL", "redis://127.0.0.1:6379/0", "Redis or Valkey of the farm: redis://, rediss:// or unix://."),
    Setting("WORKPRINT_NAMESPACE", "workprint", "Prefix of every key, so that studios can share a Redis."),
    Setting("WORKPRINT_HUB_URL", "", "Where this farm node reaches the hub; empty: where the order says."),
    Setting("WORKPRINT_LOG", "text", "`text` for people, `json` for machines."),
    Setting("WORKPRINT_LOG_LEVEL", "info", "The least that is logged: `debug`, `info`, `warning` or `error`."),
    Setting("WORKPRINT_SCRATCH", "", "Folder for scratch folders of attempts; empty: in the temporary folder."),
    Setting("WORKPRINT_LEASE_SECONDS", "60", "An attempt that was not heard of for so long is taken for dead."),
    Setting("WORKPRINT_JOB_SECONDS", "3600", "The longest an attempt may take."),
    Setting("WORKPRINT_CANCEL_SECONDS", "10", "How long a cancelled attempt may take to stop before it is killed."),
    Setting("WORKPRINT_STOP_SECONDS", "3", "How long a stopping worker lets its attempt go on."),
    Setting(
        "WORKPRINT_PIPELINES", "", "Folders of pipelines of your own, separated as in PATH; `workprint up` sets it."
    ),
    Setting("WORKPRINT_COMFYUI_URL", "", "Address of this node's ComfyUI server; empty: it has none."),
    Setting(
        "WORKPRINT_COMFYUI_OUTPUT", "", "Its folder of outputs, for this node to remove what it fetched; empty: kept."
    ),
    Setting("WORKPRINT_MODELS", "", "Folder of this node's model weights, which containers see read-only."),
    Setting("FAL_KEY", "", "Key of this node's account at fal; empty: it has none."),
    Setting("REPLICATE_API_TOKEN", "", "Key of this node's account at Replicate; empty: it has none."),
    Setting("RUNPOD_API_KEY", "", "Key of this node's account at RunPod; empty: it has none."),
    Setting("WORKPRINT_UPLOAD_SECONDS", "600", "How long an attempt waits for a hub or a Redis that is away."),
)


@dataclass(frozen=True)
class FarmSettings:
    """Settings of one worker process and of the attempts it makes; see the table for their meaning."""

    redis_url: str
    namespace: str
    hub_url: str
    log: str
    log_level: str
    node: str
    """Name of the farm node; the worker makes one up at its start and hands it to its attempts."""
    scratch: Path
    lease_seconds: float
    job_seconds: float
    cancel_seconds: float
    stop_seconds: float
    upload_seconds: float

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "FarmSettings":
        """Read the settings; raises BadSetting."""
        values = {setting.name: environment.get(setting.name) or setting.default for setting in FARM_SETTINGS}
        return FarmSettings(
            redis_url=_redis_url(values),
            namespace=values["WORKPRINT_NAMESPACE"],
            hub_url=values["WORKPRINT_HUB_URL"],
            log=_one_of(values, "WORKPRINT_LOG", LOG_STYLES),
            log_level=_one_of(values, "WORKPRINT_LOG_LEVEL", LOG_LEVELS),
            node=environment.get("WORKPRINT_FARM_NODE", ""),
            scratch=Path(values["WORKPRINT_SCRATCH"] or default_scratch()),
            lease_seconds=_seconds(values, "WORKPRINT_LEASE_SECONDS", least=SHORTEST_SECONDS),
            job_seconds=_seconds(values, "WORKPRINT_JOB_SECONDS", least=SHORTEST_SECONDS),
            cancel_seconds=_seconds(values, "WORKPRINT_CANCEL_SECONDS"),
            stop_seconds=_seconds(values, "WORKPRINT_STOP_SECONDS"),
            upload_seconds=_seconds(values, "WORKPRINT_UPLOAD_SECONDS"),
        )


def default_scratch() -> Path:
    """Where attempts work when nobody says otherwise; one folder per user, which `scratch.claim` makes theirs."""
    return Path(tempfile.gettempdir()) / f"workprint-scratch-{os.getuid()}"


def _seconds(values: Mapping[str, str], name: str, *, least: float = 0) -> float:
    try:
        seconds = float(values[name])
    except ValueError:
        seconds = math.nan
    if not least <= seconds < math.inf:
        wanted = f"a number of seconds, at least {least:g}" if least else "a number of seconds"
        raise BadSetting(f"{name} must be {wanted}, not {values[name]!r}.")
    return seconds


def _redis_url(values: Mapping[str, str]) -> str:
    if not values["REDIS_URL"].startswith(("redis://", "rediss://", "unix://")):
        raise BadSetting("REDIS_URL must be an address that starts with redis://, rediss:// or unix://.")
    return values["REDIS_URL"]


def _one_of(values: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    if values[name] not in words:
        raise BadSetting(f"{name} must be one of {', '.join(words)}, not {values[name]!r}.")
    return values[name]
