"""Whether a detector says that something is there, and on negatives that nothing is."""

from __future__ import annotations

from vrft.evaluation import metrics
from vrft.evaluation.metrics import Presence
from vrft.evaluation.scorecard.scored import Scored


def measure(scored: Scored) -> Presence:
    """``metrics.presence`` of the headline's answers."""
    return metrics.presence(scored.judged)
