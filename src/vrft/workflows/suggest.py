"""What a user could do with a folder and this machine: which task, which models, which command."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import Dataset, load_dataset
from vrft.diagnostics.check.labels import class_counts
from vrft.miniature.location import EMBEDDED, is_miniature
from vrft.tasks.registry import default_task, load_task, task_names
from vrft.tasks.task import Task
from vrft.types import in_words

HUB = "Qwen/Qwen2.5-VL-3B-Instruct"
"""A model that suits one GPU and most photographs."""
SHOTS = 4
_CLASSES = 12
_EMBEDDED = (
    "embedded, runs at once on a CPU: {knows}. It knows nothing of photographs: it shows how vrft works, and "
    "says nothing about your images."
)


@dataclass(frozen=True)
class Suggestion:
    """What a folder holds, and what could be done with it."""

    data: Path
    dataset: Dataset
    task: Task | None
    fitting: tuple[str, ...]
    """All tasks whose labels are there."""
    shots: int
    models: dict[str, str]
    reading: Mapping[str, Any] = field(default_factory=dict)
    """What was said of how the labels are read."""

    @property
    def command(self) -> str | None:
        """What to run next; None where no task fits by itself."""
        if self.task is None:
            return None
        model = next((name for name in self.models if not is_miniature(name)), HUB)
        words = ["vrft", "fit", str(self.data), "--task", self.task.name, "--model", model]
        return shlex.join([*words, *self._said, "--shots", str(self.shots)])

    @property
    def _said(self) -> list[str]:
        """The options of reading, as they are written."""
        flags = {f"--{name.replace('_', '-')}": value for name, value in self.reading.items()}
        return [
            word for flag, value in flags.items() for word in (flag, *([] if value is True else [str(value)]))
        ]

    def row(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "data": str(self.data),
            "format": self.dataset.format,
            "images": len(self.dataset.records),
            "classes": {name: count.images for name, count in class_counts(self.dataset).items()},
            "task": self.task.name if self.task is not None else None,
            "tasks": list(self.fitting),
            "models": self.models,
            "command": self.command,
        }

    def lines(self) -> list[str]:
        """In words."""
        counts = list(class_counts(self.dataset).items())
        shown = ", ".join(f"{name} ({count.images})" for name, count in counts[:_CLASSES])
        more = ", ..." if len(counts) > _CLASSES else ""
        classes = f" {len(counts)} classes, with their images: {shown}{more}." if counts else ""
        labels = in_words(self.dataset.provides)
        yours = shlex.join([str(self.data), *self._said])
        lines = [
            f"{self.data}: {len(self.dataset.records)} images ({self.dataset.format}).{classes}",
            f"The labels are {labels}.",
            "",
            *self._task_lines(labels),
            "",
            "Models (--model):",
            *(f"    {name}: {says}" for name, says in self.models.items()),
            "    a folder of yours, or any name on the Hugging Face hub, of the families in 'vrft models'.",
            "",
            "How long it takes: the miniature some minutes on two CPU cores; a model of 2 to 8 billion "
            "weights some hours on a GPU with 24 GiB or more, and days without one. vrft fit measures a few "
            "steps first and says what it expects in minutes and memory; Ctrl-C and --resume cost nothing.",
            "",
            "Nothing was trained. Next:",
            f"    vrft check {yours}",
        ]
        return [*lines, f"    {self.command or f'vrft fit {yours} --task TASK --model {HUB}'}"]

    def _task_lines(self, labels: str) -> list[str]:
        if self.task is None:
            return [
                f"No task asks about such labels by itself. Name one: {', '.join(task_names())}, or your own."
            ]
        others = [name for name in self.fitting if name != self.task.name]
        also = f" These labels would also do for: {', '.join(others)}." if others else ""
        asked = in_words(self.task.asks_about(self.dataset.records))
        return [
            f"Suggested task: {self.task.name}. {self.task.help}",
            f"It asks about {asked}, which these labels give.{also}",
        ]


def suggest(data: Path, reading: ReadOptions | None = None) -> Suggestion:
    """Look at a folder of labelled images.

    Raises:
        InputError: it holds no labels that can be read, or several kinds at once.
    """
    dataset = load_dataset(data, options=reading)
    tasks = [load_task(name) for name in task_names()]
    fitting = tuple(task.name for task in tasks if task.fits(dataset.provides))
    smallest = min((count.images for count in class_counts(dataset).values()), default=len(dataset.records))
    shots = max(1, min(SHOTS, smallest // 3))
    said = {} if reading is None else reading.model_dump(exclude_defaults=True)
    task = default_task(dataset.provides)
    return Suggestion(data, dataset, task, fitting, shots, models=_models(), reading=said)


def models_here() -> dict[str, dict[str, str]]:
    """The families that can be trained, and the models on this machine."""
    from vrft.models.families import FAMILIES

    frames = {name: f"writes coordinates as {family.frame}" for name, family in FAMILIES.items()}
    return {"families": frames, "models": _models()}


def _models() -> dict[str, str]:
    """The miniature, and what the cache of the Hugging Face hub holds of the families."""
    return {**_cached(), **{name: _EMBEDDED.format(knows=knows) for name, knows in EMBEDDED.items()}}


def _cached() -> dict[str, str]:
    try:
        from huggingface_hub.constants import HF_HUB_CACHE

        from vrft.models.families import FAMILIES
    except ModuleNotFoundError:  # a light installation
        return {}
    found = {}
    for config in sorted(Path(HF_HUB_CACHE).glob("models--*/snapshots/*/config.json")):
        name = config.parts[-4].removeprefix("models--").replace("--", "/")
        try:
            kind = json.loads(config.read_text("utf-8")).get("model_type")
        except (OSError, ValueError, AttributeError):
            continue
        if kind in FAMILIES:
            size = sum(os.path.getsize(file) for file in config.parent.glob("*.safetensors")) / 2**30
            found[name] = f"in the Hugging Face cache ({kind}, {size:.1f} GiB of weights)."
    return found
