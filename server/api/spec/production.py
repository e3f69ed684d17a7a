"""The endpoints of locks and scene chains."""

from crdt_schema.project import ASPECT_RATIOS
from crdt_schema.shapes import HIGHEST_FRAME
from server.api.access import LONGEST_REASON
from server.api.production import (
    FRAMES,
    LONGEST_CONTEXT,
    LONGEST_NAME,
    LOUDEST_DB,
    MOST_SEGMENTS,
    QUIETEST_DB,
)
from server.api.spec.endpoint import Endpoint
from server.api.spec.shapes import (
    BOOL,
    ID,
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    between,
    body,
    by_key,
    line,
    many,
    maybe,
    one_of,
    record,
    words,
)

REASON = words(LONGEST_REASON)
NOTE: dict[str, Schema] = {
    "lockedBy": maybe(TEXT),
    "lockedByName": maybe(TEXT),
    "lockedAt": maybe(TEXT),
    "reason": maybe(TEXT),
}
"""Who locked something and when; null while it is open."""
LOCK = record(**NOTE)
LOCKS = record(
    shots=by_key(LOCK), styles=by_key(LOCK), pictures=by_key(LOCK), contract=maybe(LOCK), styledShots=by_key(ID)
)
ORDER = {**many(ID), "maxItems": MOST_SEGMENTS}
CHAIN = record(
    id=ID,
    name=TEXT,
    masterStyleContext=TEXT,
    aspectRatio=TEXT,
    styleLocked=BOOL,
    warning=TEXT,
    pictureLocked=BOOL,
    **NOTE,
    segments=many(
        record(id=ID, shot=ID, text=TEXT, audioGain=NUMBER, locked=BOOL, **dict.fromkeys(FRAMES, WHOLE), **NOTE)
    ),
)
PROJECT = "/api/projects/{project}"
ONE_CHAIN = f"{PROJECT}/scene-chains/{{chain}}"
SEGMENT = f"{ONE_CHAIN}/segments/{{segment}}"


def locking(*names: str, field: str = "locked") -> Endpoint:
    """An endpoint that locks and unlocks: its reply names what, how it stands, and who did it."""
    reply = record(**dict.fromkeys(names, ID), **{field: BOOL}, **NOTE)
    return Endpoint("lock", reply, body=body(field, **{field: BOOL}, reason=REASON), errors=(404, 409))


ENDPOINTS: dict[str, Endpoint] = {
    f"GET {PROJECT}/locks": Endpoint("read", LOCKS),
    f"PUT {PROJECT}/shots/{{shot}}/lock": locking("shotId"),
    f"PUT {PROJECT}/styles/{{style}}/lock": locking("styleId"),
    f"PUT {PROJECT}/contract/lock": locking(),
    f"PUT {ONE_CHAIN}/picture-lock": locking("sceneChainId", field="pictureLocked"),
    f"PUT {SEGMENT}/lock": locking("segmentId"),
    f"GET {PROJECT}/scene-chains": Endpoint("read", many(CHAIN)),
    f"POST {PROJECT}/scene-chains": Endpoint(
        "edit",
        CHAIN,
        status=201,
        body=body(
            "name",
            name=line(LONGEST_NAME),
            masterStyleContext=words(LONGEST_CONTEXT),
            aspectRatio=one_of(ASPECT_RATIOS),
            shots=ORDER,
        ),
        errors=(409, 423),
    ),
    f"PUT {ONE_CHAIN}/order": Endpoint("edit", CHAIN, body=body("order", order=ORDER), errors=(409, 423)),
    f"PUT {SEGMENT}": Endpoint(
        "edit",
        CHAIN,
        body={
            **body(
                **dict.fromkeys(FRAMES, between(0, HIGHEST_FRAME, whole=True)),
                audioGain=between(QUIETEST_DB, LOUDEST_DB),
            ),
            "anyOf": [{"required": [name]} for name in (*FRAMES, "audioGain")],
        },
        errors=(423,),
    ),
}
