"""A part of a scorecard that a task brings: what it measures, and how people read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from vrft.types import Prediction, Record


@dataclass(frozen=True)
class Curve:
    """One line of a chart, or its dots."""

    name: str
    points: tuple[tuple[float, float], ...]
    spread: tuple[tuple[float, float], ...] = ()
    """Low and high of each point; empty where they are not known."""
    ideal: bool = False
    """As it should be: drawn dashed, without dots."""


@dataclass(frozen=True)
class LineChart:
    """Values over something that is counted, drawn next to a table on the page.

    Args:
        label: what it shows, for readers who hear the page.
        curves: one without points is left out.
        axis: what the horizontal axis counts.
        note: one sentence below the heading.
        y_range: the least range of the vertical axis.
        log: equal ratios are equal lengths on the horizontal axis; all its values are above zero.
    """

    title: str
    label: str
    curves: tuple[Curve, ...]
    axis: str
    note: str = ""
    y_range: tuple[float, float] | None = None
    log: bool = False


@dataclass(frozen=True)
class Matrix:
    """Counts of what is (rows) and what was said (columns), drawn next to a table on the page.

    A row whose name is among the columns has its right answers there.
    """

    title: str
    label: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text under headings, as the terminal and the page print them.

    Args:
        title: one sentence or less.
        head: headings.
        rows: as many cells as headings; none where only charts are shown.
        note: what a reader must know to read it.
        name: its CSS class on the page.
        left: columns of words; the others are figures.
        order: in which order the rows are ('most frequent', 'worst'): a table that has it may be cut
            after the first rows, and its title then says so.
        charts: drawn next to it; a table of charts alone is drawn next to the one before.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    name: str = ""
    left: tuple[int, ...] = (0,)
    order: str = ""
    charts: tuple[LineChart | Matrix, ...] = ()


class ScoredPredictions(Protocol):
    """One system's predictions, with the draws of images for all intervals (``evaluation.scorecard``)."""

    @property
    def predictions(self) -> Sequence[Prediction]:
        """What the headline scores: the plain answers, or those that a rule made of several."""
        ...

    @property
    def plain(self) -> Sequence[Prediction]:
        """The same questions with the plain answer as the result."""
        ...

    @property
    def records(self) -> Sequence[Record]:
        """The images with their labels, where they are at hand."""
        ...

    @property
    def options(self) -> Mapping[str, Any]:
        """Further settings by name, such as ``base``, ``novel``, ``frequencies``, ``seed``."""
        ...

    def interval(self, predictions: Sequence[Prediction], metric: Any = None) -> Any:
        """A metric of these questions with its 95 % interval: an object with ``value``, ``low``, ``high``."""
        ...


@dataclass(frozen=True)
class Section:
    """One part of a card.

    Args:
        name: its key.
        measure: the value of the key, as plain JSON values.
        applies: whether these predictions can be measured so.
        tables: the measured JSON as tables for people.
    """

    name: str
    measure: Callable[[ScoredPredictions], Any]
    applies: Callable[[ScoredPredictions], bool] = lambda scored: True
    tables: Callable[[Any], Sequence[Table]] = lambda measured: ()
