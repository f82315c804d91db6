"""Whether each right answer, written, tokenised, decoded and parsed, is still the right answer."""

from __future__ import annotations

from vrft.diagnostics.check.finding import Finding, Severity
from vrft.diagnostics.check.on_model.model_case import Asked, ModelCase
from vrft.geometry.frames import View
from vrft.rewards.label_rewards import exact_match
from vrft.types import Answer, BoxesTarget, ClassTarget

ROOM = 1e-6
"""Shares of a step, for what float arithmetic loses."""


def step_px(view: View) -> tuple[float, float]:
    """How many original pixels lie between two numbers that a frame can write, across and down.

    Example:
        >>> step_px(View("thousand", (640, 480), (320, 240)))
        (0.64, 0.48)
    """
    extent = (1000.0, 1000.0) if view.kind == "unit" else view.extent_wh
    return view.original_wh[0] / extent[0], view.original_wh[1] / extent[1]


def examine_gold(case: ModelCase) -> list[Finding]:
    """An error for each right answer that cannot be given."""
    task, form = case.data.task, case.data.config.prompt.form
    found = []
    for one in case.asked:
        answer = task.parse(one.read_back, one.view, form)
        problem = _class_problem(one, answer) or _boxes_problem(one, answer)
        if problem:
            mend = "Remove boxes that are too small to be written, or take a model that writes finer numbers."
            if not isinstance(one.example.target, BoxesTarget):
                mend = "Rename the class in letters that the model's tokenizer knows."
            where = f"{one.example.image}, '{one.example.question}'"
            found.append(Finding(Severity.ERROR, "unwritable-answer", problem, where, mend))
    return found


def _class_problem(one: Asked, answer: Answer) -> str | None:
    target = one.example.target
    if not isinstance(target, ClassTarget) or exact_match(answer.label, target.name):
        return None
    return f"The class '{target.name}' reads as '{answer.label}' after tokenising."


def _boxes_problem(one: Asked, answer: Answer) -> str | None:
    target = one.example.target
    if not isinstance(target, BoxesTarget):
        return None
    given, read = target.boxes_xyxy_px, answer.boxes_xyxy_px
    if len(given) != len(read):
        return f"{len(given)} boxes are labelled, {len(read)} are left after they were written and read."
    steps = 2 * step_px(one.view)
    moved = max(
        (
            abs(a - b) / step
            for box, back in zip(given, read, strict=True)
            for a, b, step in zip(box, back, steps, strict=True)
        ),
        default=0.0,
    )
    return f"A box moves by {moved:.2f} steps when it is written and read." if moved > 0.5 + ROOM else None


EXAMINE = examine_gold
