"""Predictions as JSON lines: what an evaluation keeps, goes on from, and can be scored from again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from vrft.errors import RunError
from vrft.run_folder import write_text
from vrft.types import Prediction
from vrft.types.rows import prediction_from_row, prediction_to_row


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write predictions as JSON lines, the whole file or nothing; its folder is made."""
    lines = [json.dumps(prediction_to_row(one), allow_nan=False) + "\n" for one in predictions]
    try:
        write_text(path, "".join(lines))
    except OSError as error:
        raise RunError(
            f"{path}: the predictions cannot be written ({error}). Free space or choose another folder."
        ) from error


def read_predictions(path: Path) -> list[Prediction]:
    """Read the predictions of a file, in the order of its lines.

    A last line without its line end is what an interrupted writer leaves: it is dropped.

    Raises:
        RunError: there is no such file, or a line is not a prediction; the message has the line's number.
    """
    try:
        *lines, _torn = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RunError(
            f"{path}: the predictions cannot be read ({error}). Run the evaluation first."
        ) from error
    predictions = []
    for number, line in enumerate(lines, start=1):
        try:
            predictions.append(prediction_from_row(json.loads(line)))
        except (RunError, ValueError) as error:
            fix = "Delete the line and evaluate again to fill the gap."
            raise RunError(f"{path}, line {number}: {error} {fix}") from error
    return predictions
