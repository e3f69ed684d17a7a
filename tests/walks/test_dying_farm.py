"""Whatever dies, and between whichever two steps: one intent ends in exactly one take or one explained failure."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.farm import Valkey, valkey
from tests.support.film import Film, open_film
from tests.support.simulation import Simulation, check
from tests.support.zygote import Zygote

__all__ = ["valkey"]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Zygote]:
    zygote = Zygote(tmp_path)
    yield zygote
    zygote.close()


@pytest.fixture
async def film(valkey: Valkey, tmp_path: Path) -> AsyncGenerator[Film]:
    async with open_film(tmp_path / "workspace", valkey.url) as film:
        await film.new_project(cap=1_000_000.0)
        yield film


async def test_two_hundred_intents_survive_random_deaths_of_eight_nodes(
    film: Film, valkey: Valkey, zygote: Zygote
) -> None:
    simulation = Simulation(film, zygote, valkey, Random(46))
    jobs = await simulation.run(200, deaths=30, limit_seconds=150)
    ended = await check(simulation, jobs, 200)
    assert set(ended) <= {"completed", "lost"}
    assert ended["completed"] >= 190
    assert {"node", "attempt"} <= set(simulation.deaths)
