"""What was expected of every table before the first counted run, with numbers and one reason each.

The model's gates were known, and a trial of rotation and jigsaw on an earlier model; nothing else had been
trained on it. *Pointing for longer* was added, and predicted, when two seeds of pointing were there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from mini.expected import Limited, Verdict
from mini.pooled import SeedMean, lead, mean_of, pooled
from mini.systems import BASE

from kinds.cell import (
    CONFIDENCE,
    CONTROL,
    LONGER,
    MIXED,
    MIXTURE,
    NORMALISED,
    RFT,
    ROWS,
    SCALED,
    SCALED_MIXTURE,
    SEEDS,
    SFT,
    SINGLE,
    TABLES,
    Row,
)
from kinds.files import Rows
from kinds.measures import CALIBRATION, MASKS
from vrft.evaluation.statistics import Interval

AGAINST_SFT = "RFT - SFT"
Lead = Callable[[Rows], SeedMean | None]
"""A difference with its draws, as fractions; None where a system is missing."""


@dataclass(frozen=True)
class Expected(Limited):
    """One prediction."""

    rows: tuple[Row, ...]
    """That must be complete before it is decided."""
    what: str
    measure: Callable[[Rows], Interval | None]
    low: float | None = None
    high: float | None = None
    no_gain: bool = False
    above: bool = False
    why: str = ""

    def verdict(self, rows: Rows) -> Verdict:
        """It with what the files say; open until all seeds are there."""
        found = self.measure(rows)
        complete = all(len(rows.get(row.name, ())) == len(SEEDS) for row in self.rows)
        holds = None if found is None or not complete else self.holds_of(found)
        return Verdict(self.rows[0].title, self.what, self.predicted, found, holds)


def gain(row: Row, first: str, second: str, scope: str | None = None, parsed: bool = False) -> Lead:
    """First minus second in a row; None where no cell is there."""
    return lambda rows: lead(rows.get(row.name, ()), first, second, scope, parsed)


def against(row: Row, other: Row, system: str, scope: str) -> Lead:
    """A system in a row minus the same in another one with the same images."""

    def measure(rows: Rows) -> SeedMean | None:
        cells, others = rows.get(row.name, ()), rows.get(other.name, ())
        if not cells or len(cells) != len(others):
            return None
        one, two = pooled(cells, system, scope), pooled(others, system, scope)
        return None if one is None or two is None else one.lead(two)

    return measure


def mean(leads: list[Lead]) -> Lead:
    """The mean of differences in several tasks."""
    return lambda rows: mean_of([one(rows) for one in leads])


def as_interval(measure: Lead, rows: Rows) -> Interval | None:
    """A difference against none."""
    found = measure(rows)
    return None if found is None else found.minus(SeedMean(0.0, np.zeros_like(found.values)))


def distorted(rows: Rows) -> Interval | None:
    """The share of steps in which EMA's σ is off in the task where it is so most often, mean over seeds."""
    cells = rows.get(MIXTURE.name, ())
    if not cells:
        return None
    arms = [cell["arms"]["ema"] for cell in cells]
    shares = [max(arm["distorted_steps"].values()) / arm["steps"] for arm in arms]
    return Interval(sum(shares) / len(shares), None, None)


def _expected(row: Row, what: str, measure: Lead, why: str, *others: Row, **limits: float | bool) -> Expected:
    return Expected((row, *others), what, partial(as_interval, measure), why=why, **limits)  # type: ignore[arg-type]


def _against_sft(row: Row, why: str, low: float, high: float) -> Expected:
    return _expected(row, AGAINST_SFT, gain(row, RFT.name, SFT.name), why, low=low, high=high)


def _tasks() -> list[Expected]:
    found = []
    for row in TABLES["tasks"]:
        base, control = (gain(row, RFT.name, name) for name in (BASE, CONTROL.name))
        parsed = gain(row, RFT.name, BASE, parsed=True)
        found += [
            _expected(
                row, "RFT - base", base, "its samples are right far more often than its answers", above=True
            ),
            _expected(row, "RFT - base, given parsed", parsed, "not form alone is rewarded", above=True),
            _expected(row, "RFT - control", control, "shuffled rewards say nothing", above=True),
            _against_sft(row, "labels hold the whole answer, and SFT reads them", -10, 15),
        ]
    segmentation = ROWS["segmentation"]
    masks = gain(segmentation, RFT.name, BASE, MASKS)
    why = "a point on the stroke is rewarded, and flood fill needs no more"
    return [*found, _expected(segmentation, "masks by flood fill, RFT - base", masks, why, above=True)]


def _numbers() -> list[Expected]:
    near = {"low": -5.0, "high": 5.0}
    return [
        _expected(row, f"{row.arm(one).title} - {row.arm(two).title}", gain(row, one, two), why, **near)
        for row in TABLES["numbers"]
        for one, two, why in (
            ("snra", "exact", "near answers are rare enough for both to point at the right one"),
            ("mra", "exact", "as SNRA"),
            ("snra", "mra", "both pay for nearness"),
            ("exact_ap", "exact", "of answers right or wrong only the size of steps differs"),
            ("snra_ap", "snra", "few groups are bad throughout"),
        )
    ]


def _longer() -> list[Expected]:
    row, first = LONGER, ROWS["pointing"]
    why = "more points of a question are found with every step, and validation had not stopped to rise"
    return [
        _expected(row, "RFT - base, given parsed", gain(row, RFT.name, BASE, parsed=True), why, above=True),
        _expected(
            row,
            "RFT, three times as many steps - RFT",
            against(row, first, RFT.name, "pointing"),
            why,
            first,
            low=0,
            high=15,
        ),
        _against_sft(row, "SFT has seen all that its labels hold by then", 0, 20),
    ]


def _puzzles() -> list[Expected]:
    rotation, jigsaw, patch = (ROWS[name] for name in ("rotation_puzzle", "jigsaw", "patch_fit"))
    return [
        _expected(
            rotation,
            "RFT - base",
            gain(rotation, RFT.name, BASE),
            "one of eight samples is often right",
            low=10,
        ),
        _against_sft(rotation, "a label holds the whole answer", -10, 15),
        _expected(
            jigsaw,
            "RFT - base",
            gain(jigsaw, RFT.name, BASE),
            "it never learned to tell tiles apart",
            no_gain=True,
        ),
        _expected(
            patch,
            "RFT - base",
            gain(patch, RFT.name, BASE),
            "it never saw several images at once",
            no_gain=True,
        ),
    ]


def _confidence() -> list[Expected]:
    row = CONFIDENCE
    error = partial(gain, row, scope=CALIBRATION)
    return [
        _expected(
            row,
            "AP, supervised - paid",
            gain(row, "taught", "paper"),
            "both see the same boxes",
            low=-5,
            high=5,
        ),
        _expected(
            row,
            "calibration error, supervised - paid",
            error("taught", "paper"),
            "it is what the term makes small, and the paper's reward pays for extremes",
            high=0,
        ),
        _expected(
            row, "calibration error, supervised - neither", error("taught", "unpaid"), "as before", high=-2
        ),
    ]


def _mixture() -> list[Expected]:
    def means(one: str, two: str, row: Row = MIXTURE) -> Lead:
        return mean([gain(row, one, two, task) for task in MIXED])

    near = {"low": -5.0, "high": 5.0}
    found = [
        _expected(
            MIXTURE, "mean of tasks, group - none", means("group", "none"), "rewards are of one size", **near
        ),
        _expected(
            MIXTURE, "mean of tasks, EMA - group", means("ema", "group"), "rewards are of one size", **near
        ),
        _expected(
            MIXTURE,
            "mean of tasks, mixed run - three single runs of the same total",
            means("group", SINGLE),
            "the tasks share what they look at",
            low=-5,
            high=10,
        ),
        Expected(
            (MIXTURE,),
            "share of steps in which EMA's σ is off, worst task",
            distorted,
            low=33,
            why="a first step of five questions a task sets the average, and counts a half after 69 steps",
        ),
    ]
    others = [task for task in MIXED if task != SCALED]
    limits = {"none": {"high": -2.0}, "group": near, "ema": near}
    reasons = {"none": "the task with large rewards has nearly all of the gradient"}
    for arm in NORMALISED:
        measure = mean([against(SCALED_MIXTURE, MIXTURE, arm.name, task) for task in others])
        what = f"the other tasks under {arm.title}, times 10 - as they are"
        why = reasons.get(arm.name, "the size of rewards is divided out")
        found.append(_expected(SCALED_MIXTURE, what, measure, why, MIXTURE, **limits[arm.name]))
    return found


def _warm_up() -> list[Expected]:
    why = "puzzles teach the form at most, and take a quarter of the tokens"
    return [
        _expected(
            row,
            "puzzles, then labels - labels alone, equal tokens",
            gain(row, "warmed", "plain"),
            why,
            low=-8,
            high=3,
        )
        for row in TABLES["warm_up"]
    ]


def _selection() -> list[Expected]:
    why = "the first answers cost what fewer idle groups bring"
    return [
        _expected(
            row, f"{arm.title} - all alike, equal tokens", gain(row, arm.name, "plain"), why, low=-5, high=5
        )
        for row in TABLES["selection"]
        for arm in row.arms
        if arm.spends_as
    ]


PREDICTIONS = {
    "tasks": _tasks(),
    "numbers": _numbers(),
    "longer": _longer(),
    "puzzles": _puzzles(),
    "confidence": _confidence(),
    "mixture": _mixture(),
    "warm_up": _warm_up(),
    "selection": _selection(),
}
"""By table."""
