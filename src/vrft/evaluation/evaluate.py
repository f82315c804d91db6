"""Asking a policy a list of questions and judging what it says, by the same parser as in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vrft.engine.asking import prompts_for
from vrft.engine.sampling import Sampling, sample
from vrft.evaluation.answers_file import read_judged, to_row
from vrft.evaluation.judged import Judged
from vrft.policies.policy import Policy
from vrft.runs.folder import append_row
from vrft.tasks.base import Task
from vrft.types import Example, Form

BATCH = 64


def evaluate(
    policy: Policy,
    task: Task,
    examples: Sequence[Example],
    form: Form,
    *,
    max_new_tokens: int = 256,
    batch: int = BATCH,
    path: Path | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Judged]:
    """Answer every question greedily and parse the answers.

    Args:
        policy: the policy.
        task: the task of the examples.
        examples: questions.
        form: how the answer is asked for.
        max_new_tokens: length limit of an answer.
        batch: questions decoded together.
        path: a JSONL file that keeps the judged answers; what it holds already is not asked again.
        progress: called with the number of new answers.

    Returns:
        One judged answer a question, in the order of ``examples``.
    """
    known = {j.example.id: j for j in read_judged(path)} if path is not None and path.exists() else {}
    open_questions = [e for e in examples if e.id not in known]
    for begin in range(0, len(open_questions), batch):
        part = open_questions[begin : begin + batch]
        prompts = prompts_for(policy, task, part, form)
        groups = sample(policy, prompts, 1, Sampling(temperature=0, max_new_tokens=max_new_tokens))
        for example, prompt, (answer,) in zip(part, prompts, groups, strict=True):
            text = policy.decode(answer.token_ids)
            judged = Judged(example, text, task.parse(text, prompt.picture.view, form), len(answer.token_ids))
            known[example.id] = judged
            if path is not None:
                append_row(path, to_row(judged))
        progress(len(part))
    return [known[e.id] for e in examples]
