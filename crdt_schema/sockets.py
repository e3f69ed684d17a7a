"""Socket types: the contract between nodes (C-017 to C-021)."""

from collections.abc import Collection
from typing import Literal, get_args

SocketType = Literal[
    "String",
    "Integer",
    "Float",
    "Boolean",
    "Image",
    "Video",
    "Audio",
    "AssetReference",
    "ControlMap",
    "Mask",
    "PipelineReference",
    "EDL",
]
SOCKET_TYPES: tuple[SocketType, ...] = get_args(SocketType)


def compatible(offered: Collection[SocketType], accepted: Collection[SocketType]) -> bool:
    """Whether an output that offers these types may be joined to an input that accepts those."""
    return not set(offered).isdisjoint(accepted)
