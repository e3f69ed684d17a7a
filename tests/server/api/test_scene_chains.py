"""Scene chains over REST: made, ordered and trimmed, as far as the locks leave them free."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.production import SHOTS, Studio, open_studio
from tests.support.service import Service, got, running_service

WHO = "an admin or the owner of this project"
TRIMS = {"trimStart": 12, "trimEnd": 3, "audioTrimStart": 0, "audioTrimEnd": 24, "audioGain": -6.5}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running_service(tmp_path) as running:
        yield running


@pytest.fixture
async def studio(service: Service) -> Studio:
    return await open_studio(service)


async def make_chain(studio: Studio, status: int = 201, **fields: object) -> Any:
    body = {"name": "Arrival", "shots": list(SHOTS[:2]), **fields}
    return await studio.send(studio.editor, "POST", "/scene-chains", body, status)


def segments(chain: Any) -> list[str]:
    return [segment["id"] for segment in chain["segments"]]


async def test_an_editor_makes_a_scene_chain_of_shots_in_their_order(studio: Studio) -> None:
    made = await make_chain(studio, aspectRatio="2.39:1", shots=["shot-3", "shot-1"])
    assert [segment["shot"] for segment in made["segments"]] == ["shot-3", "shot-1"]
    assert (made["name"], made["aspectRatio"], made["pictureLocked"]) == ("Arrival", "2.39:1", False)
    assert (made["styleLocked"], made["warning"]) == (False, "")
    assert await got(studio.viewer, f"{studio.address}/scene-chains") == [made]


async def test_a_viewer_makes_orders_and_trims_nothing(studio: Studio) -> None:
    chain = await make_chain(studio)
    address = f"/scene-chains/{chain['id']}"
    await studio.send(studio.viewer, "POST", "/scene-chains", {"name": "Mine"}, 403)
    await studio.put(studio.viewer, f"{address}/order", {"order": segments(chain)[::-1]}, 403)
    await studio.put(studio.viewer, f"{address}/segments/{segments(chain)[0]}", TRIMS, 403)
    assert await got(studio.viewer, f"{studio.address}/scene-chains") == [chain]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": ""}, 400),
        ({"name": 5}, 400),
        ({"aspectRatio": "7:3"}, 400),
        ({"masterStyleContext": []}, 400),
        ({"shots": "shot-1"}, 400),
        ({"shots": ["shot-1", 5]}, 400),
        ({"shots": ["shot-1", "shot-1"]}, 400),
        ({"shots": ["../x"]}, 400),
        ({"shots": ["x"] * 1001}, 400),
        ({"shots": ["nowhere"]}, 404),
        ({"shots": ["style-1"]}, 404),
    ],
)
async def test_a_scene_chain_that_makes_no_sense_is_refused(studio: Studio, fields: Any, status: int) -> None:
    await make_chain(studio, status, **fields)
    assert await got(studio.viewer, f"{studio.address}/scene-chains") == []


async def test_a_segment_is_trimmed_in_frames_and_levelled_in_decibels(studio: Studio) -> None:
    chain = await make_chain(studio)
    first, second = segments(chain)
    changed = await studio.put(studio.editor, f"/scene-chains/{chain['id']}/segments/{first}", TRIMS)
    assert TRIMS.items() <= changed["segments"][0].items()
    assert changed["segments"][1] == chain["segments"][1]
    louder = await studio.put(studio.editor, f"/scene-chains/{chain['id']}/segments/{second}", {"audioGain": 3})
    assert (louder["segments"][1]["audioGain"], louder["segments"][1]["trimStart"]) == (3, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"trimStart": 1.5},
        {"trimStart": -1},
        {"trimEnd": True},
        {"audioTrimEnd": "3"},
        {"trimStart": 10**9},
        {"audioGain": 25},
        {"audioGain": -97},
        {"audioGain": None},
        {"shot": "shot-3"},
    ],
)
async def test_a_trim_that_makes_no_sense_is_refused(studio: Studio, body: object) -> None:
    chain = await make_chain(studio)
    await studio.put(studio.editor, f"/scene-chains/{chain['id']}/segments/{segments(chain)[0]}", body, 400)
    assert await got(studio.viewer, f"{studio.address}/scene-chains") == [chain]


async def test_segments_of_no_or_another_scene_chain_are_not_found(studio: Studio) -> None:
    mine, other = await make_chain(studio), await make_chain(studio, name="Departure")
    await studio.put(studio.editor, f"/scene-chains/none/segments/{segments(mine)[0]}", TRIMS, 404)
    await studio.put(studio.editor, f"/scene-chains/{other['id']}/segments/{segments(mine)[0]}", TRIMS, 404)
    lock = {"locked": True}
    await studio.put(studio.admin, f"/scene-chains/{other['id']}/segments/{segments(mine)[0]}/lock", lock, 404)
    await studio.put(studio.editor, "/scene-chains/none/order", {"order": []}, 404)
    await studio.put(studio.admin, "/scene-chains/none/picture-lock", {"pictureLocked": True}, 404)


async def test_segments_are_reordered_all_of_them_and_no_others(studio: Studio) -> None:
    chain = await make_chain(studio)
    address, (first, second) = f"/scene-chains/{chain['id']}/order", segments(chain)
    assert segments(await studio.put(studio.editor, address, {"order": [second, first]})) == [second, first]
    for order in ([first], [first, first], [first, second, "another"], []):
        await studio.put(studio.editor, address, {"order": order}, 409)
    await studio.put(studio.editor, address, {"order": "x"}, 400)
    await studio.put(studio.editor, address, {}, 400)
    assert segments((await got(studio.viewer, f"{studio.address}/scene-chains"))[0]) == [second, first]


async def test_locking_a_segment_locks_its_shot_and_leaves_its_trims_free(studio: Studio) -> None:
    chain = await make_chain(studio)
    segment = f"/scene-chains/{chain['id']}/segments/{segments(chain)[0]}"
    assert "an admin" in await studio.put(studio.editor, f"{segment}/lock", {"locked": True}, 403)
    locked = await studio.put(studio.admin, f"{segment}/lock", {"locked": True})
    assert (locked["segmentId"], locked["locked"], locked["lockedByName"]) == (segments(chain)[0], True, "Adam")
    assert set((await studio.locks())["shots"]) == {"shot-1"}
    changed = await studio.put(studio.editor, segment, TRIMS)
    assert TRIMS.items() <= changed["segments"][0].items()
    assert [each["locked"] for each in changed["segments"]] == [True, False]
    await studio.put(studio.admin, f"{segment}/lock", {"locked": False}, 400)
    await studio.put(studio.admin, "/shots/shot-1/lock", {"locked": False, "reason": "Wrong take."})
    assert (await studio.locks())["shots"] == {}


async def test_a_locked_picture_leaves_only_the_audio_level(studio: Studio) -> None:
    chain = await make_chain(studio)
    address, (first, second) = f"/scene-chains/{chain['id']}", segments(chain)
    await studio.put(studio.editor, f"{address}/segments/{first}", TRIMS)
    await studio.put(studio.editor, f"{address}/picture-lock", {"pictureLocked": True}, 403)
    locked = await studio.put(studio.admin, f"{address}/picture-lock", {"pictureLocked": True})
    assert (locked["sceneChainId"], locked["pictureLocked"], locked["lockedByName"]) == (chain["id"], True, "Adam")
    words = f"The picture of this scene chain is locked by Adam; only audio levels can change. Ask {WHO}."
    assert await studio.put(studio.editor, f"{address}/order", {"order": [second, first]}, 423) == words
    for trim in ("trimStart", "trimEnd", "audioTrimStart", "audioTrimEnd"):
        assert await studio.put(studio.owner, f"{address}/segments/{first}", {trim: 99}, 423) == words
    same = await studio.put(studio.editor, f"{address}/segments/{first}", {**TRIMS, "audioGain": 2})
    assert {**TRIMS, "audioGain": 2}.items() <= same["segments"][0].items()
    assert same["pictureLocked"]
    await studio.put(studio.editor, f"{address}/order", {"order": [first, second]})
    await studio.put(studio.admin, f"{address}/picture-lock", {"pictureLocked": False}, 400)
    await studio.put(studio.admin, f"{address}/picture-lock", {"pictureLocked": False, "reason": "A cut is late."})
    await studio.put(studio.editor, f"{address}/order", {"order": [second, first]})
    note = (await studio.notes())[-1]
    assert (note["action"], note["target"], note["detail"]) == ("unlock", f"picture:{chain['id']}", "Arrival")
    assert note["reason"] == "A cut is late."


async def test_a_chain_with_a_master_style_says_word_for_word_that_its_look_is_locked(studio: Studio) -> None:
    chain = await make_chain(studio, masterStyleContext="Rain, sodium light.")
    assert chain["styleLocked"]
    assert chain["warning"] == "Style locked. Create new chain for different look"
    assert (await studio.locks())["styledShots"] == {"shot-1": chain["id"], "shot-2": chain["id"]}


async def test_a_shot_gets_its_look_from_one_chain_only_and_a_locked_shot_gets_none(studio: Studio) -> None:
    await make_chain(studio, masterStyleContext="Rain, sodium light.", shots=["shot-1"])
    assert "another scene chain" in await make_chain(studio, 409, masterStyleContext="Noon.", shots=["shot-1"])
    await studio.put(studio.admin, "/shots/shot-2/lock", {"locked": True})
    refusal = await make_chain(studio, 423, masterStyleContext="Noon.", shots=["shot-2"])
    assert refusal == f"This shot is locked by Adam. Ask {WHO}."
    await make_chain(studio, name="Cut", shots=["shot-1", "shot-2"])


async def test_scene_chains_outlive_a_restart(tmp_path: Path) -> None:
    async with running_service(tmp_path) as first:
        studio = await open_studio(first)
        chain = await make_chain(studio, masterStyleContext="Rain.")
        await studio.put(studio.admin, f"/scene-chains/{chain['id']}/picture-lock", {"pictureLocked": True})
        before = await got(studio.viewer, f"{studio.address}/scene-chains")
    async with running_service(tmp_path) as second:
        vera = second.session({"Authorization": f"Bearer {await second.token('Vera')}"})
        assert await got(vera, f"{studio.address}/scene-chains") == before
    assert before[0]["pictureLocked"]
