"""Predictions in words."""

from __future__ import annotations

from collections.abc import Iterator

from vrft.inference.formats.prediction_format import Prediction
from vrft.types import Answer


def told(prediction: Prediction, whole: bool) -> Iterator[str]:
    """A prediction, line by line.

    Args:
        prediction: any.
        whole: with the text, all answers and what was spent; otherwise the result after its question.
    """
    example = prediction.example
    if not whole:
        yield f"{prediction.picture}, {example.question}: {_line(prediction.answer)}"
        return
    spent, rule = prediction.spent, prediction.rule
    yield f"{example.question}:"
    yield prediction.judged.text
    if rule is None or spent is None:
        yield sentence(prediction.answer)
        return
    yield f"By {rule} from {spent.answers} answers, of which {spent.readable} can be read:"
    yield sentence(prediction.answer)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in spent.shares.items())
    yield f"Shares: {shares or 'none'}."
    if spent.tokens is not None:
        yield f"Tokens, prompts included: {spent.tokens}."
    for number, said in enumerate(prediction.judged.said, 1):
        yield f"Answer {number} ({said.look}): {_line(said.answer)}"


def sentence(answer: Answer) -> str:
    """What an answer says.

    Args:
        answer: any.

    Example:
        >>> print(sentence(Answer(True, True, ((1.0, 2.0, 30.0, 40.0),), (0.5,))))
        Box in pixels: 1, 2, 30, 40 (confidence 0.50)
    """
    if not answer.parsed:
        return f"No answer could be read ({', '.join(answer.faults)})."
    if answer.label is not None:
        shares = "".join(f" ({share:.0%} of the answers)" for share in answer.confidences)
        return f"Class: {answer.label}{shares}"
    if answer.abstained:
        return "No objects."
    boxes = zip(answer.boxes_xyxy_px, answer.confidences, strict=False)
    lines = [f"Box in pixels: {_whole(box)} (confidence {score:.2f})" for box, score in boxes]
    return "\n".join(lines + [f"Point in pixels: {_whole(point)}" for point in answer.points_xy_px])


def _line(answer: Answer) -> str:
    return sentence(answer).replace("\n", "; ")


def _whole(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:.0f}" for number in numbers)
