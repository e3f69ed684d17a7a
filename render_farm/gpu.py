"""The graphics card of this machine, as NVIDIA's library NVML tells it; machines without one are none the worse."""

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Any

GIB = 1 << 30


@dataclass(frozen=True)
class Gpu:
    """One card; memory in GiB, as on its box."""

    name: str
    vram_gb: float
    vram_free_gb: float


def gpu(index: int = -1) -> Gpu | None:
    """The card of that number as it is now, or the first that this process may use; None without card or driver.

    Needs the optional package nvidia-ml-py; where it is missing the node is one without a GPU.
    """
    try:
        nvml: Any = import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        handle = _handle(nvml, index)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        name = nvml.nvmlDeviceGetName(handle)
        return Gpu(
            name=name.decode() if isinstance(name, bytes) else str(name),
            vram_gb=round(memory.total / GIB, 2),
            vram_free_gb=round(memory.free / GIB, 2),
        )
    except (nvml.NVMLError, ValueError):
        return None
    finally:
        nvml.nvmlShutdown()


def _handle(nvml: Any, index: int) -> Any:  # noqa: ANN401 - the library has no types
    """The card that was asked for; of CUDA_VISIBLE_DEVICES, which CUDA goes by, the first."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if index < 0 and visible and not visible.isdigit():
        return nvml.nvmlDeviceGetHandleByUUID(visible)
    return nvml.nvmlDeviceGetHandleByIndex(index if index >= 0 else int(visible or 0))
