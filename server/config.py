"""Config: every setting of Workprint in one table, read once into a frozen object."""

import hashlib
import ipaddress
import math
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from render_farm.logs import LOG_LEVELS, LOG_STYLES
from render_farm.settings import BadSetting, Setting

SETTINGS: tuple[Setting, ...] = (
    Setting("WORKSPACE_ROOT", "Generative_Studio_Workspace", "Folder of the workspace: `Projects/` and `Library/`."),
    Setting("WORKPRINT_HOST", "127.0.0.1", "Address the hub listens on."),
    Setting("WORKPRINT_PORT", "8000", "Port the hub listens on."),
    Setting("REDIS_URL", "", "Redis or Valkey of the farm; empty: `workprint up` starts an embedded Valkey."),
    Setting("WORKPRINT_NAMESPACE", "workprint", "Prefix of every queue and key, so that studios can share a Redis."),
    Setting("WORKPRINT_HUB_URL", "", "Where farm nodes reach the hub; empty: the hub's own address."),
    Setting("WORKPRINT_SECRET", "", "Key that signs tokens; empty: made once and kept in the workspace, mode 0600."),
    Setting(
        "WORKPRINT_ORIGINS", "", "Further web origins that may connect, separated by commas (development servers)."
    ),
    Setting(
        "WORKPRINT_PROXIES", "", "Addresses of proxies in front, separated by commas: their X-Forwarded headers count."
    ),
    Setting("WORKPRINT_DEMO", "1", "1: the first start creates the demo project; 0: it does not."),
    Setting("WORKPRINT_FARM_NODES", "2", "How many farm workers `workprint up` starts."),
    Setting("WORKPRINT_SNAPSHOT_QUIET_SECONDS", "20", "A project is committed after this long without a change."),
    Setting("WORKPRINT_SNAPSHOT_LATEST_SECONDS", "300", "A busy project is committed at the latest after this long."),
    Setting("WORKPRINT_PUSH_TO", "https://,ssh://", "How addresses may begin that projects are pushed to, by commas."),
    Setting("WORKPRINT_PUSH_CA", "", "File of certificates (PEM) that pushes trust; empty: what the machine trusts."),
    Setting("WORKPRINT_PUSH_SECONDS", "3600", "A push to a remote, media included, is given up after this long."),
    Setting("WORKPRINT_GIT_MB", "512", "Largest push to the Git server, without its media."),
    Setting("WORKPRINT_GIT_PROCESSES", "8", "Clones, fetches and pushes that are served at the same time."),
    Setting("WORKPRINT_GIT_PROCESSES_PER_USER", "4", "How many of them one person may have."),
    Setting("WORKPRINT_GIT_IDLE_SECONDS", "120", "One of them ends when nothing has moved for this long."),
    Setting("WORKPRINT_GIT_SECONDS", "3600", "One of them ends after this long, whatever it does."),
    Setting("WORKPRINT_UPLOAD_MB", "64", "Largest reference image and largest result of the farm."),
    Setting("WORKPRINT_FILE_MB", "20480", "Largest file that can be added to a project's folders."),
    Setting("S3_BUCKET", "", "Bucket that gets a copy of every media file; empty: they stay on this machine alone."),
    Setting("S3_ENDPOINT", "", "Address of an S3 that is not Amazon's; empty: Amazon's own."),
    Setting("S3_PREFIX", "", "This studio's part of a shared bucket, e.g. `tenant-a`."),
    Setting("S3_REGION", "us-east-1", "Region of the bucket."),
    Setting("WORKPRINT_IMPORT_MB", "65536", "Largest project that can be imported, packed and unpacked."),
    Setting("WORKPRINT_UPDATE_MB", "32", "Largest edit that a client may send at once, its first sync included."),
    Setting("WORKPRINT_DOCUMENT_MB", "64", "A document of this size takes nothing more, only deletions."),
    Setting("WORKPRINT_MESSAGES_PER_SECOND", "2000", "Messages that one connection may send for long; a drag is 60."),
    Setting("WORKPRINT_RECEIVE_MB_PER_SECOND", "16", "Megabytes that one connection may send for long."),
    Setting("WORKPRINT_SESSIONS_PER_USER", "200", "Documents that one person may have open, all tabs together."),
    Setting("WORKPRINT_SESSIONS_PER_ROOM", "1000", "Connections that one document may have."),
    Setting("WORKPRINT_PRESENCE_KB", "32", "Largest presence state (cursor, selection) that is shown to others."),
    Setting("WORKPRINT_PRESENCE_PER_SECOND", "200", "Presence messages of one connection that are shown to others."),
    Setting("WORKPRINT_LOG", "text", "`text` for people, `json` for machines."),
    Setting("WORKPRINT_LOG_LEVEL", "info", "The least that is logged: `debug`, `info`, `warning` or `error`."),
)


MIN_SECRET_BYTES = 32
MIN_SECRET_LETTERS = 10
"""So many different ones has every random secret; words to be replaced and the same key held down have fewer."""
MIB = 1024 * 1024


@dataclass(frozen=True)
class Config:
    """All settings, read and checked."""

    workspace_root: Path
    host: str
    port: int
    redis_url: str
    namespace: str
    hub_url: str
    """Empty: `own_url`."""
    secret: str
    origins: tuple[str, ...]
    proxies: tuple[str, ...]
    demo: bool
    farm_nodes: int
    snapshot_quiet_seconds: float
    snapshot_latest_seconds: float
    push_to: tuple[str, ...]
    push_ca: str
    push_seconds: float
    git_push_bytes: int
    git_processes: int
    git_processes_per_user: int
    git_idle_seconds: float
    git_seconds: float
    upload_bytes: int
    import_bytes: int
    file_bytes: int
    s3_bucket: str
    s3_endpoint: str
    s3_prefix: str
    s3_region: str
    update_bytes: int
    document_bytes: int
    messages_per_second: float
    receive_bytes_per_second: float
    sessions_per_user: int
    sessions_per_room: int
    presence_bytes: int
    presence_per_second: float
    log: str
    log_level: str

    def __post_init__(self) -> None:
        """Raise BadSetting for the first setting that holds what it cannot mean."""
        for name, (holds, wanted) in _RULES.items():
            if not holds(self):
                raise BadSetting(f"{name} must be {wanted}.")

    @property
    def own_url(self) -> str:
        """Where this machine reaches the hub."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether only this machine reaches the hub."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def state_folder(self) -> Path:
        """Where the workspace keeps its own state: people, secret, embedded Valkey."""
        return self.workspace_root / ".workprint"


_RULES: dict[str, tuple[Callable[[Config], bool], str]] = {
    "WORKPRINT_PORT": (lambda c: 0 < c.port < 1 << 16, "a port from 1 to 65535"),
    "REDIS_URL": (
        lambda c: c.redis_url.startswith(("redis://", "rediss://", "unix://")),
        "an address that starts with redis://, rediss:// or unix://",
    ),
    "WORKPRINT_HUB_URL": (
        lambda c: not c.hub_url or c.hub_url.startswith(("http://", "https://")),
        "an address that starts with http:// or https://",
    ),
    "WORKPRINT_SECRET": (
        lambda c: not c.secret or len(c.secret.encode()) >= MIN_SECRET_BYTES,
        f"at least {MIN_SECRET_BYTES} bytes long",
    ),
    "WORKPRINT_SECRET on an address that other machines reach": (
        lambda c: c.local or len(set(c.secret)) >= MIN_SECRET_LETTERS,
        "a long random text, e.g. what `openssl rand -base64 48` prints; or listen on 127.0.0.1 alone",
    ),
    "WORKPRINT_FARM_NODES": (lambda c: c.farm_nodes >= 0, "0 or more"),
    "WORKPRINT_SNAPSHOT_QUIET_SECONDS": (lambda c: c.snapshot_quiet_seconds >= 0, "0 or more"),
    "WORKPRINT_SNAPSHOT_LATEST_SECONDS": (lambda c: c.snapshot_latest_seconds >= 0, "0 or more"),
    "WORKPRINT_PUSH_CA": (lambda c: not c.push_ca or Path(c.push_ca).is_file(), "a file that is there"),
    "WORKPRINT_PUSH_SECONDS": (lambda c: c.push_seconds > 0, "more than 0"),
    "WORKPRINT_GIT_MB": (lambda c: c.git_push_bytes > 0, "more than 0"),
    "WORKPRINT_GIT_PROCESSES": (lambda c: c.git_processes > 0, "more than 0"),
    "WORKPRINT_GIT_PROCESSES_PER_USER": (lambda c: c.git_processes_per_user > 0, "more than 0"),
    "WORKPRINT_GIT_IDLE_SECONDS": (lambda c: c.git_idle_seconds > 0, "more than 0"),
    "WORKPRINT_GIT_SECONDS": (lambda c: c.git_seconds > 0, "more than 0"),
    "WORKPRINT_UPLOAD_MB": (lambda c: c.upload_bytes > 0, "more than 0"),
    "WORKPRINT_FILE_MB": (lambda c: c.file_bytes > 0, "more than 0"),
    "S3_ENDPOINT": (
        lambda c: not c.s3_endpoint or c.s3_endpoint.startswith(("http://", "https://")),
        "an address that starts with http:// or https://",
    ),
    "S3_PREFIX": (
        lambda c: re.fullmatch(r"([A-Za-z0-9_-][A-Za-z0-9._-]*/?)*", c.s3_prefix) is not None,
        "names of letters, digits, dots, - and _, with / between them",
    ),
    "WORKPRINT_IMPORT_MB": (lambda c: c.import_bytes > 0, "more than 0"),
    "WORKPRINT_UPDATE_MB": (lambda c: c.update_bytes > 0, "more than 0"),
    "WORKPRINT_DOCUMENT_MB": (
        lambda c: c.document_bytes >= c.update_bytes,
        "no less than WORKPRINT_UPDATE_MB, or nobody could bring a whole document",
    ),
    "WORKPRINT_MESSAGES_PER_SECOND": (lambda c: c.messages_per_second > 0, "more than 0"),
    "WORKPRINT_RECEIVE_MB_PER_SECOND": (lambda c: c.receive_bytes_per_second > 0, "more than 0"),
    "WORKPRINT_SESSIONS_PER_USER": (lambda c: c.sessions_per_user > 0, "more than 0"),
    "WORKPRINT_SESSIONS_PER_ROOM": (lambda c: c.sessions_per_room > 0, "more than 0"),
    "WORKPRINT_PRESENCE_KB": (lambda c: c.presence_bytes > 0, "more than 0"),
    "WORKPRINT_PRESENCE_PER_SECOND": (lambda c: c.presence_per_second > 0, "more than 0"),
    "WORKPRINT_LOG": (lambda c: c.log in LOG_STYLES, f"one of {', '.join(LOG_STYLES)}"),
    "WORKPRINT_LOG_LEVEL": (lambda c: c.log_level in LOG_LEVELS, f"one of {', '.join(LOG_LEVELS)}"),
}


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _number(values: Mapping[str, str], name: str) -> float:
    try:
        number = float(values[name])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadSetting(f"{name} must be a number, not {values[name]!r}.")
    return number


def read_config(environment: Mapping[str, str] | None = None) -> Config:
    """Read the settings from the environment; raises BadSetting."""
    given = os.environ if environment is None else environment
    values = {setting.name: given.get(setting.name) or setting.default for setting in SETTINGS}
    root = Path(values["WORKSPACE_ROOT"]).expanduser().resolve()
    return Config(
        workspace_root=root,
        host=values["WORKPRINT_HOST"],
        port=int(_number(values, "WORKPRINT_PORT")),
        redis_url=values["REDIS_URL"] or embedded_redis_url(root),
        namespace=values["WORKPRINT_NAMESPACE"],
        hub_url=values["WORKPRINT_HUB_URL"],
        secret=values["WORKPRINT_SECRET"],
        origins=_list(values["WORKPRINT_ORIGINS"]),
        proxies=_list(values["WORKPRINT_PROXIES"]),
        demo=values["WORKPRINT_DEMO"].lower() not in {"0", "no", "false", "off"},
        farm_nodes=int(_number(values, "WORKPRINT_FARM_NODES")),
        snapshot_quiet_seconds=_number(values, "WORKPRINT_SNAPSHOT_QUIET_SECONDS"),
        snapshot_latest_seconds=_number(values, "WORKPRINT_SNAPSHOT_LATEST_SECONDS"),
        push_to=_list(values["WORKPRINT_PUSH_TO"]),
        push_ca=values["WORKPRINT_PUSH_CA"],
        push_seconds=_number(values, "WORKPRINT_PUSH_SECONDS"),
        git_push_bytes=int(_number(values, "WORKPRINT_GIT_MB") * MIB),
        git_processes=int(_number(values, "WORKPRINT_GIT_PROCESSES")),
        git_processes_per_user=int(_number(values, "WORKPRINT_GIT_PROCESSES_PER_USER")),
        git_idle_seconds=_number(values, "WORKPRINT_GIT_IDLE_SECONDS"),
        git_seconds=_number(values, "WORKPRINT_GIT_SECONDS"),
        upload_bytes=int(_number(values, "WORKPRINT_UPLOAD_MB") * MIB),
        file_bytes=int(_number(values, "WORKPRINT_FILE_MB") * MIB),
        s3_bucket=values["S3_BUCKET"],
        s3_endpoint=values["S3_ENDPOINT"],
        s3_prefix=values["S3_PREFIX"],
        s3_region=values["S3_REGION"],
        import_bytes=int(_number(values, "WORKPRINT_IMPORT_MB") * MIB),
        update_bytes=int(_number(values, "WORKPRINT_UPDATE_MB") * MIB),
        document_bytes=int(_number(values, "WORKPRINT_DOCUMENT_MB") * MIB),
        messages_per_second=_number(values, "WORKPRINT_MESSAGES_PER_SECOND"),
        receive_bytes_per_second=_number(values, "WORKPRINT_RECEIVE_MB_PER_SECOND") * MIB,
        sessions_per_user=int(_number(values, "WORKPRINT_SESSIONS_PER_USER")),
        sessions_per_room=int(_number(values, "WORKPRINT_SESSIONS_PER_ROOM")),
        presence_bytes=int(_number(values, "WORKPRINT_PRESENCE_KB") * 1024),
        presence_per_second=_number(values, "WORKPRINT_PRESENCE_PER_SECOND"),
        log=values["WORKPRINT_LOG"],
        log_level=values["WORKPRINT_LOG_LEVEL"],
    )


def embedded_redis_socket(workspace_root: Path) -> Path:
    """Socket of the workspace's embedded Valkey."""
    # In the temporary folder, by a digest: a Unix socket's path may be no longer than 107 bytes.
    digest = hashlib.sha256(str(workspace_root).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"workprint-{os.getuid()}-{digest}" / "valkey.sock"


def embedded_redis_url(workspace_root: Path) -> str:
    """Address of the embedded Valkey, whether or not it runs."""
    return f"unix://{embedded_redis_socket(workspace_root)}"
