"""Ten thousand intents on eight nodes while everything dies at random."""

import os
from pathlib import Path
from random import Random

import pytest

from tests.support.farm import Valkey, valkey
from tests.support.film import open_film
from tests.support.simulation import Simulation, check
from tests.support.zygote import Zygote

__all__ = ["valkey"]

INTENTS = 10_000


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
async def test_ten_thousand_intents_survive_random_deaths(valkey: Valkey, tmp_path: Path) -> None:
    zygote = Zygote(tmp_path)
    try:
        async with open_film(tmp_path / "workspace", valkey.url) as film:
            await film.new_project(cap=1e8)
            seed = int(os.environ.get("SEED", "10000"))
            simulation = Simulation(film, zygote, valkey, Random(seed), shots=200)
            jobs = await simulation.run(INTENTS, deaths=1_500, limit_seconds=3 * 3600)
            ended = await check(simulation, jobs, INTENTS)
            assert set(ended) <= {"completed", "lost"}, ended
            assert ended["completed"] >= INTENTS * 0.95, ended
    finally:
        zygote.close()
