"""One answer of several to the same question: test-time compute, by rules that need no model.

A rule is a pure function of N candidates and of the task's similarity. Of one readable answer every rule
gives that answer as it is, so N = 1 is the plain answer.
"""

from vrft.tasks.fusion.best_of_n import (
    NAME_RULES,
    best_logprob,
    grouped,
    mean_pair_agreement,
    self_consistency,
    vote,
)
from vrft.tasks.fusion.box_fusion import box_agreement, medoid, nms, wbf
from vrft.tasks.fusion.candidate import Candidate, Rule, Similarity
from vrft.tasks.fusion.number_fusion import median

__all__ = [
    "NAME_RULES",
    "Candidate",
    "Rule",
    "Similarity",
    "best_logprob",
    "box_agreement",
    "grouped",
    "mean_pair_agreement",
    "median",
    "medoid",
    "nms",
    "self_consistency",
    "vote",
    "wbf",
]
