"""Asking a policy a list of questions and judging what it says, by the same parser as in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vrft.distributed import ALONE, Share
from vrft.evaluation.judged import Judged
from vrft.inference.ask_options import Asking
from vrft.inference.policy_predictor import answer_questions
from vrft.inference.prediction_store import Kept
from vrft.models.policy import Policy
from vrft.tasks.task import Task
from vrft.types import Example


def evaluate(
    policy: Policy,
    task: Task,
    examples: Sequence[Example],
    asking: Asking,
    *,
    path: Path | None = None,
    share: Share = ALONE,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Judged]:
    """Answer every question and parse the answers.

    Args:
        policy: the policy.
        task: the task of the examples.
        examples: questions; those about one picture should stand together, since a batch encodes it once.
        asking: how to ask.
        path: a JSONL file that keeps the answers; batches that it holds are not asked again.
        share: which process this is; each answers its part, and all return all answers.
        progress: called with the number of new answers of this process.

    Returns:
        One judged answer a question, in the order of ``examples``.

    Raises:
        RunError: the file holds answers to other questions.
    """
    cuts = range(0, len(examples), asking.batch)
    batches = [examples[begin : begin + asking.batch] for begin in cuts]
    kept = Kept(path, batches, share) if path is not None else None
    answered: list[Judged] = []
    own = range(len(batches))[share.part(len(batches))]
    for number in kept.missing() if kept is not None else own:
        judged = answer_questions(policy, task, batches[number], asking, number)
        if kept is not None:
            kept.append(judged)
        else:
            answered += judged
        progress(len(judged))
    return kept.finish() if kept is not None else share.collected(answered)
