"""vrft's own rows: those of an answers file, each with the result and what was spent on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vrft.evaluation.answers_file import Row, answer_row, to_row
from vrft.inference.formats.prediction_format import DEFAULT, Prediction, Setting, Write
from vrft.types import Example


class Rows:
    """Everything that was said; boxes in pixels of the original picture."""

    name = DEFAULT
    tasks = frozenset({"detection", "classification", "grounding"})
    takes_ids = False

    def opened(self, examples: Sequence[Example], setting: Setting) -> Write:
        """Nothing can be wrong with it."""
        return lambda predictions: [row(prediction) for prediction in predictions]


def row(prediction: Prediction) -> Row:
    """A prediction as one JSON object, of which ``answers_file.from_row`` reads what was said.

    Args:
        prediction: any.

    Returns:
        The row of an answers file with ``result`` (the answer, the rule that made it, answers, tokens and
        shares) and ``drawn``.
    """
    spent: dict[str, Any] = asdict(prediction.spent) if prediction.spent else {}
    result = {**answer_row(prediction.answer), "rule": prediction.rule, **spent}
    drawn = str(prediction.drawn) if prediction.drawn is not None else None
    return {**to_row(prediction.judged), "result": result, "drawn": drawn}


FORM = Rows()
