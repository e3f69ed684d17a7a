"""The quick judgement never says anything that the thorough one would not."""

import random
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from server.hub.single import Ends, new_end
from server.hub.structure import survey


def honest(client_id: int) -> list[bytes]:
    doc: Doc[Any] = Doc(client_id=client_id)
    made: list[bytes] = []
    subscription = doc.observe(lambda event: made.append(event.update))
    text: Text = doc.get("text", type=Text)
    nodes: Map[Any] = doc.get("nodes", type=Map)
    text.insert(0, "ab")
    nodes["n"] = Map({"x": 1.0, "y": 2})
    for number in range(20):
        nodes["n"]["x"] = number * 0.7
        nodes["n"]["y"] = number * 1000
        nodes["n"]["z"] = number % 2 == 0
        with doc.transaction():
            nodes["n"]["x"] = number * 0.9
            nodes["n"]["y"] = number * 0.1
        text.insert(number, "hello")
    del text[3:5]
    doc.unobserve(subscription)
    return made


def ends_of(updates: list[bytes]) -> Ends:
    ends = Ends({})
    for update in updates:
        for client, _, end in survey(update).runs:
            ends.grow(client, end)
    return ends


@pytest.mark.parametrize("client_id", [7, 2**32 - 1, 2**53 - 1])
def test_typing_and_dragging_are_judged_quickly(client_id: int) -> None:
    updates = honest(client_id)
    quick = [at for at in range(10, len(updates) - 1) if new_end(updates[at], ends_of(updates[:at])) is not None]
    assert len(quick) > 0.9 * (len(updates) - 11)


@pytest.mark.parametrize("seed", range(10))
def test_what_is_judged_quickly_is_judged_alike_thoroughly(seed: int) -> None:
    chance = random.Random(seed)
    updates = honest(300)
    known = [ends_of(updates[:at]) for at in range(len(updates))]
    judged = 0
    for _ in range(3000):
        at = chance.randrange(10, len(updates))
        ends = known[at]
        mutant = bytearray(updates[at])
        for _ in range(chance.randrange(3)):
            place = chance.randrange(len(mutant))
            match chance.randrange(4):
                case 0:
                    mutant[place] ^= 1 << chance.randrange(8)
                case 1:
                    mutant[place] = chance.choice((0, 1, 4, 8, 127, 128, 255))
                case 2:
                    del mutant[place]
                case _:
                    mutant.insert(place, chance.randrange(256))
        update = bytes(mutant)
        quick = new_end(update, ends)
        if quick is not None:
            judged += 1
            thorough = survey(update)
            assert not thorough.missing(ends.by_number)
            assert not thorough.overlaps(ends.by_number)
            assert not thorough.halves
            assert not thorough.levels
            assert [(client, end) for client, _, end in thorough.runs] == [quick]
    assert judged > 500
