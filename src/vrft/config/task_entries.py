"""What a run asks: a task by its name, or several, each with its own images and rewards."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, model_serializer, model_validator

from vrft.data.data_options import DataOptions
from vrft.rewards.outcomes import LARGEST
from vrft.tasks.registry import DEFINITIONS, is_place, load_task
from vrft.tasks.scorer import RewardOptions
from vrft.tasks.task import Task
from vrft.types import Form
from vrft.types.options import Options


class TaskChoice(Options):
    """Which task, and its own options: ``task: detection`` or ``task: {name: classification, subject:
    plant}``."""

    name: str
    """A task's name, a YAML file that defines one, ``package.module:TASK`` or ``file.py:TASK``."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the task; written next to its name, without this key."""

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = {"name": given}
        if isinstance(given, Mapping) and not given.keys() <= {"name", "options"}:
            given = {"name": given.get("name"), "options": {k: v for k, v in given.items() if k != "name"}}
        if isinstance(given, Mapping) and isinstance(given.get("name"), str):
            place, colon, attribute = given["name"].partition(".py:")
            file = Path(f"{place}.py" if colon else given["name"])
            folder = is_place(given["name"]) and os.path.isfile(file / "__init__.py")
            if folder or (file.suffix in (".py", *DEFINITIONS) and os.path.isfile(file)):
                # A run is also used from other folders.
                given = {**given, "name": str(file.resolve()) + (f":{attribute}" if colon else "")}
        return given

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        """A name, or an object with the task's own options next to the name."""
        name = {"type": "string", "description": "A name, a YAML file, package.module:TASK or file.py:TASK."}
        return {"anyOf": [name, {"type": "object", "properties": {"name": name}, "required": ["name"]}]}

    @model_serializer
    def _to_short(self) -> Any:
        return {"name": self.name, **self.options} if self.options else self.name

    def load(self) -> Task:
        return load_task(self.name, self.options)


class TaskEntry(Options):
    """One of several tasks of a run."""

    task: TaskChoice
    data: DataOptions
    name: str | None = Field(None, pattern=r"^[^/]+$")
    """What its numbers are called; null takes the task's name, with that of the folder where several entries
    have one task."""
    weight: float = Field(1.0, gt=0, le=LARGEST)
    """λ of Σ λ_t R_t: its advantages are multiplied by this, after they were normalized. SFT has no
    rewards, and no use for it."""
    share: float | None = Field(None, gt=0, le=LARGEST)
    """How often its questions are drawn, against the shares of the others; null in all entries goes by how
    many there are (`mixture.temperature`)."""
    reward: RewardOptions | None = None
    """Null takes the run's."""
    form: Form | None = None
    """Null takes the run's."""


def named(entries: Sequence[TaskEntry]) -> tuple[TaskEntry, ...]:
    """The entries, each with a name.

    Raises:
        ValueError: two have one name, or only some have a share.
    """
    labels = [label_of(entry.task.name) for entry in entries]
    done = tuple(
        entry if entry.name is not None else entry.model_copy(update={"name": _name(place, labels, entries)})
        for place, entry in enumerate(entries)
    )
    names = [entry.name for entry in done]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        places = [place for place, name in enumerate(names) if name == twice]
        raise ValueError(
            f"entries {places[0]} and {places[1]} are both called '{twice}'. Give each a name of its own, or "
            "make one entry of them if they are the same task on the same images"
        )
    if len({entry.share is None for entry in done}) > 1:
        without = next(entry.name for entry in done if entry.share is None)
        raise ValueError(f"'{without}' has no share and others have one. Give all entries a share, or none")
    return done


def _name(place: int, labels: Sequence[str], entries: Sequence[TaskEntry]) -> str:
    """The task's name; where others have it too, with so much of the folder's path as tells them apart."""
    paths = [
        Path(entry.data.path).resolve().parts
        for entry, label in zip(entries, labels, strict=True)
        if label == labels[place]
    ]
    if len(paths) == 1:
        return labels[place]
    own = Path(entries[place].data.path).resolve().parts
    others = [path for path in paths if path != own]
    depth = next((n for n in range(1, len(own)) if all(path[-n:] != own[-n:] for path in others)), 1)
    return "-".join((labels[place], *(re.sub(r"[^\w.+]+", "-", part) for part in own[-depth:])))


def label_of(spec: str) -> str:
    """What a task is called, also one that is named by its place: no file of the user's is loaded for it."""
    if not is_place(spec):
        return spec
    place, _, attribute = spec.rpartition(":")
    file = Path(place if place and attribute.isidentifier() else spec)
    return file.stem if file.suffix in (".py", *DEFINITIONS) else file.name.rpartition(".")[2]
