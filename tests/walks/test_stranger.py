"""The walk of a stranger: from `workprint up` and a password to a take, by REST and public Yjs clients alone."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.hub import NODE
from tests.support.studio import Studio, git

pytestmark = pytest.mark.timeout(180)
ASK = Path(__file__).with_name("ask.mjs")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    running = Studio(tmp_path_factory.mktemp("studio")).start()
    running.add_user("Bo", PASSWORD)
    yield running
    running.stop()


def token_of(studio: Studio, name: str) -> str:
    body = json.dumps({"username": name, "password": PASSWORD}).encode()
    request = urllib.request.Request(
        studio.url + "/auth/token", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)["access_token"]


def get(studio: Studio, token: str, path: str) -> bytes:
    request = urllib.request.Request(studio.url + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return reply.read()


def ask(studio: Studio, token: str, project: str, shot: str, *flags: str) -> Any:
    url = studio.url.replace("http", "ws")
    done = subprocess.run(
        [NODE, ASK, url, project, token, shot, *flags], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_intent_written_by_a_real_yjs_client_becomes_one_take(studio: Studio) -> None:
    token = token_of(studio, "Bo")
    (project,) = json.loads(get(studio, token, "/api/projects"))
    answer = ask(studio, token, project["id"], "shot-door")
    job, take = answer["job"], answer["take"]
    assert (job["status"], job["asked_by_name"], take["name"]) == ("completed", "Bo", "S01_S01_take01")
    media = get(studio, token, f"/api/projects/{project['id']}/media/{take['media']['blob']}")
    assert sha256(media).hexdigest() == take["media"]["blob"]
    folder = studio.project_folder("Neo-Noir Laundromat")
    assert (folder / "03_Renders/Chapter_01/Scene_01/Shot_01/S01_S01_take01.png").read_bytes() == media
    again = ask(studio, token, project["id"], "shot-door")
    assert again["take"]["name"] == "S01_S01_take01", "nothing has changed"
    assert again["job"]["cost_usd"] == 0
    anew = ask(studio, token, project["id"], "shot-door", "fresh")
    assert anew["take"]["name"] == "S01_S01_take02"
    # A fixed seed and the same words: another take, the same picture.
    assert again["take"]["media"]["blob"] == take["media"]["blob"]
    git(folder, "fsck", "--strict")


def test_an_intent_for_what_is_no_shot_is_refused_with_a_reason(studio: Studio) -> None:
    token = token_of(studio, "Bo")
    (project,) = json.loads(get(studio, token, "/api/projects"))
    job = ask(studio, token, project["id"], "note-start")["job"]
    assert job["status"] == "refused"
    assert job["reason"]
    assert job["trace_id"].startswith("trace-")
