"""The formats that predictions are written in. One is a file in this folder that defines ``FORMAT``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vrft.data.label_checks import some
from vrft.errors import InputError
from vrft.tasks.registry import task_of
from vrft.types import Answer, Boxes, BoxXYXY, Example, Label, Prediction
from vrft.types.plugins import discover

DEFAULT = "json"


@dataclass(frozen=True)
class Setting:
    """Who predicts, a COCO file whose ids are to be used, and where the drawn image of a record goes."""

    model: str
    against: Path | None = None
    drawn: Callable[[str], Path] | None = None


Write = Callable[[Sequence[Prediction]], Any]
"""From predictions, those about an image one after the other, to plain JSON values."""


@dataclass(frozen=True)
class PredictionFormat:
    """One format in which predictions can be written."""

    name: str
    opened: Callable[[Sequence[Example], Setting], Write]
    """Gives what writes the answers to these questions; raises before anything is asked."""
    kinds: frozenset[str] | None = None
    """The kinds of values that it holds; None: all."""
    takes_ids: bool = False
    """Whether ``Setting.against`` means something to it."""


def formats() -> dict[str, PredictionFormat]:
    """All formats of this folder, by name."""
    return {one.name: one for one in discover("vrft.inference.formats", "FORMAT")}


def open_format(name: str, examples: Sequence[Example], setting: Setting) -> Write:
    """What writes predictions in a format; refuses what has no place in it."""
    known = formats()
    if name not in known:
        raise InputError(f"There is no format '{name}'. Choose one of: {', '.join(sorted(known))}.")
    chosen = known[name]
    unfit = sorted({task_of(example).answer.kind for example in examples if not _holds(chosen, example)})
    if unfit:
        fit = sorted(other.name for other in known.values() if all(_holds(other, e) for e in examples))
        raise InputError(
            f"{name} cannot hold answers of the kind {', '.join(unfit)}. Choose one of: {', '.join(fit)}."
        )
    if setting.against is not None and not chosen.takes_ids:
        able = sorted(other.name for other in known.values() if other.takes_ids)
        raise InputError(f"{name} takes no ids from a COCO file. Choose one of: {', '.join(able)}.")
    if chosen.kinds is None:
        return chosen.opened(examples, setting)
    asked = [one.example for example in examples for one in _single(Prediction(example, Answer()))]
    write = chosen.opened(asked, setting)
    return lambda predictions: write([one for every in predictions for one in _single(every)])


def _single(prediction: Prediction) -> Sequence[Prediction]:
    return task_of(prediction.example).split_by_category(prediction)


def left_out(name: str, predictions: Sequence[Prediction]) -> tuple[str, ...]:
    """Sentences about what a format cannot hold of the predictions that were written in it."""
    kinds = formats()[name].kinds
    if kinds is None:
        return ()
    lost: dict[str, list[str]] = defaultdict(list)
    for one in predictions:
        if one.answer.value is None:
            lost["Answers that could not be read"].append(one.example.id)
        for value in (one.answer.value, one.answer.other):
            if value is not None and value.kind not in kinds:
                lost[f"Answers of the kind '{value.kind}'"].append(one.example.id)
    return tuple(
        f"{what} have no place in {name} and were left out: {some(ids)}." for what, ids in lost.items()
    )


def by_record(predictions: Sequence[Prediction]) -> Mapping[str, list[Prediction]]:
    """Predictions by the id of their record, which is the image's name, in their order."""
    grouped: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        grouped.setdefault(prediction.example.record_id, []).append(prediction)
    return grouped


def scored_boxes(prediction: Prediction) -> list[tuple[BoxXYXY, float]]:
    """The boxes of a prediction with their scores, 1.0 where it gives none; empty where it has no boxes."""
    boxes = prediction.answer.as_(Boxes)
    if boxes is None:
        return []
    scores = boxes.scores or (1.0,) * len(boxes.xyxy_px)
    return list(zip(boxes.xyxy_px, scores, strict=True))


def named_class(prediction: Prediction) -> Label | None:
    """The class of a prediction, spelled as among those to choose from where it is one of them."""
    label = prediction.answer.as_(Label)
    if label is None:
        return None
    spelled = task_of(prediction.example).canonical(label, prediction.example)
    return replace(prediction.answer, value=spelled).as_(Label)


def _holds(chosen: PredictionFormat, example: Example) -> bool:
    return chosen.kinds is None or task_of(example).answer.kind in chosen.kinds
