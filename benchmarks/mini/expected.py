"""What was expected before the runs, as limits, and how a page says what the files made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mini.tables import table, with_interval
from vrft.evaluation.statistics import Difference, Interval
from vrft.tasks.number_format import NOTHING, hundred

NOISE = 5
"""Points below which a gain counts as none."""
STATES = {True: "yes", False: "**no**", None: "open"}


class Limited:
    """Limits of a value in points, and in words."""

    low: float | None
    """With ``high``: the value lies between them; None is no limit."""
    high: float | None
    no_gain: bool = False
    """Instead: the 95 per cent interval holds zero, or the value is below ``NOISE``."""
    above: bool = False
    """Instead: the whole interval is above zero."""

    @property
    def predicted(self) -> str:
        """In words."""
        if self.no_gain:
            return f"no gain (interval holds 0, or below {NOISE})"
        if self.above:
            return "above 0, with its interval"
        if self.low is None:
            return f"{self.high:g} or less"
        return f"{self.low:g} or more" if self.high is None else f"{self.low:g} to {self.high:g}"

    def holds_of(self, found: Interval) -> bool | None:
        """Whether a value, as a fraction, came so; None where it is not known."""
        if found.value is None:
            return None
        points = 100 * found.value
        if self.no_gain:
            zero_inside = found.low is not None and found.high is not None and found.low <= 0 <= found.high
            return zero_inside or points < NOISE
        if self.above:
            return found.low is not None and found.low > 0
        return (self.low is None or points >= self.low) and (self.high is None or points <= self.high)


@dataclass(frozen=True)
class Verdict:
    """A prediction, and what the files say of it."""

    row: str
    what: str
    predicted: str
    found: Interval | None
    holds: bool | None

    @property
    def said(self) -> str:
        """What was found, in words."""
        found, signed = self.found, " - " in self.what
        if found is None:
            return NOTHING
        if isinstance(found, Difference):
            return with_interval(found, sign=True)
        spread = f" ({hundred(found.low)} to {hundred(found.high)})" if found.low is not None else ""
        return hundred(found.value, signed) + spread


def verdicts_table(verdicts: Sequence[Verdict]) -> str:
    """Every prediction with what came of it."""
    lines = [[one.row, one.what, one.predicted, one.said, STATES[one.holds]] for one in verdicts]
    return table(["row", "what", "predicted", "found", "as predicted"], lines)


def verdicts_counted(verdicts: Sequence[Verdict]) -> str:
    """How many predictions came true, and each that did not."""
    right, wrong, unknown = (sum(one.holds is state for one in verdicts) for state in (True, False, None))
    counted = f"Of {len(verdicts)} predictions {right} came true and {wrong} did not; {unknown} are open."
    missed = [
        f"- {one.row}, {one.what}: predicted {one.predicted}, found {one.said}."
        for one in verdicts
        if one.holds is False
    ]
    return "\n".join([f"{counted} Those that did not:\n", *missed]) if missed else counted
