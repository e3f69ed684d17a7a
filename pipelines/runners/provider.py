"""Runs a job at a remote provider, as its table in providers.toml declares: submit once, poll, fetch, know the price.

A request that may have been taken is never sent twice, because it would be paid twice, unless the provider promises
to recognise it (`idempotency_header`).
"""

import asyncio
import base64
import math
import os
import time
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pipelines import binding
from pipelines.providers import Provider, State, at, providers, split_entry
from pipelines.runners.media import MEDIA_TYPES, SUFFIXES, described
from pipelines.runners.provider_http import Busy, Http, Reply
from pipelines.runners.watched import watched
from pipelines.spec import Output, Pipeline, PipelineError, Recipe, Result, RunContext, TierSpec, Transient

TICK_SECONDS = 0.25
FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.5, 5.0
RETRIES = 4
LONGEST_RETRY_SECONDS = 60.0
MAX_OUTPUTS = 64
STOP_SECONDS = 8.0
"""How long a cancelled request may take to be confirmed; a bit less than the farm waits before it kills the attempt."""
ANSWER_SECONDS = STOP_SECONDS / 2
"""How much of that the answer to a request may take that was sent just before: only then it can be withdrawn."""


def ready(pipeline: Pipeline, spec: TierSpec) -> str:
    """Which key is missing; the provider itself is not asked."""
    name, _ = split_entry(spec.entry)
    provider = providers().get(name)
    if provider is None:
        return f"{pipeline.label} wants the provider {name}, which is not known here."
    return "" if os.environ.get(provider.key) else f"Set {provider.key} to a key of {provider.label}."


def run(pipeline: Pipeline, spec: TierSpec, recipe: Recipe, context: RunContext) -> Result:
    """Have the provider run the tier's model with the recipe's values; raises PipelineError and its kinds."""
    lacking = ready(pipeline, spec)
    if lacking:
        raise PipelineError(lacking.rstrip("."))
    name, model = split_entry(spec.entry)
    provider = providers()[name]
    try:
        return asyncio.run(_run(provider, model, spec, recipe, context))
    except Busy as error:
        raise Transient(str(error)) from error


async def _run(provider: Provider, model: str, spec: TierSpec, recipe: Recipe, context: RunContext) -> Result:
    options = binding.options_of(spec)
    async with Http(provider, os.environ[provider.key]) as http:
        request = _Request(provider, model, spec.seconds_prior, context, http)
        files = {
            name: [await request.patiently(http.inline, path) for path in paths]
            for name, paths in context.inputs.items()
        }
        values = binding.values_of(recipe, options, files, str(uuid.uuid4()))
        body = binding.bound_body(spec, values)
        if provider.model_field:
            body[provider.model_field] = model
        await request.submit(body)
        try:
            reply = await request.result()
            outputs = await _fetch(request, reply, options, values)
        except BaseException:
            await request.stop()
            raise
        facts = {"provider": provider.label, "model": model, "request": request.id}
        return Result(outputs, _cost(provider, reply, options), facts)


class _Request:
    """One request on its way through a provider's queue."""

    def __init__(self, provider: Provider, model: str, prior_seconds: float, context: RunContext, http: Http) -> None:
        self.id = ""
        self.http = http
        self.context = context
        self._provider = provider
        self._model = model
        self._prior_seconds = prior_seconds
        self._taken: dict[str, Any] = {}
        self._is_over = False
        self._may_run = False
        """Whether the provider may work on a request of which nobody knows the id."""

    async def submit(self, body: Mapping[str, Any]) -> None:
        """Give the provider the request; raises PipelineError when nobody knows whether it was taken.

        One that was sent when the attempt had to end is withdrawn; where that cannot be, the log says so.
        """
        provider = self._provider
        headers = {provider.idempotency_header: str(uuid.uuid4())} if provider.idempotency_header else {}
        address = provider.base + provider.submit.format(model=self._model)
        try:
            reply = await self.patiently(self._send, address, body, headers)
        except BaseException:
            if self._may_run and not self.id:
                self.context.log(
                    f"{provider.label} may have taken a request and gave no id for it, so nothing can be withdrawn "
                    "there; it may be billed"
                )
            raise
        if not self._is_taken(reply):
            raise PipelineError(self.http.words(reply.body) or f"{provider.label} answered without a request id")

    def _is_taken(self, reply: Reply) -> bool:
        """Note under which id the provider took the request."""
        self._taken = reply.body
        found = at(reply.body, self._provider.id_at)
        if found:
            self.id = str(found[0])
            self.context.log(f"{self._provider.label} took the request as {self.id}")
        return bool(found)

    async def result(self) -> Reply:
        """The provider's last word, once the request is done."""
        begun, pause = time.monotonic(), FIRST_POLL_SECONDS
        while True:
            await self._wait(pause)
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)
            reply = await self.patiently(self._ask, "GET", self._address("status"))
            state = self._state(reply)
            self._tell(state, reply, time.monotonic() - begun)
            if state in ("waiting", "running"):
                continue
            self._is_over = True
            if state == "done" and not self.http.words(reply.body):
                where = self._address("result")
                return await self.patiently(self._ask, "GET", where) if where else reply
            if state == "cancelled":
                raise PipelineError(f"Somebody cancelled the request at {self._provider.label}. Generate again")
            raise PipelineError(self.http.words(reply.body) or f"{self._provider.label} failed and does not say why")

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Cancel the request, and wait until the provider says that it is over."""
        if self._is_over or not self.id:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                with suppress(Busy, PipelineError):
                    await self.http.ask(self._provider.cancel_method, self._address("cancel"))
                while True:
                    if not await self._goes_on():
                        return
                    await asyncio.sleep(TICK_SECONDS)
        self.context.log(f"{self._provider.label} did not confirm that it stopped {self.id}; it may be billed")

    async def _goes_on(self) -> bool:
        try:
            return self._state(await self.http.ask("GET", self._address("status"))) in ("waiting", "running")
        except Busy:
            return True
        except PipelineError:
            return False  # a provider that has forgotten the request does not work on it

    async def patiently(self, what: Any, *arguments: Any) -> Any:  # noqa: ANN401 - it hands on what it is given
        """Do something again while the provider is busy, as often as is sensible and as late as it asks for."""
        for left in reversed(range(RETRIES)):
            try:
                return await what(*arguments)
            except Busy as error:
                if not left:
                    raise
                pause = error.after_seconds or FIRST_POLL_SECONDS * 2 ** (RETRIES - left)
                if pause > LONGEST_RETRY_SECONDS:
                    raise
                self.context.log(f"{error}; trying again in {pause:g} s")
                await self._wait(pause)
        raise AssertionError("the last try either answers or raises")

    async def _send(self, address: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        try:
            return await self._answer(self.http.ask("POST", address, json=body, headers=headers))
        except Busy as error:
            self._may_run = self._may_run or error.may_have_happened
            if error.may_have_happened and not headers:
                raise PipelineError(
                    f"{error}, and may have taken the request all the same. Look there before generating again"
                ) from error
            raise

    async def _answer(self, sent: Coroutine[Any, Any, Reply]) -> Reply:
        """The answer to a request that costs money: where the attempt has to end it is waited for a little longer."""
        task = asyncio.create_task(sent)
        try:
            while not (await asyncio.wait({task}, timeout=TICK_SECONDS))[0]:
                self.context.check()
            return task.result()
        except PipelineError:
            if not task.done():
                await self._withdraw(task)
            raise
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _withdraw(self, sent: asyncio.Task[Reply]) -> None:
        """Have a request stopped that was sent a moment ago; `_may_run` says whether that is not known to be so."""
        self._may_run = True
        if not (await asyncio.wait({sent}, timeout=ANSWER_SECONDS))[0]:
            return
        try:
            self._may_run = False
            if self._is_taken(sent.result()):
                await self.stop(STOP_SECONDS - ANSWER_SECONDS)
        except Busy as error:
            self._may_run = error.may_have_happened
        except PipelineError:
            return  # it was refused

    async def _ask(self, method: str, address: str) -> Reply:
        return await watched(self.http.ask(method, address), self.context)

    async def download(self, address: str, target: Path) -> str:
        """Fetch a file of the result, and return its media type."""
        return await watched(self.http.download(address, target), self.context)

    async def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.context.check()
            await asyncio.sleep(min(TICK_SECONDS, left))
        self.context.check()

    def _address(self, what: str) -> str:
        """The address to ask for status, result or cancel; empty when the provider has none."""
        path, template = getattr(self._provider, f"{what}_at"), getattr(self._provider, what)
        if path:
            found = at(self._taken, path)
            if not found:
                raise PipelineError(f"{self._provider.label} answered without an address for its {what}")
            return self.http.own(str(found[0]))
        return self._provider.base + template.format(model=self._model, id=self.id) if template else ""

    def _state(self, reply: Reply) -> State:
        word = str((at(reply.body, self._provider.state_at) or [""])[0])
        # A word that is new to us is more likely another kind of work than an end.
        return self._provider.states.get(word, "running")

    def _tell(self, state: State, reply: Reply, seconds: float) -> None:
        if state == "waiting":
            ahead = at(reply.body, self._provider.ahead_at) if self._provider.ahead_at else []
            place = f", {ahead[0]} before it" if ahead else ""
            self.context.progress(0.0, f"Waiting at {self._provider.label}{place}")
        elif state == "running":
            # Providers do not tell how far they are; the bar rises as long as such jobs usually take.
            percent = 95.0 * (1 - math.exp(-seconds / self._prior_seconds))
            self.context.progress(percent, f"Running at {self._provider.label}")


async def _fetch(
    request: _Request, reply: Reply, options: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[Output, ...]:
    found = [str(value) for path in _paths(options) for value in at(reply.body, path)]
    if not found:
        raise PipelineError(request.http.words(reply.body) or "The provider ended without a file")
    if len(found) > MAX_OUTPUTS:
        raise PipelineError(f"The provider made {len(found)} files; {MAX_OUTPUTS} are the most")
    outputs: list[Output] = []
    for number, value in enumerate(found):
        request.context.progress(96.0, "Fetching the result")
        path = request.context.scratch / f"take-{number}"
        media_type = await _take(request, value, path, str(options.get("media_type", "")))
        named = path.with_suffix(SUFFIXES[media_type])
        path.rename(named)
        outputs.append(described(named, media_type, values))
    return tuple(outputs)


async def _take(request: _Request, value: str, path: Path, media_type: str) -> str:
    """Write what a reply holds or points at into a file, and return its media type."""
    if value.startswith("data:"):
        head, _, value = value.removeprefix("data:").partition(",")
        told, suffix = head.partition(";")[0], ""
        await asyncio.to_thread(path.write_bytes, base64.b64decode(value))
    elif media_type and not value.startswith(("http:", "https:")):
        told, suffix = media_type, ""
        await asyncio.to_thread(path.write_bytes, base64.b64decode(value))
    else:
        told = await request.patiently(request.download, value, path)
        suffix = PurePosixPath(urlsplit(value).path).suffix.lower()
    for candidate in (told, MEDIA_TYPES.get(suffix, ""), media_type):
        if candidate in SUFFIXES:
            return candidate
    raise PipelineError(f"The provider made a file of a kind that is not known here: {told or 'none'}")


def _paths(options: Mapping[str, Any]) -> Sequence[str]:
    files = options.get("files", ())
    return [files] if isinstance(files, str) else files


def _cost(provider: Provider, reply: Reply, options: Mapping[str, Any]) -> float | None:
    """What it cost: the units that the provider counted, at the price that the tier says they have."""
    counted = [reply.headers[provider.cost_header]] if provider.cost_header in reply.headers else []
    counted = counted or (at(reply.body, provider.cost_at) if provider.cost_at else [])
    price = options.get("usd_per_unit")
    if price is None or not counted:
        return None
    try:
        return round(float(counted[0]) * provider.cost_scale * float(price), 6)
    except (TypeError, ValueError):
        return None
