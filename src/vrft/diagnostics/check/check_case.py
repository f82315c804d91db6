"""What examinations look at before any model is known: label files as they are, and the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vrft.config.questions import ask_about, split_of
from vrft.config.run_config import RunConfig
from vrft.data.dataset import Dataset
from vrft.data.fingerprints import Fingerprints
from vrft.data.splits.few_shot import Split
from vrft.errors import InputError, LabelError
from vrft.tasks.task import Task
from vrft.types import Boxes, BoxXYXY, Example, Record


@dataclass(frozen=True)
class FilesCase:
    """A path, and what its reader refused."""

    path: Path
    mistakes: tuple[LabelError, ...] = ()


@dataclass(frozen=True)
class DataCase:
    """A dataset that could be read, and what it is meant for."""

    dataset: Dataset
    task: Task
    config: RunConfig
    prints: Fingerprints
    """What was found of each image, by record id; the reader's sentence where it cannot be decoded."""
    drawn: Split | None = None
    """The split, where it is known already."""

    @property
    def root(self) -> str:
        """The folder, for the places of findings."""
        return str(self.dataset.root)

    @cached_property
    def examples(self) -> Sequence[Example]:
        """Every question that the data can answer."""
        return ask_about(self.task, self.dataset, self.config.form)

    @cached_property
    def split(self) -> Split | InputError:
        """The split that training would use, or why there is none."""
        if self.drawn is not None:
            return self.drawn
        try:
            config = self.config
            return split_of(config.data, self.dataset, self.examples, config.seed, self.prints)
        except InputError as error:
            return error

    @cached_property
    def part_of(self) -> Mapping[str, str]:
        """By record id, where an image goes: the part its folder names, else the part of the split."""
        if self.dataset.parts:
            return self.dataset.parts
        if isinstance(self.split, InputError):
            return {}
        drawn = {"train": self.split.train, "val": self.split.val, "heldout": self.split.heldout}
        return {example.record_id: part for part, questions in drawn.items() for example in questions}


def boxes_of(record: Record) -> Iterator[tuple[str | None, BoxXYXY]]:
    """Every labelled box of a record, with its category where it has one."""
    for annotation, boxes in record.about("category", Boxes):
        yield from ((annotation.name, box) for box in boxes.xyxy_px)
    for _, boxes in record.about("phrase", Boxes):
        yield from ((None, box) for box in boxes.xyxy_px)
