"""The two workers of the farm's benchmark: Workprint's with a pipeline that does nearly nothing, and plain RQ's.

`python -m bench.farm_worker workprint|rq` with REDIS_URL set; `bench/farm.py` starts them.
"""

import os
import sys
from types import ModuleType
from typing import Any

from PIL import Image
from redis import Redis
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from pipelines import registry
from pipelines.spec import Output, Pipeline, RunContext, TierSpec
from render_farm import worker
from render_farm.ledger import connect

MODULE = "pipelines.bench_nothing"
QUEUE = "plain"
STREAM = "plain:events"
NOTHING = Pipeline(
    id="bench-nothing",
    version="1.0.0",
    uuid="00000000-0000-4000-8000-0000000000be",
    label="Nothing",
    summary="One pixel.",
    output="Image",
    inputs=(),
    params=(),
    tiers={"low": TierSpec("local", f"{MODULE}:render", 0, 64, 0.1)},
    price_usd=0,
    needs="",
    licence="the licence of Workprint",
    source="bench",
)


def render(_recipe: Any, _options: Any, context: RunContext) -> list[Output]:  # noqa: ANN401 - a recipe is plain JSON
    """Workprint's side: the least that is a take."""
    path = context.scratch / "pixel.png"
    Image.new("RGB", (1, 1)).save(path)
    return [Output(path, "image/png", 1, 1)]


def plain(job: str) -> None:
    """RQ's side: say that it began and that it ended."""
    redis = connect(os.environ["REDIS_URL"])
    redis.xadd(STREAM, {"job": job, "type": "started"})
    redis.xadd(STREAM, {"job": job, "type": "finished"})
    redis.close()


def main(kind: str) -> int:
    """Run one of the two until it is told to stop."""
    if kind == "rq":
        redis: Redis = connect(os.environ["REDIS_URL"])
        Worker(
            [Queue(QUEUE, connection=redis, serializer=JSONSerializer)], connection=redis, serializer=JSONSerializer
        ).work(logging_level="WARNING")
        return 0
    module = ModuleType(MODULE)
    module.render = render  # pyright: ignore[reportAttributeAccessIssue] - a module made at run time
    sys.modules[MODULE] = module
    registry.load_catalog()[NOTHING.id] = NOTHING
    return worker.main(["--vram", "0", "--name", "bench"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
