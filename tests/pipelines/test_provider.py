"""Remote providers: one request, paid once, followed, fetched safely, and the key nowhere but where it belongs."""

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pipelines import providers
from pipelines.providers import at
from pipelines.runners import provider, provider_http
from pipelines.spec import Cancelled, Input, Pipeline, PipelineError, Result, TierSpec, Transient
from tests.support.attempt import Attempt
from tests.support.providers import KEY, Providers, a_file, picture

NAMES = ("fal", "replicate", "runpod")
KEYS = {"fal": "FAL_KEY", "replicate": "REPLICATE_API_TOKEN", "runpod": "RUNPOD_API_KEY"}
ENTRIES = {"fal": "fal:fal-ai/flux/dev", "replicate": "replicate:owner/name:abc123", "runpod": "runpod:endpoint7"}
FILES = {"fal": "images.*.url", "replicate": "output.*", "runpod": "output.image"}
BIND = {
    "fal": {"prompt": "prompt", "image_size.width": "width", "seed": "seed", "image_url": "inputs.image"},
    "replicate": {"input.prompt": "prompt", "input.seed": "seed", "input.image": "inputs.image"},
    "runpod": {"input.prompt": "prompt", "input.seed": "seed", "input.image": "inputs.image"},
}
RECIPE: dict[str, Any] = {"prompt": {"direct": "a door"}, "seed": 7, "width": 64, "height": 32, "parameters": {}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    """The three providers on the loopback, with keys for them and without long waits."""
    made = Providers()
    table = {name: replace(known, base=f"{made.url}/{name}") for name, known in providers.providers().items()}
    monkeypatch.setattr(provider, "providers", lambda: table)
    monkeypatch.setattr(provider, "STOP_SECONDS", 60.0)
    monkeypatch.setattr(provider, "ANSWER_SECONDS", 30.0)
    monkeypatch.setattr(provider, "FIRST_POLL_SECONDS", 0.02)
    monkeypatch.setattr(provider, "TICK_SECONDS", 0.02)
    for key in KEYS.values():
        monkeypatch.setenv(key, KEY)
    yield made
    made.close()


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    (tmp_path / "scratch").mkdir()
    return Attempt(tmp_path / "scratch")


def pipeline(name: str, **options: Any) -> tuple[Pipeline, TierSpec]:
    media = {"media_type": "image/png"} if name == "runpod" else {}
    declared = {"bind": BIND[name], "files": FILES[name], "usd_per_unit": 0.01, **media, **options}
    spec = TierSpec("provider", ENTRIES[name], 0, 1024, 5, declared)
    ids: dict[str, Any] = {"id": "probe", "version": "1", "uuid": str(uuid.uuid4()), "label": "Probe", "summary": ""}
    rest: dict[str, Any] = {"price_usd": 0.0, "needs": "a key", "licence": "MIT", "source": "here", "output": "Image"}
    inputs = (Input("image", ("Image",), "Image", required=False),)
    return Pipeline(**ids, **rest, inputs=inputs, params=(), tiers={"low": spec}), spec


def run(name: str, attempt: Attempt, **options: Any) -> Result:
    return provider.run(*pipeline(name, **options), RECIPE, attempt)


@pytest.mark.parametrize(("name", "cost"), [("fal", 0.02), ("replicate", 0.025), ("runpod", 0.03)])
def test_a_request_becomes_a_picture_and_has_a_price(
    name: str, cost: float, server: Providers, attempt: Attempt
) -> None:
    result = run(name, attempt)
    (output,) = result.outputs
    assert (output.media_type, output.width, output.height) == ("image/png", 48, 24)
    assert output.path.read_bytes() == picture()
    assert result.cost_usd == pytest.approx(cost)
    assert result.facts["request"] == f"{name}-1"
    assert len(server.bodies) == 1


def test_the_body_is_what_the_provider_wants(server: Providers, attempt: Attempt) -> None:
    for name in NAMES:
        run(name, attempt)
    assert server.bodies == [
        {"prompt": "A door.", "image_size": {"width": 64}, "seed": 7},
        {"input": {"prompt": "A door.", "seed": 7}, "version": "owner/name:abc123"},
        {"input": {"prompt": "A door.", "seed": 7}},
    ]


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("name", NAMES)
def test_the_bar_rises_and_says_where_the_request_is(name: str, attempt: Attempt) -> None:
    run(name, attempt)
    percents = [percent for percent, _ in attempt.steps]
    assert percents == sorted(percents)
    steps = " / ".join(step for _, step in attempt.steps)
    assert "Running at" in steps
    assert name != "fal" or "Waiting at fal, 3 before it" in steps


def test_a_small_file_goes_inside_the_request_and_a_large_one_is_uploaded(
    server: Providers, attempt: Attempt, tmp_path: Path
) -> None:
    attempt.inputs = {"image": (a_file(tmp_path, 100),)}
    run("replicate", attempt)
    sent = server.bodies[-1]["input"]["image"]
    assert sent.startswith("data:image/png;base64,")
    assert base64.b64decode(sent.partition(",")[2]) == attempt.inputs["image"][0].read_bytes()
    attempt.inputs = {"image": (a_file(tmp_path, 300_000),)}
    run("replicate", attempt)
    assert server.bodies[-1]["input"]["image"] == f"{server.url}/replicate/files/file"
    assert len(server.uploads[0]) == 300_000


def test_a_file_that_a_provider_cannot_take_is_told_before_anything_is_paid(
    server: Providers, attempt: Attempt, tmp_path: Path
) -> None:
    attempt.inputs = {"image": (a_file(tmp_path, 7_000_001),)}
    with pytest.raises(PipelineError, match="too large for RunPod"):
        run("runpod", attempt)
    assert server.bodies == []


@pytest.mark.parametrize("name", NAMES)
def test_cancelling_reaches_the_provider_and_is_confirmed(name: str, server: Providers, attempt: Attempt) -> None:
    server.runs_for = 10_000
    running = threading.Event()
    attempt.on_step = lambda step: running.set() if step.startswith("Running") else None
    future = ThreadPoolExecutor(1).submit(run, name, attempt)
    assert running.wait(60)
    attempt.cancelled.set()
    with pytest.raises(Cancelled):
        future.result(60)
    assert server.cancelled == [f"{name}-1"]
    assert not any("did not confirm" in line for line in attempt.lines)


def test_a_provider_that_hangs_is_told_to_stop_all_the_same(server: Providers, attempt: Attempt) -> None:
    server.runs_for = 10_000
    running = threading.Event()
    attempt.on_step = lambda step: running.set() if step.startswith("Running") else None
    future = ThreadPoolExecutor(1).submit(run, "fal", attempt)
    assert running.wait(60)
    server.hangs = True
    attempt.cancelled.set()
    with pytest.raises(Cancelled):
        future.result(45)  # less than such a poll may take
    assert server.cancelled == ["fal-1"]


class Cancelling(Attempt):
    """Cancelled as soon as the provider has been asked, which answers only when the runner has noticed."""

    def __init__(self, scratch: Path, server: Providers) -> None:
        super().__init__(scratch)
        self.server = server
        server.holds = True

    def check(self) -> None:
        if self.server.asked:
            self.server.answer()
            raise Cancelled("The job was cancelled")


@pytest.mark.parametrize("name", NAMES)
def test_a_request_that_was_just_sent_is_withdrawn_when_it_is_cancelled(
    name: str, server: Providers, tmp_path: Path
) -> None:
    server.runs_for = 10_000
    attempt = Cancelling(tmp_path, server)
    with pytest.raises(Cancelled):
        run(name, attempt)
    assert server.cancelled == [f"{name}-1"]
    assert not any("billed" in line for line in attempt.lines), attempt.lines


def test_a_request_that_is_refused_while_it_is_cancelled_costs_nothing(server: Providers, tmp_path: Path) -> None:
    server.answers = [web.Response(status=402)]
    attempt = Cancelling(tmp_path, server)
    with pytest.raises(Cancelled):
        run("fal", attempt)
    assert (server.cancelled, attempt.lines) == ([], [])


@pytest.mark.parametrize("answer", ["none", "hang up"])
def test_a_cancelled_request_without_an_answer_may_be_billed_and_the_log_says_so(
    answer: str, server: Providers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers = [answer] if answer == "hang up" else []
    attempt = Cancelling(tmp_path, server)
    if answer == "none":
        monkeypatch.setattr(provider, "ANSWER_SECONDS", 0.1)
        monkeypatch.setattr(server, "answer", lambda: None)
    with pytest.raises(Cancelled):
        run("fal", attempt)
    assert attempt.lines == [
        "fal may have taken a request and gave no id for it, so nothing can be withdrawn there; it may be billed"
    ]


def test_a_busy_provider_is_asked_again_as_late_as_it_wants(server: Providers, attempt: Attempt) -> None:
    server.answers = [web.Response(status=429, headers={"Retry-After": "1"}), web.Response(status=503)]
    run("fal", attempt)
    assert len(server.bodies) == 1
    assert any("trying again in 1 s" in line for line in attempt.lines)


def test_a_provider_that_stays_busy_is_left_to_another_try(server: Providers, attempt: Attempt) -> None:
    server.answers = [web.Response(status=429) for _ in range(20)]
    with pytest.raises(Transient, match="fal is busy"):
        run("fal", attempt)
    server.answers = [web.Response(status=429, headers={"Retry-After": "3600"})]
    with pytest.raises(Transient, match="fal is busy"):
        run("fal", attempt)


def test_a_request_that_may_have_been_taken_is_not_paid_twice(server: Providers, attempt: Attempt) -> None:
    server.answers = ["hang up"]
    with pytest.raises(PipelineError, match="may have taken the request all the same") as told:
        run("fal", attempt)
    assert not isinstance(told.value, Transient)
    assert len(server.bodies) == 1
    server.answers = [web.Response(status=500)]
    with pytest.raises(PipelineError, match="may have taken"):
        run("fal", attempt)


def test_a_provider_that_recognises_a_request_may_be_asked_twice(
    server: Providers, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"fal": replace(provider.providers()["fal"], idempotency_header="Idempotency-Key")}
    monkeypatch.setattr(provider, "providers", lambda: known)
    server.answers = ["hang up"]
    run("fal", attempt)
    keys = [headers["Idempotency-Key"] for headers in server.headers]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_a_poll_that_fails_is_repeated_and_the_request_goes_on(server: Providers, attempt: Attempt) -> None:
    server.poll_answers = [web.Response(status=502), web.Response(status=504)]
    run("fal", attempt)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("name", "ends", "message"),
    [
        ("fal", {"detail": [{"loc": ["prompt"], "msg": "flagged", "type": "content"}]}, "fal: flagged"),
        ("fal", {"detail": "The runner is gone"}, "fal: The runner is gone"),
        ("replicate", {"status": "failed", "error": "CUDA error"}, "Replicate: CUDA error"),
        ("replicate", {"status": "canceled"}, "Somebody cancelled"),
        ("runpod", {"status": "TIMED_OUT"}, "does not say why"),
        ("runpod", {"output": {}}, "without a file"),
    ],
)
def test_a_failure_is_told_in_the_providers_words(
    name: str, ends: dict[str, Any], message: str, server: Providers, attempt: Attempt
) -> None:
    server.ends = ends
    with pytest.raises(PipelineError, match=message):
        run(name, attempt)
    assert server.cancelled == []


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_key_is_named_and_a_wrong_one_is_not_shown(
    name: str, server: Providers, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEYS[name])
    assert KEYS[name] in provider.ready(*pipeline(name))
    monkeypatch.setenv(KEYS[name], "wrong-secret")
    assert provider.ready(*pipeline(name)) == ""
    with pytest.raises(PipelineError, match=f"did not accept the key {KEYS[name]}") as told:
        run(name, attempt)
    assert "wrong-secret" not in str(told.value)
    assert server.bodies == []


def test_the_key_is_in_no_log_no_error_and_no_fact(server: Providers, attempt: Attempt) -> None:
    told = json.dumps(dict(run("fal", attempt).facts))
    server.ends = {"detail": f"could not use {KEY}"}
    with pytest.raises(PipelineError) as error:
        run("fal", attempt)
    assert provider_http.HIDDEN in str(error.value)
    assert KEY not in told + str(error.value) + "".join(attempt.lines) + "".join(step for _, step in attempt.steps)


def test_the_key_goes_to_no_other_host(server: Providers, attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    server.file_address = f"http://127.0.0.1:{server.port}/files/take.png"
    elsewhere = replace(provider.providers()["fal"], base=f"{server.url}/fal", key_hosts=())
    assert provider_http.Http(elsewhere, KEY)._is_trusted(f"{server.url}/files/x")
    for address in (
        "https://example.org/x",
        f"https://{server.url[7:]}.example.org/x",
        "https://replicate.delivery.x/",
    ):
        assert not provider_http.Http(elsewhere, KEY)._is_trusted(address)
    replicate = providers.providers()["replicate"]
    assert provider_http.Http(replicate, KEY)._is_trusted("https://pbxt.replicate.delivery/a.png")
    monkeypatch.setattr(server, "ends", {"status_url": "https://example.org/steal"})
    with pytest.raises(PipelineError, match="not its own"):
        run("fal", attempt)


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/take.png",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/take.png",
        "https://[::1]/take.png",
        "https://127.0.0.2/take.png",
        "file:///etc/passwd",
        "ftp://example.org/take.png",
    ],
)
def test_nothing_inside_this_network_is_fetched(address: str, server: Providers, attempt: Attempt) -> None:
    server.file_address = address
    with pytest.raises(PipelineError, match="must not be fetched"):
        run("fal", attempt)


async def test_a_name_that_points_inside_is_not_followed() -> None:
    with pytest.raises(OSError, match="not a public host"):
        await provider_http._PublicOnly().resolve("localhost", 443)


def test_addresses_that_lead_in_a_circle_end(server: Providers, attempt: Attempt) -> None:
    server.file_address = f"{server.url}/loop"
    with pytest.raises(PipelineError, match="without end"):
        run("fal", attempt)


def test_a_result_that_is_too_large_or_no_picture_is_refused(
    server: Providers, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.file_address = f"{server.url}/files/page.html"
    with pytest.raises(PipelineError, match=r"not known here: text/html"):
        run("fal", attempt)
    server.file_address = ""
    monkeypatch.setattr(provider_http, "MAX_FILE_BYTES", 50)
    with pytest.raises(PipelineError, match="larger than 50 bytes"):
        run("fal", attempt)


def test_more_files_than_anybody_wants_are_not_fetched(server: Providers, attempt: Attempt) -> None:
    server.ends = {"output": [f"{server.url}/files/{number}.png" for number in range(65)]}
    with pytest.raises(PipelineError, match="made 65 files"):
        run("replicate", attempt, files="output.*")
    assert server.fetched_with == []


def test_an_unknown_provider_is_told() -> None:
    tier = TierSpec("provider", "acme:model", 0, 512, 1)
    assert "provider acme, which is not known here" in provider.ready(pipeline("fal")[0], tier)


@pytest.mark.parametrize(
    ("path", "found"),
    [("a.b", [1]), ("list.*.url", ["x", "y"]), ("list.1.url", ["y"]), ("a.c", []), ("list.7.url", []), ("none", [])],
)
def test_paths_into_replies(path: str, found: list[Any]) -> None:
    assert at({"a": {"b": 1}, "list": [{"url": "x"}, {"url": "y"}, {}], "none": None}, path) == found
