"""The endpoints of projects, media, tasks, the farm and the service itself."""

from crdt_schema.farm import Estimate
from crdt_schema.project import ASPECT_RATIOS, Gate, Governance, Manifest, NarrativeStructure, WhenBusy
from crdt_schema.records import CanvasPlain, Role
from crdt_schema.takes import TIERS
from server.api import git_remote, projects
from server.api.spec.endpoint import Endpoint
from server.api.spec.files import MEDIA
from server.api.spec.production import LOCKS, REASON
from server.api.spec.shapes import (
    ANYTHING,
    BINARY,
    BLOB,
    BOOL,
    ID,
    NUMBER,
    TEXT,
    TIME,
    WHOLE,
    between,
    body,
    by_key,
    line,
    many,
    maybe,
    one_of,
    record,
    shape_of,
    with_more,
    words,
)
from server.api.tasks import TASK_STATUS
from server.snapshot.remotes import LONGEST_URL

ROLE = one_of(Role)
NAME, LONG = line(projects.LONGEST_NAME), words(projects.LONGEST_TEXT)
CONTRACT = body(
    targetFormat=words(200),
    targetRuntime=between(0, 100_000),
    aspectRatio=one_of(ASPECT_RATIOS),
    budgetCap=maybe(between(0, 10_000_000)),
    styleNotes=LONG,
)
SETTINGS = {
    "description": LONG,
    "quality": one_of(TIERS),
    "governance": one_of(Governance),
    "creativeContract": CONTRACT,
}
CARD = record(
    id=ID,
    name=TEXT,
    description=TEXT,
    updated=TIME,
    poster=maybe(TEXT),
    shots=WHOLE,
    takes=WHOLE,
    problem=TEXT,
    role=ROLE,
)
PROJECT = with_more(
    record(
        id=ID,
        name=TEXT,
        description=TEXT,
        role=ROLE,
        manifest=shape_of(Manifest),
        gates=many(shape_of(Gate)),
        budget=record(cap=maybe(NUMBER), spent=NUMBER, reserved=NUMBER),
        locks=LOCKS,
    ),
    graph=shape_of(CanvasPlain),
)
REMOTE = record(url=TEXT, state=one_of(("ok", "waiting", "failing")), at=maybe(TIME), message=TEXT)
GIT = record(
    branch=TEXT,
    commit=maybe(TEXT),
    message=TEXT,
    at=maybe(TEXT),
    clean=BOOL,
    changed_files=WHOLE,
    pending=BOOL,
    problem=TEXT,
    files=many(TEXT),
    remote=maybe(REMOTE),
    lfs=record(ok=BOOL, version=TEXT, message=TEXT),
)
ASKED = record(task_id=ID)
WISH = body("project_id", "node_id", project_id=TEXT, node_id=TEXT, fresh=BOOL)
TASK = with_more(
    record(
        task_id=ID,
        status=one_of(tuple(dict.fromkeys(TASK_STATUS.values()))),
        detail=TEXT,
        reason=TEXT,
        notice=TEXT,
        traceId=TEXT,
    ),
    node_id=TEXT,
    result=record(output_url=TEXT, metadata=record(take=TEXT, name=TEXT, number=WHOLE)),
)
PIPELINE = record(
    id=TEXT,
    version=TEXT,
    uuid=TEXT,
    label=TEXT,
    summary=TEXT,
    task=TEXT,
    output=TEXT,
    also=many(TEXT),
    price_usd=NUMBER,
    price_unit=TEXT,
    licence=TEXT,
    source=TEXT,
    checked=TEXT,
    weights=many(record(url=TEXT, licence=TEXT, size_gb=NUMBER)),
    needs=TEXT,
    sfw_gate=BOOL,
    tags=by_key(TEXT),
    unavailable=TEXT,
    inputs=many(record(name=TEXT, label=TEXT, types=many(TEXT), required=BOOL, many=BOOL, help=TEXT)),
    params=many(
        record(
            name=TEXT,
            type=TEXT,
            default=ANYTHING,
            label=TEXT,
            help=TEXT,
            minimum=maybe(NUMBER),
            maximum=maybe(NUMBER),
            choices=many(TEXT),
            unit=TEXT,
        )
    ),
    tiers=by_key(
        record(
            available=BOOL,
            needs=TEXT,
            lacks=TEXT,
            runner=TEXT,
            vram_gb=NUMBER,
            long_edge_px=WHOLE,
            seconds_prior=NUMBER,
        )
    ),
)
HEALTH = record(
    status=one_of(("ok", "failing")),
    uptime_seconds=NUMBER,
    projects=WHOLE,
    rooms=WHOLE,
    disk=record(ok=BOOL, free_bytes=WHOLE),
    store=record(ok=BOOL, failing_projects=WHOLE),
    farm=record(ok=BOOL, redis=TEXT),
    bucket=record(ok=BOOL, configured=BOOL, waiting=WHOLE),
    git_lfs=record(ok=BOOL, message=TEXT),
)

ENDPOINTS: dict[str, Endpoint] = {
    "GET /healthz": Endpoint("nobody", HEALTH, also=(503,)),
    "GET /metrics": Endpoint("nobody", TEXT, reply_media=("text/plain",)),
    "GET /api/openapi.json": Endpoint("nobody", {"type": "object"}),
    "GET /api/projects": Endpoint("signed in", many(CARD)),
    "POST /api/projects": Endpoint(
        "create_project",
        record(id=ID, name=TEXT),
        status=201,
        body=body("name", name=NAME, structure=one_of(NarrativeStructure), **SETTINGS),
    ),
    "GET /api/projects/{project}": Endpoint("read", PROJECT, query={"graph": TEXT}),
    "PATCH /api/projects/{project}": Endpoint(
        "edit_project",
        PROJECT,
        body=body(name=NAME, reason=REASON, when_busy=one_of(WhenBusy), **SETTINGS),
        query={"graph": TEXT},
        errors=(423,),
    ),
    "GET /api/projects/{project}/estimate": Endpoint("read", shape_of(Estimate), query={"node": TEXT}),
    "POST /api/projects/{project}/references": Endpoint(
        "edit_project",
        record(referencePack=many(BLOB)),
        status=201,
        body=body("file", file=BINARY),
        media=("multipart/form-data",),
        query={"reason": REASON},
        errors=(423,),
    ),
    "GET /api/projects/{project}/media/{blob}": Endpoint(
        "read", BINARY, also=(206,), reply_media=MEDIA, query={"download": TEXT}, errors=(416,)
    ),
    "GET /api/projects/{project}/git/status": Endpoint("read", GIT),
    "PUT /api/projects/{project}/git/remote": Endpoint(
        "manage_remote",
        record(remote=maybe(REMOTE)),
        body=body("url", url=words(LONGEST_URL), token=words(git_remote.LONGEST_TOKEN)),
    ),
    "POST /api/projects/{project}/snapshots": Endpoint(
        "snapshot",
        record(commit=maybe(TEXT), name=maybe(TEXT)),
        status=201,
        body=body(name=words(projects.LONGEST_NAME)),
        may_be_empty=True,
        errors=(409,),
    ),
    "GET /api/pipelines": Endpoint("signed in", many(PIPELINE)),
    "GET /api/pipelines/problems": Endpoint("read_audit", many(record(file=TEXT, message=TEXT))),
    "GET /api/quality/mappings": Endpoint("signed in", by_key(by_key({"type": "object"}))),
    "POST /api/tasks/submit": Endpoint(
        "generate",
        ASKED,
        status=202,
        body=WISH,
        errors=(404,),
    ),
    "POST /api/tasks/generate_shot": Endpoint(
        "generate",
        ASKED,
        status=202,
        body=body("node_data", node_data=WISH),
        errors=(404,),
    ),
    "GET /api/tasks/{task}/status": Endpoint("signed in", TASK, query={"project_id": TEXT}),
    "GET /api/farm/nodes": Endpoint("signed in", many({"type": "object"})),
    "PUT /api/farm/blobs/{project}/{blob}": Endpoint(
        "order",
        record(blob=BLOB, size_bytes=WHOLE),
        status=201,
        body=BINARY,
        media=("application/octet-stream",),
        errors=(507,),
    ),
    "GET /api/farm/blobs/{project}/{blob}": Endpoint(
        "order", BINARY, also=(206,), reply_media=("application/octet-stream",), errors=(416,)
    ),
}
