"""The endpoints of files and uploads."""

from crdt_schema.sniffing import UNKNOWN
from server.api.spec.endpoint import Endpoint
from server.api.spec.shapes import (
    BINARY,
    BLOB,
    BOOL,
    ID,
    TEXT,
    TIME,
    WHOLE,
    between,
    body,
    line,
    many,
    maybe,
    maybe_empty,
    one_of,
    record,
)
from server.api.uploads import LARGEST_BYTES, LONGEST_NAME
from server.projects.layout import SUFFIXES, Category

MEDIA = (*SUFFIXES, UNKNOWN)
"""In which types a stored file may come: never one that a browser would run."""
FILE = record(
    id=ID,
    name=TEXT,
    category=one_of(Category),
    size_bytes=WHOLE,
    media_type=TEXT,
    sha256=BLOB,
    added_at=TIME,
    url=TEXT,
    thumbnail=maybe(TEXT),
    proxy=maybe(TEXT),
)
FILES = record(files=many(FILE))
UPLOAD = record(id=ID, name=TEXT, category=one_of(Category), size_bytes=WHOLE, offset=WHOLE, file=maybe(FILE))

ENDPOINTS: dict[str, Endpoint] = {
    "GET /api/projects/{project}/files": Endpoint(
        "read", FILES, query={"category": maybe_empty(one_of(Category))}, errors=(400,)
    ),
    "POST /api/projects/{project}/files": Endpoint(
        "edit",
        FILES,
        status=201,
        body=body("file", category=one_of(Category), file=BINARY),
        media=("multipart/form-data",),
        query={"category": one_of(Category)},
        errors=(415, 507),
    ),
    "GET /api/projects/{project}/files/{file}": Endpoint(
        "read", BINARY, also=(206,), reply_media=MEDIA, query={"download": TEXT}, errors=(416,)
    ),
    "GET /api/projects/{project}/files/{file}/thumbnail": Endpoint(
        "read", BINARY, also=(206,), reply_media=("image/webp",), errors=(416,)
    ),
    "GET /api/projects/{project}/files/{file}/proxy": Endpoint(
        "read",
        record(ready=BOOL),
        status=202,
        also=(200, 206),
        reply_media=("application/json", "video/mp4"),
        errors=(416,),
    ),
    "DELETE /api/projects/{project}/files/{file}": Endpoint("edit", record()),
    "POST /api/projects/{project}/uploads": Endpoint(
        "edit",
        UPLOAD,
        status=201,
        body=body(
            "name",
            "size_bytes",
            "category",
            name=line(LONGEST_NAME),
            size_bytes=between(1, LARGEST_BYTES, whole=True),
            category=one_of(Category),
            sha256=maybe_empty(BLOB),
        ),
        errors=(409, 507),
    ),
    "GET /api/projects/{project}/uploads/{upload}": Endpoint("edit", UPLOAD),
    "PATCH /api/projects/{project}/uploads/{upload}": Endpoint(
        "edit", UPLOAD, body=BINARY, media=("application/octet-stream",), may_be_empty=True, errors=(409, 415, 507)
    ),
    "DELETE /api/projects/{project}/uploads/{upload}": Endpoint("edit", record()),
}
