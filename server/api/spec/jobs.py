"""The endpoints of jobs, batches and their estimates, and of the farm as it is now."""

from crdt_schema.farm import BatchEstimate
from crdt_schema.records import Job
from server.api.spec.core import TASK
from server.api.spec.endpoint import Endpoint
from server.api.spec.shapes import BINARY, BOOL, ID, TEXT, WHOLE, body, by_key, many, record, shape_of
from server.intents.estimates import MOST_SHOTS
from server.intents.previews import SIGNATURES

SHOTS = body("nodes", nodes={**many(ID), "minItems": 1, "maxItems": MOST_SHOTS}, fresh=BOOL)
PICTURES = tuple(SIGNATURES)

ENDPOINTS: dict[str, Endpoint] = {
    "POST /api/projects/{project}/estimates": Endpoint("read", shape_of(BatchEstimate), body=SHOTS),
    "POST /api/projects/{project}/batches": Endpoint(
        "generate", record(batch=ID, tasks=by_key(ID)), status=202, body=SHOTS, errors=(404,)
    ),
    "GET /api/projects/{project}/batches/{batch}": Endpoint("read", record(batch=ID, tasks=many(TASK))),
    "POST /api/projects/{project}/batches/{batch}/cancel": Endpoint(
        "cancel", record(batch=ID), status=202, errors=(404,)
    ),
    "GET /api/projects/{project}/jobs/{job}": Endpoint("read", shape_of(Job)),
    "POST /api/projects/{project}/jobs/{job}/cancel": Endpoint("cancel", record(job=ID), status=202, errors=(404, 409)),
    "GET /api/projects/{project}/jobs/{job}/preview": Endpoint("read", BINARY, reply_media=PICTURES),
    "GET /api/projects/{project}/jobs/{job}/attempts/{attempt}/log": Endpoint(
        "read", TEXT, reply_media=("text/plain",)
    ),
    "GET /api/farm/live": Endpoint("signed in", TEXT, reply_media=("text/event-stream",), query={"once": TEXT}),
    "PUT /api/farm/previews/{project}/{job}": Endpoint(
        "order", record(job=ID, number=WHOLE), status=201, body=BINARY, media=PICTURES
    ),
}
