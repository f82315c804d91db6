"""Whether a policy stops to think while its reward rises, by the rows that its training wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from statistics import mean, variance
from typing import Any, NamedTuple

from vrft.report.run_reader import read_run
from vrft.tasks.number_format import number
from vrft.tasks.rollout_facts import SHOWS_WORK

LOST = 1 / 3
"""Part of the share that is lost before a warning is worth it."""


class Change(NamedTuple):
    """From the mean of the first quarter of the steps to that of the last."""

    before: float
    after: float
    noise: float
    """Two standard errors of their difference, from the steps' spread inside each quarter."""


def change_of(values: Sequence[float]) -> Change | None:
    """How a value changed over the steps; None where a quarter has fewer than two."""
    count = len(values) // 4
    if count < 2:
        return None
    first, last = values[:count], values[-count:]
    return Change(mean(first), mean(last), 2 * sqrt((variance(first) + variance(last)) / count))


def lost_thoughts(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """A warning where answers are rewarded more and thought through less; None where that is not so.

    The reward's mean rises by more than its noise, and the share of answers whose thought shows a computation
    falls by more than its noise and by more than a third of what it was, both from the first quarter of the
    steps to the last.

    Args:
        rows: of the steps, in order; those without both numbers are left out.
    """
    pairs = [(number(row.get("reward")), number(row.get(SHOWS_WORK))) for row in rows]
    known = [(reward, share) for reward, share in pairs if reward is not None and share is not None]
    reward, share = (change_of([pair[place] for pair in known]) for place in (0, 1))
    if reward is None or share is None:
        return None
    lost = share.before - share.after
    if reward.after - reward.before <= reward.noise or lost <= max(share.noise, LOST * share.before):
        return None
    return (
        f"The reward rose from {reward.before:.2f} to {reward.after:.2f} while the share of answers whose "
        f"thought shows a computation fell from {share.before:.0%} to {share.after:.0%} (means of the first "
        "and the last quarter of steps): RFT may have rewarded guesses before chains. 'vrft probe' says how "
        "many right answers of the base are wrong without their thought, and what to consider."
    )


def lost_thoughts_of(folder: Path) -> str | None:
    """``lost_thoughts`` of a run's folder."""
    return lost_thoughts(read_run(folder, []).steps)
