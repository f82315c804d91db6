"""The first of two steps: the policy itself says whether a category is there (Visual-RFT section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.errors import InputError
from vrft.evaluation.judged import Gate
from vrft.inference.ask_options import Asking
from vrft.models.policy import Policy
from vrft.rollout.shared_prompt.sampling import Sampling, sample
from vrft.tasks.task import Task
from vrft.types import Example


def ask_gate(policy: Policy, task: Task, examples: Sequence[Example], asking: Asking) -> list[Gate]:
    """Ask whether the thing in question is there, greedily.

    Args:
        policy: the one that is evaluated: no other model's answers decide here.
        task: of the questions.
        examples: Q questions.
        asking: its form and length limit are used.

    Returns:
        One gate a question.

    Raises:
        InputError: the task has no such question.
    """
    presence = task.presence
    if presence is None:
        raise InputError(f"{task.name} has no question whether something is there. Leave --gate out.")
    pictures = [policy.picture(e.image, e.edits) for e in examples]
    prompts = [
        policy.prompt(presence.ask(example, asking.form), picture)
        for example, picture in zip(examples, pictures, strict=True)
    ]
    greedy = Sampling(temperature=0, max_new_tokens=asking.max_new_tokens)
    gates = []
    for prompt, (answer,) in zip(prompts, sample(policy, prompts, 1, greedy), strict=True):
        text = policy.decode(answer.token_ids)
        said = presence.read(text, asking.form)
        gates.append(Gate(text, said, len(answer.token_ids), len(prompt.token_ids)))
    return gates
