"""Everything that answers say, measured at once, as one JSON object for each task."""

from vrft.evaluation.scorecard.card import CardOptions, scorecard, scorecards, sections_of
from vrft.evaluation.seeds import combine
from vrft.evaluation.statistics import Json, plain_json

__all__ = ["CardOptions", "Json", "combine", "plain_json", "scorecard", "scorecards", "sections_of"]
