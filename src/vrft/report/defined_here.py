"""Tasks that a run's own configuration defines by a YAML file, which holds no code that would be run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from vrft.errors import VrftError
from vrft.tasks.registry import DEFINITIONS, load_task


def know_defined_tasks(config: str) -> None:
    """Make the defined tasks of a configuration known by their names; what cannot be read is passed over."""
    try:
        tree = yaml.safe_load(config)
    except yaml.YAMLError:
        return
    for spec in _specs(tree.get("task"), tree.get("tasks")) if isinstance(tree, dict) else ():
        if spec.endswith(DEFINITIONS):
            try:
                load_task(spec)
            except VrftError:  # the page then says that the task is not known
                continue


def _specs(*given: Any) -> Iterator[str]:
    for one in given:
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            yield from _specs(*one)
        elif isinstance(one, dict):
            yield from _specs(one.get("name"), one.get("task"))
