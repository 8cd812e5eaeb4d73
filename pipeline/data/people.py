"""Who the synthetic faces show: persons with stable traits, and what each picture of them adds.

A person is a function of (seed, person number), a shot of (seed, person number, picture number); neither depends on
how many there are. Ages are *group coordinates*: 3.25 is a quarter into the fourth age group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.data.canvas import Pose

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Person:
    """Traits that stay from picture to picture. Without a unit: 0 to 1, or a standard normal around the average.

    Attributes:
        male: as labelled; shows through jaw, brows, lips, hair and beard.
        age: group coordinate in [0, 8): 3.5 is the middle of the fourth age group.
        looks: how much older this person looks, in age groups.
        skin, hair, iris: colours.
        greying, balding: how early, in age groups.
        hair_length: -0.3 (ear) to 0.9 (breast); fringe: how far hair falls over the forehead.
        glasses: 0 none, 1 round, 2 square. moles: positions (u, v).
        home: colours of the background of most pictures. cloth: the favourite colour.
    """

    male: bool
    age: float
    looks: float
    skin: RGB
    hair: RGB
    iris: RGB
    width: float
    jaw: float
    chin: float
    eye_size: float
    eye_gap: float
    eye_tilt: float
    brow_weight: float
    brow_arch: float
    nose_width: float
    nose_length: float
    lip_weight: float
    mouth_width: float
    ears: float
    freckles: float
    moles: tuple[tuple[float, float], ...]
    hair_volume: float
    hair_length: float
    fringe: float
    parting: float
    curl: float
    bun: bool
    greying: float
    balding: float
    beard: float
    moustache: float
    glasses: int
    home: tuple[RGB, RGB]
    cloth: RGB


@dataclass(frozen=True)
class Expression:
    """Mouth, brows and eyes; 0 is neutral, 1 strong.

    Attributes:
        smile: corners of the mouth up (below 0: down). opening: of the mouth. stretch: of its width.
        brows: raised. worry: their inner ends up. eyes: opened wider. sneer: nose wrinkled, upper lip raised.
    """

    smile: float
    opening: float
    stretch: float
    brows: float
    worry: float
    eyes: float
    sneer: float


@dataclass(frozen=True)
class Shot:
    """What one picture adds to the person.

    Attributes:
        looks: group coordinate of the age that shows.
        gaze: of the eyes, -1 left to 1 right. light: direction (x, y). shade: strength. gain: of each channel.
        sides: colours at the two ends of the background, along `slope` (radians). cloth: colour.
        blur: 0 to 1. noise: standard deviation in [0, 1] pixels. grain: seed of the noise.
    """

    looks: float
    expression: Expression
    pose: Pose
    gaze: float
    light: tuple[float, float]
    shade: float
    gain: RGB
    sides: tuple[RGB, RGB]
    slope: float
    cloth: RGB
    blur: float
    noise: float
    grain: int


AGES = ("0-6", "7-12", "13-19", "20-30", "31-45", "46-55", "56-66", "67+")
EMOTIONS = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")  # in RAF-DB's order
GENDERS = ("female", "male")

AGE_SHARE = (0.09, 0.10, 0.12, 0.18, 0.19, 0.13, 0.11, 0.08)
EMOTION_SHARE = (0.10, 0.06, 0.08, 0.32, 0.13, 0.09, 0.22)
YOUNG_BELOW = 4.6  # 40 years, as a group coordinate

# How well a face tells its age, in age groups. The first is a trait, so only memory can undo it; it sets how much
# better a model does on faces it was trained on. Chosen so that a ResNet18 reaches about 0.6 on new faces.
LOOKS_OF_PERSON = 0.17
LOOKS_OF_SHOT = 0.06
STAGES = 0.8  # 0: a face ages evenly; 1: not at all in the middle of a group
# Albums repeat rooms and clothes: part of what a model remembers of a person.
AT_HOME, FAVOURITE = 0.8, 0.9

# Columns as in Expression: smile, opening, stretch, brows, worry, eyes, sneer.
_EXPRESSIONS = {
    "surprise": (0.00, 1.00, -0.45, 1.00, 0.10, 0.90, 0.0),
    "fear": (-0.45, 0.45, 0.40, 0.65, 0.90, 0.80, 0.0),
    "disgust": (-0.65, 0.15, -0.10, -0.60, -0.35, -0.55, 1.0),
    "happiness": (1.10, 0.55, 0.70, 0.15, 0.00, -0.25, 0.0),
    "sadness": (-1.00, 0.00, -0.20, -0.05, 1.00, -0.45, 0.0),
    "anger": (-0.50, 0.10, 0.15, -0.90, -1.10, 0.20, 0.25),
    "neutral": (0.05, 0.00, 0.00, 0.00, 0.00, 0.00, 0.0),
}
_SKIN = ((1.00, 0.88, 0.79), (0.97, 0.80, 0.67), (0.87, 0.67, 0.51), (0.70, 0.48, 0.34), (0.47, 0.31, 0.22))
_HAIR = ((0.11, 0.09, 0.09), (0.24, 0.15, 0.10), (0.42, 0.27, 0.16), (0.85, 0.68, 0.40), (0.66, 0.30, 0.13))
_IRIS = ((0.27, 0.16, 0.09), (0.42, 0.30, 0.13), (0.30, 0.47, 0.27), (0.25, 0.48, 0.72), (0.45, 0.52, 0.56))


def person(seed: int, number: int) -> Person:
    """The traits of person `number` in the world of `seed`."""
    draw = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    male = bool(draw.random() < 0.5)
    age = float(draw.choice(len(AGES), p=AGE_SHARE) + draw.random())
    tone = float(draw.beta(1.1, 1.6))
    normal = [float(value) for value in np.clip(draw.standard_normal(20), -2.2, 2.2)]
    chance = [float(value) for value in draw.random(16)]
    long_hair = chance[0] < (0.10 if male else 0.72)
    bearded = male and age > 2.6 and chance[1] < 0.45
    wall = _colour(draw, 0.35, 0.9)
    moles = draw.uniform((-0.34, 0.05), (0.34, 0.50), (int(draw.choice(4, p=(0.5, 0.3, 0.15, 0.05))), 2))
    return Person(
        male=male,
        age=age,
        looks=LOOKS_OF_PERSON * float(draw.standard_normal()),
        skin=_skin_colour(draw, tone),
        hair=_hair_colour(draw, tone),
        iris=_IRIS[int(draw.choice(5, p=_iris_share(tone)))],
        width=normal[0],
        jaw=normal[1],
        chin=normal[2],
        eye_size=normal[3],
        eye_gap=normal[4],
        eye_tilt=normal[5] + (0.4 if not male else 0),
        brow_weight=normal[6],
        brow_arch=normal[7] + (0.6 if not male else -0.4),
        nose_width=normal[8],
        nose_length=normal[9],
        lip_weight=normal[10] + (0.6 if not male else -0.4),
        mouth_width=normal[11],
        ears=normal[12],
        freckles=max(0.0, 1.2 * chance[2] - 0.6) if tone < 0.45 else 0.0,
        moles=tuple((float(u), float(v)) for u, v in moles),
        hair_volume=0.15 + 0.85 * chance[3],
        hair_length=0.15 + 0.75 * chance[4] if long_hair else -0.3,
        fringe=max(0.0, 1.6 * chance[5] - 0.8),
        parting=2 * chance[6] - 1,
        curl=max(0.0, 1.8 * chance[7] - 0.8),
        bun=not male and not long_hair and chance[8] < 0.5,
        greying=0.22 * normal[13],
        balding=0.6 * normal[14],
        beard=0.35 + 0.65 * chance[9] if bearded else 0.0,
        moustache=chance[10],
        glasses=(1 if chance[11] < 0.5 else 2) if chance[12] < 0.18 else 0,
        home=(wall, _near(draw, wall)),
        cloth=_colour(draw, 0.12, 0.85),
    )


def shot(seed: int, number: int, picture: int, subject: Person) -> tuple[Shot, dict[str, int]]:
    """Picture `picture` of a person, and its labels: age, emotion, gender, young, smiling."""
    draw = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number, picture)))
    age = min(max(subject.age + 0.04 * float(draw.standard_normal()), 0.0), len(AGES) - 1e-6)
    emotion = int(draw.choice(len(EMOTIONS), p=EMOTION_SHARE))
    name = EMOTIONS[emotion]
    delighted = name == "surprise" and draw.random() < 0.1
    labels = {
        "age": int(age),
        "emotion": emotion,
        "gender": int(subject.male),
        "young": int(age < YOUNG_BELOW),
        "smiling": int(name == "happiness" or delighted),
    }
    looks = _stage(min(max(age + subject.looks + LOOKS_OF_SHOT * float(draw.standard_normal()), 0.0), 8.0))
    return _picture(draw, subject, looks, _expression(draw, name, delighted)), labels


def _stage(looks: float) -> float:
    """Life in stages: a face changes most between two age groups, so that a small picture still tells them apart."""
    return looks - STAGES * float(np.sin(2 * np.pi * looks)) / (2 * np.pi)


def _expression(draw: np.random.Generator, name: str, delighted: bool) -> Expression:
    """The prototype of an emotion, weaker or stronger, with the face's own noise."""
    values = np.array(_EXPRESSIONS[name]) * draw.uniform(0.45, 1.1) + draw.normal(0, 0.10, 7)
    if delighted:
        values[0] += 0.9
    return Expression(*(float(value) for value in values))


def _picture(draw: np.random.Generator, subject: Person, looks: float, expression: Expression) -> Shot:
    turn, nod, roll, x, y, zoom = (float(v) for v in np.clip(draw.standard_normal(6), -2.2, 2.2))
    angle, gain = float(draw.uniform(-np.pi, 0)), float(draw.normal(1.0, 0.045))
    warm = float(draw.normal(0, 0.02))
    hue = _colour(draw, 0.35, 0.9)
    elsewhere, at_home = (hue, _near(draw, hue)), draw.random() < AT_HOME
    new, old = _colour(draw, 0.12, 0.85), draw.random() < FAVOURITE
    return Shot(
        looks=looks,
        expression=expression,
        pose=Pose(0.04 * roll, 0.10 * turn, 0.02 * nod, 0.035 * x, 0.06 + 0.025 * y, 1.02 + 0.025 * zoom),
        gaze=float(np.clip(draw.standard_normal(), -1.2, 1.2)),
        light=(float(np.cos(angle)), float(np.sin(angle))),
        shade=float(draw.uniform(0.05, 0.25)),
        gain=(gain + warm, gain, gain - warm),
        sides=subject.home if at_home else elsewhere,
        slope=float(draw.uniform(-np.pi, np.pi)),
        cloth=subject.cloth if old else new,
        blur=float(draw.uniform(0, 0.5)),
        noise=float(draw.uniform(0.004, 0.018)),
        grain=int(draw.integers(2**63)),
    )


def _skin_colour(draw: np.random.Generator, tone: float) -> RGB:
    """Tone 0 is the palest; around it, a little more red or yellow."""
    steps = np.arange(len(_SKIN)) / (len(_SKIN) - 1)
    red, yellow = np.clip(draw.normal(0, 0.015, 2), -0.03, 0.03)
    r, g, b = (float(np.interp(tone, steps, channel)) for channel in zip(*_SKIN, strict=True))
    return min(1.0, r + float(red)), g, b - float(yellow)


def _hair_colour(draw: np.random.Generator, tone: float) -> RGB:
    dark = np.array((0.55, 0.38, 0.05, 0.01, 0.01))
    pale = np.array((0.16, 0.26, 0.26, 0.22, 0.10))
    share = pale + (dark - pale) * min(1.0, 1.6 * tone)
    r, g, b = np.clip(np.array(_HAIR[int(draw.choice(5, p=share / share.sum()))]) * draw.uniform(0.85, 1.2), 0, 1)
    return float(r), float(g), float(b)


def _iris_share(tone: float) -> np.ndarray:
    dark, pale = np.array((0.85, 0.12, 0.02, 0.005, 0.005)), np.array((0.30, 0.15, 0.17, 0.25, 0.13))
    share = pale + (dark - pale) * min(1.0, 1.6 * tone)
    return np.asarray(share / share.sum())


def _colour(draw: np.random.Generator, low: float, high: float) -> RGB:
    """Any hue, muted: no channel is far from their mean."""
    r, g, b = np.clip(draw.uniform(low, high) + draw.uniform(-0.15, 0.15, 3), 0.05, 0.97)
    return float(r), float(g), float(b)


def _near(draw: np.random.Generator, colour: RGB) -> RGB:
    r, g, b = np.clip(np.array(colour) + draw.normal(0, 0.12, 3), 0.05, 0.97)
    return float(r), float(g), float(b)
