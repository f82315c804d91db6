"""One answer of several, with its cost: judged answers before and after a rule of fusion."""

from __future__ import annotations

from dataclasses import replace

from vrft.evaluation.judged import Judged
from vrft.evaluation.token_cost import Asked
from vrft.tasks.fusion import Rule


def is_closed(judged: Judged) -> bool:
    """Whether a gate said that nothing is there, so that the question itself was never asked."""
    return judged.gate is not None and judged.gate.present is False


def answers_of(judged: Judged) -> int:
    """How many answers a rule may fuse: the plain one and the others."""
    return 1 if is_closed(judged) else len(judged.said)


def fused(judged: Judged, rule: Rule, n: int | None = None) -> Judged:
    """The first n answers to a question as one.

    Args:
        judged: a question with its answers.
        rule: such as one of ``vrft.tasks.fusion.RULES``.
        n: how many of them, the plain one first; None takes all. What a gate has closed stays as it is.

    Returns:
        The question with the fused answer, without others. ``tokens`` are those of all n answers, for that
        is what it cost; log-probabilities are known where the rule took one answer as it was written.

    Raises:
        InputError: the rule cannot be used on these answers.

    Example:
        >>> from pathlib import Path
        >>> from vrft.evaluation.judged import Said
        >>> from vrft.tasks.fusion import RULES
        >>> from vrft.types import Answer, ClassTarget, Example
        >>> example = Example("a", "a", Path("a.png"), (8, 8), "classification", "pet", ClassTarget("dog"))
        >>> cat, dog = (Answer(True, True, label=name, text=name) for name in ("cat", "dog"))
        >>> judged = Judged(example, "cat", cat, 2, others=(Said("dog", dog, 3), Said("dog", dog, 3)))
        >>> [(one.text, one.tokens) for one in (fused(judged, RULES["vote"], n) for n in (1, 3))]
        [('cat', 2), ('dog', 8)]
    """
    if is_closed(judged):
        return replace(judged, others=())
    said = judged.said[:n]
    answer = rule([one.candidate for one in said])
    chosen = next((one for one in said if one.answer is answer), None)
    return replace(
        judged,
        text=answer.text,
        answer=answer,
        tokens=sum(one.tokens for one in said),
        logprob=chosen.logprob if chosen else None,
        box_logprobs=chosen.box_logprobs if chosen else (),
        finished=chosen.finished if chosen else all(one.finished for one in said),
        others=(),
    )


def asked_of(judged: Judged) -> Asked:
    """A question as the account of its cost: the prompt once a look, and every answer.

    Args:
        judged: a question with its answers. A prompt of unknown length counts nothing, and so does that of a
            question which a gate has closed.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import Answer, ClassTarget, Example
        >>> example = Example("a", "a", Path("a.png"), (8, 8), "classification", "pet", ClassTarget("dog"))
        >>> asked_of(Judged(example, "", Answer(False, False), 5, prompt_tokens={"plain": 100})).spent(1)
        105
    """
    looks = list(dict.fromkeys(one.look for one in judged.said))
    prompts = tuple(0 if is_closed(judged) else judged.prompt_tokens.get(look, 0) for look in looks)
    places = tuple(looks.index(one.look) for one in judged.said)
    return Asked(prompts, tuple(one.candidate for one in judged.said), places)


def prompts_known(judged: Judged, n: int | None = None) -> bool:
    """Whether the length of every prompt is known that the first n answers needed; None stands for all."""
    return is_closed(judged) or {one.look for one in judged.said[:n]} <= judged.prompt_tokens.keys()
