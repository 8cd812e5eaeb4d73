"""Drawing a face: a person's stable traits and what one picture adds -> pixels. Pure numpy, any size.

Age shows through the proportions of childhood, folds, spots, grey and thin hair; `Shot.looks` sets how much.
Lengths are in head units: the head is about 1.3 high, its centre is (0, 0), v points down.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.data.canvas import Canvas, Patch, arc, box, ellipse, melt
from pipeline.data.people import Person, Shot
from pipeline.data.proportions import Proportions, proportions, ramp


def portrait(person: Person, shot: Shot, size: int) -> np.ndarray:
    """The picture, uint8 [size, size, 3] RGB; the same arguments always give the same pixels."""
    build = proportions(person, shot)
    small = replace(shot.pose, scale=shot.pose.scale * (1 - 0.18 * build.child))
    canvas = Canvas(size, small, build.width * 1.08)
    _background(canvas, shot)
    head = _head_shape(canvas.head, build)
    back = _hair_back(canvas, person, build)
    _body(canvas, person, shot, build)
    _skin(canvas, person, shot, build, head)
    _wear(canvas, shot, build)
    for side in (-1, 1):
        _eye(canvas, person, shot, build, side)
    _nose(canvas, person, shot, build)
    if person.beard * (1 - build.child) > 0.05:
        _beard(canvas, person, build, head)
    _mouth(canvas, person, shot, build)
    _hair_front(canvas, person, build, head, back)
    for side in (-1, 1):
        _brow(canvas, person, shot, build, side)
    if person.glasses:
        _glasses(canvas, person, build)
    return _develop(canvas, shot)


def _background(canvas: Canvas, shot: Shot) -> None:
    at = canvas.image
    share = 0.5 + 0.5 * (at.u * np.float32(np.cos(shot.slope)) + at.v * np.float32(np.sin(shot.slope)))
    share = np.clip(share, 0, 1)[..., None]
    first, second = (np.asarray(side, np.float32) for side in shot.sides)
    canvas.rgb[:] = first + (second - first) * share


def _head_shape(at: Patch, build: Proportions) -> np.ndarray:
    """Signed distance [h, w]: a skull and a jaw, melted together."""
    skull = ellipse(at, 0, -0.12, build.width, -0.12 - build.top)
    jaw = ellipse(at, 0, build.chin - 0.46, build.width * build.jaw, 0.46)
    return melt(skull, jaw, 0.10)


def _hair_back(canvas: Canvas, person: Person, build: Proportions) -> np.ndarray | None:
    """Long hair and a bun, behind everything; returns the shape of long hair for the strands in front."""
    at = canvas.head
    if person.bun:
        at.paint(ellipse(at, 0.06 * person.parting, build.top - 0.13, 0.20, 0.17), build.hair * np.float32(0.85))
    if person.hair_length < 0:
        return None
    top, bottom = build.top + 0.05, person.hair_length
    half = build.width + 0.05 + 0.10 * person.hair_volume
    shape = box(at, 0, (top + bottom) / 2, half, (bottom - top) / 2, min(0.3, half))
    shape += np.float32(0.05 * person.curl) * np.sin(at.v * 17 + np.sign(at.u))
    at.paint(shape, build.hair * np.float32(0.72))
    return shape


def _body(canvas: Canvas, person: Person, shot: Shot, build: Proportions) -> None:
    at = canvas.head
    thick = (0.20 + 0.05 * person.male) * (1 - 0.25 * build.child)
    at.paint(box(at, 0, 0.75, thick, 0.4, 0.05), build.skin * np.float32(0.80))
    broad = (0.72 + 0.10 * person.male) * (1 - 0.2 * build.child)
    at.paint(ellipse(at, 0, 1.32, broad, 0.48), shot.cloth)
    at.paint(ellipse(at, 0, 0.84, thick * 1.1, 0.10), build.skin * np.float32(0.84))


def _skin(canvas: Canvas, person: Person, shot: Shot, build: Proportions, head: np.ndarray) -> None:
    at = canvas.head
    for side in (-1, 1):
        size = 0.10 + 0.015 * person.ears + 0.015 * build.worn
        u = side * build.width * 0.99 - 0.10 * shot.pose.yaw
        at.paint(ellipse(at, u, build.eye_v + 0.08, 0.075, size), build.skin * np.float32(0.88))
    light = (at.u * np.float32(shot.light[0]) + at.v * np.float32(shot.light[1])) * np.float32(shot.shade)
    rim = np.clip(1 + head * 4, 0, 1) ** 2 * np.float32(0.16)
    at.paint(head, build.skin * (1 + light - rim)[..., None])
    rosy = np.clip(build.skin * np.array([1.06, 0.72, 0.70], np.float32), 0, 1)
    for side in (-1, 1):
        u, v = side * build.eye_u * 1.35, build.nose_v + 0.03
        cheek = canvas.near(u, v, 0.3)
        lift = 0.05 * max(0.0, shot.expression.smile)
        strength = 0.10 + 0.35 * build.child + 0.8 * lift
        cheek.paint(ellipse(cheek, u, v - lift, 0.10, 0.08), rosy, strength, soft=0.16)
    _spots(canvas, person, build)


def _spots(canvas: Canvas, person: Person, build: Proportions) -> None:
    """Freckles (or age spots) and moles."""
    brown = build.skin * np.array([0.72, 0.58, 0.48], np.float32)
    at = canvas.features
    freckled = max(person.freckles * (1 - 0.6 * build.worn), 0.5 * build.worn * person.greying)
    if freckled > 0.1:
        dots = np.sin(at.u * 71 + 2 * np.sin(at.v * 43)) * np.sin(at.v * 67 + 2 * np.sin(at.u * 37))
        band = np.exp(-(((at.v - build.nose_v + 0.08) / 0.10) ** 2) - (at.u / 0.30) ** 2)
        at.paint(np.zeros_like(at.u), brown, np.clip(dots * 2 - 0.4, 0, 1) * band * np.float32(1.3 * freckled))
    for u, v in person.moles:
        spot = canvas.near(u, v, 0.1)
        spot.paint(ellipse(spot, u, v, 0.026, 0.026), build.skin * np.float32(0.40), 0.85)


def _wear(canvas: Canvas, shot: Shot, build: Proportions) -> None:
    """Folds come one after the other: mouth and forehead, crow's feet, bags, jowls; an expression deepens them."""
    worn, mood = build.worn, shot.expression
    at = canvas.features
    for row in range(3):
        strength = ramp(worn, 0.08 + 0.20 * row, 0.34 + 0.20 * row) + 0.3 * max(0.0, mood.brows) * (0.3 + worn)
        line = arc(at, 0, build.eye_v - 0.29 - 0.075 * row, 0.24 - 0.03 * row, 0.025)
        at.stroke(line, 0.034, build.line, min(strength, 1.0) * 0.95)
    for side in (-1, 1):
        u = side * build.eye_u
        fold = canvas.near(u, build.nose_v + 0.06, 0.34)
        depth = ramp(worn, 0.05, 0.55) * 0.9 + 0.25 * max(mood.smile, mood.sneer, 0.0) * (1 - 0.7 * build.child)
        u_fold, v_fold = side * (0.20 + 0.03 * mood.smile), (build.nose_v + build.mouth_v) / 2 + 0.01
        down = (build.mouth_v - build.nose_v) / 2 + 0.03
        fold.stroke(arc(fold, u_fold, v_fold, 0.05, -0.01, side * down), 0.032, build.line, depth)
        bag = canvas.near(u, build.eye_v + 0.11, 0.2)
        bag.stroke(
            arc(bag, u, build.eye_v + 0.125, 0.085, -0.03),
            0.032,
            build.line,
            0.95 * ramp(worn, 0.45, 0.8) + 0.06,
        )
        feet = canvas.near(u + side * 0.17, build.eye_v, 0.16)
        for tilt in (-0.03, 0.0, 0.035):
            line = arc(feet, u + side * 0.175, build.eye_v + 0.015 + tilt, 0.035, 0, side * tilt)
            feet.stroke(line, 0.020, build.line, 0.9 * ramp(worn + 0.1 * mood.smile, 0.25, 0.6))
        jowl = canvas.near(side * 0.19, build.chin - 0.14, 0.2)
        jowl.stroke(
            arc(jowl, side * 0.20, build.chin - 0.12, 0.03, 0, side * 0.07),
            0.034,
            build.line,
            0.95 * ramp(worn, 0.7, 0.95),
        )


def _eye(canvas: Canvas, person: Person, shot: Shot, build: Proportions, side: int) -> None:
    u, v = side * build.eye_u, build.eye_v
    at = canvas.near(u, v, 0.22)
    wide = 0.098 + 0.010 * person.eye_size + 0.018 * build.child
    mood = shot.expression
    open_ = (0.058 + 0.006 * person.eye_size + 0.036 * build.child - 0.020 * build.worn) * (1 + 0.5 * mood.eyes)
    open_ = max(open_, 0.012)
    tilt = -side * (0.012 * person.eye_tilt - 0.022 * build.worn)
    at.paint(ellipse(at, u, v - 0.02, wide * 1.25, 0.10), build.line, 0.30, soft=0.10)
    x = np.clip((at.u - u) / wide, -1, 1)
    middle = at.v - v - tilt * x
    lid = 1 - x * x
    squint = 0.35 * max(0.0, mood.smile)  # a smile lifts the lower lid
    eye = np.maximum(np.abs(at.u - u) - wide, np.maximum(-middle - open_ * lid, middle - open_ * (0.8 - squint) * lid))
    at.paint(eye, (0.97, 0.96, 0.94))
    inside = at.cover(eye)
    gaze = u + 0.03 * shot.gaze
    ball = min(0.062 + 0.012 * build.child, wide * 0.7)
    at.paint(ellipse(at, gaze, v, ball, ball), person.iris, inside)
    at.paint(ellipse(at, gaze, v, ball * 0.5, ball * 0.5), (0.04, 0.03, 0.03), inside)
    at.paint(ellipse(at, gaze - 0.022, v - 0.024, 0.016, 0.016), (1.0, 1.0, 1.0), inside * 0.9)
    lash = np.hypot((at.u - u) - x * wide, middle + open_ * lid)
    at.stroke(lash, 0.030 + 0.014 * (not person.male) * (1 - build.child), (0.12, 0.08, 0.07), 0.9)
    at.stroke(np.hypot((at.u - u) - x * wide, middle - open_ * (0.8 - squint) * lid), 0.012, build.line, 0.7)


def _brow(canvas: Canvas, person: Person, shot: Shot, build: Proportions, side: int) -> None:
    mood = shot.expression
    u = side * (build.eye_u + 0.005)
    v = build.eye_v - 0.165 - 0.01 * build.child - 0.065 * mood.brows + 0.01 * build.worn
    at = canvas.near(u, v, 0.28)
    tilt = side * (0.075 * mood.worry + 0.008)
    weight = (0.034 + 0.010 * person.brow_weight + 0.014 * person.male) * (1 - 0.45 * build.child)
    line = arc(at, u, v - 0.02, 0.125, 0.03 + 0.012 * person.brow_arch, tilt)
    at.stroke(line, max(weight, 0.012), build.hair * np.float32(0.72), 0.92 - 0.25 * build.child)


def _nose(canvas: Canvas, person: Person, shot: Shot, build: Proportions) -> None:
    u, v = 0.07 * shot.pose.yaw, build.nose_v
    at = canvas.near(u, v - 0.08, 0.30)
    wide = (0.085 + 0.013 * person.nose_width + 0.012 * build.worn) * (1 - 0.22 * build.child)
    shade = -1.0 if shot.light[0] > 0 else 1.0
    bridge = arc(at, u + shade * wide * 0.55, v - 0.12, 0.012, 0, shade * 0.10)
    at.stroke(bridge, 0.05, build.line, 0.30 * (1 - 0.5 * build.child), soft=0.05)
    at.paint(
        ellipse(at, u, v - 0.04, wide * 0.5, 0.045),
        np.clip(build.skin * np.float32(1.12), 0, 1),
        0.5,
        soft=0.06,
    )
    at.stroke(arc(at, u, v + 0.012, wide, -0.035), 0.024, build.line, 0.85)
    for side in (-1, 1):
        at.paint(
            ellipse(at, u + side * wide * 0.55, v - 0.008, wide * 0.22, 0.014),
            build.line * np.float32(0.5),
            0.8,
        )
        if shot.expression.sneer > 0.05:
            fold = arc(at, u + side * 0.055, v - 0.20, 0.03, 0, side * 0.03)
            at.stroke(fold, 0.022, build.line, 0.8 * shot.expression.sneer)


def _mouth(canvas: Canvas, person: Person, shot: Shot, build: Proportions) -> None:
    mood, v = shot.expression, build.mouth_v
    wide = (0.155 + 0.014 * person.mouth_width) * (1 - 0.12 * build.child) * (1 + 0.28 * mood.stretch)
    at = canvas.near(0, v, wide + 0.14)
    x = np.clip(at.u / wide, -1, 1)
    q = 1 - x * x
    middle = at.v - v - 0.085 * mood.smile * (q - 0.6)
    ends = np.abs(at.u) - wide
    up, down = 0.30 * max(0.0, mood.opening) * 0.12 + 0.035 * mood.sneer, max(0.0, mood.opening) * 0.15
    full = (0.030 + 0.007 * person.lip_weight - 0.003 * person.male) * (1 - 0.35 * build.worn)
    redness = (0.92, 0.60, 0.58) if person.male else (0.98, 0.48, 0.50)
    lips = np.clip(build.skin * np.array(redness, np.float32), 0, 1)
    above, below = -middle - (up + full * 0.8) * q**0.7, middle - (down + full * 1.25) * q**0.7
    at.paint(np.maximum(ends, np.maximum(above, below)), lips, 0.95)
    gap = np.maximum(ends + 0.01, np.maximum(-middle - up * q, middle - down * q))
    at.paint(gap, (0.30, 0.08, 0.09), float(ramp(up + down, 0.004, 0.03)))
    if mood.opening > 0.1:
        inside = at.cover(gap)
        at.paint(
            middle + up * q - 0.035,
            (0.96, 0.95, 0.91),
            inside * ramp(abs(mood.smile) + mood.stretch, 0.1, 0.5),
        )
        at.paint(ellipse(at, 0, v + down + 0.02, wide * 0.6, 0.05), (0.78, 0.36, 0.36), inside * 0.8)
    at.stroke(np.hypot(at.u - x * wide, middle + up * q), 0.020, build.line * np.float32(0.55), 0.85)


def _beard(canvas: Canvas, person: Person, build: Proportions, head: np.ndarray) -> None:
    at, hair = canvas.features, build.hair * np.float32(0.85)
    strength = person.beard * ramp(1 - build.child, 0.7, 1.0)
    cheek = build.mouth_v - 0.03 - 0.45 * np.clip(np.abs(at.u) / build.width, 0, 1) ** 2.2
    chin = np.maximum(head, (cheek - at.v) * 0.7)
    at.paint(chin, hair, strength * 0.9, soft=0.07)
    if person.moustache > 0.3:
        v = (build.nose_v + build.mouth_v) / 2 + 0.01
        lip = canvas.near(0, v, 0.3)
        lip.stroke(arc(lip, 0, v, 0.14, 0.04), 0.055, hair, strength * person.moustache, soft=0.02)


def _hair_front(canvas: Canvas, person: Person, build: Proportions, head: np.ndarray, back: np.ndarray | None) -> None:
    at = canvas.head
    volume = 0.03 + 0.075 * person.hair_volume * (1 - 0.4 * build.bald)
    cap = ellipse(at, 0, -0.14, build.width + volume * 0.8, -0.14 - build.top + volume)
    if person.curl > 0.2:
        angle = np.arctan2(at.u, -at.v)
        cap = cap - np.float32(0.03 * person.curl) * np.sin(angle * 13 + person.parting)
    x = np.clip((at.u - 0.12 * canvas.pose.yaw) / build.width, -1.3, 1.3)
    crown = build.top + 0.20 + 0.20 * person.fringe + 0.06 * build.child - 0.20 * build.bald
    swoop = 0.10 * person.parting * (x + 0.2) * (1 - build.bald)
    temples = (0.42 + 0.06 * person.fringe) * np.abs(x) ** (2.6 + 1.5 * person.fringe)
    corners = 0.20 * build.bald * np.exp(-(((np.abs(x) - 0.55) / 0.25) ** 2))
    line = crown + swoop + temples - corners
    front = np.maximum(cap, np.maximum((at.v - line) * 0.8, at.v - build.eye_v - 0.12))
    if back is not None:  # long strands beside the face
        inner = build.width * 0.90 - np.abs(at.u) + 0.06 * np.clip(at.v, 0, 1)
        front = melt(front, np.maximum(back, np.maximum(inner, -0.25 - at.v)), 0.03)
    strands = np.sin(at.u * (34 - 12 * person.curl) + at.v * 5 * person.parting + 3 * at.v)
    gloss = np.exp(-(((at.v - build.top - 0.13) / 0.08) ** 2)) * np.float32(0.16)
    colour = np.clip(build.hair * (1 + np.float32(0.06) * strands + gloss)[..., None], 0, 1)
    thin = 1 - 0.85 * ramp(build.bald, 0.45, 0.95)
    at.paint(front, colour, thin, soft=0.015)


def _glasses(canvas: Canvas, person: Person, build: Proportions) -> None:
    for side in (-1, 1):
        u, v = side * (build.eye_u + 0.005), build.eye_v + 0.01
        at = canvas.near(u, v, 0.27)
        rim = ellipse(at, u, v, 0.155, 0.14) if person.glasses == 1 else box(at, u, v, 0.165, 0.115, 0.05)
        at.paint(rim, (0.85, 0.92, 0.97), 0.13)
        at.stroke(np.abs(rim), 0.030, (0.13, 0.11, 0.12), 0.95)
    bridge = canvas.near(0, build.eye_v, 0.12)
    bridge.stroke(arc(bridge, 0, build.eye_v - 0.02, build.eye_u - 0.15, 0.02), 0.030, (0.13, 0.11, 0.12), 0.95)


def _develop(canvas: Canvas, shot: Shot) -> np.ndarray:
    """Light over the whole picture, blur, noise, rounding."""
    rgb, at = canvas.rgb, canvas.image
    fall = 1 + np.float32(0.5 * shot.shade) * (at.u * np.float32(shot.light[0]) + at.v * np.float32(shot.light[1]))
    rgb *= fall[..., None] * np.asarray(shot.gain, np.float32)
    share = np.float32(min(0.25, 0.25 * shot.blur))
    for axis in (0, 1):
        padded = np.pad(rgb, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        low, high = (
            padded.take(range(rgb.shape[axis]), axis),
            padded.take(range(2, rgb.shape[axis] + 2), axis),
        )
        rgb = rgb * (1 - 2 * share) + share * (low + high)
    grain = np.random.default_rng(shot.grain).standard_normal(rgb.shape, dtype=np.float32)
    return np.asarray(np.clip(rgb + grain * np.float32(shot.noise), 0, 1) * 255 + 0.5, np.uint8)
