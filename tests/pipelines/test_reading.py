"""Reading prompts: which set, which people, which weather and which kind of shot the words mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.previz.reading import MAX_CHARS, lexicon, read
from pipelines.previz.scene import Scene


def scene(direct: str, **rest: str) -> Scene:
    return read({"direct": direct, **rest})


@pytest.mark.parametrize(
    ("prompt", "setting"),
    [
        ("a laundromat at night", "laundromat"),
        ("down the hallway", "corridor"),
        ("she orders at the bar", "bar"),
        ("a detective's office", "office"),
        ("a motel room with one bed", "bedroom"),
        ("an old library", "library"),
        ("on a rooftop above the city", "skyline"),
        ("deep in the woods", "forest"),
        ("the sunny desert road", "desert"),
        ("waves on the beach", "sea"),
        ("snowy mountains", "mountains"),
        ("a wet street", "street"),
        ("a meadow", "field"),
        ("something unnamed", "room"),
        ("", "room"),
    ],
)
def test_the_words_decide_the_set(prompt: str, setting: str) -> None:
    assert scene(prompt).setting == setting


def test_the_scene_context_places_a_shot_that_names_no_place() -> None:
    assert scene("she waits", context="Chapter one: the laundromat").setting == "laundromat"


@pytest.mark.parametrize(
    ("prompt", "shot"),
    [
        ("Extreme wide shot of the desert", "extreme-wide"),
        ("Wide shot. She enters", "wide"),
        ("Medium shot: she sits", "medium"),
        ("Close-up of a hand", "close-up"),
        ("Extreme close-up of an eye", "extreme-close-up"),
        ("a man in a kitchen", "wide"),
        ("a desert", "extreme-wide"),
    ],
)
def test_the_shot_size_is_read_or_follows_from_the_set(prompt: str, shot: str) -> None:
    assert scene(prompt).shot == shot


def test_a_chosen_shot_size_and_angle_stand_over_the_words() -> None:
    chosen = read({"direct": "Wide shot. Low angle. A man"}, shot="close-up", angle="overhead")
    assert (chosen.shot, chosen.angle) == ("close-up", "overhead")


@pytest.mark.parametrize(
    ("prompt", "kinds"),
    [
        ("a woman", ["woman"]),
        ("a man and a woman talk", ["man", "woman"]),
        ("two people at a table", ["man", "woman"]),
        ("a mother and a child", ["woman", "child"]),
        ("an empty street, nobody", []),
        ("a sunny desert road", []),
        ("a crowd in the street", 7),
    ],
)
def test_people_are_counted(prompt: str, kinds: list[str] | int) -> None:
    people = scene(prompt).people
    if isinstance(kinds, int):
        assert len(people) == kinds
    else:
        assert sorted(person.kind for person in people) == sorted(kinds)


def test_an_empty_prompt_still_has_somebody_to_light() -> None:
    assert len(scene("").people) == 1


@pytest.mark.parametrize(
    ("prompt", "pose"),
    [
        ("she sits alone", "sit"),
        ("he walks in", "walk"),
        ("a man runs away", "run"),
        ("she leans at the door", "lean"),
        ("he waits, arms crossed", "crossed"),
        ("a body lying on the floor, a man", "lie"),
        ("a woman", "stand"),
    ],
)
def test_the_verb_sets_the_pose(prompt: str, pose: str) -> None:
    assert scene(prompt).people[0].pose == pose


def test_a_garment_has_the_colour_that_stands_before_it() -> None:
    assert scene("a girl with a red coat under a blue sky").people[0].colour == "red"
    assert scene("a girl under a blue sky").people[0].colour == ""


def test_a_reflection_is_no_second_person() -> None:
    read_scene = scene("Medium shot: she sits by the washing machines, a man's reflection in the round glass door")
    assert [person.kind for person in read_scene.people] == ["woman"]
    assert read_scene.ghost == "man"


def test_a_close_up_of_a_thing_shows_the_thing_and_one_of_a_face_the_face() -> None:
    assert scene("Close-up of a hand on the door handle").insert == "handle"
    assert scene("Close-up of the telephone").insert == "telephone"
    assert scene("Close-up of her face, a hand on her cheek").insert == ""


def test_the_demo_shots_are_understood() -> None:
    first = scene("Wide shot. A femme fatale enters a smoky late-night laundromat, neon sign outside in the rain")
    assert first.dark
    assert {"rain", "wet", "smoke"} <= first.weather
    assert {"neon", "washing_machine"} <= first.pieces
    assert first.sign == "LAUNDRY"
    last = scene("Low angle. Silhouette in the doorway, long shadow across the checkered floor, a red neon sign")
    assert (last.angle, last.interior, last.neon_colour) == ("low", True, "red")
    assert {"silhouette", "shadow", "checker"} <= last.look


def test_only_the_beginning_of_an_endless_prompt_is_read() -> None:
    assert scene("x " * MAX_CHARS + "forest").setting == "room"


def test_every_lexicon_word_finds_its_own_tag() -> None:
    for tags in lexicon().values():
        for pattern in tags.values():
            assert not pattern.search("")


@given(st.text(max_size=400), st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_read(direct: str, identity: str, aesthetic: str) -> None:
    got = scene(direct, identity=identity, aesthetic=aesthetic)
    assert len(got.people) < 10
