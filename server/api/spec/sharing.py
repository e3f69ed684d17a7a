"""The endpoints of who reaches a project: members, share links, and the audit log of both."""

from typing import get_args

from server.api.shares import LONGEST_LABEL
from server.api.spec.endpoint import Endpoint
from server.api.spec.identity import AUDIT, MOMENT, NOTHING, PAGE, ROLE
from server.api.spec.shapes import BOOL, ID, TEXT, WHOLE, between, body, line, many, one_of, record, with_more, words
from server.auth.members import ProjectAccess
from server.auth.shares import LONGEST_DAYS

PROJECT = "/api/projects/{project}"
ACCESS = one_of(get_args(ProjectAccess))
MEMBER = record(id=ID, name=TEXT, hue=WHOLE, role=ROLE, guest=BOOL, via=one_of(("member", "workspace", "share")))
GUEST_ROLE = one_of(("viewer", "reviewer"))
SHARE = record(
    id=ID,
    label=TEXT,
    role=GUEST_ROLE,
    by=record(id=TEXT, name=TEXT),
    created_at=MOMENT,
    last_used_at=MOMENT,
    expires_at=MOMENT,
    guests=WHOLE,
)

ENDPOINTS: dict[str, Endpoint] = {
    f"GET {PROJECT}/members": Endpoint("read", record(access=ACCESS, members=many(MEMBER))),
    f"POST {PROJECT}/members": Endpoint(
        "manage_members",
        MEMBER,
        status=201,
        body=body("name", "role", name=line(200), role=ROLE),
        errors=(409,),
    ),
    # Your own membership is yours to make less of, with any role.
    f"PUT {PROJECT}/members/{{user}}": Endpoint("read", MEMBER, body=body("role", role=ROLE), errors=(409,)),
    f"DELETE {PROJECT}/members/{{user}}": Endpoint("read", NOTHING, errors=(409,)),
    f"PUT {PROJECT}/access": Endpoint("manage_members", record(access=ACCESS), body=body("access", access=ACCESS)),
    f"POST {PROJECT}/owner": Endpoint("transfer_ownership", NOTHING, body=body("user", user=line(100))),
    f"GET {PROJECT}/shares": Endpoint("manage_shares", many(SHARE)),
    f"POST {PROJECT}/shares": Endpoint(
        "manage_shares",
        with_more(SHARE, url=TEXT),
        status=201,
        body=body("role", "days", label=words(LONGEST_LABEL), role=GUEST_ROLE, days=between(1, LONGEST_DAYS)),
    ),
    f"DELETE {PROJECT}/shares/{{share}}": Endpoint("manage_shares", NOTHING),
    f"GET {PROJECT}/audit": Endpoint("read_audit", AUDIT, query=PAGE, errors=(400,)),
}
