"""Whether a detector says that something is there, and on negatives that nothing is."""

from __future__ import annotations

from vrft.evaluation.scorecard.scored import Scored
from vrft.tasks.metrics import metric as metrics
from vrft.tasks.metrics.metric import Presence


def measure(scored: Scored) -> Presence:
    """``metrics.presence`` of the headline's answers."""
    return metrics.presence(scored.judged)
