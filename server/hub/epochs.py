"""Whether a client brings the history of another epoch of the document; asked before anything is applied.

The epoch is written once, when a document is founded, as the entry `epoch` of the root map `meta`. Whoever holds that
entry under another identity holds another founding, hence another history, however alike the two documents look.
"""

from collections.abc import Callable
from typing import Any, cast

from pycrdt import Doc, Map, get_update

from crdt_schema.wire import SyncStep
from server.errors import TooLarge
from server.hub.limits import Limits
from server.hub.nesting import check_nesting
from server.hub.replica import EMPTY_STATE, Ruined, panics_told
from server.hub.session import Session

OTHER_EPOCH = "This document was begun anew here. Discard your copy, or add what only it holds as new edits."
"""Fits the 123 bytes of a close frame."""
FOUNDING = b"\x01\x04meta\x05epoch"
"""How encoding version 1 names the place of the first value of that entry: a parent by name, its name, the key.

A later value of it (a repair, an upgrade) names its predecessor instead, which then is in the update too, or in the
room already. A predecessor that was deleted keeps its place, so it is found as well.
"""


def brings_another(update: bytes, state: Callable[[], bytes], epoch: object) -> bool:
    """Whether `update` (encoding version 1) holds a founding that is not that of the room with that state vector.

    An update that does not decode brings nothing: applying it says what is wrong with it. Raises BadMessage for values
    that are nested too deep to be read.
    """
    if FOUNDING not in update:
        return False
    check_nesting(update)
    try:
        with panics_told():
            # Providers send only what the room lacks; others may send everything, with the room's own founding in it.
            return FOUNDING in get_update(update, state()) and _epoch_in(update) != epoch
    except (ValueError, Ruined):
        return False


def known_by_state(session: Session, state: bytes, room: Callable[[], bytes]) -> list[bytes]:
    """What can be applied now that the client has shown its state vector: all of it, if it has no history of its own.

    A change by itself may fit any history: Hocuspocus's provider sends what was edited offline before anything else,
    and a new record in it depends on nothing. So changes wait until it is clear of which epoch they are. A client that
    knows nothing, or just what the room knows, has no other founding; of any other the step 2 tells.
    """
    session.shown = True
    if session.early is None or (state != EMPTY_STATE and state != room()):
        return []
    known, session.early = session.early, None
    return known


def known_by_update(session: Session, step: int, update: bytes, limits: Limits) -> list[bytes]:
    """What can be applied now that `update`, which brings no other epoch, has come. Raises TooLarge."""
    # y-websocket shows its state first; a client of that dialect that does not has nothing to show.
    if session.early is None or not (session.shown or session.asks_back):
        return [update]
    session.early.append(update)
    if step == SyncStep.STEP2:
        known, session.early = session.early, None
        return known
    if len(session.early) > limits.held_frames or sum(map(len, session.early)) > limits.update_bytes:
        raise TooLarge("Send a step 1 and answer the server's before you send so much.")
    return []


def _epoch_in(update: bytes) -> object:
    """The epoch that an update writes; None where it is deleted.

    It is where a client has merged the room's document into its own before it sent anything, as Hocuspocus's provider
    does: of two concurrent values Yjs deletes one.
    """
    scratch: Doc[Any] = Doc()
    scratch.apply_update(update)
    meta: Map[Any] = scratch.get("meta", type=Map)
    return cast("object", meta.get("epoch"))
