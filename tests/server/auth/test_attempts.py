"""How fast somebody may guess, and that a stranger's guesses keep nobody out for long."""

from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest

from server.auth.attempts import ADDRESS, MOST_REMEMBERED, NAME, NAME_AT_ADDRESS, Attempts
from server.errors import TooMany, Unauthorised


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    return Attempts(clock)


def refuse() -> NoReturn:
    raise Unauthorised("Name or password is wrong.")


def guess(attempts: Attempts, name: str, address: str) -> float:
    """A wrong password; how long the guesser has to wait, 0 when it was looked at."""
    try:
        with attempts.password(name, address):
            refuse()
    except Unauthorised:
        return 0.0
    except TooMany as refused:
        return refused.retry_after_seconds


def test_a_name_at_an_address_has_few_tries_and_then_one_after_each_pause(attempts: Attempts, clock: Clock) -> None:
    assert [guess(attempts, "ana", "a") for _ in range(NAME_AT_ADDRESS.burst)] == [0.0] * NAME_AT_ADDRESS.burst
    assert guess(attempts, "ana", "a") == NAME_AT_ADDRESS.pause_seconds
    clock.now += timedelta(seconds=NAME_AT_ADDRESS.pause_seconds)
    assert guess(attempts, " ANA ", "a") == 0.0
    assert guess(attempts, "ana", "a") > 0.0


def test_an_address_that_tries_many_names_waits(attempts: Attempts) -> None:
    waits = [guess(attempts, f"name {number}", "a") for number in range(ADDRESS.burst + 1)]
    assert waits == [0.0] * ADDRESS.burst + [ADDRESS.pause_seconds]
    assert guess(attempts, "name 0", "b") == 0.0


def test_a_name_tried_from_many_addresses_waits_for_seconds_only(attempts: Attempts, clock: Clock) -> None:
    waits = [guess(attempts, "ana", f"address {number}") for number in range(NAME.burst + 100)]
    assert waits[: NAME.burst] == [0.0] * NAME.burst
    assert set(waits[NAME.burst :]) == {NAME.pause_seconds}
    clock.now += timedelta(seconds=NAME.pause_seconds)
    with attempts.password("ana", "home"):
        pass


def test_who_has_signed_in_from_an_address_is_not_kept_out_by_strangers(attempts: Attempts) -> None:
    with attempts.password("Ana", "home"):
        pass
    for number in range(NAME.burst + 100):
        guess(attempts, "ana", f"address {number}")
    with attempts.password("ana", "home"):
        pass


def test_what_is_right_counts_for_nothing(attempts: Attempts) -> None:
    for _ in range(ADDRESS.burst + NAME.burst):
        with attempts.password("Ana", "home"):
            pass


def test_a_hundred_tries_at_once_are_a_hundred(attempts: Attempts) -> None:
    open_tries = [attempts.password("ana", "a") for _ in range(NAME_AT_ADDRESS.burst)]
    for each in open_tries:
        each.__enter__()
    assert guess(attempts, "ana", "a") > 0.0
    for each in open_tries:
        each.__exit__(None, None, None)
    assert guess(attempts, "ana", "a") == 0.0


def test_guesses_fill_no_memory(attempts: Attempts) -> None:
    for number in range(MOST_REMEMBERED):
        guess(attempts, f"name {number}", f"address {number}")
    assert len(attempts._buckets) <= MOST_REMEMBERED
