"""Everything that answers tell, measured at once, as one JSON object."""

from vrft.evaluation.scorecard.card import scorecard
from vrft.evaluation.scorecard.combined import combine
from vrft.evaluation.scorecard.scored import CardOptions

__all__ = ["CardOptions", "combine", "scorecard"]
