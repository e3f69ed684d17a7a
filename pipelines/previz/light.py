"""Lights a set: turns a lighting preset, the lamps of the set and the palette's colours into lights, air and sky."""

# ruff: noqa: PLR2004 - a drawing is made of measures, and each stands where it is used

from dataclasses import dataclass, replace

import numpy as np

from pipelines.previz.camera import Camera
from pipelines.previz.colour import Palette, at_luminance, kelvin, mixed, scaled
from pipelines.previz.geometry import Rgb, Vec, turned, unit, vec
from pipelines.previz.scene import Scene
from pipelines.previz.sets.build import Placed
from pipelines.previz.sets.plan import Crew, Plan, Practical


@dataclass(frozen=True)
class Preset:
    """A lighting preset (L-054 to L-061). Angles in degrees from the camera's axis and above the floor.

    `key`, `fill` and `rim` are strengths at the subject; `size` is the key's radius in metres; `exposure` is the mean
    lightness the frame is exposed for; `contrast` bends the curve about the middle.
    """

    label: str
    azimuth: float
    elevation: float
    key_kelvin: float
    size: float
    key: float
    fill: float
    fill_kelvin: float
    rim: float
    rim_kelvin: float
    practicals: float
    exposure: float
    contrast: float
    air: float = 0.0
    flare: float = 0.0
    neon: bool = False


PRESETS: dict[str, Preset] = {
    "golden-hour-soft": Preset(
        "Golden hour soft", 146, 9, 2900, 0.35, 2.6, 0.55, 8200, 0.9, 2700, 0.5, 0.23, 1.05, air=0.4, flare=1.0
    ),
    "studio-high-key": Preset("Studio high key", 32, 42, 5600, 1.3, 1.0, 0.95, 5600, 0.35, 5600, 0.5, 0.36, 0.90),
    "studio-low-key": Preset("Studio low key", 78, 38, 4100, 0.30, 1.4, 0.030, 6500, 0.75, 5200, 0.9, 0.050, 1.30),
    "natural-window": Preset(
        "Natural window", 68, 24, 5700, 0.9, 1.3, 0.13, 7200, 0.35, 6800, 0.8, 0.19, 1.14, air=0.15
    ),
    "overcast-flat": Preset(
        "Overcast flat", 15, 72, 6900, 2.2, 0.30, 0.95, 7200, 0.05, 7000, 0.4, 0.24, 0.92, air=0.25
    ),
    "neon-night": Preset(
        "Neon night", 62, 28, 5600, 0.45, 1.0, 0.06, 9000, 1.6, 9000, 1.7, 0.105, 1.18, air=0.25, neon=True
    ),
    "rembrandt": Preset("Rembrandt", 46, 46, 3900, 0.22, 1.5, 0.085, 5200, 0.40, 4600, 0.8, 0.11, 1.15),
    "ring-light": Preset("Ring light", 0, 4, 5600, 0.55, 1.15, 0.22, 5600, 0.25, 5600, 0.6, 0.26, 1.0),
}


@dataclass(frozen=True)
class Light:
    """One lamp: `at` for a near one or `towards` for a far one; `power` is its light at one metre.

    `size` softens shadows and the fall-off near the lamp; `shadow_aim` asks for a shadow map that looks there, and
    `outside_lit` says whether light falls beyond the map's edges. One that lights no floor is flagged off it.
    """

    power: Rgb
    at: Vec | None = None
    towards: Vec | None = None
    size: float = 0.1
    wrap: float = 0.0
    shadow_aim: Vec | None = None
    shadow_tan: float = 1.2
    beam: float = 0.0
    cone: tuple[Vec, float] | None = None
    glint: float = 1.0
    outside_lit: bool = True
    lights_floor: bool = True


@dataclass(frozen=True)
class Sky:
    """What is behind everything: two colours, and what stands in it."""

    horizon: Rgb
    zenith: Rgb
    sun: Vec | None = None
    sun_colour: Rgb = (0.0, 0.0, 0.0)
    moon: Vec | None = None
    stars: bool = False
    clouds: float = 0.0


@dataclass(frozen=True)
class Set:
    """What the lighting crew finds: the scene, its set and people, the camera, the colours of the style."""

    scene: Scene
    plan: Plan
    placed: list[Placed]
    camera: Camera
    palette: Palette
    crew: Crew


@dataclass(frozen=True)
class Lighting:
    """Everything that shines in a frame, and the air between."""

    preset: Preset
    lights: list[Light]
    above: Rgb
    below: Rgb
    sky: Sky
    haze: float
    haze_colour: Rgb


def light_up(found: Set, name: str) -> Lighting:
    """The lights of a frame."""
    preset = PRESETS[name]
    scene, camera, palette, crew = found.scene, found.camera, found.palette, found.crew
    if "silhouette" in scene.look:
        preset = replace(
            preset,
            key=preset.key * 0.05,
            fill=preset.fill * 0.35,
            rim=max(preset.rim, 1.0) * 1.5,
            contrast=preset.contrast * 1.06,
            exposure=preset.exposure * 0.85,
        )
    side = _side(found.placed, camera, crew)
    sky = _sky(scene, preset, camera, side)
    lights = [_key(found, preset, side), *_rims(found, preset, side)]
    lights += [_practical(lamp, preset, crew, scene) for lamp in found.plan.practicals]
    fill = kelvin(preset.fill_kelvin)
    if scene.insert or scene.shot in ("close-up", "extreme-close-up"):
        fill = scaled(fill, 1.0 + 0.05 / (preset.fill + 0.03))
    ambient = preset.fill * (0.42 if scene.interior or not _bright(scene, preset) else 0.62)
    above = scaled(fill, ambient)
    if preset.neon:
        above = scaled(mixed(fill, crew.neon[1], 0.65), ambient * 1.6)
    elif palette.given and preset.fill < 0.3:
        above = scaled(mixed(fill, at_luminance(palette.accents[1], 1.0), 0.25), ambient)
    below = scaled(above, 0.45)
    # However thick the air, most of the light from the subject arrives.
    haze = min(_haze(scene, preset), 0.24 / camera.focus)
    return Lighting(preset, lights, above, below, sky, haze, _haze_colour(scene, sky, above, preset, crew))


def _side(placed: list[Placed], camera: Camera, crew: Crew) -> int:
    """The side the key stands on: where the first person looks, else either."""
    chance = crew.side()
    if not placed:
        return chance
    turn = float(np.sin(placed[0].yaw - camera.yaw))
    return chance if abs(turn) < 0.25 else (1 if turn > 0 else -1)


def _bright(scene: Scene, preset: Preset) -> bool:
    return not scene.dark and not preset.neon


def _direction(camera: Camera, azimuth: float, elevation: float, side: int) -> Vec:
    around = camera.yaw + side * np.radians(azimuth)
    return unit(
        turned(vec(0, 0, 1), float(around)) * np.cos(np.radians(elevation)) + vec(0, np.sin(np.radians(elevation)), 0)
    )


def _key(found: Set, preset: Preset, side: int) -> Light:
    scene, camera, crew = found.scene, found.camera, found.crew
    towards = _direction(camera, preset.azimuth, preset.elevation, side)
    colour = scaled(kelvin(preset.key_kelvin), preset.key)
    if preset.neon:
        colour = scaled(mixed(at_luminance(crew.neon[0], 1.0), (1.0, 1.0, 1.0), 0.30), preset.key)
    if (
        not scene.interior
        and not scene.insert
        and _bright(scene, preset)
        and scene.shot in ("wide", "extreme-wide", "medium")
    ):
        return Light(
            colour,
            towards=towards,
            size=preset.size,
            wrap=min(preset.size * 0.25, 0.5),
            shadow_aim=camera.subject,
            beam=1.0,
        )
    distance = {"close-up": 1.9, "extreme-close-up": 1.7}.get(scene.shot, 3.6)
    if scene.insert:
        distance = 1.6
    at = camera.subject + towards * distance
    if found.plan.ceiling < 100:
        at[1] = min(at[1], found.plan.ceiling - 0.1)
    return Light(
        scaled(colour, distance**2),
        at=at,
        size=preset.size,
        wrap=min(preset.size * 0.3, 0.5),
        shadow_aim=camera.subject,
        shadow_tan=1.0,
        beam=0.22,
        cone=(unit(camera.subject - at), 0.80 if preset.neon else 0.62),
    )


def _rims(found: Set, preset: Preset, side: int) -> list[Light]:
    """A light from behind: through the door or window where the set has one, and a hair light from the other side."""
    scene, plan, camera, crew = found.scene, found.plan, found.camera, found.crew
    colour = kelvin(preset.rim_kelvin)
    if preset.neon or scene.neon_colour:
        colour = at_luminance(crew.neon[0] if "silhouette" in scene.look else crew.neon[1], 1.0)
    lights: list[Light] = []
    if plan.backlight is not None and (scene.interior or scene.insert or scene.dark):
        gap = float(np.sqrt(((plan.backlight - camera.subject) ** 2).sum()))
        low = camera.subject * np.array([1, 0.4, 1])
        power = scaled(colour, preset.rim * gap**2)
        beam = 0.9 if "silhouette" in scene.look else 0.9 if scene.interior else 0.35
        lights.append(
            Light(
                power,
                at=plan.backlight,
                size=0.12,
                shadow_aim=low,
                shadow_tan=1.05,
                beam=beam,
                outside_lit=not scene.interior,
            )
        )
    towards = _direction(camera, 150, 36, -side)
    lights.append(Light(scaled(colour, preset.rim * 0.75), towards=towards, size=0.2, glint=0.6, lights_floor=False))
    return lights


def _practical(lamp: Practical, preset: Preset, crew: Crew, scene: Scene) -> Light:
    colours: dict[str, Rgb] = {
        "neon-1": at_luminance(crew.neon[0], 0.5),
        "neon-2": at_luminance(crew.neon[1], 0.5),
        "tungsten": scaled(kelvin(2700), 0.55),
        "tube": scaled(mixed(kelvin(4600), (0.7, 1.0, 0.86), 0.5), 0.5),
        "moon": scaled(kelvin(9000), 0.5),
        "fire": scaled(kelvin(1900), 0.7),
        "day": scaled(kelvin(2700 if scene.time in ("dusk", "dawn") else 6200), 0.05 if scene.dark else 1.6),
    }
    strength = lamp.strength * preset.practicals
    shadows = lamp.aim is not None and strength > 1.5
    return Light(
        scaled(colours[lamp.role], strength), at=lamp.at, size=lamp.size, wrap=0.1,
        shadow_aim=lamp.aim if shadows else None, beam=lamp.visible_beam,
        outside_lit=not lamp.walled,
    )  # fmt: skip


def _sky(scene: Scene, preset: Preset, camera: Camera, side: int) -> Sky:
    cloudy = 0.9 if preset.label.startswith("Overcast") or "cloud" in scene.weather else 0.45
    if "rain" in scene.weather or "snow" in scene.weather:
        cloudy = 1.0
    if scene.dark or preset.neon:
        glow = mixed(
            (0.012, 0.016, 0.030),
            (0.05, 0.032, 0.028),
            0.5 if scene.setting in ("street", "skyline", "laundromat") else 0.1,
        )
        moon = _direction(camera, 168, 17, side) if "moon" in scene.pieces else None
        return Sky(scaled(glow, 1.5), (0.004, 0.006, 0.014), moon=moon, stars=cloudy < 0.9, clouds=0.25)
    low = preset.azimuth > 120 or scene.time in ("dusk", "dawn")
    sun = _direction(camera, 160 if low or "sun" in scene.pieces else preset.azimuth, 4.5 if low else 24, side)
    if preset.label.startswith("Golden") or scene.time in ("dusk", "dawn"):
        warm = (1.35, 0.62, 0.26) if scene.time != "dawn" else (1.2, 0.68, 0.46)
        return Sky(warm, (0.15, 0.22, 0.42), sun=sun, sun_colour=(18.0, 8.5, 2.8), clouds=cloudy)
    if cloudy > 0.8:
        return Sky((0.85, 0.88, 0.92), (0.55, 0.60, 0.68), clouds=1.0)
    return Sky((0.80, 0.90, 1.05), (0.14, 0.28, 0.62), sun=sun, sun_colour=(14.0, 12.5, 10.0), clouds=cloudy)


def _haze(scene: Scene, preset: Preset) -> float:
    """How much light the air takes per metre."""
    base = 0.006 if scene.interior or scene.insert else 0.0012
    if not scene.interior and scene.setting in ("street", "forest"):
        base = 0.006
    extra = {"fog": 0.045, "smoke": 0.028, "steam": 0.010, "rain": 0.008, "snow": 0.010}
    share = 1.0 if scene.interior or scene.insert or "fog" in scene.weather else 0.35
    total = base + share * sum(amount for tag, amount in extra.items() if tag in scene.weather)
    if scene.setting in ("skyline", "mountains", "desert", "sea", "field"):
        total = 0.0011 + 0.12 * (total - base)
    if scene.setting == "forest" and scene.time in ("dawn", "dusk"):
        total += 0.016
    return min(total * (1 + preset.air), 0.11)


def _haze_colour(scene: Scene, sky: Sky, above: Rgb, preset: Preset, crew: Crew) -> Rgb:
    if scene.interior or scene.insert:
        return scaled(above, 0.5)
    if preset.neon:
        return scaled(mixed(sky.horizon, crew.neon[1], 0.12), 0.9)
    return scaled(sky.horizon, 0.45 if scene.setting in ("forest", "street") else 0.8)
