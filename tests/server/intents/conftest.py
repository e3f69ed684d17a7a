"""Fixtures of a real farm and of a film in the making."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.farm import Valkey, start_worker, valkey
from tests.support.film import Film, open_film

__all__ = ["start_worker", "valkey"]


@pytest.fixture
async def film(valkey: Valkey, tmp_path: Path) -> AsyncGenerator[Film]:
    """A project with a complete contract; no worker."""
    async with open_film(tmp_path / "workspace", valkey.url) as film:
        await film.new_project()
        yield film
