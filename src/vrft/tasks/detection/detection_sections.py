"""What only the card of a detector has, and the tables that people read it in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from vrft.errors import InputError
from vrft.tasks.detection.box_scores import rankings
from vrft.tasks.detection.calibration import (
    Calibration,
    ReliabilityBin,
    calibration,
    confidences_and_hits,
    reliability_chart,
)
from vrft.tasks.detection.federated_precision import federated_metric, federated_precision
from vrft.tasks.detection.presence import gate_scores, presence
from vrft.tasks.metrics.metric import per_group
from vrft.tasks.metrics.shared_metrics import AP
from vrft.tasks.number_format import (
    hundred,
    interval,
    mapping,
    number,
    one_line,
    plain,
    sequence,
    upper_first,
)
from vrft.tasks.section import ScoredPredictions, Section, Table


@dataclass(frozen=True)
class OpenVocabulary:
    """Means of a figure over classes, in [0, 1]; NaN where no class can be measured."""

    base: float
    novel: float
    all: float
    """Mean over all classes, not over the two means."""
    unmeasured: tuple[str, ...]
    """Classes without a figure, because no image has a label of them; left out of the means."""


def open_vocabulary(
    by_class: Mapping[str, float], base: Sequence[str], novel: Sequence[str]
) -> OpenVocabulary:
    """Means over base, novel and all classes.

    Args:
        by_class: a figure such as AP by class, in [0, 1]; NaN where it cannot be measured. Classes in
            neither list are passed over.
        base: classes that training has seen.
        novel: classes that it has not.

    Raises:
        InputError: a class is listed twice, or has no figure: counted as 0 it would pull the mean down, left
            out it would raise it.

    Example:
        >>> open_vocabulary({"cat": 0.75, "dog": 0.5, "yak": 0.25}, base=["cat", "dog"], novel=["yak"])
        OpenVocabulary(base=0.625, novel=0.25, all=0.5, unmeasured=())
    """
    names = [*base, *novel]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"The class '{twice[0]}' is listed twice. Name each class once, as base or as novel."
        )
    missing = [name for name in names if name not in by_class]
    if missing:
        raise InputError(
            f"{len(missing)} of the classes have no result, such as '{missing[0]}'. Ask about all classes of "
            "the two lists, or shorten the lists."
        )
    return OpenVocabulary(
        base=_mean([by_class[name] for name in base]),
        novel=_mean([by_class[name] for name in novel]),
        all=_mean([by_class[name] for name in names]),
        unmeasured=tuple(name for name in names if math.isnan(by_class[name])),
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return fmean(known) if known else math.nan


_RANKED_BY = {
    "confidence": "confidence, as given",
    "box_logprob": "probability of the box's tokens",
    "answer_logprob": "probability of the answer's tokens",
    "vote": "vote of the further answers",
}


def _rankings_tables(measured: Any) -> Sequence[Table]:
    rows = []
    for name, row in mapping(measured).items():
        ap, ap50, ece, brier = (hundred(mapping(row).get(key)) for key in ("ap", "ap50", "ece", "brier"))
        rows.append((_RANKED_BY.get(name, name), ap, _spread(mapping(row).get("ap_ties")), ap50, ece, brier))
    note = (
        "AP ranks boxes by a score, and the model offers several. Boxes of equal score are in an arbitrary "
        "order: the range is over random ones. ECE and Brier say how well the score predicts a hit at IoU "
        "0.5; lower is better. Probabilities are the exponential of the mean log-probability."
    )
    head = ("Boxes ranked by", "AP", "AP over ties", "AP50", "ECE", "Brier")
    return [Table("Scores for detection", head, tuple(rows), note, "rankings")]


def _calibration(scored: ScoredPredictions) -> Mapping[str, Any]:
    """The table of a reliability diagram of the confidences that the headline ranks by."""
    return {"ranking": "confidence", **asdict(calibration(*confidences_and_hits(scored.predictions)))}


def _calibration_tables(measured: Any) -> Sequence[Table]:
    found = mapping(measured)
    bins = tuple(
        ReliabilityBin(
            n=int(number(row.get("n")) or 0),
            **{key: _known(row.get(key)) for key in ("low", "high", "confidence", "hit_share")},
        )
        for row in map(mapping, sequence(found.get("bins")))
    )
    boxes = int(number(found.get("n")) or 0)
    chart = reliability_chart(Calibration(boxes, _known(found.get("ece")), _known(found.get("brier")), bins))
    return [Table("", (), (), name="calibration", charts=(chart,))]


def _presence_tables(measured: Any) -> Sequence[Table]:
    found = mapping(measured)
    named = (
        ("precision", "Precision of 'something is there'"),
        ("recall", f"Recall of it (n = {plain(found.get('positives'))})"),
        ("f1", "F1"),
        ("rejection", f"'Nothing is there' where that is right (n = {plain(found.get('negatives'))})"),
    )
    note = (
        "Whether boxes are given at all, wherever they are. Precision depends on how many questions ask for "
        "what is not there."
    )
    return [_named_table("presence", named, found, note)]


def _gate_tables(measured: Any) -> Sequence[Table]:
    found = mapping(measured)
    named = (
        ("precision", "Precision of its yes"),
        ("recall", "Recall of its yes"),
        ("rejection", "Absent and closed by its no"),
        ("lost", "Present and lost by its no"),
        ("unreadable", "Neither yes nor no could be read"),
    )
    note = f"The first question, 'is there any?', asked {plain(found.get('n'))} times."
    last = (("Tokens of its answer, mean", plain(found.get("tokens"))),)
    return [_named_table("gate", named, found, note, last)]


def _vocabulary_applies(scored: ScoredPredictions) -> bool:
    return bool(scored.options.get("base") or scored.options.get("novel"))


def _vocabulary(scored: ScoredPredictions) -> OpenVocabulary:
    values = {name: group.value for name, group in per_group(scored.predictions, AP).items()}
    return open_vocabulary(values, scored.options.get("base", ()), scored.options.get("novel", ()))


def _vocabulary_tables(measured: Any) -> Sequence[Table]:
    found = mapping(measured)
    unmeasured = ", ".join(map(one_line, sequence(found.get("unmeasured"))))
    note = "Means over classes." + (f" Without a label: {unmeasured}." if unmeasured else "")
    rows = tuple((f"{key} classes", hundred(found.get(key))) for key in ("base", "novel", "all"))
    return [Table("Open vocabulary", ("", "AP x100"), rows, note, "open_vocabulary")]


def _federated_applies(scored: ScoredPredictions) -> bool:
    """Whether the records are at hand, with LVIS's frequencies or lists of absent categories."""
    listed = any(record.absent is not None for record in scored.records)
    return bool(scored.records) and (bool(scored.options.get("frequencies")) or listed)


def _federated(scored: ScoredPredictions) -> Mapping[str, Any]:
    """LVIS's AP with an interval; each class's AP is under ``by_class``."""
    found = federated_precision(scored.records, scored.predictions, scored.options.get("frequencies", {}))
    seen = scored.interval(scored.predictions, federated_metric(scored.records))
    return {**asdict(found), "low": seen.low, "high": seen.high}


def _federated_tables(measured: Any) -> Sequence[Table]:
    found = mapping(measured)
    by = mapping(found.get("by_frequency"))
    rows = (
        ("LVIS AP", hundred(found.get("ap")), _spread(found)),
        ("AP50", hundred(found.get("ap50")), ""),
        ("AP75", hundred(found.get("ap75")), ""),
        ("AP of rare categories", hundred(by.get("r")), ""),
        ("AP of common categories", hundred(by.get("c")), ""),
        ("AP of frequent categories", hundred(by.get("f")), ""),
    )
    note = (
        "An image counts for a category only where its labels say whether it is there; "
        f"{plain(found.get('left_out'))} answers count for nothing."
    )
    return [Table("LVIS", ("", "x100", "95% interval"), rows, note, "federated")]


def _named_table(
    name: str,
    named: Sequence[tuple[str, str]],
    found: Mapping[str, Any],
    note: str,
    last: tuple[tuple[str, str], ...] = (),
) -> Table:
    rows = tuple((text, hundred(found.get(key))) for key, text in named)
    return Table(upper_first(name), ("", "x100"), (*rows, *last) if found else (), note, name)


def _spread(block: Any) -> str:
    return interval(mapping(block).get("low"), mapping(block).get("high"))


def _known(value: Any) -> float:
    found = number(value)
    return math.nan if found is None else found


SECTIONS = (
    Section(
        "rankings",
        lambda scored: rankings(scored.predictions, scored.options.get("seed", 0)),
        tables=_rankings_tables,
    ),
    Section("calibration", _calibration, tables=_calibration_tables),
    Section("presence", lambda scored: presence(scored.predictions), tables=_presence_tables),
    Section(
        "gate",
        lambda scored: gate_scores(scored.plain),
        lambda scored: any(one.gate is not None for one in scored.plain),
        _gate_tables,
    ),
    Section("open_vocabulary", _vocabulary, _vocabulary_applies, _vocabulary_tables),
    Section("federated", _federated, _federated_applies, _federated_tables),
)
"""In the order of reading."""
