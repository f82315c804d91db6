"""Several answers as one, and what they cost: test-time compute on one question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vrft.errors import InputError
from vrft.tasks.fusion import Candidate, grouped
from vrft.tasks.registry import task_of
from vrft.types import Prediction, Rollout

SIZES = (1, 2, 4, 8, 16)
"""Answers to each question at which value is measured against compute."""
FOUND, NOTHING = "something found", "nothing found"


def is_closed(prediction: Prediction) -> bool:
    """Whether a gate said that nothing is there, so that the question itself was never asked."""
    return prediction.gate is not None and prediction.gate.present is False


def answers_of(prediction: Prediction) -> int:
    """How many answers a rule may fuse."""
    return 1 if is_closed(prediction) else max(1, len(prediction.rollouts))


def fused(prediction: Prediction, rule: str | None = None, n: int | None = None) -> Prediction:
    """The first n answers to a question, or all, as one by a rule of its task; None takes the usual one.

    What a gate has closed, and what was not sampled, stays as it is. Raises an InputError where the task has
    no such rule, or it cannot be used on these answers.

    Example:
        >>> from vrft.types import Answer, Completion, Example, Label, Prompt, Turn
        >>> asked = Example("a", "a", "classification", (), "pet", Label("dog"))
        >>> said = [Answer(Label(name), text=name) for name in ("cat", "dog", "dog")]
        >>> turns = [(Turn(Prompt(), Completion(answer.text)),) for answer in said]
        >>> one = Prediction(asked, said[0], tuple(map(Rollout, [asked] * 3, turns, said)))
        >>> fused(one, "vote").answer.value.name, fused(one, "vote", 1).answer.value.name
        ('dog', 'cat')
    """
    task = task_of(prediction.example)
    chosen = task.rule(rule)
    name = next(known for known, own in task.rules.items() if own is chosen) if rule is None else rule
    if is_closed(prediction) or not prediction.rollouts:
        return replace(prediction, rule=name)
    rollouts = prediction.rollouts[:n]
    answer = chosen([Candidate.of(one) for one in rollouts], task.similarity)
    return replace(prediction, answer=answer, rollouts=rollouts, rule=name)


def headline(predictions: Sequence[Prediction], rule: str | None) -> list[Prediction]:
    """The answers that a card scores: as they are, or those that a rule makes of all."""
    if rule is None:
        return list(predictions)
    if all(answers_of(one) == 1 for one in predictions):
        raise InputError(
            f"The rule '{rule}' has nothing to fuse: every question has one answer. Ask for several "
            "answers, or leave the rule out."
        )
    return [fused(one, rule) for one in predictions]


def plain_answer(prediction: Prediction) -> Prediction:
    """The same question with the plain answer as the result."""
    if prediction.rule is None or not prediction.rollouts:
        return replace(prediction, rule=None)
    return replace(prediction, answer=prediction.rollouts[0].answer, rule=None)


@dataclass(frozen=True)
class TokenCost:
    """Tokens of several answers to one question."""

    answers: int
    """Sampled ones."""
    prompts: int | None
    """Of each prompt once, since answers share it, images included; None where a length is not known."""
    gate: int = 0
    """Of the first of two questions, where it was asked: its prompt and its answer."""

    @property
    def total(self) -> int | None:
        """All of them."""
        return None if self.prompts is None else self.answers + self.prompts + self.gate


def token_cost(prediction: Prediction, n: int | None = None) -> TokenCost:
    """What the first n answers to a question cost; None counts all.

    Example:
        >>> from vrft.types import Answer, Completion, Example, Prompt, Turn
        >>> asked = Example("a", "a", "detection", (), "cup")
        >>> turns = (Turn(Prompt(n_tokens=100), Completion("No Objects", (7, 8, 9))),)
        >>> both = Prediction(asked, Answer(), (Rollout(asked, turns, Answer()),) * 2)
        >>> token_cost(both), token_cost(both, 1).total
        (TokenCost(answers=6, prompts=100, gate=0), 103)
    """
    gate = prediction.gate.prompt_tokens + prediction.gate.tokens if prediction.gate is not None else 0
    if is_closed(prediction):
        return TokenCost(0, 0, gate)
    rollouts = prediction.rollouts[:n]
    first = {one.view: one.turns[0].prompt.length for one in rollouts if one.turns}
    lengths = [*first.values(), *(length for one in rollouts for length in _later_prompts(one))]
    known = bool(first) and not any(length is None for length in lengths)
    prompts = sum(length or 0 for length in lengths) if known else None
    return TokenCost(sum(one.n_tokens for one in rollouts), prompts, gate)


def _later_prompts(rollout: Rollout) -> list[int | None]:
    """What each turn after the first was shown on top of what was said before."""
    shown: list[int | None] = []
    for last, turn in zip(rollout.turns, rollout.turns[1:], strict=False):
        before, now = last.prompt.length, turn.prompt.length
        if before is None or now is None:
            shown.append(None)
        else:
            shown.append(now - before - len(last.completion.token_ids))
    return shown


@dataclass(frozen=True)
class AnswerCost:
    """Test-time compute on one question, and how far its answers agree."""

    answers: int
    readable: int
    tokens: int | None
    """Of all answers and of each prompt once, the images' included; None where a prompt's are not known."""
    shares: Mapping[str, float]
    """What the readable answers say, the largest share first: class names, or whether something is there."""


def answer_cost(prediction: Prediction) -> AnswerCost:
    """Count what was spent on one question.

    Example:
        >>> from vrft.types import Answer, Completion, Example, Label, Prompt, Turn
        >>> asked = Example("a", "a", "classification", (), "pet")
        >>> turns = (Turn(Prompt(n_tokens=50), Completion("", (1, 2, 3))),)
        >>> said = tuple(Rollout(asked, turns, Answer(Label(x))) for x in ("cat", "dog", "dog", "cat", "dog"))
        >>> answer_cost(Prediction(asked, said[0].answer, said))
        AnswerCost(answers=5, readable=5, tokens=65, shares={'dog': 0.6, 'cat': 0.4})
    """
    answers = [one.answer for one in prediction.rollouts] or [prediction.answer]
    readable = [Candidate(one, None, 0) for one in answers if one.parsed]
    placed = [one for one in readable if one.value.is_empty or one.value.evidence_boxes]
    worded = [one for one in readable if one not in placed]
    groups = grouped(worded, task_of(prediction.example).similarity)
    values = [group[0].value for group in groups]
    names = [value.words[0] if value.words else value.describe() for value in values]
    counts = {name: len(group) for name, group in zip(names, groups, strict=True)}
    nothing = sum(one.value.is_empty for one in placed)
    counts |= {FOUND: len(placed) - nothing, NOTHING: nothing}
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    shares = {name: count / len(readable) for name, count in ordered if count}
    return AnswerCost(len(answers), len(readable), token_cost(prediction).total, shares)
