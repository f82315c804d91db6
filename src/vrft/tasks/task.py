"""What a task is: how to ask, how the gold answer reads, how to parse, which rewards and which metric.

A task is one package in this folder that defines ``TASK``; ``load_task`` finds it by its name. Tasks know
text and Frames, never a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from vrft.errors import InputError
from vrft.geometry.frames import View
from vrft.rewards.reward_term import RewardTerm
from vrft.types import Answer, Example, Form, Record

ALIASES = {"detect": "detection", "classify": "classification", "ground": "grounding"}


class PresenceQuestion(Protocol):
    """Whether what is asked for is there at all: the first step of two."""

    def ask(self, example: Example, form: Form) -> str:
        """The user's text of the prompt."""
        ...

    def read(self, text: str, form: Form) -> bool | None:
        """What a text says; None where it says neither yes nor no. Never raises."""
        ...


class Task(Protocol):
    """One visual skill: how to ask for it, and how to know it was done."""

    name: str
    metric: str
    """Name of the headline metric, a key of ``vrft.tasks.metrics.metric.METRICS``."""
    rewards: Mapping[str, Mapping[str, RewardTerm]]
    """Settings by name ('paper', 'released', ...); each maps a term's name to its function, weight one."""
    terms: Mapping[str, RewardTerm]
    """Further terms, which a configuration may add to a setting by giving them a weight."""
    example_answer: str
    """The content of the answer tags as the prompt shows it."""
    presence: PresenceQuestion | None
    """None where a question always has something to find."""

    def examples(self, records: Sequence[Record]) -> Sequence[Example]:
        """Every question that the records can answer, in a stable order."""
        ...

    def group(self, example: Example) -> str:
        """The class an example counts for in few-shot splits and per-class tables."""
        ...

    def ask(self, example: Example, view: View, form: Form) -> str:
        """The user's text of the prompt."""
        ...

    def gold(self, example: Example, view: View, form: Form) -> str:
        """The right answer as the model would write it, tags included."""
        ...

    def parse(self, text: str, view: View | None, form: Form) -> Answer:
        """Read a model's text; never raises. Without a view no box is converted: ``Fault.UNKNOWN_FRAME``."""
        ...


def task_names() -> list[str]:
    """Names of the tasks in this folder.

    Example:
        >>> task_names()
        ['classification', 'detection', 'grounding']
    """
    package = import_module("vrft.tasks")
    folders = [m.name for m in iter_modules(package.__path__) if m.ispkg]
    return sorted(name for name in folders if hasattr(import_module(f"vrft.tasks.{name}"), "TASK"))


def load_task(name: str) -> Task:
    """Find a task by its name or alias.

    Args:
        name: ``detection``, ``classification``, ``grounding``, or ``detect``, ``classify``, ``ground``.

    Returns:
        The task.

    Raises:
        InputError: no such task.

    Example:
        >>> load_task("detect").name
        'detection'
    """
    full = ALIASES.get(name, name)
    if full not in task_names():
        raise InputError(f"There is no task '{name}'. Choose one of: {', '.join(task_names())}.")
    return import_module(f"vrft.tasks.{full}").TASK
