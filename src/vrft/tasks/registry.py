"""How a task is found: by its name, by an entry point, or by the file or module that holds it.

Nothing takes "the" task of a run: whoever has an example asks ``task_of`` for its task.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vrft.errors import ConfigError, InputError
from vrft.tasks.defined import load_definition
from vrft.tasks.task import Task
from vrft.types import Example, Provides
from vrft.types.options import did_you_mean
from vrft.types.plugins import discover, load_object

GROUP = "vrft.tasks"
"""The entry point group of tasks that other packages bring: ``NAME = package.module:TASK``."""
_known: dict[str, Task] = {}
"""Tasks that were asked for in this process, by name."""
DEFINITIONS = (".yaml", ".yml")
"""Endings of files that define a task without Python."""
_ORDER = ("image", "phrase", "question", "category")


def task_names() -> list[str]:
    """Names of all tasks: those of this package, of entry points, and those that this process has loaded."""
    return sorted({*_shipped(), *_points(), *_known})


def load_task(spec: str, options: Mapping[str, object] | None = None) -> Task:
    """Find a task.

    Args:
        spec: a name; a YAML file that defines one; or ``package.module:TASK``, ``path/to/file.py:TASK``,
            ``path/to/folder:TASK``. Of a path ``:TASK`` may be left out.
        options: of the task, such as ``subject`` of classification. What they change is written into the
            examples, so that ``task_of`` an example needs none.

    Returns:
        The task, known by its name in this process from now on.

    Raises:
        InputError: there is no such task, with the nearest name; what is found is not a task; or another
            task has its name.
        ConfigError: the task has no such option.

    Example:
        >>> load_task("detection").name
        'detection'
        >>> load_task("classification", {"subject": "plant"}).subject
        'plant'
    """
    task = register(_from_place(spec), spec) if is_place(spec) else _named(spec)
    return _configured(task, options) if options else task


def task_of(example: Example) -> Task:
    """The task of an example; InputError where it is not known in this process."""
    return _known.get(example.task) or _named(example.task)


def register(task: Task, place: str = "") -> Task:
    """Make a task known by its name in this process.

    Raises:
        InputError: it is not a task, or another task has this name.
    """
    if not isinstance(task, Task):
        raise InputError(
            f"{place}: this is of type {type(task).__name__}. Name an instance of a subclass of Task."
        )
    other = _known.get(task.name) or _shipped().get(task.name)
    if other is not None and not task.is_same_as(other):
        raise InputError(
            f"{place or type(task).__name__}: another task has the name '{task.name}'. Rename yours."
        )
    return _known.setdefault(task.name, task)


def default_task(provides: Iterable[Provides]) -> Task | None:
    """The task that users mean who name none: a default one, or the only one that fits, tasks of this process
    alone left aside where there is another; None without any.

    Labels of whole images go first, then phrases, then questions, then categories.
    """
    given = set(provides)
    able = [task for task in map(_named, task_names()) if task.fits(given)]
    lasting = [task for task in able if task.name in _shipped() or task.name in _points()] or able
    fits = [task for task in able if task.is_default] or (lasting if len(lasting) == 1 else [])
    return min(
        fits,
        key=lambda task: (min(_ORDER.index(about) for about, _ in task.needs), task.name),
        default=None,
    )


@cache
def _shipped() -> Mapping[str, Task]:
    return {task.name: task for task in discover("vrft.tasks", "TASK")}


def _points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _named(name: str) -> Task:
    if name not in _known:
        point = _points().get(name)
        if point is not None:
            _from_point(point)
        elif name in _shipped():
            register(_shipped()[name])
    if name in _known:
        return _known[name]
    known = task_names()
    raise InputError(
        f"There is no task '{name}'.{did_you_mean(name, known)} Choose one of: {', '.join(known)}; or name "
        "its file: path/to/file.py:TASK."
    )


def _from_point(point: EntryPoint) -> Task:
    where = f"entry point {point.name} = {point.value}"
    try:
        task = point.load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{where}: the task cannot be loaded ({error}). Fix or uninstall its package."
        ) from error
    if getattr(task, "name", point.name) != point.name:
        raise InputError(f"{where}: the task is called '{task.name}'. Give the entry point this name.")
    return register(task, where)


def is_place(spec: str) -> bool:
    """Whether a task is named by its file, folder or module."""
    if ":" in spec or spec.endswith((".py", *DEFINITIONS)) or os.sep in spec:
        return True
    return os.path.isfile(os.path.join(spec, "__init__.py")) and spec not in task_names()


def definition_digest(spec: str) -> str | None:
    """What tells one content of a definition from another; None where a task is named in another way."""
    return sha256(Path(spec).read_bytes()).hexdigest() if spec.endswith(DEFINITIONS) else None


def _from_place(spec: str) -> Any:
    if spec.endswith(DEFINITIONS):
        return load_definition(spec)
    place, _, attribute = spec.rpartition(":")
    # The colon of a drive is followed by a path.
    named = bool(place) and attribute.isidentifier()
    try:
        return load_object(spec if named else f"{spec}:TASK")
    except ValueError as error:
        raise InputError(f"{error}. Name a task as path/to/file.py:TASK or package.module:TASK.") from error


def _configured(task: Task, options: Mapping[str, object]) -> Task:
    names: list[str] = [f.name for f in fields(task) if f.init] if is_dataclass(task) else []
    unknown = next((name for name in options if name not in names), None)
    if unknown is not None:
        known = ", ".join(names) or "none"
        hint = did_you_mean(unknown, names)
        raise ConfigError(f"task.{unknown}: {task.name} has no such option.{hint} Known: {known}.")
    try:
        made: Task = TypeAdapter(type(task)).validate_python(
            {**{name: getattr(task, name) for name in names}, **options}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"task.{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
    return made
