"""What was expected of every row before the first counted run, with numbers, and what the files say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mini.expected import NOISE, Limited
from mini.pooled import SeedMean, pooled

from reasoning.arms import BASE, ORACLE, RFT, SFT, SHUFFLED
from reasoning.cell import MAIN, PLAIN
from reasoning.files import Row, Rows, mean_at, seeds_of
from vrft.evaluation.statistics import Difference, Interval

Measure = Callable[[Rows], Interval | None]
"""What the files say, as fractions; None where a system is missing."""


def value(row: Row, system: str) -> Measure:
    """A system's mean over seeds."""

    def measure(rows: Rows) -> Interval | None:
        drawn = drawn_of(rows, row, system)
        return None if drawn is None else drawn.interval

    return measure


def gain(row: Row, first: str, second: str, other: Row | None = None) -> Measure:
    """First minus second, which may be of another row with the same images."""

    def measure(rows: Rows) -> Difference | None:
        one, two = drawn_of(rows, row, first), drawn_of(rows, other or row, second)
        return None if one is None or two is None else one.minus(two)

    return measure


def drawn_of(rows: Rows, row: Row, system: str) -> SeedMean | None:
    """A system's mean over the seeds of a row, with its draws; None where it is missing."""
    cells = rows.get(row, ())
    return pooled(cells, system) if cells else None


def work(row: Row, system: str, minus: Row | None = None) -> Measure:
    """The share of held-out answers whose thought shows a computation, or its lead over another row's."""

    def measure(rows: Rows) -> Interval | None:
        shares = [mean_work(rows, one, system) for one in (row, minus) if one is not None]
        known = [share for share in shares if share is not None]
        if len(known) < len(shares):
            return None
        return Interval(known[0] - (known[1] if minus is not None else 0.0), None, None)

    return measure


def number(row: Row, *path: str, minus: tuple[str, ...] = ()) -> Measure:
    """The mean over seeds of a number inside the files, or its lead over another."""

    def measure(rows: Rows) -> Interval | None:
        found = [mean_at(rows.get(row, ()), *one) for one in (path, minus) if one]
        known = [one for one in found if one is not None]
        if len(known) < len(found):
            return None
        return Interval(known[0] - sum(known[1:]), None, None)

    return measure


def mean_work(rows: Rows, row: Row, system: str) -> float | None:
    """The mean over seeds of the share of held-out answers whose thought shows a computation."""
    found = [c["scopes"][c["headline"]]["systems"].get(system) for c in rows.get(row, ())]
    shares = [one["shows_work"] for one in found if one is not None and one["shows_work"] is not None]
    return sum(shares) / len(shares) if shares and len(shares) == len(found) else None


@dataclass(frozen=True)
class Expected(Limited):
    """One prediction."""

    row: Row
    what: str
    measure: Measure
    low: float | None = None
    high: float | None = None
    no_gain: bool = False
    other: Row | None = None
    """A row that it is compared with."""

    def complete(self, rows: Rows) -> bool:
        """Whether all seeds are there."""
        return all(
            len(rows.get(row, ())) == seeds_of(row) for row in (self.row, self.other) if row is not None
        )

    def holds(self, rows: Rows) -> bool | None:
        """Whether it came so; None where it cannot be said yet."""
        found = self.measure(rows)
        return None if found is None or not self.complete(rows) else self.holds_of(found)


RFT_VALUE = ("scopes", "all", "systems", RFT, "value")
PASS_AT_8 = ("base", "pass_at", "8")
BOX_SKILL = "only_box_mean_iou"


def two(share: float, variant: str = PLAIN) -> Row:
    """A row of the sum of two digits."""
    return "two", share, variant


def three(share: float) -> Row:
    """A row of the sum of three digits."""
    return "three", share, PLAIN


BOX: Row = ("box", MAIN, PLAIN)
LEAD = "RFT - SFT on labels"
ONE, SEVERAL = "rejection_1", "rejection_3"


def _main() -> list[Expected]:
    row = two(MAIN)
    return [
        Expected(row, "base", value(row, BASE), 4, 14),
        Expected(row, "SFT on labels", value(row, SFT), 12, 25),
        Expected(row, "RFT", value(row, RFT), 60, 75),
        Expected(row, LEAD, gain(row, RFT, SFT), 40),
        Expected(row, "rejection sampling, one round, - RFT", gain(row, ONE, RFT), -5, 5),
        Expected(row, "rejection sampling, three rounds, - RFT", gain(row, SEVERAL, RFT), -5, 5),
        Expected(row, "RFT, direct, - SFT, direct", gain(row, "rft_direct", "sft_direct"), None, 5),
        Expected(row, "shuffled rewards - base", gain(row, SHUFFLED, BASE), no_gain=True),
        Expected(row, "oracle - RFT", gain(row, ORACLE, RFT), -5, 10),
        Expected(row, "RFT: answers that show work", work(row, RFT), 90),
        Expected(row, "SFT on labels: answers that show work", work(row, SFT), None, 5),
        Expected(row, "RFT - pass@8 of the base", number(row, *RFT_VALUE, minus=PASS_AT_8), None, NOISE),
        Expected(row, "RFT: follows a chain of a changed digit", number(row, "follows", RFT, "digit"), 90),
        Expected(row, "RFT: follows another stated sum", number(row, "follows", RFT, "statement"), 80),
        Expected(row, "box of the only object, RFT - base", _skill(row, RFT, BASE), -3, 3),
        Expected(row, "box of the only object, SFT on labels - RFT", _skill(row, SFT, RFT), None, 0),
        Expected(row, "naming, RFT - base", _skill(row, RFT, BASE, "naming"), -3, 3),
    ]


def _skill(row: Row, first: str, second: str, skill: str = BOX_SKILL) -> Measure:
    return number(row, "skills", first, skill, minus=("skills", second, skill))


def _chains() -> list[Expected]:
    none, few, some, many = (two(share) for share in (0.0, 0.02, 0.05, 0.1))
    return [
        Expected(none, LEAD, gain(none, RFT, SFT), no_gain=True),
        Expected(none, "rejection sampling, one round, - SFT on labels", gain(none, ONE, SFT), no_gain=True),
        Expected(few, LEAD, gain(few, RFT, SFT), no_gain=True),
        Expected(few, "RFT", value(few, RFT), None, 25),
        Expected(few, "rejection sampling, three rounds", value(few, SEVERAL), None, 25),
        Expected(few, "RFT: answers that show work", work(few, RFT), None, 10),
        Expected(some, LEAD, gain(some, RFT, SFT), 0, 45),
        Expected(some, "RFT", value(some, RFT), 20, 60),
        Expected(some, "rejection sampling, three rounds, - one round", gain(some, SEVERAL, ONE), 5),
        Expected(many, LEAD, gain(many, RFT, SFT), 30),
        Expected(many, "RFT", value(many, RFT), 50, 75),
        Expected(many, "RFT: answers that show work", work(many, RFT), 80),
    ]


def _questions() -> list[Expected]:
    row = three(MAIN)
    return [
        Expected(row, "RFT", value(row, RFT), 35, 60),
        Expected(row, "SFT on labels", value(row, SFT), None, 15),
        Expected(row, LEAD, gain(row, RFT, SFT), 25),
        Expected(row, "rejection sampling, one round, - RFT", gain(row, ONE, RFT), -8, 8),
        Expected(BOX, LEAD, gain(BOX, RFT, SFT), 0, 20),
        Expected(BOX, "rejection sampling, one round, - RFT", gain(BOX, ONE, RFT), -8, 8),
    ]


def _threshold() -> list[Expected]:
    found = []
    for share, low, high in ((0.02, -5, 5), (0.05, 5, None)):
        row, plain = two(share, "group32"), two(share)
        found.append(
            Expected(row, "32 answers - 8 answers", gain(row, RFT, RFT, plain), low, high, other=plain)
        )
    for share in (0.02, 0.05):
        row, plain = two(share, "warm"), two(share)
        found.append(
            Expected(row, "temperature 1.3 - temperature 1", gain(row, RFT, RFT, plain), -5, 5, other=plain)
        )
    for share in (0.02, 0.05):
        row, plain = three(share), two(share)
        what = "answers that show work, three digits - two digits"
        found.append(Expected(row, what, work(row, RFT, plain), 20, other=plain))
    for share in (0.02, 0.05):
        row, plain = two(share, "guess_proof"), two(share)
        what = "guess-proof reward - usual reward"
        found.append(Expected(row, what, gain(row, RFT, RFT, plain), 20, other=plain))
    return found


PREDICTIONS = (*_main(), *_chains(), *_questions(), *_threshold())
"""All of them."""
