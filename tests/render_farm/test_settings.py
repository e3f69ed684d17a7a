"""Settings of a farm worker: each is documented, and each is read."""

from pathlib import Path

import pytest

from render_farm.settings import FARM_SETTINGS, BadSetting, FarmSettings


def test_every_setting_says_what_it_does() -> None:
    assert all(setting.help.endswith(".") for setting in FARM_SETTINGS)
    assert len({setting.name for setting in FARM_SETTINGS}) == len(FARM_SETTINGS)


def test_without_an_environment_the_defaults_of_the_table_hold() -> None:
    settings = FarmSettings.from_environment({})
    assert (settings.namespace, settings.lease_seconds, settings.stop_seconds) == ("workprint", 60, 3)
    assert settings.scratch.is_absolute()


def test_what_the_environment_says_holds() -> None:
    settings = FarmSettings.from_environment({"WORKPRINT_SCRATCH": "/x", "WORKPRINT_JOB_SECONDS": "5", "REDIS_URL": ""})
    assert (settings.scratch, settings.job_seconds) == (Path("/x"), 5)
    assert settings.redis_url == "redis://127.0.0.1:6379/0"


def test_a_number_that_is_none_stops_the_worker() -> None:
    with pytest.raises(ValueError, match="soon"):
        FarmSettings.from_environment({"WORKPRINT_STOP_SECONDS": "soon"})


@pytest.mark.parametrize("name", ["WORKPRINT_LEASE_SECONDS", "WORKPRINT_JOB_SECONDS"])
def test_a_time_that_nothing_can_be_done_in_stops_the_worker(name: str) -> None:
    with pytest.raises(BadSetting, match=r"at least 0\.5, not '0'"):
        FarmSettings.from_environment({name: "0"})
