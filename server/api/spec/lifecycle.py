"""The endpoints of whole projects: trash, copies, bundles, and the documents that begin from a template."""

from server.api.lifecycle import LONGEST_NAME, LONGEST_TITLE
from server.api.scripts import KINDS as SCRIPT_KINDS
from server.api.scripts import LONGEST_TITLE as LONGEST_SCRIPT_TITLE
from server.api.spec.endpoint import Endpoint
from server.api.spec.identity import NOTHING
from server.api.spec.production import REASON
from server.api.spec.shapes import (
    BINARY,
    BOOL,
    ID,
    NUMBER,
    TEXT,
    TIME,
    WHOLE,
    body,
    line,
    many,
    maybe,
    one_of,
    record,
    words,
)
from server.projects.scripts import ALIASES

PROJECT, TRASHED = "/api/projects/{project}", "/api/trash/{project}"
IN_TRASH = record(id=ID, name=TEXT, description=TEXT, trashed_at=TIME, by=record(id=TEXT, name=TEXT), reason=TEXT)
IMPORTED = record(id=ID, name=TEXT, new_identity=BOOL, rebuilt=BOOL, missing=many(TEXT), problems=many(TEXT))
SCRIPT = record(
    name=ID,
    document=TEXT,
    kind=one_of(SCRIPT_KINDS),
    title=TEXT,
    words=WHOLE,
    changed_at=TIME,
    changed_by=record(id=TEXT, name=TEXT),
)
WORKSPACE = record(
    qualities=many(TEXT),
    governances=many(TEXT),
    aspect_ratios=many(TEXT),
    structures=many(record(id=TEXT, chapters=many(TEXT), scenes=WHOLE, beats=many(TEXT))),
    library=many(record(name=TEXT, holds=TEXT, files=WHOLE)),
    limits=record(upload_bytes=WHOLE, import_bytes=WHOLE, update_bytes=WHOLE, document_bytes=WHOLE),
    snapshots=record(quiet_seconds=NUMBER, latest_seconds=NUMBER),
    git_lfs=record(ok=BOOL, version=TEXT, message=TEXT),
)
NAMED = record(id=ID, name=TEXT)
TAKE_FILE = record(
    id=maybe(TEXT), name=TEXT, chapter=maybe(WHOLE), scene=maybe(WHOLE), shot=maybe(WHOLE), take=maybe(WHOLE)
)

ENDPOINTS: dict[str, Endpoint] = {
    f"DELETE {PROJECT}": Endpoint(
        "delete_project", IN_TRASH, body=body(reason=REASON), may_be_empty=True, errors=(409,)
    ),
    f"POST {PROJECT}/duplicate": Endpoint(
        "edit_project", NAMED, status=201, body=body("name", name=line(LONGEST_NAME), takes=BOOL), errors=(507,)
    ),
    f"GET {PROJECT}/bundle": Endpoint("export", BINARY, reply_media=("application/zip",), errors=(429,)),
    "POST /api/projects/import": Endpoint(
        "create_project",
        IMPORTED,
        status=201,
        body=BINARY,
        media=("application/octet-stream",),
        query={"name": words(LONGEST_NAME)},
        errors=(507,),
    ),
    f"GET {PROJECT}/scripts": Endpoint("read", record(scripts=many(SCRIPT))),
    f"POST {PROJECT}/scripts": Endpoint(
        "edit",
        SCRIPT,
        status=201,
        body=body(
            "kind",
            kind=one_of((*SCRIPT_KINDS, *ALIASES)),
            title=words(LONGEST_SCRIPT_TITLE),
            name=words(LONGEST_SCRIPT_TITLE),
        ),
    ),
    f"POST {PROJECT}/takes/reconcile": Endpoint(
        "edit",
        record(restored=many(TAKE_FILE), vanished=many(TAKE_FILE), unknown=many(TAKE_FILE), damaged=many(TAKE_FILE)),
    ),
    "GET /api/workspace/config": Endpoint("signed in", WORKSPACE),
    "GET /api/trash": Endpoint("signed in", many(IN_TRASH)),
    f"POST {TRASHED}/restore": Endpoint("delete_project", NAMED, errors=(409,)),
    f"DELETE {TRASHED}": Endpoint("delete_project", NOTHING, body=body("title", title=line(LONGEST_TITLE))),
}
