"""Mutants: updates that were honest once, bent at random, given to a replica; run as a process of its own.

python -m tests.support.mutants SEED COUNT FILE: FILE holds the one that is being tried, so that whoever finds this
process dead knows what it died of. Exits with 1 and a line for each mutant that a replica took and then suffered from.
"""

import random
import signal
import sys
from pathlib import Path
from typing import Any

from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, merge_updates

from crdt_schema.values import normal
from server.hub import codec
from server.hub.codec import BadMessage
from server.hub.replica import Replica, Ruined
from server.hub.structure import survey

LONGEST_SECONDS = 5.0
EDGES = (0, 1, 2, 127, 128, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63)


def honest() -> list[bytes]:
    """A document's history with every kind of content in it, by one client, and an edit beside each by another."""
    author: Doc[Any] = Doc(client_id=7)
    made: list[bytes] = []
    subscription = author.observe(lambda event: made.append(event.update))
    nodes, text = author.get("nodes", type=Map), author.get("text", type=Text)
    items, page = author.get("items", type=Array), author.get("page", type=XmlFragment)
    nodes["n"] = Map({"title": Text("hi"), "x": 1.0, "tags": ["a", {"b": [None, True]}]})
    text.insert(0, "h\u00e9\N{GRINNING FACE}llo")
    text.format(1, 3, {"bold": True})
    text.insert_embed(2, {"image": 1})
    items.append([1, b"bytes", 2**40])
    items.append(Array([1, 2]))
    page.children.append(XmlElement("p", {"class": "x"}))
    nodes["n"]["x"] = 2.0
    nodes["n"]["title"].insert(2, "!")
    del items[0]
    del text[0:1]
    del nodes["n"]
    author.unobserve(subscription)
    return made


def mutant(chance: random.Random, updates: list[bytes]) -> bytes:
    """One of the updates, bent one to six times."""
    bent = bytearray(chance.choice(updates))
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        at = chance.randrange(len(bent) + 1)
        match chance.randrange(7):
            case 0 if at < len(bent):
                bent[at] ^= 1 << chance.randrange(8)
            case 1:
                del bent[at:]
            case 2:
                bent[at : at + 1] = codec.uint(chance.choice(EDGES))
            case 3:
                other = chance.choice(updates)
                start = chance.randrange(len(other))
                bent[at : at + chance.randrange(6)] = other[start : start + chance.randrange(12)]
            case 4:
                del bent[at : at + chance.randrange(4)]
            case 5 if at < len(bent):
                bent[at] = chance.randrange(32) | chance.choice((0, 0x20, 0x40, 0x80, 0xC0))
            case _:
                bent[at:at] = chance.randbytes(chance.randrange(1, 4))
    return bytes(bent)


def suffers(before: bytes, update: bytes, after: list[bytes]) -> str | None:
    """What becomes of a replica that takes `update`; None when it refuses it, or is none the worse for it."""
    replica = Replica([before])
    try:
        replica.apply(update, "mallory")
    except (BadMessage, Ruined):
        return None
    try:
        for each in after:
            replica.apply(each, "ada")
    except (BadMessage, Ruined):
        # The mutant has forged the clocks of somebody else; that is found out, if late.
        return None
    state = replica.missing(b"\0")
    survey(state)
    again: Doc[Any] = Doc()
    again.apply_update(state)
    normal(replica.doc.get("nodes", type=Map))
    str(replica.doc.get("text", type=Text))
    return None if sorted(again.get_state()) == sorted(replica.state()) else "it reads as another document"


def main(seed: int, count: int, file: Path) -> int:
    """Try so many mutants."""
    chance = random.Random(seed)
    updates = honest()
    found = 0
    for _ in range(count):
        have = chance.randrange(len(updates) + 1)
        before = merge_updates(b"\0\0", *updates[:have])
        update = mutant(chance, updates)
        file.write_text(f"base {before.hex()}\npoison {update.hex()}\n")
        signal.setitimer(signal.ITIMER_REAL, LONGEST_SECONDS)
        try:
            harm = suffers(before, update, updates[have:])
        except BaseException as error:  # noqa: BLE001 - a panic is no Exception
            harm = f"{type(error).__name__}: {error}"
        signal.setitimer(signal.ITIMER_REAL, 0)
        if harm is not None:
            found += 1
            sys.stdout.write(f"{harm}\nbase {before.hex()}\npoison {update.hex()}\n")
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
