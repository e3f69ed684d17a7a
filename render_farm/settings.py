"""What a farm worker is told by its environment, read once."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"
DEFAULT_NAMESPACE = "workprint"


@dataclass(frozen=True)
class FarmSettings:
    """Settings of one worker process and of the attempts it makes."""

    redis_url: str
    namespace: str
    hub_url: str
    """Where this node reaches the hub; empty: where the order says."""
    node: str
    """Name of the farm node; the worker makes one up at its start and hands it to its attempts."""
    scratch: Path
    lease_seconds: float
    """An attempt that has not been heard of for so long is taken for dead."""
    job_seconds: float
    """The longest an attempt may take."""
    cancel_seconds: float
    """How long a cancelled attempt may take to stop by itself before it is killed."""
    stop_seconds: float
    """How long a stopping worker lets its attempt go on before it hands the job back."""
    upload_seconds: float
    """How long an attempt waits for a hub that is away before it gives its result up."""

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "FarmSettings":
        """Read the settings; raises ValueError when a number is none."""

        def seconds(name: str, default: float) -> float:
            return float(environment.get(name) or default)

        uid = os.getuid() if hasattr(os, "getuid") else 0
        return FarmSettings(
            redis_url=environment.get("REDIS_URL") or DEFAULT_REDIS_URL,
            namespace=environment.get("WORKPRINT_NAMESPACE") or DEFAULT_NAMESPACE,
            hub_url=environment.get("WORKPRINT_HUB_URL", ""),
            node=environment.get("WORKPRINT_FARM_NODE", ""),
            scratch=Path(environment.get("WORKPRINT_SCRATCH") or f"{tempfile.gettempdir()}/workprint-scratch-{uid}"),
            lease_seconds=seconds("WORKPRINT_LEASE_SECONDS", 60),
            job_seconds=seconds("WORKPRINT_JOB_SECONDS", 3600),
            cancel_seconds=seconds("WORKPRINT_CANCEL_SECONDS", 10),
            stop_seconds=seconds("WORKPRINT_STOP_SECONDS", 3),
            upload_seconds=seconds("WORKPRINT_UPLOAD_SECONDS", 600),
        )
