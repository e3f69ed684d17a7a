"""Settings: what they mean, and that one which means nothing is told by name before anything starts."""

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from server import keys
from server.app import build_app
from server.config import BadSetting, read_config
from server.git.backend import GitLimits
from server.workspace import prepare
from tests.support.studio import BIN

SECRET = "kX9vPq2LmN7wRt4YzB6cDf8GhJ1sAe3U"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKPRINT_PORT", "99999"),
        ("WORKPRINT_PORT", "0"),
        ("WORKPRINT_PORT", "nan"),
        ("WORKPRINT_PORT", "eight"),
        ("WORKPRINT_SECRET", "short"),
        ("WORKPRINT_FARM_NODES", "-1"),
        ("WORKPRINT_FARM_NODES", "inf"),
        ("WORKPRINT_SNAPSHOT_QUIET_SECONDS", "-5"),
        ("WORKPRINT_SNAPSHOT_LATEST_SECONDS", "soon"),
        ("WORKPRINT_UPLOAD_MB", "0"),
        ("WORKPRINT_LOG", "xml"),
        ("WORKPRINT_LOG_LEVEL", "loud"),
        ("WORKPRINT_HUB_URL", "studio.example"),
        ("REDIS_URL", "localhost:6379"),
    ],
)
def test_a_setting_that_means_nothing_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        read_config({name: value})


def test_a_setting_on_the_command_line_is_checked_too() -> None:
    with pytest.raises(BadSetting, match="WORKPRINT_PORT"):
        replace(read_config({}), port=70_000)


def test_a_farm_node_is_sent_to_the_port_that_the_hub_really_has() -> None:
    config = replace(read_config({"WORKPRINT_PORT": "8000"}), port=8151)
    assert config.own_url == "http://127.0.0.1:8151"
    assert config.hub_url == ""


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("studio.example", "http://studio.example:8000"),
    ],
)
def test_the_hub_s_own_address_can_be_opened_whatever_it_listens_on(host: str, url: str) -> None:
    assert read_config({"WORKPRINT_HOST": host, "WORKPRINT_SECRET": SECRET}).own_url == url


@pytest.mark.parametrize("secret", ["", "s" * 64, "change-me-change-me-change-me-change-me"])
def test_what_other_machines_reach_does_not_start_without_a_secret_of_its_own(secret: str) -> None:
    for host in ("0.0.0.0", "::", "studio.example", "192.0.2.7"):
        with pytest.raises(BadSetting, match="WORKPRINT_SECRET"):
            read_config({"WORKPRINT_HOST": host, "WORKPRINT_SECRET": secret})
        with pytest.raises(BadSetting, match="WORKPRINT_SECRET"):
            replace(read_config({"WORKPRINT_SECRET": secret}), host=host)
    for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"):
        assert read_config({"WORKPRINT_HOST": host, "WORKPRINT_SECRET": secret}).local


def test_a_workspace_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nothing")):
        with pytest.raises(BadSetting, match="WORKSPACE_ROOT"):
            prepare(read_config({"WORKSPACE_ROOT": str(root)}))


def test_nobody_else_on_the_machine_can_read_the_state_of_a_workspace(tmp_path: Path) -> None:
    config = read_config({"WORKSPACE_ROOT": str(tmp_path / "studio")})
    prepare(config)
    assert stat.S_IMODE(config.state_folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        (["serve"], {"WORKPRINT_SECRET": "short"}),
        (["serve", "--port", "70000"], {}),
        (["serve"], {"WORKPRINT_HOST": "no.such.host.invalid", "WORKPRINT_SECRET": SECRET}),
        (["serve", "--host", "0.0.0.0"], {}),
        (["login-url"], {"WORKSPACE_ROOT": "/proc/nothing"}),
        (["worker"], {"WORKPRINT_LEASE_SECONDS": "long"}),
        (["worker"], {"WORKPRINT_JOB_SECONDS": "-1"}),
        (["worker", "--tiers", "huge"], {}),
    ],
)
def test_a_command_that_cannot_run_says_why_in_a_line(
    tmp_path: Path, command: list[str], setting: dict[str, str]
) -> None:
    environment = {**os.environ, "WORKSPACE_ROOT": str(tmp_path), "WORKPRINT_DEMO": "0", **setting}
    done = subprocess.run(
        [BIN / "workprint", *command], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


@pytest.mark.parametrize(
    "name",
    [
        "WORKPRINT_PUSH_SECONDS",
        "WORKPRINT_GIT_MB",
        "WORKPRINT_GIT_PROCESSES",
        "WORKPRINT_GIT_PROCESSES_PER_USER",
        "WORKPRINT_GIT_IDLE_SECONDS",
        "WORKPRINT_GIT_SECONDS",
    ],
)
def test_a_limit_of_the_git_server_is_more_than_nothing(name: str) -> None:
    with pytest.raises(BadSetting, match=f"{name} must be more than 0"):
        read_config({name: "0"})
    with pytest.raises(BadSetting, match=f"{name} must be a number"):
        read_config({name: "many"})


def test_the_limits_of_the_git_server_are_those_that_were_set(tmp_path: Path) -> None:
    given = {
        "WORKPRINT_GIT_MB": "1.5",
        "WORKPRINT_GIT_PROCESSES": "3",
        "WORKPRINT_GIT_PROCESSES_PER_USER": "2",
        "WORKPRINT_GIT_IDLE_SECONDS": "7",
        "WORKPRINT_GIT_SECONDS": "90",
    }
    limits = build_app(read_config({"WORKSPACE_ROOT": str(tmp_path), **given}))[keys.GIT].limits
    assert limits == GitLimits(
        processes=3, processes_per_person=2, idle_seconds=7, longest_seconds=90, push_bytes=3 << 19
    )


def test_certificates_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="WORKPRINT_PUSH_CA must be a file that is there"):
        read_config({"WORKPRINT_PUSH_CA": str(tmp_path / "none.pem")})
