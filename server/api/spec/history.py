"""The endpoints of the timeline, of old versions and the way back to them, and of forks."""

from typing import get_args

from server.api.activity import LONGEST_RECORD
from server.api.history import MOST
from server.api.spec.endpoint import Endpoint
from server.api.spec.shapes import (
    ANYTHING,
    ID,
    TEXT,
    WHOLE,
    Schema,
    between,
    body,
    by_key,
    many,
    maybe,
    one_of,
    record,
    with_more,
    words,
)
from server.history.compare import Change
from server.history.words import Op

COMMIT: Schema = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
VERSION: Schema = {"type": "string", "pattern": "^([0-9a-f]{40}|now)$", "description": "A commit, or now"}
PICTURE = maybe(TEXT)
ENTRY = record(
    commit=COMMIT,
    message=TEXT,
    author=TEXT,
    people=many(TEXT),
    at=TEXT,
    names=many(TEXT),
    takes=many(record(id=TEXT, name=TEXT, thumbnail=PICTURE)),
    files=WHOLE,
)
OBJECT: Schema = {"type": "object"}
DOCUMENTS = with_more(
    record(annotations=by_key(OBJECT), scripts=by_key(TEXT)),
    canvas=OBJECT,
    takes=OBJECT,
    styles=OBJECT,
    library=OBJECT,
    production=OBJECT,
)
WORDS = many(
    {
        "type": "array",
        "items": TEXT,
        "minItems": 2,
        "maxItems": 2,
        "description": f"What happened to the words, one of {' '.join(get_args(Op))}, and the words",
    }
)
FIELD = with_more(record(**{"name": TEXT, "from": ANYTHING, "to": ANYTHING}), words=WORDS)
CHANGE = record(
    document=TEXT, root=TEXT, id=TEXT, title=TEXT, type=TEXT, change=one_of(get_args(Change)), fields=many(FIELD)
)
TAKE = record(id=TEXT, node=TEXT, name=TEXT, number=WHOLE, thumbnail=PICTURE)
TAKES = record(
    added=many(TAKE),
    removed=many(TAKE),
    active=many(record(**{"node": TEXT, "title": TEXT, "from": maybe(TAKE), "to": maybe(TAKE)})),
)
BREACH = record(id=TEXT, rule=TEXT, path=many(TEXT), message=TEXT, lift=TEXT, title=TEXT)
FORK = record(name=ID, document=TEXT, by=record(id=TEXT, name=TEXT), at=TEXT, commit=maybe(COMMIT))
HISTORY = "/api/projects/{project}/history"
FORKS = "/api/projects/{project}/forks"

ENDPOINTS: dict[str, Endpoint] = {
    f"GET {HISTORY}": Endpoint(
        "read",
        record(entries=many(ENTRY), next=maybe(COMMIT)),
        query={"before": {"type": "string", "pattern": "^([0-9a-f]{40})?$"}, "limit": between(1, MOST, whole=True)},
        errors=(400,),
    ),
    f"GET {HISTORY}/{{commit}}": Endpoint("read", record(commit=COMMIT, documents=DOCUMENTS), errors=(413,)),
    f"POST {HISTORY}/restore": Endpoint(
        "edit",
        record(restored=WHOLE, refused=many(BREACH), before=COMMIT),
        body=body(
            "commit",
            "document",
            commit=COMMIT,
            document=words(LONGEST_RECORD),
            root=words(LONGEST_RECORD),
            record=words(LONGEST_RECORD),
            field=words(LONGEST_RECORD),
            undoes=COMMIT,
        ),
        errors=(409,),
    ),
    f"GET {FORKS}": Endpoint("read", record(forks=many(with_more(FORK, ahead=WHOLE)))),
    f"POST {FORKS}": Endpoint("edit", FORK, status=201, body=body("name", name=ID, commit=COMMIT), errors=(409,)),
    f"GET {FORKS}/{{fork}}/diff": Endpoint("read", record(records=many(CHANGE), left_out=WHOLE), errors=(409,)),
    f"POST {FORKS}/{{fork}}/merge": Endpoint(
        "edit", record(merged=WHOLE, refused=many(BREACH), before=COMMIT), errors=(409,)
    ),
    f"DELETE {FORKS}/{{fork}}": Endpoint("edit", record()),
    f"GET {HISTORY}/diff": Endpoint(
        "read",
        record(**{"from": VERSION, "to": VERSION, "records": many(CHANGE), "left_out": WHOLE, "takes": TAKES}),
        query={"from": VERSION, "to": VERSION},
        needed=("from",),
        errors=(400, 413),
    ),
}
