"""The metrics of tracks, and the part of a scorecard on identities."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from vrft.rewards.track_rewards import mean_iou
from vrft.tasks.metrics.metric import Metric, mean_reward, ratio_of_sums
from vrft.tasks.section import ScoredPredictions, Section, Table
from vrft.tasks.tracking.identities import Identities, identities_of, total
from vrft.types import Prediction, Tracks, expect


def _identities(one: Prediction) -> Identities:
    return identities_of(one.answer.as_(Tracks), expect(one.example.target, Tracks))


def _idf1(one: Prediction) -> tuple[float, float]:
    found = _identities(one)
    return 2 * found.true, found.gold + found.said


MEAN_IOU = Metric(
    "mean_iou",
    "mean IoU over images",
    mean_reward(mean_iou, Tracks),
)
IDF1 = Metric("idf1", "IDF1", ratio_of_sums(_idf1))
"""Of all questions together, at an IoU of at least 0.5."""


def images_off(said: Tracks | None, gold: Tracks) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The numbers of images whose box is missing, and of those that have one too many.

    Example:
        >>> gold = Tracks(((1, "", 0.0, 0.0, 9.0, 9.0), (2, "", 0.0, 0.0, 9.0, 9.0)))
        >>> images_off(Tracks((gold.boxes[0], (3, "", 0.0, 0.0, 9.0, 9.0))), gold)
        ((2,), (3,))
    """
    wanted, given = gold.by_image, {} if said is None else said.by_image
    missing = (number for number, own in wanted.items() if len(own) > len(given.get(number, ())))
    extra = (number for number, own in given.items() if len(own) > len(wanted.get(number, ())))
    return tuple(missing), tuple(extra)


def _measured(scored: ScoredPredictions) -> dict[str, Any]:
    found = total(map(_identities, scored.predictions))
    off = [
        images_off(one.answer.as_(Tracks), expect(one.example.target, Tracks)) for one in scored.predictions
    ]
    shares = {name: getattr(found, name) for name in ("idf1", "idp", "idr", "mota")}
    return {
        **asdict(found),
        **{name: value if math.isfinite(value) else None for name, value in shares.items()},
        "images_missing": sum(len(missing) for missing, _ in off),
        "images_extra": sum(len(extra) for _, extra in off),
    }


def _tables(found: Any) -> list[Table]:
    def share(name: str) -> str:
        return "" if found[name] is None else f"{100 * found[name]:.1f}"

    counts = ("gold", "said", "images_missing", "images_extra", "switches")
    return [
        Table(
            "Identities",
            ("IDF1", "IDP", "IDR", "MOTA", "labelled boxes", "boxes", "images missing", "extra", "switches"),
            (tuple(map(share, ("idf1", "idp", "idr", "mota"))) + tuple(str(found[name]) for name in counts),),
            note="As py-motmetrics counts them at an IoU of 0.5, all questions together; missing and extra "
            "are images without a box of a thing that is there, and with one of a thing that is not.",
            name="identities",
            left=(),
        )
    ]


SECTION = Section("identities", _measured, tables=_tables)
