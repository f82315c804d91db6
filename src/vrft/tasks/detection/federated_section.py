"""LVIS's AP, where a data set says which categories are rare, or which were looked for in vain."""

from __future__ import annotations

from vrft.evaluation.scorecard.scored import Json, Scored, plain_json
from vrft.tasks.detection.federated_precision import federated_metric, federated_precision


def applies(scored: Scored) -> bool:
    """Whether the records are at hand, with LVIS's frequencies or lists of absent categories."""
    told = any(record.absent is not None for record in scored.options.records)
    return bool(scored.options.records) and (bool(scored.options.frequencies) or told)


def measure(scored: Scored) -> Json:
    """``federated.federated_precision``, its AP with an interval; each class's AP stands under ``by_class``.

    Raises:
        InputError: the records are not those that the questions were made from.
    """
    records = scored.options.records
    found = federated_precision(records, scored.judged, scored.options.frequencies)
    seen = scored.interval(scored.judged, federated_metric(records))
    return {**plain_json(found), "low": seen.low, "high": seen.high}
