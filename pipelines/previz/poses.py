"""The poses people take: where pelvis, hands and feet are, in heights of the person; data and a little chance."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.previz.scene import Person

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """`pelvis` and `feet` from the ground below the person; `hands` from the shoulders in the torso's axes, left first.

    `lean` tips the torso (sideways, forwards), `twist` and `look` turn torso and head in radians, `nod` tips the head.
    The person's left is +x when it faces the camera at +z, so the left hand is on the picture's right.
    """

    pelvis: Point = (0.0, 0.525, 0.0)
    hands: tuple[Point, Point] = ((0.045, -0.325, 0.02), (-0.045, -0.325, 0.03))
    feet: tuple[Point, Point] = ((0.06, 0.04, 0.0), (-0.065, 0.04, 0.015))
    lean: tuple[float, float] = (0.0, 0.0)
    twist: float = 0.0
    look: float = 0.0
    nod: float = 0.0


POSES: dict[str, Pose] = {
    "stand": Pose(),
    "walk": Pose(
        pelvis=(0.0, 0.515, 0.0),
        hands=((0.05, -0.30, 0.12), (-0.05, -0.29, -0.13)),
        feet=((0.035, 0.06, -0.155), (-0.035, 0.04, 0.15)),
        lean=(0.0, 0.06),
    ),
    "run": Pose(
        pelvis=(0.0, 0.49, 0.0),
        hands=((0.02, -0.06, 0.20), (-0.06, -0.19, -0.16)),
        feet=((0.03, 0.20, -0.30), (-0.03, 0.06, 0.24)),
        lean=(0.0, 0.28),
    ),
    "sit": Pose(
        pelvis=(0.0, 0.30, 0.0),
        hands=((-0.04, -0.24, 0.20), (0.03, -0.24, 0.21)),
        feet=((0.05, 0.04, 0.25), (-0.06, 0.04, 0.28)),
        lean=(0.0, 0.08),
        nod=0.06,
    ),
    "reach": Pose(
        hands=((0.05, -0.32, 0.03), (0.02, -0.06, 0.31)),
        feet=((0.05, 0.05, -0.07), (-0.06, 0.04, 0.08)),
        lean=(0.0, 0.08),
        twist=0.15,
    ),
    "lean": Pose(
        pelvis=(0.02, 0.515, 0.0),
        hands=((0.01, -0.20, 0.12), (-0.06, -0.31, 0.04)),
        feet=((0.12, 0.04, 0.05), (-0.02, 0.04, 0.10)),
        lean=(-0.16, -0.04),
        look=-0.3,
    ),
    "aim": Pose(
        hands=((-0.075, 0.01, 0.30), (0.085, 0.005, 0.29)),
        feet=((0.09, 0.04, 0.08), (-0.09, 0.04, -0.09)),
        lean=(0.0, 0.05),
    ),
    "phone": Pose(hands=((-0.01, 0.055, 0.05), (-0.03, -0.30, 0.05)), lean=(0.03, 0.0), nod=0.08),
    "smoke": Pose(hands=((-0.02, -0.02, 0.15), (0.10, -0.21, 0.10)), lean=(-0.02, -0.04)),
    "crossed": Pose(hands=((-0.17, -0.19, 0.11), (0.16, -0.17, 0.12)), lean=(0.0, -0.03)),
    "dance": Pose(
        hands=((0.12, 0.26, 0.04), (-0.20, 0.12, 0.06)),
        feet=((0.09, 0.04, 0.0), (-0.06, 0.08, -0.07)),
        lean=(0.12, 0.0),
        twist=0.3,
    ),
    "crouch": Pose(
        pelvis=(0.0, 0.24, -0.05),
        hands=((-0.03, -0.22, 0.18), (0.02, -0.27, 0.16)),
        feet=((0.07, 0.04, 0.08), (-0.06, 0.05, -0.06)),
        lean=(0.0, 0.35),
        nod=0.1,
    ),
    "lie": Pose(
        pelvis=(0.0, 0.06, 0.0),
        hands=((0.09, -0.29, 0.03), (-0.03, -0.25, 0.06)),
        feet=((0.06, 0.04, 0.47), (-0.08, 0.04, 0.46)),
        lean=(0.05, -30.0),
        look=0.4,
    ),
}

HAND_FOR: dict[str, Point] = {
    "cigarette": (0.02, -0.04, 0.17),
    "phone": (-0.02, 0.05, 0.05),
    "cup": (-0.05, -0.13, 0.19),
    "umbrella": (-0.03, -0.14, 0.16),
}


def pose_of(who: Person, rng: np.random.Generator) -> Pose:
    """That pose with the small differences that keep two people from standing alike."""
    name, kind = who.pose, who.kind
    pose = POSES.get(name, POSES["stand"])
    raised = next((HAND_FOR[prop] for prop in HAND_FOR if prop in who.props), None)
    if raised is not None and name in ("sit", "stand", "lean", "walk", "crossed"):
        pose = replace(pose, hands=(raised, pose.hands[1]))
    jitter = rng.uniform(-1, 1, size=8)
    if name in ("stand", "phone", "smoke", "crossed", "aim"):
        side = 1 if jitter[0] > 0 else -1
        hip = 0.022 * side if kind == "woman" else 0.012 * side
        feet = (
            (0.05 + 0.012 * jitter[1], 0.04, 0.02 + 0.03 * jitter[2]),
            (-0.055 + 0.012 * jitter[3], 0.04, 0.02 - 0.03 * jitter[2]),
        )
        pose = replace(pose, pelvis=(hip, pose.pelvis[1], 0.0), feet=feet, lean=(pose.lean[0] - hip, pose.lean[1]))
    if name == "lie":
        return pose
    return replace(
        pose,
        twist=pose.twist + 0.12 * float(jitter[4]),
        look=pose.look + 0.28 * float(jitter[5]),
        nod=pose.nod + 0.04 * float(jitter[6]),
    )
