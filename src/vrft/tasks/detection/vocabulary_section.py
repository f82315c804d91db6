"""Means over base and novel classes, where the classes of both are given."""

from __future__ import annotations

from vrft.evaluation.scorecard.scored import Scored
from vrft.tasks.detection.open_vocabulary import OpenVocabulary, open_vocabulary
from vrft.tasks.metrics.metric import per_group


def applies(scored: Scored) -> bool:
    """Whether classes are told apart."""
    return bool(scored.options.base or scored.options.novel)


def measure(scored: Scored) -> OpenVocabulary:
    """Means of the headline metric over base, novel and all classes.

    Raises:
        InputError: a class of the two lists was not asked about, or is listed twice.
    """
    by_class = per_group(scored.judged, scored.task.group, scored.metric)
    values = {name: group.value for name, group in by_class.items()}
    return open_vocabulary(values, scored.options.base, scored.options.novel)
