"""How much a session may send: what honest clients do passes at once, a flood is slowed down and then closed."""

import pytest

from crdt_schema.wire import CloseCode
from server.hub.census import Census, TooManySessions
from server.hub.limits import Limits
from server.hub.rates import Bucket, Intake, TooFrequent


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.at = 100.0
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


LIMITS = Limits(messages_per_second=100.0, message_burst=500, receive_bytes_per_second=1e6, receive_burst_bytes=10**7)


def test_what_comes_at_once_passes_up_to_the_burst_and_then_waits_its_turn(clock: Clock) -> None:
    bucket = Bucket(10.0, 100.0, clock)
    assert [bucket.over_seconds(1.0) for _ in range(100)] == [0.0] * 100
    assert bucket.over_seconds(1.0) == pytest.approx(0.1)
    clock.at += 5.0
    assert [bucket.over_seconds(1.0) for _ in range(49)] == [0.0] * 49
    assert bucket.over_seconds(1.0) > 0.0


def test_a_bucket_that_is_full_keeps_nothing_of_what_it_refuses(clock: Clock) -> None:
    bucket = Bucket(10.0, 10.0, clock)
    assert sum(bucket.takes(1.0) for _ in range(1000)) == 10
    clock.at += 1.0
    assert sum(bucket.takes(1.0) for _ in range(1000)) == 10


def test_who_sends_little_never_costs_a_look_at_the_clock(clock: Clock) -> None:
    intake = Intake(LIMITS, clock)
    before = clock.reads
    assert sum(intake.pause_seconds(60) for _ in range(400)) == 0.0
    assert clock.reads == before


def test_sixty_edits_a_second_all_day_never_wait(clock: Clock) -> None:
    intake = Intake(LIMITS, clock)
    for _ in range(60 * 600):
        clock.at += 1 / 60
        assert intake.pause_seconds(60) == 0.0


def test_a_flood_is_read_at_the_rate_and_closed_when_it_goes_on(clock: Clock) -> None:
    intake = Intake(LIMITS, clock)
    started, read = clock.at, list[int]()

    def flood() -> None:
        while True:
            clock.at += intake.pause_seconds(60)
            read.append(60)

    with pytest.raises(TooFrequent) as refused:
        flood()
    spent = clock.at - started
    assert spent == pytest.approx(LIMITS.throttle_seconds, rel=0.1)
    assert len(read) == pytest.approx(LIMITS.message_burst + spent * LIMITS.messages_per_second, rel=0.1)
    assert refused.value.close_code == CloseCode.TOO_FREQUENT
    assert refused.value.code == "too_frequent"


def test_many_bytes_count_like_many_messages(clock: Clock) -> None:
    intake = Intake(LIMITS, clock)
    assert intake.pause_seconds(LIMITS.receive_burst_bytes) == 0.0
    assert intake.pause_seconds(10**6) == pytest.approx(1.0)


def test_a_client_that_rests_between_its_bursts_is_never_closed(clock: Clock) -> None:
    intake = Intake(LIMITS, clock)
    for _ in range(50):
        for _ in range(600):
            clock.at += intake.pause_seconds(60)
        clock.at += 10.0


def test_one_person_may_have_so_many_sessions_and_others_are_not_asked() -> None:
    census = Census(2)
    with census.counted("ada"), census.counted("ada"):
        with pytest.raises(TooManySessions), census.counted("ada"):
            pass
        with census.counted("ben"):
            pass
    with census.counted("ada"):
        pass


def test_the_defaults_leave_room_for_what_clients_do() -> None:
    limits = Limits()
    assert limits.frame_bytes > limits.update_bytes
    assert limits.receive_burst_bytes >= limits.frame_bytes
    assert limits.document_bytes >= limits.update_bytes
    assert limits.messages_per_second > 60 * 10
