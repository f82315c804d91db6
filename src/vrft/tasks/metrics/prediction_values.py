"""What metrics read of a prediction: the boxes of answer and label, and the rollout that is the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vrft.errors import InputError
from vrft.types import Answer, Boxes, BoxXYXY, Example, Prediction, Rollout


def target_boxes(example: Example) -> Boxes:
    """The label of a question that asks for boxes; an InputError for any other."""
    if not isinstance(example.target, Boxes):
        raise InputError(
            f"Example '{example.id}' asks for no boxes, so no box metric can be measured. Use the metrics of "
            f"its own task ({example.task})."
        )
    return example.target


def answer_boxes(answer: Answer) -> tuple[BoxXYXY, ...]:
    """Boxes of an answer; none where it could not be read or says something else."""
    return answer.value.xyxy_px if isinstance(answer.value, Boxes) else ()


def answer_scores(answer: Answer) -> tuple[float, ...]:
    """One confidence for each box in [0, 1]; 1.0 where the answer gives none."""
    return box_scores(answer.value) if isinstance(answer.value, Boxes) else ()


def box_scores(boxes: Boxes) -> tuple[float, ...]:
    """One confidence for each box in [0, 1]; 1.0 where there is none."""
    return boxes.scores or (1.0,) * len(boxes.xyxy_px)


def with_scores(prediction: Prediction, scores: Sequence[float]) -> Prediction:
    """The same answer with other confidences, one for each box."""
    if not isinstance(prediction.answer.value, Boxes):
        return prediction
    value = replace(prediction.answer.value, scores=tuple(map(float, scores)))
    return replace(prediction, answer=replace(prediction.answer, value=value))


def written_rollout(prediction: Prediction) -> Rollout | None:
    """The rollout whose answer is the result as it was written; None where a rule made a new one."""
    said = (one for one in prediction.rollouts if one.answer is prediction.answer)
    equal = (one for one in prediction.rollouts if one.answer == prediction.answer)
    return next(said, None) or next(equal, None)
