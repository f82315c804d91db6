"""What a user of ``vrft predict`` asks for, completed by what the model's own run was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vrft.commands.locate import form_for, length_for
from vrft.config.run_config import RunConfig
from vrft.inference.ask_options import Asking
from vrft.inference.formats.prediction_format import DEFAULT
from vrft.tasks.task import Task
from vrft.types import Form

BATCH = 16
"""Questions encoded together."""


@dataclass(frozen=True)
class Wish:
    """What a user asks for; None takes what the model's own run was trained with."""

    model: str
    """Run folder, model folder, hub id, or 'miniature'."""
    image: str
    """A picture, a folder of pictures, or '-' for the bytes of one on standard input."""
    questions: tuple[str, ...]
    task: str | None = None
    form: Form | None = None
    options: tuple[str, ...] = ()
    """Class names to choose from."""
    samples: int = 1
    temperature: float = 1.0
    seed: int = 0
    flip: bool = False
    scales: tuple[float, ...] = ()
    rule: str | None = None
    """How several answers become one; None takes the task's natural rule."""
    max_new_tokens: int | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None
    written: str = DEFAULT
    """The form of ``vrft.inference.formats`` that the predictions are written in."""
    against: Path | None = None
    """A COCO json whose ids are used."""
    out: Path | None = None
    """Folder that keeps answers and drawn pictures; what it holds is not asked again."""
    drawn: Path | None = None
    """The drawn picture of a single one."""


def asking_for(wish: Wish, own: RunConfig | None) -> Asking:
    """How the questions are put.

    Args:
        wish: what is asked for.
        own: the configuration of the model's run, if it has one.

    Raises:
        InputError: a number is out of its range.
    """
    return Asking(
        form_for(wish.model, wish.form),
        length_for(own, wish.max_new_tokens),
        wish.samples,
        wish.temperature,
        seed=wish.seed,
        flip=wish.flip,
        scales=wish.scales,
        batch=BATCH,
    )


def hints(task: Task, wish: Wish, own: RunConfig | None) -> list[str]:
    """What the user may not know about the way in which the model was trained to be asked.

    Args:
        task: of the questions.
        wish: what is asked for.
        own: the configuration of the model's run, if it has one.
    """
    closed = own is not None and own.task == task.name == "classification" and not own.prompt.open
    if closed and not wish.options:
        return ["This run was trained with the class names in its prompt. Give them with --options."]
    return []
