"""Reads a prompt: finds the set, the people, the weather and the kind of shot in its words; pure."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast, get_args

from pipelines.previz.scene import INTERIORS, Angle, Facing, Kind, Person, Scene, ShotSize, TimeOfDay

LEXICON = Path(__file__).parent / "lexicon.toml"
MAX_CHARS = 4000  # what is read; nobody describes one frame in more

_PRONOUNS = frozenset({"she", "her", "he", "him", "his", "they"})
_GARMENT = re.compile(
    r"\b(\w+) (?:dress|gown|skirt|coat|trenchcoat|raincoat|trench coat|suit|jacket|shirt|sweater|hoodie)\b"
)
_GHOST = re.compile(r"\b(?:a |the |his |her )?(man|woman|child|stranger|figure|face)?(?:'s)? ?reflection\b")


@cache
def lexicon() -> dict[str, dict[str, re.Pattern[str]]]:
    """Section -> tag -> a pattern that finds any of its words."""
    sections = cast("dict[str, dict[str, list[str]]]", tomllib.loads(LEXICON.read_text(encoding="utf-8")))
    return {name: {tag: re.compile(_any_of(words)) for tag, words in tags.items()} for name, tags in sections.items()}


def _any_of(words: list[str]) -> str:
    return r"\b(?:" + "|".join(re.escape(word) for word in words) + r")(?:s|es|ing|ed)?\b"


def plain(text: str) -> str:
    """Lower case, accents and control characters gone, typographic apostrophes made plain, spaces single."""
    folded = unicodedata.normalize("NFKD", text[:MAX_CHARS]).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    kept = "".join(c if c.isalnum() or c in "'-.," else " " for c in folded if not unicodedata.combining(c))
    return " ".join(kept.split())


def tags(section: str, text: str) -> list[str]:
    """The tags of a section that occur in `text`, in the lexicon's order."""
    return [tag for tag, pattern in lexicon()[section].items() if pattern.search(text)]


def read(prompt: Mapping[str, str], shot: str = "auto", angle: str = "auto", lighting: str = "") -> Scene:
    """The scene a prompt of four parts describes; `shot` and `angle` override what the words say."""
    direct = plain(prompt.get("direct", "") or "")
    context = plain(prompt.get("context", "") or "")
    identity = plain(prompt.get("identity", "") or "")
    mood = plain(prompt.get("aesthetic", "") or "")
    place = direct if tags("settings", direct) else f"{direct} {context}"
    setting = _first(tags("settings", place), _implied_setting(direct))
    everything = f"{direct} {context} {mood}"
    weather = frozenset(tags("weather", everything))
    scene = Scene(
        setting=setting,
        time=_time(direct, everything, lighting),
        shot=cast("ShotSize", shot) if shot in get_args(ShotSize) else _shot(direct, setting),
        angle=cast("Angle", angle if angle in get_args(Angle) else _first(tags("angle", direct), "eye")),
        people=(),
        pieces=frozenset(tags("pieces", place)) | frozenset(tags("pieces", mood)) & {"neon"},
        weather=weather,
        look=frozenset(tags("look", direct)),
        neon_colour=_first(tags("neon_colour", everything), ""),
        sign=_first(tags("sign", everything), "OPEN"),
    )
    ghost = _GHOST.search(direct)
    people = _people(_GHOST.sub(" ", direct), identity, mood)
    if not people and scene.shot in ("medium", "close-up", "extreme-close-up"):
        people = (Person("woman", clothes="coat", long_hair=True),)
    scene = replace(scene, people=people, ghost=cast("Kind", _kind(ghost.group(1) or "man")) if ghost else None)
    return replace(scene, insert=_insert(direct, scene))


def _implied_setting(direct: str) -> str:
    indoors = {"door", "window", "table", "bed", "staircase"} & set(tags("pieces", direct)) or "checker" in tags(
        "look", direct
    )
    return "street" if "neon" in tags("pieces", direct) and not indoors else "room"


def _first(found: list[str], otherwise: str) -> str:
    return found[0] if found else otherwise


def _time(direct: str, everything: str, lighting: str) -> TimeOfDay:
    by_light = {"golden-hour-soft": "dusk", "neon-night": "night", "studio-low-key": "night"}
    found = _first(tags("time", direct), _first(tags("time", everything), by_light.get(lighting, "day")))
    return cast("TimeOfDay", found)


def _shot(direct: str, setting: str) -> ShotSize:
    found = _first(tags("shot", direct), "")
    if found:
        return cast("ShotSize", found)
    return "wide" if setting in INTERIORS or setting in ("street", "forest", "field", "sea") else "extreme-wide"


def _kind(word: str) -> str:
    return word if word in ("woman", "child") else "man"


def _people(direct: str, identity: str, mood: str) -> tuple[Person, ...]:
    kinds = _kinds(direct, identity)
    about = f"{direct} {identity}"
    poses = tags("pose", direct)
    if "table" in tags("pieces", direct) and len(kinds) > 1:
        poses = ["sit", *poses]
    facing = tags("facing", direct)
    wardrobe = tags("wardrobe", f"{about} {mood if 'noir' in mood else ''}")
    people: list[Person] = []
    for index, kind in enumerate(kinds):
        first = index == 0
        pose = _pose(poses, first=first)
        look: Facing = "camera"
        if "side" in facing or (len(kinds) == 2 and "away" not in facing):
            look = "right" if first else "left"
        elif "away" in facing:
            look = "away"
        people.append(
            Person(
                kind=cast("Kind", kind),
                pose=pose,
                facing=look,
                clothes=_clothes(kind, wardrobe),
                colour=_cloth_colour(about) if first else "",
                hat=kind == "man" and ("hat" in wardrobe or ("noir" in mood and "coat" in wardrobe)),
                long_hair=kind == "woman",
                props=frozenset(tags("props", direct) + (["umbrella"] if "umbrella" in wardrobe else []))
                if first
                else frozenset(),
            )
        )
    return tuple(people)


def _kinds(direct: str, identity: str) -> list[str]:
    found = [tag for tag in tags("people", direct) if tag != "anyone"]
    nouns = [tag for tag in found if any(word not in _PRONOUNS for word in _matches("people", tag, direct))]
    counts = tags("count", direct)
    silent = direct and not found and not identity and not tags("people", direct) and not tags("pose", direct)
    if not nouns and ("0" in counts or (silent and not counts)):
        return []
    kinds = nouns or found[:1] or _kinds_of(identity)
    wanted = int(counts[0]) if counts and counts[0] != "0" else max(len(kinds), 1)
    others = ["man", "woman", "man", "man", "woman"]
    return [*kinds, *(others[(index + (kinds[:1] == ["man"])) % 5] for index in range(wanted - len(kinds)))][:9]


def _kinds_of(identity: str) -> list[str]:
    found = [tag for tag in tags("people", identity) if tag != "anyone"]
    return found[:1] or ["woman" if "her" in identity.split() else "man"]


def _matches(section: str, tag: str, text: str) -> list[str]:
    return [match.group(0) for match in lexicon()[section][tag].finditer(text)]


def _pose(poses: list[str], *, first: bool) -> str:
    shared = [pose for pose in poses if pose in ("sit", "walk", "run", "dance", "lie")]
    if first:
        return poses[0] if poses else "stand"
    return shared[0] if shared else "stand"


def _clothes(kind: str, wardrobe: list[str]) -> str:
    allowed = {"woman": ("dress", "coat", "suit"), "man": ("suit", "coat"), "child": ("coat",)}[kind]
    return next((clothes for clothes in wardrobe if clothes in allowed), "plain")


def _cloth_colour(about: str) -> str:
    garment = _GARMENT.search(about)
    return _first(tags("cloth_colour", garment.group(1)), "") if garment else ""


def _insert(direct: str, scene: Scene) -> str:
    if scene.shot not in ("close-up", "extreme-close-up"):
        return ""
    if re.search(r"\b(face|eyes?|portrait|stare|smile|lips|headshot)\b", direct):
        return ""
    return _first(tags("inserts", direct), "")
