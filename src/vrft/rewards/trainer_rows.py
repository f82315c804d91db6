"""One answer as the reward functions and reward servers of EasyR1 and verl are given it."""

from __future__ import annotations

import json
from typing import Any

from vrft.rewards.reward_term import image_path_of
from vrft.types import Answer, Example, Value

VERL_ARGUMENTS = ("data_source", "solution_str", "ground_truth", "extra_info")


def easyr1_row(answer: Answer, example: Example) -> dict[str, Any]:
    """``response``, ``response_length`` (tokens) and ``ground_truth``, with what the question is."""
    about = {"response": answer.text, "response_length": answer.n_tokens}
    return {**about, "ground_truth": plain_target(example.target), **_facts(example)}


def verl_row(answer: Answer, example: Example) -> dict[str, Any]:
    """``VERL_ARGUMENTS``: the task, the text, the label, and in ``extra_info`` what the question is."""
    facts = {"index": example.id, **_facts(example)}
    values = (example.task, answer.text, plain_target(example.target), facts)
    return dict(zip(VERL_ARGUMENTS, values, strict=True))


def plain_target(target: Value | None) -> str | None:
    """A label as text: a name or a number as it is, all else (boxes in pixels of the file) as JSON.

    Example:
        >>> from vrft.types import Boxes, Label
        >>> plain_target(Label("cat")), plain_target(Boxes(((1.0, 2.0, 3.0, 4.0),)))
        ('cat', '[[1.0, 2.0, 3.0, 4.0]]')
    """
    if target is None:
        return None
    fields = {name: value for name, value in target.encode().items() if name != "kind"}
    plain = next(iter(fields.values())) if len(fields) == 1 else fields or []
    return plain if isinstance(plain, str) else json.dumps(plain)


def _facts(example: Example) -> dict[str, Any]:
    image = image_path_of(example)
    path = str(image) if image is not None else None
    return {"id": example.id, "question": example.question, "image_path": path, "task": example.task}
