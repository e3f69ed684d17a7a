"""The endpoints of who changed what, and of what was not let stand."""

from typing import get_args

from server.activity.replay import ChangeKind
from server.api.activity import LONGEST_RECORD, MOST
from server.api.spec.endpoint import Endpoint
from server.api.spec.shapes import ID, TEXT, between, by_key, many, maybe, maybe_empty, one_of, record, shape_of, words
from server.projects.proposals import Proposal

BY = record(id=TEXT, name=TEXT)
ENTRY = record(
    id=TEXT,
    at=TEXT,
    until=TEXT,
    by=BY,
    document=TEXT,
    record=TEXT,
    title=TEXT,
    type=TEXT,
    change=one_of(get_args(ChangeKind)),
    fields=many(TEXT),
)
RECORD = words(LONGEST_RECORD)

ENDPOINTS: dict[str, Endpoint] = {
    "GET /api/projects/{project}/activity": Endpoint(
        "read",
        record(entries=many(ENTRY), next=maybe(TEXT)),
        query={
            "document": TEXT,
            "user": maybe_empty(ID),
            "record": RECORD,
            "before": TEXT,
            "limit": between(1, MOST, whole=True),
        },
        errors=(400,),
    ),
    "GET /api/projects/{project}/blame": Endpoint(
        "read",
        record(fields=by_key(record(by=BY, at=TEXT))),
        query={"document": TEXT, "record": RECORD},
        needed=("record",),
        errors=(400,),
    ),
    "GET /api/projects/{project}/proposals": Endpoint("read", record(entries=many(shape_of(Proposal)))),
    "DELETE /api/projects/{project}/proposals/{proposal}": Endpoint("read", record()),
}
