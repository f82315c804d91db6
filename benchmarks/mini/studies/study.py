"""What a study is: points to run, a table of what they found, and what the table says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mini.effort import Effort
from mini.files import Groups
from mini.studies.points import Point
from vrft.errors import ConfigError

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
    """What to run in a setting, from the common effort and further models."""
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
    settings: tuple[str, ...] = (REFERENCE_SETTING,)
    """In which it runs where none is named."""
    elsewhere: bool = True
    """Whether others may be named."""
    takes_models: bool = False

    def chosen(
        self,
        effort: Effort,
        models: Sequence[str] = (),
        setting: str | None = None,
        seed: int | None = None,
    ) -> list[Point]:
        """Points of its settings and seeds, or of those that are named.

        Raises:
            ConfigError: it takes no models, does not run in that setting, or has no such seed there.
        """
        if models and not self.takes_models:
            raise ConfigError(f"--study {self.name} trains the miniature alone: leave --models out.")
        if setting and not self.elsewhere and setting not in self.settings:
            raise ConfigError(
                f"--study {self.name} runs in {', '.join(self.settings)} alone: leave --on out."
            )
        places = (setting,) if setting else self.settings
        points = [point for place in places for point in self.points(effort, models, place)]
        found = [point for point in points if seed in (None, point.cell.seed)]
        if not found:
            seeds = ", ".join(map(str, sorted({point.cell.seed for point in points})))
            hint = f"its seeds are {seeds}" if points else "name another setting with --on"
            raise ConfigError(f"--study {self.name} has nothing to run there: {hint}.")
        return found
