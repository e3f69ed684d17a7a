"""The endpoints with which admins look after the farm."""

from render_farm.job import QUEUES
from render_farm.planner import MOST_PRIORITY
from server.api.farm_control import FORGIVEN, LONGEST_ID, STATES
from server.api.spec.endpoint import Endpoint
from server.api.spec.production import REASON
from server.api.spec.shapes import TEXT, between, body, line, many, one_of, record, words

ENDPOINTS: dict[str, Endpoint] = {
    "POST /api/farm/nodes/{node}/{command}": Endpoint(
        "manage_farm", record(nodes=many(TEXT), state=one_of((*STATES.values(), FORGIVEN)))
    ),
    "POST /api/farm/queues/{queue}/order": Endpoint(
        "manage_farm",
        record(queue=one_of(QUEUES), order=many(TEXT)),
        body=body("job", job=line(LONGEST_ID), before=words(LONGEST_ID)),
        errors=(409,),
    ),
    "POST /api/farm/jobs/{job}/requeue": Endpoint(
        "manage_farm", record(job=TEXT), body=body(reason=REASON), may_be_empty=True, errors=(409,)
    ),
    "POST /api/farm/jobs/{job}/priority": Endpoint(
        "manage_farm",
        record(job=TEXT, priority=between(-MOST_PRIORITY, MOST_PRIORITY, whole=True)),
        body=body("priority", priority=between(-MOST_PRIORITY, MOST_PRIORITY, whole=True)),
        errors=(409,),
    ),
}
