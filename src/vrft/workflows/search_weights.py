"""Weights of a definition's reward that the audit passes, and that order answers as the metric does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from vrft.diagnostics.audit.audit_plan import AuditPlan
from vrft.diagnostics.audit.audited_rule import setting_rule
from vrft.diagnostics.audit.run_audit import audit
from vrft.errors import InputError
from vrft.tasks.defined import DefinedTask
from vrft.tasks.defined.defined_task import RECOMMENDED, USUAL
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Prediction, Rollout, RolloutGroup

STEPS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
"""Weights that are tried of every term but the first, which keeps 1: their sum changes nothing."""
MOST = 300
"""Sums of terms that are tried."""
Weights = Mapping[str, float]


@dataclass(frozen=True)
class FoundWeights:
    """The best weights, and what they are worth."""

    weights: Weights
    agreement: float
    """Share of the pairs of answers to one question, of which the metric finds one better, that the reward
    orders in the same way; of equal rewards a half."""
    before: float
    """That of the definition's own weights."""
    tried: int
    passed: int
    """By the audit."""
    pairs: int

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        written = ", ".join(f"{name}: {weight:g}" for name, weight in self.weights.items())
        return (
            f"Of {self.tried} weightings {self.passed} pass the audit. Best is reward: {{{written}}}: it "
            f"orders {self.agreement:.0%} of {self.pairs} pairs of answers as the metric does, the "
            f"definition's own {self.before:.0%}."
        )


def search_weights(task: DefinedTask, plan: AuditPlan, predictions: Sequence[Prediction]) -> FoundWeights:
    """Try weights; the audit is the constraint, the metric on validation answers the score.

    Args:
        task: whose reward's terms are weighed.
        plan: the audit's answers.
        predictions: several answers to each validation question, as ``vrft eval --samples`` keeps them.

    Raises:
        InputError: no question has two answers of which one is better, no weights pass the audit, or there
            are too many terms.
    """
    own = task.definition.reward or USUAL
    first, *others = own
    if len(STEPS) ** len(others) > MOST:
        raise InputError(f"{task.definition.path}: reward: {len(own)} terms are too many. Weigh at most 4.")
    asked = [one for one in predictions if one.example.task == task.name and one.example.target is not None]
    pairs = [pair for one in asked for pair in _pairs(task, one)]
    if not pairs:
        raise InputError(
            f"No question of {task.name} has two answers of which the metric finds one better. Keep several "
            "answers to each: vrft eval ... --samples 8."
        )
    grid: list[Weights] = [
        {first: 1.0, **dict(zip(others, weights, strict=True))}
        for weights in product(STEPS, repeat=len(others))
    ]
    passed = [weights for weights in grid if _passes(task, weights, plan)]
    if not passed:
        raise InputError(f"None of {len(grid)} weightings passes the audit: change 'right' or 'answer'.")
    # Of equal ones the least weight besides the first term's.
    best = max(passed, key=lambda weights: (_agreement(pairs, weights), -sum(weights.values())))
    return FoundWeights(
        best, _agreement(pairs, best), _agreement(pairs, own), len(grid), len(passed), len(pairs)
    )


Pair = tuple[Weights, Weights]
"""The terms of the better and of the worse answer to one question."""


def _pairs(task: DefinedTask, prediction: Prediction) -> list[Pair]:
    scorer = Scorer(task, RewardOptions(setting=RECOMMENDED))
    metric = task.metrics[0]
    (group,) = scorer.score([RolloutGroup(prediction.example, tuple(prediction.rollouts))])
    valued = [(metric.value([_alone(prediction, one)]), _terms(one)) for one in group.rollouts]
    found = []
    for (value, terms), (other, others) in combinations(valued, 2):
        gain = metric.gain(value, other)
        if gain > 0:
            found.append((terms, others))
        elif gain < 0:
            found.append((others, terms))
    return found


def _alone(prediction: Prediction, rollout: Rollout) -> Prediction:
    return Prediction(prediction.example, rollout.answer)


def _terms(rollout: Rollout) -> Weights:
    return {name: value or 0.0 for name, value in rollout.terms.items()}


def _agreement(pairs: Sequence[Pair], weights: Weights) -> float:
    def reward(terms: Weights) -> float:
        return sum(weight * terms[name] for name, weight in weights.items())

    gaps = [reward(better) - reward(worse) for better, worse in pairs]
    return sum(1.0 if gap > 1e-9 else 0.5 if gap > -1e-9 else 0.0 for gap in gaps) / len(gaps)


def _passes(task: DefinedTask, weights: Weights, plan: AuditPlan) -> bool:
    weighed = DefinedTask(replace(task.definition, reward=dict(weights)))
    return audit(setting_rule(weighed, RECOMMENDED), plan).passed
