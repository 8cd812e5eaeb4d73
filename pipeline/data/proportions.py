"""How age, sex and stable traits shape a head: a person and one picture of them -> proportions and colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.data.canvas import Colour
from pipeline.data.people import Person, Shot


@dataclass(frozen=True)
class Proportions:
    """Lengths in head units (see `pipeline.data.faces`), colours float32 [3] RGB.

    Attributes:
        child: 1 newborn to 0 grown up. worn: 0 smooth to 1 old. bald: 0 full hair to 1 none.
        width: half of the head's. jaw: its width as a share of the head's. top, chin: v of the head's ends.
        eye_u, eye_v, nose_v, mouth_v: where the features sit.
        line: colour of folds and outlines on the skin.
    """

    child: float
    worn: float
    width: float
    top: float
    chin: float
    jaw: float
    eye_v: float
    eye_u: float
    nose_v: float
    mouth_v: float
    skin: np.ndarray
    line: np.ndarray
    hair: np.ndarray
    bald: float


def ramp(value: float, start: float, end: float) -> float:
    """0 up to `start`, 1 from `end`, a straight line between."""
    return min(1.0, max(0.0, (value - start) / (end - start)))


def mix(first: Colour, second: Colour, share: float) -> np.ndarray:
    """A colour between two, float32 [3]: the first at share 0, the second at 1."""
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    return a + (b - a) * np.float32(share)


def proportions(person: Person, shot: Shot) -> Proportions:
    """Proportions at the age that this shot shows."""
    age = shot.looks
    child, worn = 1 - ramp(age, 0, 3.4), ramp(age, 3.0, 7.8)
    grown = 1 - child
    width = 0.50 + 0.024 * person.width + 0.035 * child + 0.02 * worn
    eye_u = 0.205 + 0.014 * person.eye_gap + 0.01 * child
    chin = 0.68 + 0.018 * person.chin + 0.02 * person.male * grown - 0.10 * child
    eye_v = -0.03 + 0.15 * child
    nose_v = eye_v + 0.29 + 0.018 * person.nose_length - 0.10 * child + 0.025 * worn
    mouth_v = nose_v + (chin - nose_v) * (0.42 + 0.03 * worn)
    pallor = 0.97 * sum(person.skin) / 3 + 0.01
    dull = mix(person.skin, (pallor, pallor, pallor), 0.42 * worn)
    skin = np.clip(dull * np.float32(1 + 0.05 * child - 0.05 * worn), 0, 1)
    grey = ramp(age + person.greying, 4.0, 7.0)
    return Proportions(
        child=child,
        worn=worn,
        width=width,
        top=-0.66,
        chin=chin,
        jaw=0.80 + 0.04 * person.jaw + 0.06 * person.male * grown + 0.09 * worn + 0.05 * child,
        eye_v=eye_v,
        eye_u=eye_u,
        nose_v=nose_v,
        mouth_v=mouth_v,
        skin=skin,
        line=skin * np.array([0.56, 0.45, 0.41], np.float32),
        hair=mix(person.hair, (0.88, 0.88, 0.90), grey),
        bald=ramp(age + person.balding, 4.0, 8.0) if person.male else 0.0,
    )
