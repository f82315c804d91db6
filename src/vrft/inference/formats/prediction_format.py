"""What a prediction is, and how the form that it is written in is found.

A form is one file in this folder that defines ``FORM``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol

from vrft.data.label_checks import some
from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.inference.answer_shares import Spent
from vrft.rewards.label_rewards import exact_match
from vrft.types import Answer, Example

DEFAULT = "json"


@dataclass(frozen=True)
class Prediction:
    """What came of one question about one picture."""

    judged: Judged
    """The question and all that was said to it."""
    answer: Answer
    """The result: the plain answer, or the one that a rule made of several."""
    rule: str | None = None
    """The rule, where several were said."""
    spent: Spent | None = None
    """Tokens and shares, where they were counted."""
    drawn: Path | None = None
    """The picture with the answer on it."""

    @property
    def example(self) -> Example:
        """The question."""
        return self.judged.example

    @property
    def picture(self) -> str:
        """The picture's name: its path from the folder that was asked about."""
        return self.example.record_id

    @property
    def class_name(self) -> str | None:
        """The class as it is spelt among those to choose from; as written where it is none of them."""
        written = self.answer.label
        listed = (name for name in self.example.options if exact_match(written, name))
        return next(listed, written)


@dataclass(frozen=True)
class Setting:
    """What a form may have to know beside the predictions."""

    model: str
    """Who predicts, in the user's words."""
    against: Path | None = None
    """A COCO json whose ids are to be used."""


Write = Callable[[Sequence[Prediction]], Any]
"""From predictions, those about a picture one after the other, to plain JSON values."""


class PredictionForm(Protocol):
    """One form in which predictions can be written."""

    name: str
    tasks: frozenset[str]
    """The tasks whose answers have a place in it."""
    takes_ids: bool
    """Whether ``Setting.against`` means something to it."""

    def opened(self, examples: Sequence[Example], setting: Setting) -> Write:
        """What writes the answers to these questions; raises before anything is asked."""
        ...


def forms() -> dict[str, PredictionForm]:
    """All forms of this folder, by name.

    Example:
        >>> sorted(forms())
        ['coco', 'json', 'labelstudio', 'supervision']
    """
    package = import_module("vrft.inference.formats")
    modules = (import_module(f"{package.__name__}.{m.name}") for m in iter_modules(package.__path__))
    return {module.FORM.name: module.FORM for module in modules if hasattr(module, "FORM")}


def open_form(name: str, examples: Sequence[Example], setting: Setting) -> Write:
    """What writes predictions in a form.

    Args:
        name: a key of ``forms``.
        examples: all questions that will be asked, of one task.
        setting: what else a form may need.

    Raises:
        InputError: there is no such form, it has no place for the task, or it has no use for a COCO json.
    """
    known = forms()
    if name not in known:
        raise InputError(f"There is no format '{name}'. Choose one of: {', '.join(sorted(known))}.")
    form = known[name]
    unfit = sorted({example.task for example in examples} - form.tasks)
    if unfit:
        fit = sorted(other.name for other in known.values() if other.tasks.issuperset(unfit))
        raise InputError(f"{name} has no place for {', '.join(unfit)}. Choose one of: {', '.join(fit)}.")
    if setting.against is not None and not form.takes_ids:
        able = sorted(other.name for other in known.values() if other.takes_ids)
        raise InputError(f"{name} has no ids to take from a COCO json. Use it with {', '.join(able)}.")
    return form.opened(examples, setting)


def by_picture(predictions: Sequence[Prediction]) -> Mapping[str, list[Prediction]]:
    """Predictions by the picture's name, in their order.

    Args:
        predictions: in any order.
    """
    grouped: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        grouped.setdefault(prediction.picture, []).append(prediction)
    return grouped


def left_out(name: str, predictions: Sequence[Prediction]) -> tuple[str, ...]:
    """Sentences about what a form cannot hold.

    Args:
        name: of the form; the default one holds everything.
        predictions: that were written.
    """
    if name == DEFAULT:
        return ()
    lost = {
        "Answers that could not be read": [p.example.id for p in predictions if not p.answer.parsed],
        "Points": [p.example.id for p in predictions if p.answer.points_xy_px],
    }
    return tuple(
        f"{what} have no place in {name} and were left out: {some(ids)}." for what, ids in lost.items() if ids
    )
