"""What is searched of an unlearning method: the knobs that are positive numbers and shares, around their values.

What costs time (epochs, batches, steps, shares of a pass) and what chooses between forms of a method stays as it is, so
that a trial of a method costs what the method costs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

from pipeline.settings import PassSettings, Range

WIDTH = 8.0  # a number is searched from value / WIDTH to value * WIDTH
FIXED = (
    *("momentum", "weight_decay", "forgetting_threshold"),  # shared by all methods, or of the measure itself
    *("recovery_share", "retain_share", "matching_share"),  # how much of a pass is dear, or is run at all
    "regularisation",  # of the entropic solver alone, and its precision rather than the method's
)


@dataclass(frozen=True)
class Knob:
    """The range of a number, drawn evenly in the logarithm.

    Attributes:
        low, high: of what is drawn.
        from_one: what is drawn is the number's distance from 1: of a share above ½ that is what counts.
    """

    low: float
    high: float
    from_one: bool = False

    def turned(self, number: float) -> float:
        """What was drawn -> the number, and back."""
        return round(1 - number, 12) if self.from_one else number  # .95, and not .9500000000000001


def space(settings: PassSettings) -> dict[str, Knob]:
    """What is searched of a method, around the values it has.

    WIDTH times less to WIDTH times more, within its bounds. One that is zero is switched off and stays so; one that
    another setting overrules (`variant: paper` sets DLFD's) is left out.
    """
    hints = get_type_hints(type(settings), include_extras=True)
    found: dict[str, Knob] = {}
    for field in fields(settings):
        value, bounds = getattr(settings, field.name), _bounds(hints[field.name])
        if bounds is None or not isinstance(value, float) or not value or field.name in FIXED:
            continue
        knob = _knob(value, bounds)
        if all(_stays(settings, field.name, knob.turned(end)) for end in (knob.low, knob.high)):
            found[field.name] = knob
    return found


def _stays(settings: PassSettings, name: str, number: float) -> bool:
    """Whether no other setting overrules a knob that is given a number."""
    changed: Any = {name: number}
    return bool(getattr(replace(settings, **changed), name) == number)


def _knob(value: float, bounds: Range) -> Knob:
    if 0.5 < value < 1 and 1 in (bounds.le, bounds.lt):
        return Knob((1 - value) / WIDTH, min((1 - value) * WIDTH, 0.99), from_one=True)
    most = 1.0 if bounds.le == 1 else 0.99 if bounds.lt == 1 else float("inf")
    return Knob(max(value / WIDTH, bounds.ge or 0.0), min(value * WIDTH, most))


def _bounds(hint: Any) -> Range | None:
    return next((one for one in getattr(hint, "__metadata__", ()) if isinstance(one, Range)), None)
