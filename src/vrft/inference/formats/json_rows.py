"""vrft's own rows: those of a predictions file, each with the image's name, the question and its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from vrft.evaluation.ensemble import answer_cost
from vrft.inference.formats.prediction_format import DEFAULT, PredictionFormat, Setting, Write
from vrft.types import Example, Prediction
from vrft.types.rows import Row, prediction_to_row

EXTRAS = ("image", "question", "spent", "drawn")
"""Keys that a predictions file does not have; without them ``prediction_from_row`` reads a row."""


def _opened(examples: Sequence[Example], setting: Setting) -> Write:
    return lambda predictions: [_row(prediction, setting) for prediction in predictions]


def _row(prediction: Prediction, setting: Setting) -> Row:
    record = prediction.example.record_id
    return {
        "image": record,
        "question": prediction.example.question,
        **prediction_to_row(prediction),
        "spent": asdict(answer_cost(prediction)),
        "drawn": str(setting.drawn(record)) if setting.drawn is not None else None,
    }


FORMAT = PredictionFormat(DEFAULT, _opened)
