"""Locks and scene chains over REST: who locked what, and order, trims and levels as far as locks leave them free."""

from collections.abc import Mapping
from typing import Any, cast

from aiohttp import web

from crdt_schema.ids import is_id
from crdt_schema.production import AUDIO_GAIN, Locks
from crdt_schema.project import ASPECT_RATIOS
from crdt_schema.records import Lock
from crdt_schema.rules import RULE_TEXTS
from crdt_schema.shapes import HIGHEST_FRAME
from server.api.access import LONGEST_REASON, choice, enter, json_body, line, number, text
from server.errors import BadRequest
from server.keys import CHAINS, LOCKS
from server.production.chains import Chain, NewChain
from server.production.locks import CONTRACT, Target

LONGEST_NAME = 120
LONGEST_CONTEXT = 20_000
MOST_SEGMENTS = 1000
QUIETEST_DB, LOUDEST_DB = -96.0, 24.0
FRAMES = {
    "trimStart": "trim_start",
    "trimEnd": "trim_end",
    "audioTrimStart": "audio_trim_start",
    "audioTrimEnd": "audio_trim_end",
}
"""How many frames are cut off at each end: the word of REST (G-076) and the field of the segment."""


async def get_locks(request: web.Request) -> web.Response:
    """GET .../locks: all that is locked, by what it is and its id."""
    project, _ = await enter(request, "read")
    return web.json_response(locks_json(await request.app[LOCKS].locks(project.id)))


def locks_json(locks: Locks) -> dict[str, object]:
    """All locks of a project, as its page and its locks are told."""
    return {
        "shots": {key: lock_json(lock) for key, lock in locks.shots.items()},
        "styles": {key: lock_json(lock) for key, lock in locks.styles.items()},
        "pictures": {key: lock_json(lock) for key, lock in locks.pictures.items()},
        "contract": lock_json(locks.contract) if locks.contract else None,
        "styledShots": dict(locks.styled),
    }


def lock_json(lock: Lock | None) -> dict[str, object]:
    """Who locked something and when; all of it null while it is open."""
    if lock is None:
        return {"lockedBy": None, "lockedByName": None, "lockedAt": None, "reason": None}
    return {
        "lockedBy": lock["by"],
        "lockedByName": lock["by_name"],
        "lockedAt": lock["at"],
        "reason": lock["reason"],
    }


async def lock_shot(request: web.Request) -> web.Response:
    """PUT .../shots/{shot}/lock `{locked, reason?}`: a shot, in a scene chain or not."""
    shot = request.match_info["shot"]
    return web.json_response({"shotId": shot, **await put_lock(request, Target("shot", shot))})


async def lock_segment(request: web.Request) -> web.Response:
    """PUT .../scene-chains/{chain}/segments/{segment}/lock `{locked, reason?}`: locks the segment's shot (G-072)."""
    project, _ = await enter(request, "lock")
    chain, key = request.match_info["chain"], request.match_info["segment"]
    segment = await request.app[CHAINS].segment(project.id, chain, key)
    return web.json_response({"segmentId": key, **await put_lock(request, Target("shot", segment["shot"]))})


async def lock_style(request: web.Request) -> web.Response:
    """PUT .../styles/{style}/lock `{locked, reason?}`: a style node of the canvas."""
    style = request.match_info["style"]
    return web.json_response({"styleId": style, **await put_lock(request, Target("style", style))})


async def lock_picture(request: web.Request) -> web.Response:
    """PUT .../scene-chains/{chain}/picture-lock `{pictureLocked, reason?}`: order and trims (G-078)."""
    chain = request.match_info["chain"]
    locked = await put_lock(request, Target("picture", chain), field="pictureLocked")
    return web.json_response({"sceneChainId": chain, **locked})


async def lock_contract(request: web.Request) -> web.Response:
    """PUT .../contract/lock `{locked, reason?}`: the brief and the budget (G-013)."""
    return web.json_response(await put_lock(request, CONTRACT))


async def put_lock(request: web.Request, target: Target, *, field: str = "locked") -> dict[str, object]:
    """Lock or unlock as the body's `field` says; how it stands then."""
    project, actor = await enter(request, "lock")
    body = await json_body(request)
    wanted, reason = body.get(field), line(body, "reason", longest=LONGEST_REASON, default="")
    if not isinstance(wanted, bool):
        raise BadRequest(f"{field} must be true or false.")
    lock = None
    if wanted:
        lock = await request.app[LOCKS].lock(project.id, target, actor, reason)
    else:
        await request.app[LOCKS].unlock(project.id, target, actor, reason)
    return {field: wanted, **lock_json(lock)}


async def list_chains(request: web.Request) -> web.Response:
    """GET .../scene-chains: every scene chain with its segments in order, and what is locked."""
    project, _ = await enter(request, "read")
    return web.json_response([chain_json(chain) for chain in await request.app[CHAINS].all(project.id)])


async def create_chain(request: web.Request) -> web.Response:
    """POST .../scene-chains `{name, masterStyleContext?, aspectRatio?, shots?}`: make a scene chain (G-035)."""
    project, actor = await enter(request, "edit")
    body = await json_body(request)
    wanted = NewChain(
        name=line(body, "name", longest=LONGEST_NAME),
        master_style_context=text(body, "masterStyleContext", longest=LONGEST_CONTEXT, default="").strip(),
        aspect_ratio=choice(body, "aspectRatio", ASPECT_RATIOS, project.manifest["project_settings"]["aspect_ratio"]),
        shots=ids(body, "shots", default=[]),
    )
    chain = await request.app[CHAINS].create(project.id, wanted, actor)
    return web.json_response(chain_json(chain), status=201)


async def change_segment(request: web.Request) -> web.Response:
    """PUT .../scene-chains/{chain}/segments/{segment}: any of the trims, in frames, and audioGain, in dB (G-076)."""
    project, actor = await enter(request, "edit")
    where = request.match_info["chain"], request.match_info["segment"]
    values = adjustments(await json_body(request))
    return web.json_response(chain_json(await request.app[CHAINS].adjust(project.id, *where, values, actor)))


def adjustments(body: Mapping[str, Any]) -> dict[str, float]:
    """The fields of a segment that a body sets; raises BadRequest."""
    values: dict[str, float] = {}
    for name, field in FRAMES.items():
        if name in body:
            frames = body[name]
            if isinstance(frames, bool) or not isinstance(frames, int) or not 0 <= frames <= HIGHEST_FRAME:
                raise BadRequest(f"{name} must be a whole number of frames from 0 to {HIGHEST_FRAME:,}.")
            values[field] = frames
    if "audioGain" in body:
        values[AUDIO_GAIN] = number(body["audioGain"], "audioGain", least=QUIETEST_DB, most=LOUDEST_DB)
    if not values:
        raise BadRequest(f"Send at least one of {', '.join(FRAMES)} and audioGain.")
    return values


async def order_chain(request: web.Request) -> web.Response:
    """PUT .../scene-chains/{chain}/order `{order}`: all its segments, in the order they are to have."""
    project, actor = await enter(request, "edit")
    order = ids(await json_body(request), "order")
    chain = await request.app[CHAINS].reorder(project.id, request.match_info["chain"], order, actor)
    return web.json_response(chain_json(chain))


def ids(body: Mapping[str, Any], name: str, default: list[str] | None = None) -> list[str]:
    """A list of ids; raises BadRequest."""
    found: object = body.get(name, default)
    if not isinstance(found, list) or not all(map(is_id, cast("list[object]", found))):
        raise BadRequest(f"{name} must be a list of ids.")
    if len(cast("list[str]", found)) > MOST_SEGMENTS:
        raise BadRequest(f"{name} must be at most {MOST_SEGMENTS} long.")
    return cast("list[str]", found)


def chain_json(chain: Chain) -> dict[str, object]:
    """A scene chain as the app is told; `warning` says why the optics of its shots are disabled (G-033)."""
    record = chain.record
    styled = bool(record["master_style_context"])
    return {
        "id": chain.id,
        "name": record["name"],
        "masterStyleContext": record["master_style_context"],
        "aspectRatio": record["aspect_ratio"],
        "styleLocked": styled,
        "warning": RULE_TEXTS["style_lock"] if styled else "",
        "pictureLocked": chain.picture_lock is not None,
        **lock_json(chain.picture_lock),
        "segments": [
            {
                "id": key,
                "shot": segment["shot"],
                "text": segment["text"],
                **{name: segment[field] for name, field in FRAMES.items()},
                "audioGain": segment[AUDIO_GAIN],
                "locked": lock is not None,
                **lock_json(lock),
            }
            for key, segment, lock in chain.segments
        ],
    }
