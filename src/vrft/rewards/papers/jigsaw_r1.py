"""Jigsaw-R1's released rewards of a jigsaw (github.com/zifuwanggg/Jigsaw-R1, commit 781ebd4a7e61), holes
included, for comparison and the audit.

Total = patches + connections + format, one each. The holes: a tile may be named twice, so that one that is
named everywhere is right somewhere; an answer is paid without its tags; neighbours are right wherever they
are. What the code cannot read has nothing, not even the format: brackets, full stops, words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vrft.rewards.reward_term import RewardTerm
from vrft.types import Answer, Example, Permutation, TileShuffle, Value, expect

_CONTENT = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_THOUGHT = r"<think>.*?</think>\s*"
_FORMS = {
    think: re.compile((_THOUGHT if think else "") + r"<answer>.*?</answer>", re.DOTALL)
    for think in (True, False)
}


def read_order(text: str, tiles: int) -> tuple[int, ...] | None:
    """The numbers of the first answer tags, or of the whole text without any; commas, blanks and backticks
    aside they are all that is there, as many as tiles and none of another tile.

    Example:
        >>> read_order("<answer>`2, 2, 1`</answer>", 3), read_order("<answer>[2, 3, 1]</answer>", 3)
        ((2, 2, 1), None)
    """
    found = _CONTENT.search(text)
    said = (found[1] if found else text).strip().strip("`").replace(",", " ").split()
    known = {str(tile): tile for tile in range(1, tiles + 1)}
    return tuple(known[one] for one in said) if len(said) == tiles and known.keys() >= set(said) else None


def patches_text(text: str, gold: Sequence[int]) -> float:
    """The share of places whose tile is named right, in [0, 1]."""
    order = read_order(text, len(gold))
    return 0.0 if order is None else sum(a == b for a, b in zip(order, gold, strict=True)) / len(gold)


def connections_text(text: str, gold: Sequence[int], rows: int, columns: int, forward: bool = True) -> float:
    """The share of pairs of neighbours that are neighbours in the label as well, in the same direction and
    order, wherever they are; 0 of a single tile.

    Args:
        text: the whole answer.
        gold: the label's number for each place, row by row.
        rows: of the grid.
        columns: of the grid.
        forward: each place has its tile's number; otherwise each tile has its place's. The code then turns
            one of the two orders round and not the other, so that the right answer has little.

    Example:
        >>> right = (2, 3, 1)
        >>> [connections_text(said, right, 1, 3) for said in ("2 3 1", "1 2 3", "2 1 3")]
        [1.0, 0.5, 0.0]
    """
    order = read_order(text, len(gold))
    if order is None or len(gold) < 2:
        return 0.0
    if not forward:
        gold = sorted(range(1, len(gold) + 1), key=lambda tile: gold[tile - 1])
    right = _neighbours(gold, rows, columns)
    return len(_neighbours(order, rows, columns) & right) / len(right)


def format_text(text: str, tiles: int, think: bool = True) -> float:
    """Whether thought and answer in their tags are all of the text, and the answer can be read, 0 or 1."""
    # The first closing tag ends the answer: a second answer is text behind it.
    found = _FORMS[think].match(text)
    whole = found is not None and found.end() == len(text)
    return float(whole and read_order(text, tiles) is not None)


def patches_term(answer: Answer, target: Value) -> float:
    """Jigsaw-R1's share of places, as its code reads the text."""
    return patches_text(answer.text, _order(target))


def connections_term(answer: Answer, target: Value, example: Example) -> float:
    """Jigsaw-R1's share of neighbours, as its code reads the text."""
    grid = next(edit for edit in example.image.edits if isinstance(edit, TileShuffle))
    return connections_text(answer.text, _order(target), grid.rows, grid.columns)


def format_term(answer: Answer, target: Value) -> float:
    """Jigsaw-R1's format, 0 or 1: the tags, and an order that its code can read."""
    return format_text(answer.text, len(_order(target)))


SETTING = {
    "patches": RewardTerm(patches_term, unsafe=True),
    "connections": RewardTerm(connections_term, unsafe=True),
    "format": RewardTerm(format_term, unsafe=True),
}
"""The setting ``jigsaw_r1``."""


def _order(target: Value) -> tuple[int, ...]:
    return expect(target, Permutation).order


def _neighbours(order: Sequence[int], rows: int, columns: int) -> set[tuple[str, int, int]]:
    beside = {
        ("right", order[place], order[place + 1]) for place in range(rows * columns) if (place + 1) % columns
    }
    return beside | {("below", order[place], order[place + columns]) for place in range((rows - 1) * columns)}
