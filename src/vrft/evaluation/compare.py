"""Is RFT better? Base, SFT twin and RFT on the same held-out questions, with a verdict in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vrft.errors import InputError
from vrft.evaluation.statistics import (
    RESAMPLES,
    Difference,
    by_task,
    difference,
    drawn_values,
    header,
    image_draws,
    interval,
    needed_images,
    number,
    only_task,
    record_ids_of,
    same_questions,
)
from vrft.tasks.metrics.metric import Metric, format_rate, parse_rate
from vrft.tasks.number_format import p_sentence
from vrft.types import Prediction

BETTER, NOT_BETTER, CANNOT_TELL = "better", "not better", "cannot tell"
NOTHING_LEARNED = "nothing learned"
"""RFT has the weights of the other: no step of its training was kept."""

FEWEST_IMAGES = 6
"""With fewer there is no verdict: five images that all agree have p = 1/16 in a two-sided sign test."""
FEWEST_FOR_NONE = 150
"""Where none of n images shows a difference, a share of 3/n still may (rule of three); 3/150 = .02."""

Comparison = dict[str, Any]
"""One task's comparison as JSON has it: fractions in [0, 1], None for what cannot be known."""

_NEXT = (
    "What may help: more steps (--steps), more validation questions to choose by (--val-max), or a base and "
    "a reward that give some answers more than others ('vrft probe' measures it)."
)
MIXED = "mixed"
"""The policy that RFT trained on several folders; it is compared with each folder's own RFT too."""
PEERS = {
    "base": "the base model",
    "warm_up": "the policy after the puzzles",
    "sft": "its SFT twin",
    "rejection": "rejection sampling",
}
"""What RFT is compared with, in words; there need not be any but the base."""
_EARLIER = ("base", "sft")
"""Systems that are not compared with others by themselves."""


def comparisons(
    systems: Mapping[str, Sequence[Prediction]],
    resamples: int = RESAMPLES,
    seed: int = 0,
    weights: Mapping[str, str] | None = None,
) -> dict[str, Comparison]:
    """``compare`` for each task that the systems answered questions of, by its name."""
    parts = {name: by_task(predictions) for name, predictions in systems.items()}
    tasks = sorted({task for part in parts.values() for task in part})
    return {
        task: compare({name: part.get(task, []) for name, part in parts.items()}, resamples, seed, weights)
        for task in tasks
    }


def compare(
    systems: Mapping[str, Sequence[Prediction]],
    resamples: int = RESAMPLES,
    seed: int = 0,
    weights: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare systems on the same held-out questions of one task, by its headline metric.

    Every system's scores come from the same draws of images. ``value_given_parsed`` is the metric on the
    answers that could be read, each system on its own: it separates learning to see from learning to answer.

    Args:
        systems: predictions by name; ``base`` and ``rft`` must be there, ``sft``, ``rejection`` and others
            may.
        resamples: number of bootstrap draws.
        seed: of the draws.
        weights: for each system the one whose weights it has; itself where it is not named.

    Returns:
        ``metric``, ``title``, ``unit``, ``higher_is_better``, ``n`` (questions), ``images``; for each system
        ``value``, ``low``, ``high``, ``parse_rate``, ``format_rate``, ``value_given_parsed``; for RFT and
        every further system ``NAME_minus_base``, ``NAME_minus_sft``, ``NAME_minus_rejection`` and
        ``NAME_minus_base_given_parsed`` with ``value``, ``low``, ``high``, ``p``, ``draws``; ``verdict`` (RFT
        against base), ``versus_sft`` (None without a twin) and, where there is such a system,
        ``versus_rejection``: 'better', 'not better', 'cannot tell' or, where both have the same weights,
        'nothing learned'; ``images_needed`` in all for a verdict against base, None where there is one or no
        number would do.

    Raises:
        InputError: a system is missing or has no answers, they are of several tasks, or they answered
            different questions.
    """
    missing = [name for name in ("base", "rft") if not systems.get(name)]
    if missing:
        raise InputError(
            f"A comparison needs answers of '{missing[0]}'. Evaluate it on the held-out questions first."
        )
    metric = only_task(systems["base"]).metrics[0]
    ordered = same_questions(systems)
    beginning = header(metric, ordered["base"])
    images = beginning["images"]
    draws = image_draws(record_ids_of(ordered["base"]), resamples, seed)
    whole = {name: drawn_values(own, metric, draws) for name, own in ordered.items()}
    parsed = {name: drawn_values(own, metric, draws, parsed_only=True) for name, own in ordered.items()}
    differences = {}
    for name in [name for name in ordered if name not in _EARLIER]:
        for peer in [peer for peer in PEERS if peer in ordered and peer != name]:
            differences[f"{name}_minus_{peer}"] = difference(whole[name], whole[peer])
        if name == MIXED:
            differences[f"{name}_minus_rft"] = difference(whole[name], whole["rft"])
        differences[f"{name}_minus_base_given_parsed"] = difference(parsed[name], parsed["base"])
    owner = {name: name for name in ordered} | dict(weights or {})
    verdicts = {
        name: NOTHING_LEARNED
        if owner["rft"] == owner[name]
        else _verdict(differences[f"rft_minus_{name}"], images, metric)
        for name in PEERS
        if name in ordered
    }
    return {
        **beginning,
        **{
            name: {
                **asdict(interval(*whole[name])),
                "parse_rate": parse_rate(own),
                "format_rate": format_rate(own),
                "value_given_parsed": number(parsed[name][0]),
            }
            for name, own in ordered.items()
        },
        **{name: asdict(difference) for name, difference in differences.items()},
        "verdict": verdicts["base"],
        "versus_sft": None,
        **{f"versus_{name}": verdict for name, verdict in verdicts.items() if name != "base"},
        "images_needed": _images_needed(differences["rft_minus_base"], verdicts["base"], images, metric),
    }


def verdict_sentence(comparison: Comparison) -> str:
    """What a comparison says, in a few English sentences: against the base model, then each other rival.

    Fractions are times 100, other metrics in their own unit.
    """
    title, images = comparison["title"], comparison["images"]
    if comparison["verdict"] == NOTHING_LEARNED:
        score = _with_unit(comparison["rft"]["value"], comparison["unit"])
        sentences = [
            "Nothing was learned: no validation of RFT was better than the one before its training, so RFT "
            f"has the weights of the base model ({title} {score} on {images} held-out images). {_NEXT}"
        ]
    else:
        sentences = [_against("base", comparison, "verdict", f"{title} ", f" on {images} held-out images")]
    if comparison["images_needed"] is not None:
        sentences.append(
            f"About {comparison['images_needed']} images would be needed to tell whether there is a "
            "difference."
        )
    for name, verdict in versus(comparison).items():
        if verdict == NOTHING_LEARNED:
            sentences.append(f"{PEERS[name][0].upper()}{PEERS[name][1:]} has the same weights.")
        else:
            sentences.append(_against(name, comparison, f"versus_{name}"))
    return " ".join(sentences)


def mixed_sentence(comparison: Comparison) -> str:
    """What a comparison says of the policy that learned several folders, against this folder's own RFT."""
    unit, found = comparison["unit"], comparison[f"{MIXED}_minus_rft"]
    mixed, own = comparison[MIXED]["value"], comparison["rft"]["value"]
    scores = f"{comparison['title']} {_measured(mixed, unit)} against {_with_unit(own, unit)}"
    return f"One policy for all folders against this folder's own RFT: {scores}{_spread(found, unit)}."


def versus(comparison: Comparison) -> dict[str, str]:
    """The verdict of RFT against each system but the base, by its name."""
    found = {name: comparison.get(f"versus_{name}") for name in PEERS}
    return {name: str(verdict) for name, verdict in found.items() if verdict is not None}


def _against(peer: str, comparison: Comparison, verdict: str, before: str = "", after: str = "") -> str:
    unit, difference = comparison["unit"], comparison[f"rft_minus_{peer}"]
    opening = {BETTER: "RFT is better than", NOT_BETTER: "RFT is not better than"}
    claim = f"{opening.get(comparison[verdict], 'It is not clear whether RFT is better than')} {PEERS[peer]}"
    new, old = comparison["rft"]["value"], comparison[peer]["value"]
    scores = f"{_measured(new, unit)} against {_with_unit(old, unit)}"
    return f"{claim}: {before}{scores}{after}{_spread(difference, unit)}."


def _spread(difference: Mapping[str, Any], unit: str) -> str:
    if difference["low"] is None:
        return " (too few images for an interval)"
    value, low, high = (_measured(difference[key], unit, "+") for key in ("value", "low", "high"))
    return f" (difference {value}, 95% interval {low} to {high}, {p_sentence(difference, 3)})"


def _verdict(seen: Difference, images: int, metric: Metric) -> str:
    """One of the three words; an interval from too few images proves nothing, however narrow it is."""
    if seen.low is None or seen.high is None or images < FEWEST_IMAGES:
        return CANNOT_TELL
    low, high = sorted((metric.gain(seen.low, 0.0), metric.gain(seen.high, 0.0)))
    if low > 0:
        return BETTER
    negligible = images >= FEWEST_FOR_NONE and low >= -metric.negligible and high <= metric.negligible
    return NOT_BETTER if high < 0 or negligible else CANNOT_TELL


def _images_needed(seen: Difference, verdict: str, images: int, metric: Metric) -> int | None:
    """Images until the interval leaves zero out or lies within the negligible, whichever comes sooner."""
    if verdict != CANNOT_TELL or not seen.value or seen.low is None or seen.high is None:
        return None  # of equal scores no number can be named
    to_exclude_zero = needed_images(seen.value, seen.low, seen.high, images)
    enough = [] if to_exclude_zero is None else [max(to_exclude_zero, FEWEST_IMAGES)]
    if abs(seen.value) < metric.negligible:
        room = metric.negligible - abs(seen.value)
        half_width = max(seen.value - seen.low, seen.high - seen.value)
        to_be_negligible = needed_images(room, room - half_width, room + half_width, images)
        enough.append(max(to_be_negligible or 0, FEWEST_FOR_NONE))
    return max(images + 1, min(enough)) if enough else None


def _measured(value: float | None, unit: str, sign: str = "") -> str:
    if value is None:
        return "unknown"
    return f"{100 * value:{sign}z.1f}" if unit == "%" else f"{value:{sign}.4g}"


def _with_unit(value: float | None, unit: str) -> str:
    return _measured(value, unit) + ("" if unit == "%" else f" {unit}".rstrip())
