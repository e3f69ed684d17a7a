"""One container of one attempt: made with as few rights as will do, listened to, and gone afterwards."""

import os
import re
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import Any, Self

from pipelines.docker_options import Options
from pipelines.runners import owner
from pipelines.runners.docker_daemon import Docker, docker, remove, requests
from pipelines.spec import OutOfMemory, PipelineError, Transient

GIB = 1024**3
NOBODY = "65534:65534"
WAITING_CHUNKS = 64
END_SECONDS = 10.0
KILLED = 137
REASON_SECONDS, REASON_LOOK_SECONDS = 5.0, 0.1
"""Docker hears of an end and of the kernel's kill for memory in two ways; on a busy machine the end may come first."""
NOT_STARTED = (125, 126, 127)
_OUT_OF_MEMORY = re.compile(
    r"(CUDA|HIP|MPS)( error:)? (backend )?out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED"
    r"|CUDNN_STATUS_ALLOC_FAILED|cudaErrorMemoryAllocation",
    re.IGNORECASE,
)

Chunk = tuple[bool, bytes]
"""Whether it came on stdout, and the bytes."""


@dataclass(frozen=True)
class Ending:
    """How a container came to its end."""

    code: int
    out_of_memory: bool
    error: str

    def raise_unless_well(self, options: Options, told: tuple[str, str], label: str) -> None:
        """Raise what the end means; `told` is the container's own kind and message of a failure, and its last words."""
        kind, words = told
        if self.code == 0 and not kind:
            return
        if self.out_of_memory:
            raise OutOfMemory(f"{label} needed more than {options.memory_gb:g} GB of main memory")
        if kind == "out_of_memory" or _OUT_OF_MEMORY.search(words):
            raise OutOfMemory(f"{label} needed more GPU memory than there was")
        if kind == "transient":
            raise Transient(words or f"{label} asks to be tried again")
        if self.code == KILLED and not kind:
            raise Transient(f"The container of {label} was killed from outside")
        if self.code in NOT_STARTED and self.error:
            raise PipelineError(f"The container of {label} did not start: {self.error}")
        said = f": {words}" if words else ""
        raise PipelineError(words if kind else f"{label} failed with exit code {self.code}{said}")


@dataclass
class Box:
    """A container, from its making to its removal."""

    container: Docker
    api: Docker
    _chunks: "Queue[Chunk | None]" = field(default_factory=lambda: Queue(WAITING_CHUNKS))
    _stop: threading.Event = field(default_factory=threading.Event)
    _reader: threading.Thread | None = None
    _stream: Any = None

    @classmethod
    def create(
        cls,
        daemon: Docker,
        image: Docker,
        options: Options,
        *,
        mounts: Sequence[tuple[str, str, bool]],
        labels: Mapping[str, str],
        command: list[str] | None,
        gpu: bool,
    ) -> Self:
        """Make the container; `mounts` are (folder here, folder there, read-only)."""
        container = daemon.containers.create(
            image.id,
            name=f"workprint-{labels[owner.ATTEMPT]}",
            labels=dict(labels),
            mounts=[docker.types.Mount(there, here, type="bind", read_only=locked) for here, there, locked in mounts],
            **_rights(options),
            **_limits(options),
            **({"entrypoint": command} if command else {}),
            **({"device_requests": [_gpu()]} if gpu else {}),
        )
        return cls(container, daemon.api)

    def start(self) -> None:
        """Listen, then start, so that not a word is lost."""
        self._stream = self.api.attach_socket(self.container.id, {"stdout": 1, "stderr": 1, "stream": 1})
        self._reader = threading.Thread(target=self._read, name="container", daemon=True)
        self._reader.start()
        self.container.start()

    def chunks(self, wait_seconds: float) -> Generator[Chunk | None]:
        """What the container says, and None whenever it said nothing for a while; ends with the container."""
        while True:
            try:
                chunk = self._chunks.get(timeout=wait_seconds)
            except Empty:
                yield None
                continue
            if chunk is None:
                return
            yield chunk

    def ending(self) -> Ending:
        """How it ended."""
        try:
            self.container.wait(timeout=END_SECONDS)
        except requests.RequestException as error:
            raise Transient("Docker went away while the container ran") from error
        state, until = self._state(), time.monotonic() + REASON_SECONDS
        while int(state["ExitCode"]) == KILLED and not state.get("OOMKilled") and time.monotonic() < until:
            time.sleep(REASON_LOOK_SECONDS)
            state = self._state()
        return Ending(int(state["ExitCode"]), bool(state.get("OOMKilled")), str(state.get("Error") or ""))

    def _state(self) -> dict[str, Any]:
        self.container.reload()
        return self.container.attrs["State"]

    def remove(self) -> None:
        """Kill it if it runs, and see that it is gone. When Docker is away the next sweep does it."""
        self._stop.set()
        with suppress(requests.RequestException, ConnectionError):
            remove(self.container)
        if self._reader is not None:
            self._reader.join(END_SECONDS)
        if self._stream is not None:
            self._stream._response.close()  # noqa: SLF001 - the SDK hangs it there, and nothing else closes it

    def _read(self) -> None:
        """Everything the container says (side thread); ends when the container does."""
        with suppress(OSError):
            for source, piece in docker.utils.socket.frames_iter(self._stream, tty=False):
                self._put((source == docker.utils.socket.STDOUT, piece))
        self._put(None)

    def _put(self, chunk: Chunk | None) -> None:
        """Wait for the attempt: a container that shouts is slowed down, not buffered."""
        while not self._stop.is_set():
            with suppress(Full):
                self._chunks.put(chunk, timeout=0.5)
                return


def _rights(options: Options) -> dict[str, Any]:
    """Nothing beyond what a program needs that reads, computes and writes one folder."""
    return {
        "user": options.user or (NOBODY if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}"),
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        # Podman ignores network_disabled, so that both are given.
        **({"network_mode": "bridge"} if options.network else {"network_mode": "none", "network_disabled": True}),
        "environment": {"HOME": "/tmp", "WORKPRINT_JOB": "/job/job.json", **options.environment},  # noqa: S108 - in the container
        "tmpfs": {"/tmp": f"rw,nosuid,nodev,exec,mode=1777,size={int(options.tmp_gb * GIB)}"},  # noqa: S108 - as above
        # What it prints is read live and kept by the farm; a second copy could fill the node's disk.
        "log_config": docker.types.LogConfig(type="none"),
    }


def _limits(options: Options) -> dict[str, Any]:
    memory = int(options.memory_gb * GIB)
    return {
        "mem_limit": memory,
        "memswap_limit": memory,
        "shm_size": int(options.shm_gb * GIB),
        "pids_limit": options.pids,
        "ulimits": [docker.types.Ulimit(name="core", soft=0, hard=0)],
        **({"nano_cpus": int(options.cpus * 1e9)} if options.cpus else {}),
    }


def _gpu() -> Docker:
    """The GPU that this worker was given by CUDA_VISIBLE_DEVICES, else the first."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return docker.types.DeviceRequest(device_ids=[given or "0"], capabilities=[["gpu"]])
