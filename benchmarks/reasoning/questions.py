"""What is asked: images drawn once for all cells, the training images that a seed takes, and right chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vrft.config.questions import ask_about
from vrft.data.dataset import load_dataset
from vrft.data.splits.few_shot import Split
from vrft.miniature.folders import sum_box_scene, sum_scene, write_reasoning, write_sum_boxes
from vrft.miniature.scenes import Scene
from vrft.miniature.sums import in_order, others_thought, sum_thought
from vrft.tasks.registry import load_task
from vrft.types import Example

DATA_SEED = 2504
"""Of all images."""
TRAIN, POOL, VALIDATION, HELDOUT = 32, 160, 120, 300
"""Training images of a cell, those that they are chosen from, and the other two parts."""


@dataclass(frozen=True)
class Question:
    """One question about drawn digits."""

    name: str
    title: str
    task: str
    label: str
    """What a label holds."""
    write: Callable[[Path, int, int, int], Path]
    """Draws the folder: place, and the numbers of training, validation and held-out images."""
    scene: Callable[[str, int], Scene]
    """What is in an image, by its part and number."""
    thought: Callable[[Sequence[str]], str]
    """The right chain, of the digits from left to right."""

    def digits(self, example: Example) -> list[str]:
        """The digits of a question's image, from left to right."""
        part, number = Path(example.record_id).with_suffix("").parts[-2:]
        return [o.category for o in in_order(self.scene(part, int(number)).objects)]


def _sums(name: str, title: str, digits: int) -> Question:
    return Question(
        name,
        title,
        "reasoning",
        "the sum",
        lambda folder, train, val, heldout: write_reasoning(
            folder, DATA_SEED, digits, train=train, val=val, heldout=heldout
        ),
        lambda part, number: sum_scene(DATA_SEED, part, number, digits),
        sum_thought,
    )


QUESTIONS: Mapping[str, Question] = {
    question.name: question
    for question in (
        _sums("two", "sum of two digits", 2),
        _sums("three", "sum of three digits", 3),
        Question(
            "box",
            "box of the digit that is the sum of the other two",
            "grounding",
            "the box",
            lambda folder, train, val, heldout: write_sum_boxes(
                folder, DATA_SEED, train=train, val=val, heldout=heldout
            ),
            lambda part, number: sum_box_scene(DATA_SEED, part, number),
            others_thought,
        ),
    )
}
"""By name."""


def split_for(question: Question, folder: Path, seed: int, asked: int | None = None) -> Split:
    """Draw a question's folder and choose the training images of a seed.

    Args:
        question: which.
        folder: where its images go; found again where they are there.
        seed: of the choice. The other parts are the same for every seed.
        asked: images of each part, to try the code; None takes the protocol's numbers.
    """
    counts = (POOL, VALIDATION, HELDOUT) if asked is None else (asked, asked, asked)
    task = load_task(question.task)
    dataset = load_dataset(question.write(folder, *counts), task.needs)
    parts: dict[str, list[Example]] = {"train": [], "val": [], "test": []}
    for example in ask_about(task, dataset):
        parts[dataset.parts[example.record_id]].append(example)
    order = np.random.default_rng([DATA_SEED, seed]).permutation(len(parts["train"]))
    train = tuple(parts["train"][i] for i in sorted(order[:TRAIN]))
    return Split(train, tuple(parts["val"]), tuple(parts["test"]), {}, seed, len(train))
