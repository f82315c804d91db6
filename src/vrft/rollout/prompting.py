"""Where tasks and policies meet: a task's words and a policy's picture make a prompt."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.models.policy import Policy, Prompt
from vrft.tasks.task import Task
from vrft.types import Example, Form


def prompts_for(policy: Policy, task: Task, examples: Sequence[Example], form: Form) -> list[Prompt]:
    """Encode each example's question, one renderer for training and evaluation alike.

    Args:
        policy: whose processor, template and Frame.
        task: whose words.
        examples: questions about pictures on disk.
        form: how the answer is asked for.

    Returns:
        One prompt an example; its ``picture.view`` converts coordinates.
    """
    pictures = [policy.picture(e.image, e.edits) for e in examples]
    return [policy.prompt(task.ask(e, p.view, form), p) for e, p in zip(examples, pictures, strict=True)]
