"""What a logger is, and how a run's loggers are opened.

A logger is a class of options with ``open(run)``; one of the user's own is named in a configuration as
``loggers: [package.module:Class]`` or ``loggers: [{name: file.py:Class, options}]``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from PIL import Image as PILImage
from pydantic import Field

from vrft.data.drawn_media import drawn_media
from vrft.errors import ConfigError, VrftError
from vrft.run_folder import RunFolder
from vrft.training.batch import Row
from vrft.types import Image, Rollout, RolloutGroup
from vrft.types.options import Options
from vrft.types.plugins import discover


class Logger(Protocol):
    """Takes what every step measured and drew. Only the first of several processes has any."""

    def start(self, step: int) -> None:
        """A run begins (step 0), or goes on from a checkpoint: what was logged after this step is dropped."""
        ...

    def log(self, step: int, metrics: Row) -> None:
        """The numbers of a step, counted from 1 (0: before the first)."""
        ...

    def log_groups(self, step: int, groups: Sequence[RolloutGroup]) -> None:
        """The rollout groups of a step, whole."""
        ...

    def close(self) -> None:
        """The run ends."""
        ...


@dataclass(frozen=True)
class RunDescription:
    """What a logger may want to know when it is opened.

    ``config`` is the resolved configuration, as plain values; ``rollouts`` the groups of each step that are
    logged whole: ``all``, ``none`` or a number.
    """

    folder: RunFolder
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    resumes: bool = False
    rollouts: str | int = "all"

    def kept(self, groups: Sequence[RolloutGroup]) -> Sequence[RolloutGroup]:
        """The groups of a step that are to be logged."""
        if self.rollouts == "all":
            return groups
        return groups[: int(self.rollouts)] if self.rollouts != "none" else ()


class LoggerOptions(Options, ABC):
    """A logger's options."""

    @abstractmethod
    def open(self, run: RunDescription) -> Logger:
        """The logger of a run.

        Raises:
            ConfigError: its package is not installed.
        """


class TrackerOptions(LoggerOptions):
    """Options of the loggers that show some groups with text and image."""

    groups: int = Field(1, ge=0)
    """Groups of a step whose rollouts are shown."""
    every: int = Field(10, ge=1)
    """Steps between groups that are shown."""

    def shown(self, step: int, groups: Sequence[RolloutGroup]) -> Sequence[tuple[str, RolloutGroup]]:
        """The groups of a step to be shown, each with its name."""
        chosen = () if step % self.every else groups[: self.groups]
        return [(f"rollouts/{number}", group) for number, group in enumerate(chosen)]


def logger_table() -> Mapping[str, type[LoggerOptions]]:
    """Loggers by name: every module here that defines ``LOGGER = (name, options class)``."""
    return dict(discover("vrft.training.loggers", "LOGGER"))


def scalars(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of a row under flat names, as trackers want them."""
    flat: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            flat |= scalars(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            flat[f"{prefix}{name}"] = float(value)
    return flat


def needs_package(package: str) -> ConfigError:
    """The error of a tracker whose package is not installed; its extra has the package's name."""
    return ConfigError(f"loggers: '{package}' is not installed. pip install 'vrft[{package}]'.")


def rollout_lines(group: RolloutGroup) -> list[str]:
    """Reward, terms and text of each rollout."""
    lines = []
    for rollout in group.rollouts:
        terms = ", ".join(f"{n} {'-' if v is None else f'{v:.2f}'}" for n, v in rollout.terms.items())
        lines.append(f"{rollout.reward:.3f} ({terms}): {rollout.completion.text}")
    return lines


def drawn_rollout(rollout: Rollout) -> PILImage.Image | None:
    """The files' images with the label and the answer drawn in; None where something else is shown."""
    example = rollout.example
    if not example.media or not all(isinstance(medium, Image) for medium in example.media):
        return None
    layers = {
        "label": example.target.shapes() if example.target is not None else (),
        "answer": rollout.answer.value.shapes() if rollout.answer.value is not None else (),
    }
    try:
        return drawn_media(example.media, layers, {"label": "#12a150", "answer": "#1f6feb"})
    except VrftError:
        return None
