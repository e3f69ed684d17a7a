"""The endpoints of signing in, of one's own account, and of the people of the workspace."""

from typing import get_args

from crdt_schema.records import Role
from server.api.me import LONGEST_TOKEN_DAYS
from server.api.spec.endpoint import Endpoint
from server.api.spec.shapes import (
    BOOL,
    ID,
    TEXT,
    WHOLE,
    between,
    body,
    line,
    many,
    maybe,
    one_of,
    record,
    with_more,
    words,
)
from server.auth.audit import AuditAction
from server.auth.credentials import SESSION_KINDS

ROLE = one_of(Role)
PERSON = record(id=ID, name=TEXT, role=maybe(ROLE), hue=WHOLE, guest=BOOL)
SIGN_IN = body("username", "password", username=line(200), password=line(1000))
JSON_OR_FORM = ("application/json", "application/x-www-form-urlencoded")
REFUSED = (401, 429)
GRANTED = record(access_token=TEXT, token_type=TEXT, expires_in=WHOLE, refresh_token=TEXT)
MOMENT = maybe(TEXT)
TOKEN = record(
    id=ID, name=TEXT, role=maybe(ROLE), project=maybe(ID), created_at=MOMENT, last_used=MOMENT, expires_at=MOMENT
)
SESSION = record(
    id=ID,
    kind=one_of(SESSION_KINDS),
    name=TEXT,
    created_at=MOMENT,
    last_used=MOMENT,
    expires_at=MOMENT,
    current=BOOL,
)
AUDIT = record(
    entries=many(
        record(
            id=WHOLE,
            at=TEXT,
            by=record(id=TEXT, name=TEXT),
            action=one_of(get_args(AuditAction)),
            target=TEXT,
            target_name=TEXT,
            reason=TEXT,
            detail=TEXT,
        )
    ),
    next=maybe(WHOLE),
)
PAGE = {
    "before": {"type": "string", "pattern": "^[0-9]{0,18}$"},
    "limit": between(1, 999_999_999, whole=True),
}
NOTHING = record()

ENDPOINTS: dict[str, Endpoint] = {
    "POST /auth/token": Endpoint("nobody", GRANTED, body=SIGN_IN, media=JSON_OR_FORM, errors=REFUSED),
    "POST /auth/refresh": Endpoint(
        "nobody", GRANTED, body=body("refresh_token", refresh_token=line(200)), errors=REFUSED
    ),
    "POST /auth/login": Endpoint("nobody", PERSON, body=SIGN_IN, media=JSON_OR_FORM, errors=REFUSED),
    "POST /auth/share": Endpoint(
        "nobody",
        record(project=ID, role=ROLE),
        body=body("token", "name", token=line(200), name=line(200)),
        errors=(*REFUSED, 409),
    ),
    "POST /auth/logout": Endpoint("nobody", NOTHING),
    "GET /auth/one-time": Endpoint("nobody", status=303, query={"code": TEXT}, errors=(429,)),
    "GET /auth/socket-token": Endpoint("signed in", record(token=TEXT)),
    "GET /api/me": Endpoint("signed in", PERSON),
    "GET /api/me/tokens": Endpoint("signed in", many(TOKEN)),
    "POST /api/me/tokens": Endpoint(
        "signed in",
        with_more(TOKEN, token=TEXT),
        status=201,
        body=body(
            "name",
            "role",
            name=line(120),
            role=ROLE,
            project=maybe(ID),
            days=maybe(between(1, LONGEST_TOKEN_DAYS)),
        ),
        errors=(404,),
    ),
    "DELETE /api/me/tokens/{credential}": Endpoint("signed in", NOTHING),
    "GET /api/me/sessions": Endpoint("signed in", many(SESSION)),
    "DELETE /api/me/sessions/{credential}": Endpoint("signed in", NOTHING),
    "PUT /api/me/password": Endpoint(
        "signed in",
        NOTHING,
        body=body("password", current=words(1000), password=line(1000)),
        errors=(429,),
    ),
    "GET /api/people": Endpoint("signed in", many(record(id=ID, name=TEXT, hue=WHOLE, role=maybe(ROLE)))),
    "GET /api/audit": Endpoint("signed in", AUDIT, query=PAGE, errors=(400,)),
}
