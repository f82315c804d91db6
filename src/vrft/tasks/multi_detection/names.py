"""Which of the asked categories a written name is, and an answer of all categories as one for each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress, pairwise

import numpy as np

from vrft.tasks.lazy_questions import ID_SEPARATOR
from vrft.tasks.metrics.metric import Metric, Resampler
from vrft.types import Answer, Boxes, Fault, Prediction, Span
from vrft.types.names import plain_name


def with_known_names(answer: Answer, names: Sequence[str]) -> Answer:
    """An answer whose boxes have the names as they were asked for; other names stay as they are written.

    A name is one of those asked for where it differs in capitals, width, blanks, ``_``, ``-`` or composed
    accents alone. Boxes of other names, and without one, stay: they count as predictions. Where no box has a
    name at all, the answer is not one to this question, and its boxes are ``other``.

    Example:
        >>> found = Answer(Boxes(((0.0, 0.0, 9.0, 9.0),), (1.0,), ("Traffic_Light",)))
        >>> with_known_names(found, ["traffic light"]).value.labels
        ('traffic light',)
    """
    boxes = answer.as_(Boxes)
    if boxes is None or boxes.is_empty:
        return answer
    if not any(boxes.labels):
        faults = (*answer.faults, Fault.NO_LABEL)
        return replace(answer, value=None, other=boxes, faults=faults, spans=(), formatted=False)
    # The reader leaves JSON's escapes as they are written.
    known = {
        plain_name(json.dumps(name, ensure_ascii=plain)[1:-1]): name
        for name in names
        for plain in (True, False)
    }
    known |= {plain_name(name): name for name in names}
    labels = tuple(label and known.get(plain_name(label), label) for label in boxes.labels)
    faults = answer.faults
    if any(label and label not in names for label in labels):
        faults += (Fault.OTHER_CLASS,)
    if not all(labels):
        faults += (Fault.NO_LABEL,)
    formatted = answer.formatted and all(labels)
    return replace(answer, value=replace(boxes, labels=labels), faults=faults, formatted=formatted)


def of_name(boxes: Boxes, name: str) -> tuple[Boxes, list[bool]]:
    """The boxes of a name, without it, and which of all they are."""
    own = [label == name for label in boxes.labels] or [False] * boxes.size
    scores = compress(boxes.scores, own) if boxes.scores else ()
    return Boxes(tuple(compress(boxes.xyxy_px, own)), tuple(scores)), own


def by_name(prediction: Prediction) -> list[Prediction]:
    """An answer of all asked categories as one answer for each, in the order in which they are asked for.

    A category that is not mentioned is answered with none; an answer that could not be read is none for all.
    """
    example, answer = prediction.example, prediction.answer
    boxes, target = answer.as_(Boxes), example.target
    return [
        Prediction(
            replace(
                example,
                id=f"{example.id}{ID_SEPARATOR}{name}",
                question=name,
                group=name,
                target=of_name(target, name)[0] if isinstance(target, Boxes) else None,
            ),
            answer if boxes is None else _of_name(answer, boxes, name),
        )
        for name in example.options
    ]


def _of_name(answer: Answer, boxes: Boxes, name: str) -> Answer:
    own, chosen = of_name(boxes, name)
    spans: tuple[Span, ...] = tuple(compress(answer.spans, chosen))
    return replace(answer, value=own, spans=spans)


def over_names(metric: Metric) -> Metric:
    """A metric of questions about one category, for questions about several: their mean or whatever it is
    over categories, from the same answers."""

    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        parts = [by_name(one) for one in predictions]
        value = metric.prepare([one for part in parts for one in part])
        ends = np.cumsum([0, *map(len, parts)])
        rows = [np.arange(start, end) for start, end in pairwise(ends)]
        return lambda indices: value(np.concatenate([np.arange(0), *(rows[i] for i in indices)]))

    return replace(metric, prepare=prepare)


def counted_names(predictions: Sequence[Prediction]) -> Mapping[str, object]:
    """How many boxes have which kind of name.

    Returns:
        ``boxes``; ``unasked``, boxes of a name that was not asked for, and ``unasked_names``, how often each
        was written, most frequent first; ``unnamed``, boxes without a name.
    """
    boxes = unnamed = 0
    unasked: dict[str, int] = {}
    for one in predictions:
        found = one.answer.find(Boxes) or Boxes()
        boxes += found.size
        for label in found.labels or (None,) * found.size:
            unnamed += label is None
            if label is not None and label not in one.example.options:
                unasked[label] = unasked.get(label, 0) + 1
    names = dict(sorted(unasked.items(), key=lambda item: (-item[1], item[0])))
    return {
        "boxes": boxes,
        "unasked": sum(unasked.values()),
        "unnamed": unnamed,
        "unasked_names": names,
    }
