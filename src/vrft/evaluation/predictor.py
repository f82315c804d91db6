"""Who answers questions: a policy, a detector, a file. Evaluation, comparison and reports know no other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from vrft.errors import InputError, RunError
from vrft.run_folder import write_text
from vrft.types import Example, Prediction
from vrft.types.rows import prediction_from_row, prediction_to_row


@runtime_checkable
class Predictor(Protocol):
    """Anything that answers questions."""

    @property
    def name(self) -> str:
        """As tables show it."""
        ...

    def predict(self, examples: Sequence[Example], batch: int = 0) -> Iterable[Prediction]:
        """One prediction for each question, of any tasks, in order.

        ``batch`` is the batch's number in its run; with a seed it decides what is drawn.
        """
        ...


class FilePredictor:
    """Gives the predictions of a file of ``write_predictions``; its name is by default the file's."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        self.name = name or path.stem
        self._path = path
        self._known = {(one.example.task, one.example.id): one for one in read_predictions(path)}

    def predict(self, examples: Sequence[Example], batch: int = 0) -> Iterator[Prediction]:
        """The stored prediction of each question; an InputError where one is not in the file."""
        for example in examples:
            known = self._known.get((example.task, example.id))
            if known is None:
                raise InputError(
                    f"{self._path}: there is no answer to question '{example.id}' of {example.task}. "
                    "Evaluate again, or remove the question."
                )
            yield known


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
