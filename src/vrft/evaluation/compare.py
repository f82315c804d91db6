"""Is RFT better? Base, SFT twin and RFT on the same held-out questions, with a verdict in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.evaluation.pairing import same_questions
from vrft.evaluation.statistics import (
    RESAMPLES,
    Difference,
    difference,
    drawn_values,
    interval,
    needed_pictures,
    number,
    picture_draws,
)
from vrft.tasks.metrics.metric import METRICS, format_rate, parse_rate
from vrft.tasks.task import Task

BETTER, NOT_BETTER, CANNOT_TELL = "better", "not better", "cannot tell"

NEGLIGIBLE = 0.02
"""A difference that stays within this, either way, is none that a user would care for."""
FEWEST_PICTURES = 6
"""With fewer there is no verdict: five pictures that all agree have p = 1/16 in a two-sided sign test."""
FEWEST_FOR_NONE = 150
"""Where none of n pictures shows a difference, a share of 3/n still may (rule of three); 3/150 = .02."""

Comparison = dict[str, Any]
"""One task's comparison as JSON has it: fractions in [0, 1], None for what cannot be known."""

_Drawn = tuple[float, np.ndarray]
_PEERS = {"base": "the base model", "sft": "its SFT twin"}


def compare(
    task: Task, systems: Mapping[str, Sequence[Judged]], resamples: int = RESAMPLES, seed: int = 0
) -> Comparison:
    """Compare systems on the same held-out questions.

    Every system's scores come from the same draws of pictures. ``value_given_parsed`` is the metric on the
    answers that could be read, each system on its own: it tells learning to see from learning to answer.

    Args:
        task: its ``metric`` is measured.
        systems: answers by name; ``base`` and ``rft`` must be there, ``sft`` and others may.
        resamples: number of bootstrap draws.
        seed: of the draws.

    Returns:
        ``metric``, ``n`` (questions), ``pictures``; for each system ``value``, ``low``, ``high``,
        ``parse_rate``, ``format_rate``, ``value_given_parsed``; for RFT and every further system
        ``NAME_minus_base``, ``NAME_minus_sft`` and ``NAME_minus_base_given_parsed`` with ``value``, ``low``,
        ``high``, ``p``; ``verdict`` (RFT against base) and ``versus_sft``: 'better', 'not better' or 'cannot
        tell' (None without a twin); ``pictures_needed`` in all for a verdict against base, None where there
        is one or no number would do.

    Raises:
        InputError: a system is missing or has no answers, or they answered different questions.
    """
    missing = [name for name in ("base", "rft") if not systems.get(name)]
    if missing:
        raise InputError(
            f"A comparison needs answers of '{missing[0]}'. Evaluate it on the held-out questions first."
        )
    ordered = same_questions(systems)
    metric = METRICS[task.metric]
    record_ids = [j.example.record_id for j in ordered["base"]]
    pictures = len(set(record_ids))
    draws = picture_draws(record_ids, resamples, seed)
    whole = {name: drawn_values(judged, metric, draws) for name, judged in ordered.items()}
    parsed = {name: drawn_values(judged, metric, draws, parsed_only=True) for name, judged in ordered.items()}
    differences = _differences(whole, parsed)
    verdicts = {
        name: _verdict(differences[f"rft_minus_{name}"], pictures) for name in _PEERS if name in ordered
    }
    return {
        "metric": metric.name,
        "n": len(record_ids),
        "pictures": pictures,
        **{
            name: {
                **asdict(interval(*whole[name])),
                "parse_rate": parse_rate(judged),
                "format_rate": format_rate(judged),
                "value_given_parsed": number(parsed[name][0]),
            }
            for name, judged in ordered.items()
        },
        **{name: asdict(difference) for name, difference in differences.items()},
        "verdict": verdicts["base"],
        "versus_sft": verdicts.get("sft"),
        "pictures_needed": _pictures_needed(differences["rft_minus_base"], verdicts["base"], pictures),
    }


def verdict_sentence(comparison: Comparison) -> str:
    """What a comparison says, in one or two English sentences with numbers times 100.

    Args:
        comparison: as ``compare`` gives it.

    Returns:
        The verdict against the base model, then against the SFT twin where there is one.
    """
    title = METRICS[comparison["metric"]].title
    against_base = comparison["rft_minus_base"]
    scores = f"{title} {_hundred(comparison['rft']['value'])} against {_hundred(comparison['base']['value'])}"
    sentences = [
        f"{_claim(comparison['verdict'], 'base')}: {scores} on {comparison['pictures']} held-out pictures"
        f"{_spread(against_base)}."
    ]
    if comparison["pictures_needed"] is not None:
        sentences.append(
            f"About {comparison['pictures_needed']} pictures would be needed to tell if the difference holds."
        )
    if comparison["versus_sft"] is not None:
        sentences.append(
            f"{_claim(comparison['versus_sft'], 'sft')}: {_hundred(comparison['rft']['value'])} against "
            f"{_hundred(comparison['sft']['value'])}{_spread(comparison['rft_minus_sft'])}."
        )
    return " ".join(sentences)


def _differences(whole: Mapping[str, _Drawn], parsed: Mapping[str, _Drawn]) -> dict[str, Difference]:
    differences = {}
    for name in [name for name in whole if name not in _PEERS]:
        for peer in [peer for peer in _PEERS if peer in whole]:
            differences[f"{name}_minus_{peer}"] = difference(whole[name], whole[peer])
        differences[f"{name}_minus_base_given_parsed"] = difference(parsed[name], parsed["base"])
    return differences


def _verdict(seen: Difference, pictures: int) -> str:
    """One of the three words; an interval from too few pictures proves nothing, however narrow it is."""
    if seen.low is None or seen.high is None or pictures < FEWEST_PICTURES:
        return CANNOT_TELL
    if seen.low > 0:
        return BETTER
    negligible = pictures >= FEWEST_FOR_NONE and seen.low >= -NEGLIGIBLE and seen.high <= NEGLIGIBLE
    return NOT_BETTER if seen.high < 0 or negligible else CANNOT_TELL


def _pictures_needed(seen: Difference, verdict: str, pictures: int) -> int | None:
    """Pictures until the interval leaves zero out or lies within the negligible, whichever comes sooner."""
    if verdict != CANNOT_TELL or seen.value is None or seen.low is None or seen.high is None:
        return None
    to_exclude_zero = needed_pictures(seen.value, seen.low, seen.high, pictures)
    enough = [] if to_exclude_zero is None else [max(to_exclude_zero, FEWEST_PICTURES)]
    if abs(seen.value) < NEGLIGIBLE:
        room = NEGLIGIBLE - abs(seen.value)
        half_width = max(seen.value - seen.low, seen.high - seen.value)
        to_be_negligible = needed_pictures(room, room - half_width, room + half_width, pictures)
        enough.append(max(to_be_negligible or 0, FEWEST_FOR_NONE))
    return max(pictures + 1, min(enough)) if enough else None


def _claim(verdict: str, peer: str) -> str:
    opening = {BETTER: "RFT is better than", NOT_BETTER: "RFT is not better than"}
    return f"{opening.get(verdict, 'It cannot be told whether RFT is better than')} {_PEERS[peer]}"


def _spread(difference: Mapping[str, float | None]) -> str:
    if difference["low"] is None:
        return " (too few pictures for an interval)"
    value, low, high, p = (difference[key] for key in ("value", "low", "high", "p"))
    return f" (difference {_signed(value)}, 95% interval {_signed(low)} to {_signed(high)}, p = {p:.3f})"


def _hundred(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:z.1f}"


def _signed(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:+z.1f}"
