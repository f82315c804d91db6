"""One answer of several to the same question: test-time compute, by rules that need no model.

A rule is a pure function of N candidates. Of one candidate every rule gives that answer as it is, so N = 1 is
the plain answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vrft.errors import InputError
from vrft.tasks.fusion.best_of_n import best_logprob, self_consistency
from vrft.tasks.fusion.candidate import Candidate
from vrft.tasks.fusion.medoid import medoid
from vrft.tasks.fusion.nms import nms
from vrft.tasks.fusion.vote import vote
from vrft.tasks.fusion.wbf import wbf
from vrft.types import Answer, BoxesTarget, ClassTarget, Target

__all__ = [
    "RULES",
    "RULES_BY_TARGET",
    "USUAL",
    "Candidate",
    "Rule",
    "load_rule",
    "rule_for",
    "rules_for",
    "usual",
]
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

RULES_BY_TARGET: Mapping[type[Target], tuple[str, ...]] = {
    ClassTarget: ("vote", "best_logprob", "self_consistency"),
    BoxesTarget: ("wbf", "nms", "medoid", "best_logprob", "self_consistency"),
}
"""Which rules make sense of the answers to a question, by what it asks for."""

USUAL: Mapping[str, tuple[str, Target]] = {
    "classification": ("vote", ClassTarget("")),
    "detection": ("wbf", BoxesTarget(())),
    "grounding": ("medoid", BoxesTarget(())),
}
"""By task: the rule where nobody names one, and an empty target of the kind that is asked for."""


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


def rules_for(target: Target) -> dict[str, Rule]:
    """All rules that fit what a question asks for, by name.

    Args:
        target: of the question; its content plays no part.

    Returns:
        Rules in a fixed order; none for a target that nobody has labelled.

    Example:
        >>> list(rules_for(ClassTarget("cat")))
        ['vote', 'best_logprob', 'self_consistency']
    """
    return {name: RULES[name] for name in RULES_BY_TARGET.get(type(target), ())}


def rule_for(name: str, target: Target) -> Rule:
    """The rule of a name, for a question of a kind.

    Args:
        name: a key of ``RULES``.
        target: of the question.

    Raises:
        InputError: there is none of that name, or it is for answers of another kind.
    """
    rule, fitting = load_rule(name), rules_for(target)
    if name not in fitting:
        raise InputError(
            f"fusion: the rule '{name}' is not for these answers. Choose one of: {', '.join(fitting)}."
        )
    return rule


def usual(task: str, name: str | None = None) -> str:
    """The name of the rule that a task's answers are fused by.

    Args:
        task: name of the task.
        name: the user's choice; None takes the usual one.

    Raises:
        InputError: there is no such rule, or it is for answers of another kind.

    Example:
        >>> usual("detection"), usual("detection", "nms")
        ('wbf', 'nms')
    """
    rule, target = USUAL[task]
    rule_for(name or rule, target)
    return name or rule
