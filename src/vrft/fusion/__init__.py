"""One answer of several to the same question: test-time compute, by rules that need no model.

A rule is a pure function of N candidates. Of one candidate every rule gives that answer as it is, so N = 1 is
the plain answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vrft.errors import InputError
from vrft.fusion.best import best_logprob, self_consistency
from vrft.fusion.candidate import Candidate
from vrft.fusion.medoid import medoid
from vrft.fusion.nms import nms
from vrft.fusion.vote import vote
from vrft.fusion.wbf import wbf
from vrft.types import Answer

__all__ = ["RULES", "Candidate", "Rule", "load_rule"]

Rule = Callable[[Sequence[Candidate]], Answer]
"""From the answers to one question, at least one, to one answer; boxes in original pixels."""

RULES: Mapping[str, Rule] = {
    "vote": vote,
    "wbf": wbf,
    "nms": nms,
    "medoid": medoid,
    "best_logprob": best_logprob,
    "self_consistency": self_consistency,
}
"""``vote`` is for class names; ``wbf``, ``nms`` and ``medoid`` are for boxes; the others are for both."""


def load_rule(name: str) -> Rule:
    """The rule of a name.

    Args:
        name: a key of ``RULES``.

    Raises:
        InputError: there is none of that name.

    Example:
        >>> load_rule("wbf") is wbf
        True
    """
    try:
        return RULES[name]
    except KeyError:
        raise InputError(f"fusion: there is no rule '{name}'. Known: {', '.join(RULES)}.") from None
