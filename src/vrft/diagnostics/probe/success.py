"""When a sampled answer counts as a success: a rule for each task, whatever the reward setting pays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scipy.optimize import linear_sum_assignment

from vrft.errors import InputError
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.rewards.label_rewards import exact_match
from vrft.types import Answer, BoxesTarget, ClassTarget, Target

IOU = 0.5


@dataclass(frozen=True)
class Hit:
    """What a success is."""

    told: str
    """In words."""
    holds: Callable[[Answer, Target], bool]


def names_the_class(answer: Answer, target: Target) -> bool:
    """Whether an answer is the right class name.

    Example:
        >>> names_the_class(Answer(True, True, label="Rose"), ClassTarget("rose"))
        True
    """
    if not isinstance(target, ClassTarget):
        raise InputError("A class name was expected as the target, not boxes.")
    return answer.parsed and exact_match(answer.label, target.name)


def finds_every_box(answer: Answer, target: Target) -> bool:
    """Whether an answer's boxes and the labelled ones pair off one to one with IoU of at least 0.5.

    Where nothing is there, whether the answer says so.

    Example:
        >>> finds_every_box(Answer(True, True, ((0, 0, 9, 10),)), BoxesTarget(((0, 0, 10, 10),)))
        True
    """
    labels = _boxes(target)
    if not labels:
        return answer.abstained
    found = answer.boxes_xyxy_px
    if not answer.parsed or len(found) != len(labels):
        return False
    near = iou_matrix(as_array(found), as_array(labels)) >= IOU
    rows, columns = linear_sum_assignment(near, maximize=True)
    return bool(near[rows, columns].all())


def finds_first_box(answer: Answer, target: Target) -> bool:
    """Whether an answer's first box has IoU of at least 0.5 with the labelled one.

    Example:
        >>> finds_first_box(Answer(True, True, ((0, 0, 4, 10),)), BoxesTarget(((0, 0, 10, 10),)))
        False
    """
    first = answer.boxes_xyxy_px[:1]
    if not (answer.parsed and first):
        return False
    return bool((iou_matrix(as_array(first), as_array(_boxes(target))) >= IOU).any())


def hit_of(task: str) -> Hit:
    """The rule of a task.

    Args:
        task: a key of ``HITS``.

    Raises:
        InputError: the task has no rule.
    """
    try:
        return HITS[task]
    except KeyError:
        raise InputError(
            f"No success is defined for the task '{task}', only for {', '.join(HITS)}."
        ) from None


def _boxes(target: Target) -> tuple[tuple[float, float, float, float], ...]:
    if not isinstance(target, BoxesTarget):
        raise InputError("Boxes were expected as the target, not a class name.")
    return target.boxes_xyxy_px


HITS: Mapping[str, Hit] = {
    "classification": Hit("the right class name", names_the_class),
    "detection": Hit("every box found with IoU of at least 0.5, and no other", finds_every_box),
    "grounding": Hit("IoU of at least 0.5", finds_first_box),
}
"""Rules by the name of the task."""
