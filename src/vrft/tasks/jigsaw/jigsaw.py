"""Jigsaw: in which order the tiles of an image were put, a puzzle that needs no label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.errors import InputError
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers import jigsaw_r1
from vrft.tasks.metrics.metric import Metric, mean_reward
from vrft.tasks.parsing.answer_parsers import parse_answer
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.puzzle import Puzzle, PuzzleTask, centred
from vrft.tasks.task import Setting
from vrft.types import (
    Answer,
    CoordinateFrame,
    Example,
    Image,
    Permutation,
    TileShuffle,
    Value,
    expect,
)

MOST_TILES = 9
_ORDER = re.compile(r"\[?\s*([0-9]{1,2}(?:\s*[,;\s]\s*[0-9]{1,2}){1,8})\s*\]?\.?")


def places(answer: Answer, target: Value) -> float:
    """The share of places whose tile is named right; 0 for what is no order of the tiles.

    Source: Puzzle Curriculum GRPO (2512.14944), the graded reward of its jigsaw. An answer with a tile twice
    is no order and earns nothing, which the paper leaves open.

    Example:
        >>> right = Permutation((2, 3, 1))
        >>> places(Answer(Permutation((2, 1, 3))), right), places(Answer(), right)
        (0.3333333333333333, 0.0)
    """
    return _alike(answer.as_(Permutation), expect(target, Permutation))


def solved(answer: Answer, target: Value) -> float:
    """1 where every tile is named right."""
    return float(places(answer, target) == 1)


def _alike(one: Permutation | None, other: Permutation) -> float:
    if one is None or one.size != other.size:
        return 0.0
    return sum(a == b for a, b in zip(one.order, other.order, strict=True)) / other.size


SETTINGS: Mapping[str, Setting] = {
    "recommended": {"places": places, "format": texts.format_reward},
    "jigsaw_r1": jigsaw_r1.SETTING,
}
"""``jigsaw_r1`` is released code with its holes, for the audit and for comparison; it reads no brackets, so
ask for none with it."""
TERMS: Setting = {"solved": solved, "no_repetition": texts.no_repetition}
"""What ``reward.weights`` may add to a setting."""
BARE = "bare"
"""In ``Example.fields``: the order is written without brackets and commas."""


@dataclass(frozen=True)
class Jigsaw(PuzzleTask):
    """The tiles of an image are shuffled; which tile is where?

    Args:
        rows: of the grid.
        columns: of the grid; 2 to 9 tiles in all.
        brackets: ask for a list in brackets; otherwise for numbers with blanks between them, as the setting
            ``jigsaw_r1`` reads them. Both are read.

    Raises:
        InputError: there are fewer tiles, or more.
    """

    rows: int = 2
    columns: int = 2
    brackets: bool = True

    name = "jigsaw"
    help = "Say in which order the tiles of a shuffled image were; needs no labels."
    answer = Permutation
    settings = SETTINGS
    terms = TERMS
    metrics = (
        Metric("places", "tiles in their place", mean_reward(places, Permutation)),
        Metric("solved", "puzzles solved", mean_reward(solved, Permutation)),
    )
    example_answer = "[number, number, ...]"
    success_rule = "every tile in its place"
    score_rule = "the share of tiles in their place"

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 1 or not 2 <= self.rows * self.columns <= MOST_TILES:
            raise InputError(
                f"jigsaw: {self.rows} rows of {self.columns} columns are not 2 to {MOST_TILES} tiles. Change "
                "rows or columns."
            )

    @property
    def example_fields(self) -> Mapping[str, object]:
        return {} if self.brackets else {BARE: True}

    @property
    def what(self) -> str:
        return f"{self.rows} rows and {self.columns} columns"

    def puzzle(self, image: Image, rng: np.random.Generator) -> Puzzle | None:
        """The tiles in any order but their own."""
        width, height = image.size_wh[0] // self.columns, image.size_wh[1] // self.rows
        if not (width and height):
            return None
        tiles = np.arange(1, self.rows * self.columns + 1)
        order = tiles
        while (order == tiles).all():
            order = rng.permutation(tiles)
        shown = centred(image, width * self.columns, height * self.rows)
        found: tuple[int, ...] = tuple(order.tolist())
        shuffle = TileShuffle(self.rows, self.columns, found)
        return Puzzle((replace(shown, edits=(shuffle,)),), Permutation(found))

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        edit = _shuffle(example)
        count = edit.rows * edit.columns
        return (
            f"An image was cut into {example.question} of tiles, and the tiles were shuffled. The tiles of "
            f"the original image have the numbers 1 to {count}, row by row from the top left. For each place "
            "of the image as it is now, row by row from the top left, say the number of the tile that is "
            "there.\n"
            + answer_instructions(
                "number number ..." if example.fields.get(BARE) else self.example_answer, example.form
            )
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        order = expect(example.target, Permutation).order
        written = " ".join(map(str, order)) if example.fields.get(BARE) else str([*order])
        return in_tags(written, "I look at the edges of the tiles.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """The tiles' numbers in brackets or without; another number, or one twice, is no order."""
        edit = _shuffle(example)
        count = edit.rows * edit.columns

        def read(content: str) -> Permutation | None:
            found = _ORDER.fullmatch(content)
            order = tuple(map(int, re.findall("[0-9]+", found[1]))) if found else ()
            return Permutation(order) if sorted(order) == list(range(1, count + 1)) else None

        return parse_answer(text, example.form, read)

    def similarity(self, one: Value, other: Value) -> float:
        """The share of places where both name the same tile."""
        if not (isinstance(one, Permutation) and isinstance(other, Permutation)):
            return 0.0
        return _alike(one, other)

    def success(self, answer: Answer, target: Value) -> bool:
        return solved(answer, target) == 1


def _shuffle(example: Example) -> TileShuffle:
    return next(edit for edit in example.image.edits if isinstance(edit, TileShuffle))


TASK = Jigsaw()
