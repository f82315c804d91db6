"""Judged answers made by hand, for the tests of this folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vrft.evaluation.judged import Judged
from vrft.types import Answer, BoxesTarget, BoxXYXY, ClassTarget, Example, Fault

Scored = tuple[BoxXYXY, float]


def detection(
    picture: str, category: str, labels: Sequence[BoxXYXY], found: Sequence[Scored] | None
) -> Judged:
    """An answer to a detection question; None is text that could not be parsed."""
    example = Example(
        id=f"{picture}#{category}",
        record_id=picture,
        image=Path(f"{picture}.png"),
        image_wh=(100, 100),
        task="detection",
        question=category,
        target=BoxesTarget(tuple(labels)),
    )
    if found is None:
        return Judged(example, "hm", Answer(False, False, text="hm", faults=(Fault.NOT_READABLE,)), 1)
    scores = tuple(score for _, score in found)
    answer = Answer(True, True, tuple(box for box, _ in found), scores, text="boxes")
    return Judged(example, "boxes", answer, 9)


def naming(picture: str, right: str, said: str | None, question: str = "") -> Judged:
    """An answer to a classification question; None is text that could not be parsed."""
    example = Example(
        id=picture + question,
        record_id=picture,
        image=Path(f"{picture}.png"),
        image_wh=(100, 100),
        task="classification",
        question="object",
        target=ClassTarget(right, ("cat", "dog")),
        options=("cat", "dog"),
    )
    answer = Answer(said is not None, said is not None, label=said, text=said or "")
    return Judged(example, answer.text, answer, 3)


def namings(hits: Sequence[bool]) -> list[Judged]:
    """One right or wrong answer a picture."""
    return [naming(f"{i:05d}", "cat", "cat" if hit else "dog") for i, hit in enumerate(hits)]


def random_box(rng: np.random.Generator) -> BoxXYXY:
    """A box in a picture of 100 x 100, on a coarse grid so that boxes often overlap well."""
    x, y = (float(v) for v in rng.integers(0, 60, 2))
    width, height = (float(v) for v in rng.integers(10, 40, 2))
    return (x, y, x + width, y + height)


def random_detections(
    rng: np.random.Generator, pictures: int, categories: int, coarse_scores: bool = True
) -> list[Judged]:
    """Detectors' answers of every quality, with empty ones, spurious boxes and tied confidences."""
    judged = []
    for picture in range(pictures):
        for category in range(categories):
            labels = [random_box(rng) for _ in range(rng.integers(0, 4))]
            near = [_shifted(box, rng) for box in labels if rng.random() < 0.8]
            boxes = near + [random_box(rng) for _ in range(rng.integers(0, 3))]
            order = rng.permutation(len(boxes))
            scores = rng.integers(0, 5, len(boxes)) / 4 if coarse_scores else rng.random(len(boxes))
            found = [(boxes[i], float(s)) for i, s in zip(order, scores, strict=True)]
            unparsed = rng.random() < 0.1
            judged.append(
                detection(f"p{picture:03d}", f"c{category:02d}", labels, None if unparsed else found)
            )
    return judged


def _shifted(box: BoxXYXY, rng: np.random.Generator) -> BoxXYXY:
    dx, dy = (float(v) for v in rng.integers(-6, 7, 2))
    return (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)
