"""Answers that another tool stored: texts with what is known about each, or the boxes of a detector."""

from vrft.evaluation.external.judge_row import ExternalAnswer, Refusal
from vrft.evaluation.external.read_external import External, read_external
from vrft.evaluation.external.row_schema import ExternalRow
from vrft.evaluation.external.score_external import score_external

__all__ = ["External", "ExternalAnswer", "ExternalRow", "Refusal", "read_external", "score_external"]
