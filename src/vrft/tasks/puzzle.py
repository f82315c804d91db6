"""What puzzles share: questions about any image, labelled or not, whose answer the image itself gives."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vrft.errors import ConfigError, InputError
from vrft.tasks.registry import is_place, load_task, task_names
from vrft.tasks.task import AUDIT_SIDE, Task
from vrft.types import Example, Form, Image, Medium, Record, Value
from vrft.types.options import did_you_mean

ALL = "puzzles"
"""Stands for every puzzle that is installed."""


@dataclass(frozen=True)
class Puzzle:
    """What is shown, and the right answer."""

    media: tuple[Image, ...]
    answer: Value


class PuzzleTask(Task):
    """A task that changes an image and asks how; PC-GRPO (2512.14944) trains on such answers alone."""

    @property
    def own_question(self) -> str:
        return self.what

    @property
    @abstractmethod
    def what(self) -> str:
        """What was done to the image, in words of the prompt."""

    @abstractmethod
    def puzzle(self, image: Image, rng: np.random.Generator) -> Puzzle | None:
        """A puzzle of an image; None where it is too small for one."""

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One puzzle for each record of one image; the same one whenever it is asked."""
        asked = []
        for record in records:
            if len(record.media) != 1 or not isinstance(record.media[0], Image):
                continue
            if (made := self.puzzle(record.media[0], _rng(self.name, record.id))) is not None:
                asked.append(self._example(record, made))
        return asked

    def ask(
        self,
        id: str,
        media: Sequence[Medium],
        question: str,
        options: Sequence[str] = (),
        form: Form = Form.THINK,
    ) -> Example:
        """The puzzle of a plain image; what is a puzzle already stays. ``question`` changes nothing."""
        example = super().ask(id, media, self.what, options, form)
        if len(media) > 1 or not example.image.is_plain:
            return example
        made = self.puzzle(example.image, _rng(self.name, id))
        if made is None:
            raise InputError(f"{id}: the image is too small for this puzzle.")
        return replace(example, media=made.media)

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Puzzles of images that need not exist."""
        images = [Image(Path(f"audit-{i}.png"), (AUDIT_SIDE, AUDIT_SIDE)) for i in range(count)]
        made = [self.puzzle(image, rng) for image in images]
        return [
            self._example(Record(f"audit-{i}", one.media), one)
            for i, one in enumerate(made)
            if one is not None
        ]

    def _example(self, record: Record, made: Puzzle) -> Example:
        return self.example(record, self.what, self.what, made.answer, self.what, media=made.media)


def puzzle_names(asked: Sequence[str]) -> tuple[str, ...]:
    """The puzzles that names stand for, each once; ``puzzles`` stands for all of them.

    Raises:
        ConfigError: one is no puzzle.

    Example:
        >>> puzzle_names(["puzzles", "jigsaw"])
        ('jigsaw', 'patch_fit', 'rotation_puzzle')
    """
    if not asked:
        return ()
    every = [name for name in task_names() if isinstance(load_task(name), PuzzleTask)]
    for name in asked:
        known = name in every or name == ALL or (is_place(name) and isinstance(load_task(name), PuzzleTask))
        if not known:
            raise ConfigError(
                f"'{name}' is not a puzzle.{did_you_mean(name, [ALL, *every])} Choose '{ALL}' for all, or "
                f"some of: {', '.join(every)}."
            )
    return tuple(dict.fromkeys(one for name in asked for one in (every if name == ALL else [name])))


def centred(image: Image, width: int, height: int) -> Image:
    """The image with only its middle shown, of so many pixels; itself where that is all of it."""
    if (width, height) == image.size_wh:
        return image
    left, top = (image.size_wh[0] - width) // 2, (image.size_wh[1] - height) // 2
    return replace(image, window_px=(left, top, left + width, top + height))


def _rng(task: str, record_id: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{task} {record_id}".encode()).digest()
    return np.random.default_rng(list(digest))
