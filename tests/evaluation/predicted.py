"""Predictions made by hand, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vrft.types import (
    NOWHERE,
    PLAIN,
    Annotation,
    Answer,
    Boxes,
    BoxXYXY,
    Completion,
    Example,
    Fault,
    Image,
    Label,
    Prediction,
    Prompt,
    Record,
    Rollout,
    Turn,
    Value,
)

ScoredBox = tuple[BoxXYXY, float]


def asked(
    id: str, record_id: str, task: str, question: str, target: Value | None, wh: tuple[int, int] = (100, 100)
) -> Example:
    """A question about an image that need not exist."""
    return Example(id, record_id, task, (Image(Path(f"{record_id}.png"), wh),), question, target)


def boxes_of(*found: ScoredBox) -> Boxes:
    return Boxes(tuple(box for box, _ in found), tuple(score for _, score in found))


def rolled(
    example: Example,
    answer: Answer,
    tokens: int = 3,
    *,
    prompt: int | None = None,
    logprob: float | None = None,
    view: str = PLAIN,
    finished: bool = True,
) -> Rollout:
    """An answer with as many sampled tokens, all of one log-probability."""
    logprobs = () if logprob is None else (logprob,) * tokens
    said = Completion(
        answer.text, tuple(range(tokens)), logprobs, finish_reason="stop" if finished else "length"
    )
    return Rollout(example, (Turn(Prompt(n_tokens=prompt), said),), answer, view)


def predicted(
    example: Example, answer: Answer, tokens: int = 3, *others: Rollout, **more: object
) -> Prediction:
    """A plain answer, and further ones."""
    plain = rolled(example, answer, tokens, **more)  # type: ignore[arg-type]
    return Prediction(example, answer, (plain, *others))


def with_others(one: Prediction, *answers: Answer, view: str = PLAIN) -> Prediction:
    """The same prediction with further answers of 7 tokens each, and log-probabilities."""
    plain = rolled(one.example, one.answer, one.rollouts[0].n_tokens, logprob=-0.4)
    others = (rolled(one.example, answer, 7, logprob=-0.5, view=view) for answer in answers)
    return replace(one, rollouts=(plain, *one.rollouts[1:], *others))


def with_prompts(one: Prediction, **lengths: int | None) -> Prediction:
    """The same prediction with so many prompt tokens by view."""
    rollouts = []
    for rollout in one.rollouts:
        prompt = Prompt(n_tokens=lengths.get(rollout.view))
        rollouts.append(replace(rollout, turns=(replace(rollout.turns[0], prompt=prompt),)))
    return replace(one, rollouts=tuple(rollouts))


def with_logprobs(one: Prediction, own: Sequence[float | None], whole: float) -> Prediction:
    """The same answer, each box written by one token of a log-probability (None: its place is not known), and
    a last token that makes the mean of all ``whole``."""
    known = [value for value in own if value is not None]
    logprobs = (*known, whole * (len(known) + 1) - sum(known))
    places = iter(range(len(known)))
    spans = tuple(NOWHERE if v is None else (i := next(places), i + 1) for v in own)
    text = "b" * len(known) + "."
    answer = replace(one.answer, spans=spans, text=text)
    said = Completion(text, tuple(range(len(logprobs))), logprobs, tuple(range(1, len(logprobs) + 1)))
    plain = Rollout(one.example, (Turn(Prompt(), said),), answer)
    return replace(one, answer=answer, rollouts=(plain, *one.rollouts[1:]))


def detection(
    image_name: str, category: str, labels: Sequence[BoxXYXY], found: Sequence[ScoredBox] | None
) -> Prediction:
    """An answer to a detection question; None is text that could not be parsed."""
    target = Boxes(tuple(labels))
    example = replace(
        asked(f"{image_name}#{category}", image_name, "detection", category, target), group=category
    )
    if found is None:
        return predicted(example, Answer(text="hm", faults=(Fault.NOT_READABLE,)), 1)
    return predicted(example, Answer(boxes_of(*found), True, text="boxes"), 9)


def naming(image_name: str, right: str, said: str | None, question: str = "") -> Prediction:
    """An answer to a classification question; None is text that could not be parsed."""
    names = ("cat", "dog")
    example = replace(
        asked(image_name + question, image_name, "classification", "object", Label(right, names)),
        options=names,
        group=right,
    )
    value = None if said is None else Label(said)
    return predicted(example, Answer(value, said is not None, text=said or ""), 3)


def namings(hits: Sequence[bool]) -> list[Prediction]:
    """One right or wrong answer for each image."""
    return [naming(f"{i:05d}", "cat", "cat" if hit else "dog") for i, hit in enumerate(hits)]


def labeled(category: str, box: BoxXYXY, crowd: bool = False) -> Annotation:
    return Annotation("category", category, Boxes((box,)), counts=not crowd)


def record_of(name: str, *labels: Annotation, **more: object) -> Record:
    """An image of 100 x 100 pixels that need not exist."""
    return Record(name, (Image(Path(f"{name}.png"), (100, 100)),), labels, **more)  # type: ignore[arg-type]


def random_box(rng: np.random.Generator) -> BoxXYXY:
    """A box in an image of 100 x 100, on a coarse grid so that boxes often overlap well."""
    x, y = (float(v) for v in rng.integers(0, 60, 2))
    width, height = (float(v) for v in rng.integers(10, 40, 2))
    return (x, y, x + width, y + height)


def random_detections(
    rng: np.random.Generator, images: int, categories: int, coarse_scores: bool = True
) -> list[Prediction]:
    """Detectors' answers of every quality, with empty ones, spurious boxes and tied confidences."""
    predictions = []
    for image_name in range(images):
        for category in range(categories):
            labels = [random_box(rng) for _ in range(rng.integers(0, 4))]
            near = [_shifted(box, rng) for box in labels if rng.random() < 0.8]
            boxes = near + [random_box(rng) for _ in range(rng.integers(0, 3))]
            order = rng.permutation(len(boxes))
            scores = rng.integers(0, 5, len(boxes)) / 4 if coarse_scores else rng.random(len(boxes))
            found = [(boxes[i], float(s)) for i, s in zip(order, scores, strict=True)]
            unparsed = rng.random() < 0.1
            answered = None if unparsed else found
            predictions.append(detection(f"p{image_name:03d}", f"c{category:02d}", labels, answered))
    return predictions


def _shifted(box: BoxXYXY, rng: np.random.Generator) -> BoxXYXY:
    dx, dy = (float(v) for v in rng.integers(-6, 7, 2))
    return (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)
