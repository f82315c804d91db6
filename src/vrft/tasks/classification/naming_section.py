"""Class names in detail: strict and lenient accuracy side by side, and which classes are confused."""

from __future__ import annotations

from vrft.evaluation.scorecard.scored import Json, Scored
from vrft.tasks.classification.naming import Confusion, naming


def measure(scored: Scored) -> Json:
    """``naming.naming`` of the headline's answers.

    Returns:
        ``strict``, ``lenient``, ``class_mean``; ``collisions`` as pairs of classes; ``only_lenient`` and
        ``confusions`` as rows of ``right``, ``said`` (None where no answer could be read) and ``count``.
    """
    found = naming(scored.judged)
    return {
        "strict": found.strict,
        "lenient": found.lenient,
        "class_mean": found.class_mean,
        "collisions": found.collisions,
        "only_lenient": _rows(found.only_lenient),
        "confusions": _rows(found.confusions),
    }


def _rows(confusions: tuple[Confusion, ...]) -> list[Json]:
    return [{"right": c.right, "said": c.said, "count": c.count} for c in confusions]
