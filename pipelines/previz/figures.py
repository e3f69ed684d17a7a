"""Builds people: a jointed body in a pose, dressed, from round shapes in metres; faces +z, feet near the origin."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pipelines.previz.geometry import UP, Material, Model, Vec, bent, frame_along, reach, turned, unit, vec
from pipelines.previz.poses import Pose, pose_of
from pipelines.previz.scene import Person

SKIN = Material((0.55, 0.34, 0.24), gloss=0.25)
HAIR = Material((0.035, 0.022, 0.018), gloss=0.45, pattern="hair", scale=0.02)
SHOE = Material((0.015, 0.013, 0.014), gloss=0.6)

EMBER = Material((0.3, 0.1, 0.02), emission=(40.0, 10.0, 1.6))  # the end of a cigarette; smoke rises from it

Spot = Callable[[float, float, float], Vec]  # head coordinates, in heights of the person, to a point

HEIGHT = {"woman": 1.70, "man": 1.81, "child": 1.22}


@dataclass(frozen=True)
class Wardrobe:
    """The cloth a figure wears, by place."""

    top: Material
    sleeves: Material
    bottom: Material
    legs: Material


@dataclass(frozen=True)
class Body:
    """Where the joints of one posed person are, and the sizes that go with them; `h` is the person's height."""

    h: float
    wide: float
    pelvis: Vec
    chest: Vec
    neck: Vec
    head: Vec
    torso: Vec
    skull: Vec
    shoulders: tuple[Vec, Vec]
    elbows: tuple[Vec, Vec]
    hands: tuple[Vec, Vec]
    hips: tuple[Vec, Vec]
    knees: tuple[Vec, Vec]
    feet: tuple[Vec, Vec]
    toes: tuple[Vec, Vec]


CLOTH: dict[str, tuple[float, float, float]] = {
    "red": (0.36, 0.02, 0.025),
    "white": (0.62, 0.60, 0.55),
    "black": (0.014, 0.014, 0.016),
    "blue": (0.03, 0.06, 0.22),
    "green": (0.03, 0.16, 0.06),
    "yellow": (0.52, 0.36, 0.04),
    "brown": (0.16, 0.085, 0.04),
    "grey": (0.17, 0.17, 0.18),
    "pink": (0.50, 0.09, 0.20),
}


def person(who: Person, rng: np.random.Generator, tone: Material | None = None) -> Model:
    """A model of one person; `tone` dresses everybody of a crowd or a silhouette in one material."""
    body = skeleton(who, pose_of(who, rng))
    model = Model()
    model.new_group(smooth=0.012)
    wear = _wardrobe(who, rng) if tone is None else Wardrobe(tone, tone, tone, tone)
    skin = SKIN if tone is None else tone
    _legs(model, body, who, wear)
    model.new_group(smooth=0.012)
    _torso(model, body, who, wear)
    _arms(model, body, wear.sleeves, skin)
    model.new_group(smooth=0.006)
    _head(model, body, who, skin)
    _props(model, body, who)
    return model


def skeleton(who: Person, pose: Pose) -> Body:
    """The joints of that person in that pose."""
    h = HEIGHT[who.kind]
    wide = 1.0 if who.kind == "woman" else 1.16
    pelvis = vec(*pose.pelvis) * h
    lean = unit(vec(pose.lean[0], 1.0, pose.lean[1]))
    forward = turned(vec(0, 0, 1), pose.twist)
    torso = frame_along(lean, forward)
    chest = pelvis + torso[:, 1] * 0.205 * h
    neck = pelvis + torso[:, 1] * 0.315 * h
    skull = frame_along(
        unit(lean * 0.6 + UP * 0.4 + turned(vec(0, 0, pose.nod), pose.look)), turned(vec(0, 0, 1), pose.look)
    )
    head = neck + lean * 0.04 * h + skull[:, 1] * 0.068 * h + skull[:, 2] * 0.012 * h
    side = torso[:, 0] * 0.094 * wide * h
    drop = torso[:, 1] * -0.028 * h
    shoulders = (neck + side + drop, neck - side + drop)
    hips = (pelvis + vec(0.053 * h, -0.02 * h, 0), pelvis - vec(0.053 * h, 0.02 * h, 0))
    hands = tuple(
        reach(shoulder, shoulder + torso @ (np.array(target) * h), 0.335 * h)
        for shoulder, target in zip(shoulders, pose.hands, strict=True)
    )
    feet = tuple(reach(hip, vec(*foot) * h, 0.485 * h) for hip, foot in zip(hips, pose.feet, strict=True))
    elbow_pole = torso[:, 2] * -0.8 - torso[:, 1] * 0.6 if who.pose != "lie" else vec(0, 0, 0)
    elbows = tuple(
        bent(a, b, (0.172 * h, 0.165 * h), elbow_pole + torso[:, 0] * (s * 0.55))
        for a, b, s in zip(shoulders, hands, (1, -1), strict=True)
    )
    knees = tuple(
        bent(a, b, (0.245 * h, 0.242 * h), vec(s * 0.12, 0.15, 1)) for a, b, s in zip(hips, feet, (1, -1), strict=True)
    )
    toes = tuple(foot + vec(s * 0.02, 0, 0.085) * h * 0.9 for foot, s in zip(feet, (1, -1), strict=True))
    return Body(
        h=h,
        wide=wide,
        pelvis=pelvis,
        chest=chest,
        neck=neck,
        head=head,
        torso=torso,
        skull=skull,
        shoulders=shoulders,
        elbows=(elbows[0], elbows[1]),
        hands=(hands[0], hands[1]),
        hips=hips,
        knees=(knees[0], knees[1]),
        feet=(feet[0], feet[1]),
        toes=(toes[0], toes[1]),
    )


def _wardrobe(who: Person, rng: np.random.Generator) -> Wardrobe:
    shade = float(rng.uniform(0.75, 1.25))

    def cloth(r: float, g: float, b: float, gloss: float = 0.12) -> Material:
        return Material((r * shade, g * shade, b * shade), gloss=gloss, cloth=0.5)

    def chosen(r: float, g: float, b: float, gloss: float = 0.12) -> Material:
        return cloth(*CLOTH.get(who.colour, (r, g, b)), gloss)

    match who.clothes:
        case "dress":
            dress = chosen(0.20, 0.018, 0.035, 0.35)
            return Wardrobe(dress, SKIN, dress, replace(SKIN, gloss=0.35))
        case "coat":
            coat = chosen(0.19, 0.15, 0.10) if who.kind == "man" else chosen(0.12, 0.10, 0.105)
            return Wardrobe(coat, coat, coat, cloth(0.03, 0.03, 0.036))
        case "suit":
            suit = chosen(0.035, 0.04, 0.055)
            return Wardrobe(suit, suit, suit, suit)
        case _:
            shirt = chosen(*[(0.30, 0.31, 0.33), (0.16, 0.20, 0.24), (0.24, 0.13, 0.10)][int(rng.integers(3))])
            trousers = cloth(0.04, 0.048, 0.065)
            return Wardrobe(shirt, shirt, trousers, trousers)


def _legs(model: Model, body: Body, who: Person, wear: Wardrobe) -> None:
    h = body.h
    bare = who.clothes == "dress"
    thigh, knee, ankle = (0.045, 0.030, 0.019) if bare else (0.052, 0.040, 0.034)
    for hip, knee_at, foot, toe in zip(body.hips, body.knees, body.feet, body.toes, strict=True):
        model.limb(hip, knee_at, (thigh * h, knee * h), wear.legs)
        calf = knee_at + (foot - knee_at) * 0.32 + unit(np.cross(foot - knee_at, vec(1, 0, 0))) * -0.006 * h
        model.limb(knee_at, calf, (knee * h, (knee + 0.001) * h), wear.legs)
        model.limb(calf, foot, ((knee + 0.001) * h, ankle * h), wear.legs)
        heel = foot - vec(0, 0.018 * h, 0)
        model.limb(heel, toe - vec(0, 0.024 * h, 0), (0.021 * h, 0.016 * h), SHOE)
        if bare:
            model.tube(
                heel, vec(heel[0], max(heel[1] - 0.03 * h, 0.0), heel[2] - 0.01 * h), (0.012 * h, 0.005 * h), SHOE
            )


def _torso(model: Model, body: Body, who: Person, wear: Wardrobe) -> None:
    h, w, frame = body.h, body.wide, body.torso
    forward = frame[:, 2]
    waist = body.pelvis + frame[:, 1] * 0.10 * h
    slim = 0.063 if who.kind == "woman" and who.clothes != "coat" else 0.078
    model.ball(body.pelvis, (0.088 * h, 0.075 * h, 0.064 * h), wear.bottom, frame)
    model.tube(body.pelvis, waist, (0.086 * h, slim * h), wear.bottom, (forward, 0.72))
    model.tube(waist, body.chest, (slim * h, 0.092 * w * h), wear.top, (forward, 0.70))
    model.ball(body.chest + frame[:, 1] * 0.02 * h, (0.094 * w * h, 0.085 * h, 0.068 * h), wear.top, frame)
    model.tube(body.chest + frame[:, 1] * 0.03 * h, body.neck, (0.092 * w * h, 0.045 * h), wear.top, (forward, 0.62))
    if who.kind == "woman" and who.clothes != "coat":
        for side in (1, -1):
            spot = body.chest + frame @ vec(side * 0.040 * h, -0.012 * h, 0.043 * h)
            model.ball(spot, 0.033 * h, wear.top)
    skin = wear.top if wear.top is wear.legs and wear.top is wear.sleeves and who.clothes != "suit" else SKIN
    model.limb(
        body.neck - frame[:, 1] * 0.01 * h,
        body.head - body.skull[:, 1] * 0.03 * h,
        (0.034 * h * w, 0.029 * h * w),
        skin,
    )
    if who.clothes in ("coat", "suit"):
        _collar(model, body, wear.top, shirt=who.clothes == "suit")
    _skirts(model, body, who, wear)


def _collar(model: Model, body: Body, cloth: Material, *, shirt: bool) -> None:
    h, frame = body.h, body.torso
    lapel = Material(tuple(c * 0.6 for c in cloth.colour), gloss=cloth.gloss)  # pyright: ignore[reportArgumentType] - three
    for side in (1, -1):
        low = body.chest + frame @ vec(side * 0.012 * h, -0.05 * h, 0.068 * h)
        high = body.neck + frame @ vec(side * 0.042 * h, 0.012 * h, 0.022 * h)
        model.tube(low, high, (0.006 * h, 0.022 * h), lapel, (frame[:, 2], 0.4))
    if shirt:
        white = Material((0.62, 0.62, 0.6), gloss=0.1)
        front = body.chest + frame @ vec(0, 0.02 * h, 0.055 * h)
        model.ball(front, (0.026 * h, 0.065 * h, 0.018 * h), white, frame)
        model.ball(front + frame @ vec(0, -0.012 * h, 0.015 * h), (0.008 * h, 0.06 * h, 0.006 * h), SHOE, frame)


def _skirts(model: Model, body: Body, who: Person, wear: Wardrobe) -> None:
    if who.clothes == "suit" and who.pose not in ("sit", "crouch", "lie"):
        up = body.torso[:, 1] * body.h
        squash = (body.torso[:, 2], 0.78)
        model.tube(body.pelvis + up * 0.12, body.pelvis - up * 0.05, (0.082 * body.h, 0.102 * body.h), wear.top, squash)
    if who.clothes not in ("dress", "coat") or who.pose == "lie":
        return
    h = body.h
    middle = (body.knees[0] + body.knees[1]) / 2
    if who.pose in ("sit", "crouch"):
        for hip, knee in zip(body.hips, body.knees, strict=True):
            model.limb(hip, knee + (hip - knee) * 0.08, (0.068 * h, 0.052 * h), wear.bottom)
        lap = (body.pelvis + middle) / 2
        model.ball(lap, (0.10 * h, 0.045 * h, 0.13 * h), wear.bottom)
        return
    spread = float(np.abs(body.feet[0] - body.feet[1]).max())
    length, flare = (0.06, 0.085) if who.clothes == "dress" else (-0.10, 0.125)
    hem = vec(middle[0], middle[1] + length * h * 0.6, (middle[2] + body.pelvis[2]) / 2)
    waist = body.pelvis + body.torso[:, 1] * 0.09 * h
    model.tube(waist, body.pelvis - vec(0, 0.03 * h, 0), (0.066 * h, 0.094 * h), wear.bottom, (vec(0, 0, 1), 0.78))
    top = body.pelvis - vec(0, 0.03 * h, 0)
    model.tube(top, hem, (0.094 * h, (flare + spread * 0.06) * h), wear.bottom, (vec(0, 0, 1), 0.8))
    if who.clothes == "coat":
        belt = body.pelvis + body.torso[:, 1] * 0.085 * h
        dark = Material(tuple(c * 0.5 for c in wear.bottom.colour), gloss=0.2)  # pyright: ignore[reportArgumentType] - three
        model.tube(belt, belt + body.torso[:, 1] * 0.022 * h, (0.083 * h, 0.083 * h), dark, (body.torso[:, 2], 0.76))


def _arms(model: Model, body: Body, sleeves: Material, skin: Material) -> None:
    h, w = body.h, body.wide
    for shoulder, elbow, hand in zip(body.shoulders, body.elbows, body.hands, strict=True):
        model.limb(body.neck - body.torso[:, 1] * 0.004 * h, shoulder, (0.026 * h, 0.030 * h * w), sleeves)
        model.limb(body.chest + body.torso[:, 1] * 0.03 * h, shoulder, (0.055 * h, 0.030 * h * w), sleeves)
        model.limb(shoulder, elbow, (0.030 * h * w, 0.025 * h * w), sleeves)
        model.limb(elbow, hand, (0.027 * h * w, 0.020 * h * w), sleeves)
        axis = unit(hand - elbow)
        frame = frame_along(axis, body.torso[:, 0])
        palm = hand + axis * 0.028 * h
        model.ball(palm, (0.022 * h, 0.032 * h, 0.012 * h), skin, frame)
        for finger in range(4):
            root = palm + axis * 0.018 * h + frame[:, 0] * (finger - 1.5) * 0.009 * h
            tip = root + axis * (0.036 - 0.004 * abs(finger - 1.3)) * h + frame[:, 2] * 0.010 * h
            model.tube(root, tip, (0.0062 * h, 0.0045 * h), skin)
        model.limb(
            palm + frame[:, 0] * 0.016 * h,
            palm + frame[:, 0] * 0.03 * h + axis * 0.02 * h,
            (0.008 * h, 0.006 * h),
            skin,
        )


def _head(model: Model, body: Body, who: Person, skin: Material) -> None:
    h, at, frame = body.h * (1.18 if who.kind == "child" else 1.0), body.head, body.skull

    def spot(x: float, y: float, z: float) -> Vec:
        return at + frame @ (vec(x, y, z) * h)

    plain = skin is not SKIN
    face = (
        skin
        if plain
        else replace(skin, second=(0.5, 0.16, 0.14), pattern="face-woman" if who.kind == "woman" else "face")
    )
    slim = 0.95 if who.kind == "woman" else 1.02
    model.ball(at, (0.0435 * slim * h, 0.064 * h, 0.054 * h), face, frame)
    # Jaw and chin: narrower and further forward than the skull.
    model.ball(spot(0, -0.028, 0.010), (0.0345 * slim * h, 0.040 * h, 0.041 * h), skin, frame)
    model.ball(spot(0, -0.053, 0.029), (0.0135 * slim * h, 0.011 * h, 0.013 * h), skin, frame)
    # The nose starts between the eyes and stands a finger proud at its tip.
    model.tube(spot(0, 0.010, 0.0490), spot(0, -0.0165, 0.0575), (0.0040 * h, 0.0066 * h), skin)
    model.ball(spot(0, -0.0175, 0.0565), (0.0082 * h, 0.0052 * h, 0.0070 * h), skin, frame)
    for side in (1, -1):
        model.ball(spot(side * 0.0135, 0.0155, 0.0450), (0.0125 * h, 0.0040 * h, 0.0070 * h), skin, frame)
        model.ball(spot(side * 0.0185, -0.0140, 0.0325), (0.0125 * h, 0.012 * h, 0.0135 * h), skin, frame)
        model.ball(spot(side * 0.043 * slim, -0.004, -0.002), (0.006 * h, 0.016 * h, 0.010 * h), skin, frame)
    if not plain:
        red = (0.26, 0.04, 0.05) if face.pattern == "face-woman" else (0.36, 0.17, 0.13)
        for y, thick in ((-0.0345, 0.0026), (-0.0385, 0.0034)):
            model.ball(spot(0, y, 0.0475), (0.0105 * h, thick * h, 0.0048 * h), Material(red, gloss=0.5), frame)
    hair = skin if plain else HAIR
    model.new_group(smooth=0.012)
    _hair(model, body, hair, spot, long=who.long_hair)
    if who.hat:
        _hat(model, hair, spot, frame, h)


def _hair(model: Model, body: Body, hair: Material, spot: Spot, *, long: bool) -> None:
    frame, h = body.skull, body.h
    if long:
        model.ball(spot(0, 0.016, -0.009), (0.0485 * h, 0.058 * h, 0.055 * h), hair, frame)
        model.ball(spot(0, -0.026, -0.026), (0.045 * h, 0.070 * h, 0.034 * h), hair, frame)
        for side in (1, -1):
            model.ball(spot(side * 0.0405, -0.012, 0.004), (0.0125 * h, 0.056 * h, 0.026 * h), hair, frame)
            model.ball(spot(side * 0.0400, -0.062, 0.000), (0.0150 * h, 0.026 * h, 0.022 * h), hair, frame)
        model.ball(spot(0.013, 0.050, 0.026), (0.033 * h, 0.0165 * h, 0.024 * h), hair, frame)
        model.ball(spot(-0.026, 0.036, 0.028), (0.015 * h, 0.024 * h, 0.018 * h), hair, frame)
    else:
        model.ball(spot(0, 0.020, -0.010), (0.0465 * h, 0.054 * h, 0.053 * h), hair, frame)
        model.ball(spot(0.006, 0.050, 0.022), (0.034 * h, 0.018 * h, 0.028 * h), hair, frame)


def _hat(model: Model, cloth: Material, spot: Spot, frame: Vec, h: float) -> None:
    felt = replace(cloth, colour=(0.05, 0.045, 0.04), gloss=0.1, pattern="")
    model.tube(spot(0, 0.030, 0.004), spot(0, 0.036, 0.004), (0.088 * h, 0.086 * h), felt, (frame[:, 2], 1.08))
    model.tube(spot(0, 0.034, 0.0), spot(0, 0.095, -0.002), (0.057 * h, 0.047 * h), felt, (frame[:, 2], 1.15))
    band = replace(felt, colour=(0.012, 0.011, 0.01))
    model.tube(spot(0, 0.035, 0.0), spot(0, 0.050, 0.0), (0.0585 * h, 0.057 * h), band, (frame[:, 2], 1.15))


def _props(model: Model, body: Body, who: Person) -> None:
    h = body.h
    hand = body.hands[0]
    axis = unit(hand - body.elbows[0])
    tip = hand + axis * 0.055 * h
    if "cigarette" in who.props:
        model.new_group()
        start = tip + body.torso @ vec(-0.005, 0.01, 0.01)
        end = start + unit(body.torso[:, 2] + body.torso[:, 0] * 0.8 + UP * 0.2) * 0.075
        model.tube(start, end, (0.0045, 0.0045), Material((0.8, 0.78, 0.74)))
        model.ball(end, 0.008, EMBER)
    if "gun" in who.props:
        model.new_group()
        steel = Material((0.03, 0.03, 0.035), gloss=0.8, metal=0.7)
        model.box(tip + axis * 0.07 + vec(0, 0.02, 0), (0.012, 0.1, 0.02), steel, frame_along(axis, UP))
        model.box(tip + vec(0, -0.03, 0), (0.012, 0.05, 0.02), steel)
    if "phone" in who.props:
        model.new_group()
        black = Material((0.02, 0.02, 0.022), gloss=0.7)
        ear = body.head + body.skull @ vec(0.055 * h, -0.004 * h, 0)
        mouth = body.head + body.skull @ vec(0.048 * h, -0.07 * h, 0.03 * h)
        model.limb(ear, mouth, (0.018, 0.018), black)
    if "umbrella" in who.props:
        model.new_group(smooth=0.012)
        top = tip + vec(0, 0.62, 0)
        model.tube(tip - vec(0, 0.1, 0), top, (0.008, 0.008), SHOE)
        model.tube(top - vec(0, 0.22, 0), top, (0.62, 0.03), Material((0.03, 0.03, 0.035), gloss=0.5))
