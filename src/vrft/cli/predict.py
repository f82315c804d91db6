"""``vrft predict``: answers about images."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import ClassVar

import typer
from pydantic import Field

from vrft.cli.options import WithJson, WithQuiet, one_process
from vrft.cli.output import print_json, print_line
from vrft.types import Answer, Prediction
from vrft.types.answers import fault_words
from vrft.workflows.requests import PredictRequest


class PredictArgs(PredictRequest, WithJson, WithQuiet):
    """Answer questions about images, as text, JSON in pixels of the file, and drawn images.

    Status 1 where some images of a folder cannot be read; all others are answered.
    """

    positional = ("model", "image", "questions")
    examples = (
        'vrft predict runs/mine street.jpg "traffic light" bicycle',
        'vrft predict runs/mine new-images "coffee cup" --format coco --out answers',
        "vrft predict miniature - seven < digits.png",
    )
    groups: ClassVar = {
        "Questions": ("task", "task_option", "options", "form"),
        "Several answers": ("samples", "temperature", "fuse", "flip", "scales", "seed"),
        "Model": ("max_new_tokens", "min_pixels", "max_pixels", "dtype", "url"),
        "Output": ("sam", "format", "against", "drawn"),
    }
    format: str | None = Field(
        None, description="Print the answers as json, coco, supervision or labelstudio, and nothing else."
    )

    @property
    def for_programs(self) -> bool:
        return self.as_json or self.format is not None


def run(args: PredictArgs) -> None:
    """Ask, then print the answers."""
    from vrft.inference.formats.prediction_format import DEFAULT
    from vrft.progress import reporter_for_people
    from vrft.workflows.predict_images import predict_images

    one_process("predict")
    reporter = reporter_for_people(args.quiet or args.for_programs)
    found = predict_images(args, reporter, format=args.format or DEFAULT, stdin=sys.stdin.buffer)
    if args.for_programs:
        print_json(found.document)
    else:
        for prediction in found.predictions:
            for line in lines(prediction, whole=found.single):
                print_line(line)
    for line in found.notes:
        reporter.info(line)
    for line in (*found.warnings, *map(str, found.unreadable)):
        typer.echo(line, err=True)
    if found.unreadable:
        raise typer.Exit(1)


def lines(prediction: Prediction, whole: bool) -> Iterator[str]:
    """A prediction in words; whole: with the text, all answers and what was spent."""
    example = prediction.example
    if not whole:
        yield f"{example.record_id}, {example.question}: {_line(prediction.answer)}"
        return
    yield f"{example.question}:"
    yield prediction.text
    if prediction.rule is None:
        yield sentence(prediction.answer)
        return
    from vrft.evaluation.ensemble import answer_cost

    spent = answer_cost(prediction)
    yield f"By {prediction.rule} from {spent.answers} answers, of which {spent.readable} can be read:"
    yield sentence(prediction.answer)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in spent.shares.items())
    yield f"Shares: {shares or 'none'}."
    if spent.tokens is not None:
        yield f"Tokens, prompts included: {spent.tokens}."
    for number, rollout in enumerate(prediction.rollouts, 1):
        yield f"Answer {number} ({rollout.view}): {_line(rollout.answer)}"


def sentence(answer: Answer) -> str:
    """What an answer says."""
    if answer.value is None:
        return f"No answer could be read ({', '.join(map(fault_words, answer.faults))})."
    given = [value for value in (answer.value, answer.other) if value is not None and not value.is_empty]
    return "\n".join(value.describe() for value in given or [answer.value])


def _line(answer: Answer) -> str:
    return sentence(answer).replace("\n", "; ")
