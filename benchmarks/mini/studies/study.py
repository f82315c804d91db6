"""What a study is: points to run, a table of what they found, and what the table says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mini.effort import Effort
from mini.files import Groups
from mini.studies.points import Point

Found = Sequence[Mapping[str, Any]]
"""Files of points."""
REFERENCE_SETTING = "detection"
"""Of a study where no setting is named."""
SEEDS = range(3)
"""Of a study's points, the main table's first."""


def no_sentences(found: Found, groups: Groups) -> list[str]:
    """Nothing to add to a table."""
    return []


def no_answer(found: Found, groups: Groups) -> str:
    """Points are missing."""
    return ""


def no_plot(found: Found, groups: Groups) -> str | None:
    """Nothing to draw."""
    return None


@dataclass(frozen=True)
class Study:
    """One study."""

    name: str
    """Of the command and of the folder of its files."""
    title: str
    points: Callable[[Effort, Sequence[str], str], Iterator[Point]]
    """What to run, from the common effort, further models and a setting."""
    table: Callable[[Found, Groups], str]
    """Markdown, from the files that are there and the cells of the main table."""
    about: str = ""
    sentences: Callable[[Found, Groups], list[str]] = no_sentences
    """What the table says."""
    plot: Callable[[Found, Groups], str | None] = no_plot
    """An SVG file's text; None without numbers."""
    question: str = ""
    """Of readers of the paper, which the study answers."""
    answer: Callable[[Found, Groups], str] = no_answer
    """In a sentence; empty where points are missing."""
