"""Who answers questions: a policy, a detector, a file. Evaluation, comparison and reports know no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from vrft.errors import InputError
from vrft.evaluation.predictions_file import read_predictions
from vrft.types import Example, Prediction


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
                    "Ask it again."
                )
            yield known
