"""Presence: whose word counts, what is sent, and what is forgotten."""

import pytest

from server.hub import codec
from server.hub.codec import BadMessage, Reader
from server.hub.limits import Limits
from server.hub.presence import REMEMBER_GONE_SECONDS, Presence
from server.hub.session import Session
from tests.support.sockets import ADA, BEN, HandLink


def session(actor: object = ADA) -> Session:
    return Session(actor, HandLink(), writable=True, asks_back=False)  # pyright: ignore[reportArgumentType] - ADA or BEN


def said(*entries: tuple[int, int, str]) -> bytes:
    return codec.uint(len(entries)) + b"".join(
        codec.uint(client) + codec.uint(clock) + codec.text(state) for client, clock, state in entries
    )


def heard(presence: Presence) -> dict[int, tuple[int, str]]:
    taken = presence.take()
    if taken is None:
        return {}
    reader = Reader(taken[0])
    return {reader.uint(): (reader.uint(), reader.text()) for _ in range(reader.uint())}


@pytest.fixture
def presence() -> Presence:
    return Presence(Limits(presence_bytes=100, presence_clients=2), now=lambda: 0.0)


def test_the_latest_state_of_each_client_is_sent_once(presence: Presence) -> None:
    ada = session()
    presence.receive(ada, said((1, 1, '{"x":1}')))
    presence.receive(ada, said((1, 2, '{"x":2}')))
    assert heard(presence) == {1: (2, '{"x":2}')}
    assert heard(presence) == {}


def test_nobody_speaks_for_another_persons_client(presence: Presence) -> None:
    ada, ben = session(), session(BEN)
    presence.receive(ada, said((1, 1, '{"x":1}')))
    heard(presence)
    presence.receive(ben, said((1, 9, '{"x":"mine"}'), (1, 9, "null"), (2, 1, "{}")))
    assert heard(presence) == {2: (1, "{}")}
    presence.leave(ben)
    assert heard(presence) == {2: (1, "null")}


def test_nobody_speaks_for_the_server(presence: Presence) -> None:
    presence.present("farm", {"jobs": {}})
    own = next(iter(heard(presence)))
    presence.receive(session(), said((own, 99, '{"farm":null}')))
    assert heard(presence) == {}


@pytest.mark.parametrize(
    ("state", "relayed"),
    [
        ('{"user":{"id":"ben","name":"Ben"}}', '{"user":{"id":"ada","name":"Ada","hue":1}}'),
        ('{"user":"Ben","x":1}', '{"user":{"id":"ada","name":"Ada","hue":1},"x":1}'),
        ('{"\\u0075ser":{"id":"ben"}}', '{"user":{"id":"ada","name":"Ada","hue":1}}'),
        ('{"user":{"color":"#fff"}}', '{"user":{"color":"#fff","id":"ada","name":"Ada","hue":1}}'),
        ('{ "user": {"id":"ada","name":"Ada","hue":1} }', '{ "user": {"id":"ada","name":"Ada","hue":1} }'),
        ("{}", "{}"),
    ],
)
def test_a_state_says_the_name_of_its_author_whatever_the_client_wrote(
    presence: Presence, state: str, relayed: str
) -> None:
    presence.receive(session(), said((1, 1, state)))
    assert heard(presence) == {1: (1, relayed)}


def test_old_news_and_repetitions_are_not_news(presence: Presence) -> None:
    ada = session()
    presence.receive(ada, said((1, 5, '{"x":5}')))
    heard(presence)
    presence.receive(ada, said((1, 4, '{"x":4}')))
    presence.receive(ada, said((1, 5, '{"x":5}')))
    assert heard(presence) == {}


def test_who_comes_back_on_a_new_socket_with_the_old_clock_is_seen_again(presence: Presence) -> None:
    before, after = session(), session()
    presence.receive(before, said((1, 5, '{"x":5}')))
    presence.leave(before)
    assert heard(presence) == {1: (5, "null")}
    presence.receive(after, said((1, 5, '{"x":5}')))
    assert heard(presence) == {1: (6, '{"x":5}')}


def test_a_new_socket_takes_over_before_the_old_one_is_found_dead(presence: Presence) -> None:
    before, after = session(), session()
    presence.receive(before, said((1, 5, '{"x":5}')))
    presence.receive(after, said((1, 6, '{"x":6}')))
    presence.leave(before)
    assert heard(presence) == {1: (6, '{"x":6}')}


def test_an_echo_does_not_bring_back_who_has_left(presence: Presence) -> None:
    ada, ben = session(), session(BEN)
    presence.receive(ada, said((1, 5, '{"x":5}')))
    presence.leave(ada)
    heard(presence)
    presence.receive(ben, said((1, 5, '{"x":5}')))
    assert heard(presence) == {}
    assert presence.everybody() is None


def test_another_tab_of_the_same_person_does_not_bring_back_the_one_that_was_closed(presence: Presence) -> None:
    first, second = session(), session()
    presence.receive(first, said((1, 1, '{"x":1}')))
    presence.receive(second, said((2, 1, '{"x":2}')))
    presence.leave(first)
    heard(presence)
    presence.receive(second, said((1, 1, '{"x":1}'), (2, 2, '{"x":3}')))
    assert heard(presence) == {2: (2, '{"x":3}')}


def test_who_has_left_is_forgotten_after_a_while() -> None:
    now = [0.0]
    presence = Presence(Limits(), now=lambda: now[0])
    for client_id in range(1, 100):
        visitor = session()
        presence.receive(visitor, said((client_id, 1, "{}")))
        presence.leave(visitor)
        presence.take()
        now[0] += REMEMBER_GONE_SECONDS / 10
    assert len(presence._clients) < 15


def test_a_state_that_is_too_large_is_not_shown(presence: Presence) -> None:
    presence.receive(session(), said((1, 1, '"' + "." * 200 + '"')))
    assert heard(presence) == {}


def test_a_session_may_present_only_so_many_clients(presence: Presence) -> None:
    presence.receive(session(), said(*((client_id, 1, "{}") for client_id in range(1, 10))))
    assert set(heard(presence)) == {1, 2}


@pytest.mark.parametrize("state", ["", "oops", "NaN", '{"x":Infinity}', "1", '"text"', "[" * 100_000])
def test_a_state_that_would_break_the_browsers_is_refused(state: str) -> None:
    presence = Presence(Limits(presence_bytes=1_000_000))
    with pytest.raises(BadMessage):
        presence.receive(session(), said((1, 1, state)))
    assert heard(presence) == {}


@pytest.mark.parametrize("clock", [2**53 - 1, 2**53, 2**60, 2**63])
def test_a_clock_that_javascript_cannot_hold_is_refused(presence: Presence, clock: int) -> None:
    with pytest.raises(BadMessage):
        presence.receive(session(), said((1, clock, "{}")))
    assert heard(presence) == {}


def test_a_state_that_cannot_be_written_again_is_refused(presence: Presence) -> None:
    with pytest.raises(BadMessage):
        presence.receive(session(), said((1, 1, '{"user":1,"x":1e999}')))
    assert heard(presence) == {}


def test_presence_beyond_its_rate_is_dropped_and_never_queued() -> None:
    now, refused = [0.0], list[str]()
    presence = Presence(Limits(presence_per_second=10.0), now=lambda: now[0], refuse=refused.append)
    ada, ben = session(), session(BEN)
    for clock in range(1, 101):
        presence.receive(ada, said((1, clock, f'{{"x":{clock}}}')))
    presence.receive(ben, said((2, 1, "{}")))
    assert heard(presence) == {1: (20, '{"x":20}'), 2: (1, "{}")}
    assert refused == ["presence_too_frequent"] * 80
    now[0] += 1.0
    presence.receive(ada, said((1, 101, '{"x":101}')))
    assert heard(presence) == {1: (101, '{"x":101}')}


def test_a_message_about_more_clients_than_a_room_can_hold_is_refused_before_it_is_read(presence: Presence) -> None:
    with pytest.raises(BadMessage):
        presence.receive(session(), codec.uint(1_000_000) + b"\1\1\2{}" * 1_000_000)
    assert heard(presence) == {}


def test_what_is_dropped_for_its_size_is_counted() -> None:
    refused: list[str] = []
    presence = Presence(Limits(presence_bytes=10), refuse=refused.append)
    presence.receive(session(), said((1, 1, '{"x":"' + "." * 20 + '"}')))
    assert (heard(presence), refused) == ({}, ["presence_too_large"])


def test_the_servers_own_state_counts_up_and_goes_when_it_is_empty(presence: Presence) -> None:
    presence.present("farm", {"jobs": {"i": 1}})
    presence.present("farm", {"jobs": {"i": 2}})
    presence.present("farm", {"jobs": {"i": 2}})
    ((clock, state),) = heard(presence).values()
    assert (clock, state) == (2, '{"farm":{"jobs":{"i":2}}}')
    presence.present("farm", None)
    ((clock, state),) = heard(presence).values()
    assert (clock, state, presence.speaks) == (3, "null", False)
