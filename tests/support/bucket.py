"""A real S3 for tests: SeaweedFS on a free loopback port, started once for all tests of a process."""

import atexit
import functools
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from server.store.s3 import S3Settings
from tests.support.ports import free_port

boto3: Any = importlib.import_module("boto3")  # it has no types
WEED = Path(sys.executable).parent / "weed"
SERVICES = ("master", "volume", "filer", "s3")

KEY, SECRET = "workprint", "a secret of the tests alone"
TENANT_KEY, TENANT_SECRET = "tenant-a", "another secret of the tests alone"
BUCKET = "main-workspace"
READY_SECONDS = 60
PEOPLE = {
    "identities": [
        {
            "name": "studio",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "tenant-a",
            "credentials": [{"accessKey": TENANT_KEY, "secretKey": TENANT_SECRET}],
            "actions": [f"{action}:{BUCKET}/tenant-a/*" for action in ("Read", "Write", "List")],
        },
    ]
}


@functools.cache
def s3_endpoint() -> str:
    """Address of the running S3; it ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="workprint-s3-"))
    (folder / "s3.json").write_text(json.dumps(PEOPLE))
    (folder / "data").mkdir()
    ports = {name: free_port() for name in (*SERVICES, *(f"{name}.grpc" for name in SERVICES), "admin", "admin.grpc")}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                *(WEED, "mini", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                *(f"-{service}.port{'.' + kind if kind else ''}={port}" for (service, _, kind), port in _flags(ports)),
                *(f"-s3.config={folder / 's3.json'}", "-master.telemetry=false", "-admin.ui=false"),
                *("-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            ],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    atexit.register(_end, process, folder)
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    _wait_for(endpoint, process, folder / "log")
    return endpoint


def bucket_settings(prefix: str) -> S3Settings:
    """The tests' bucket, below a prefix of one's own."""
    return S3Settings(BUCKET, s3_endpoint(), prefix, "us-east-1")


def _flags(ports: dict[str, int]) -> list[tuple[tuple[str, str, str], int]]:
    return [(name.partition("."), port) for name, port in ports.items()]


def _wait_for(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the bucket is there: it answers earlier than it can write."""
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1"
    )
    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            # An earlier try may have made it, and found that nothing could be written yet.
            with suppress(client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"1")
            client.delete_object(Bucket=BUCKET, Key="ready")
            break
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"SeaweedFS did not start:\n{log.read_text()[-3000:]}") from error
        time.sleep(0.1)
    client.close()


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def with_credentials(monkeypatch: pytest.MonkeyPatch, key: str = KEY, secret: str = SECRET) -> None:
    """Credentials where boto3 looks for them, and nothing of this machine's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
