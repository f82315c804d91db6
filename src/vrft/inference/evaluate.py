"""Putting questions to any predictor, batch by batch; on disk only whole batches count."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import InputError, RunError
from vrft.evaluation.predictor import Predictor, read_predictions, write_predictions
from vrft.inference.ask_options import BATCH
from vrft.run_folder import make_folder
from vrft.types import Example, Prediction
from vrft.types.rows import prediction_to_row


def evaluate(
    predictor: Predictor,
    examples: Sequence[Example],
    *,
    batch: int = BATCH,
    path: Path | None = None,
    context: DistributedContext = SINGLE_PROCESS,
    progress: Callable[[int], None] = lambda done: None,
    gathered: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> list[Prediction]:
    """Predict the answer to every question.

    Args:
        predictor: a policy, a detector, a file.
        examples: questions; those about one image should stand together, since a batch encodes it once.
        batch: questions put together, at least 1.
        path: a JSONL file that keeps the predictions; batches that it holds are not asked again.
        context: which process this is; each answers its part, and all return all predictions.
        progress: called with the number of new predictions of this process.
        gathered: around what this process asks by itself (``AnswerScorer.gathered``).

    Returns:
        One prediction for each question, in order.

    Raises:
        InputError: a question cannot be asked, or the predictor answered other questions.
        RunError: the file holds predictions of other questions, or was written by vrft 0.1.
    """
    batches = [examples[begin : begin + batch] for begin in range(0, len(examples), batch)]
    store = PredictionStore(path, batches, context) if path is not None else None
    made: list[Prediction] = []
    own = range(len(batches))[context.shard_slice(len(batches))]
    asked = store.missing() if store is not None else own
    with gathered():
        for number in asked:
            predicted = list(predictor.predict(batches[number], number))
            if [one.example.id for one in predicted] != [example.id for example in batches[number]]:
                raise InputError(
                    f"{predictor.name}: batch {number} came back with other questions, or in another order. "
                    "A predictor gives one prediction for each question, in order."
                )
            if store is not None:
                store.append(predicted)
            else:
                made += predicted
            progress(len(predicted))
    return store.finish() if store is not None else context.all_gather_object(made)


class PredictionStore:
    """The predictions file of one evaluation; with several processes each writes a part of it."""

    def __init__(
        self, path: Path, batches: Sequence[Sequence[Example]], context: DistributedContext = SINGLE_PROCESS
    ) -> None:
        self._path, self._batches, self._context = path, batches, context
        if context.is_first:
            self._gather()
        context.wait_for_everyone()
        self._known = {one.example.id: one for one in self._read()}
        self._own = path if context.count == 1 else path.with_name(f"{path.name}.part-{context.index}")

    def missing(self) -> list[int]:
        missing = [i for i, batch in enumerate(self._batches) if not _answered(batch, self._known)]
        return missing[self._context.index :: self._context.count]

    def append(self, predictions: Sequence[Prediction]) -> None:
        lines = "".join(json.dumps(prediction_to_row(p), allow_nan=False) + "\n" for p in predictions)
        try:
            make_folder(self._own.parent)
            with self._own.open("a", encoding="ascii", newline="\n") as file:
                file.write(lines)
        except OSError as error:
            raise RunError(
                f"{self._own}: the answers cannot be written ({error}). Free space and run the same command "
                "again; finished answers are kept."
            ) from error

    def finish(self) -> list[Prediction]:
        """Every prediction, in the order of the questions; the file has them in this order too."""
        self._context.wait_for_everyone()
        if self._context.is_first:
            self._gather()
        self._context.wait_for_everyone()
        return self._read()

    def _read(self) -> list[Prediction]:
        return read_predictions(self._path) if self._path.exists() else []

    def _gather(self) -> None:
        """Bring parts and what an interrupted process left into one file of whole batches, in order."""
        parts = sorted(self._path.parent.glob(f"{self._path.name}.part-*"))
        files = [path for path in (self._path, *parts) if path.exists()]
        found = {one.example.id: one for path in files for one in read_predictions(path)}
        stranger = next(iter(found.keys() - {e.id for batch in self._batches for e in batch}), None)
        if stranger is not None:
            raise RunError(
                f"{self._path}: the file holds an answer to '{stranger}', which is not among the questions. "
                "Name another folder with --out."
            )
        whole = [found[e.id] for batch in self._batches if _answered(batch, found) for e in batch]
        if files:
            write_predictions(self._path, whole)
        for part in parts:
            part.unlink()


def _answered(batch: Sequence[Example], found: Mapping[str, Prediction]) -> bool:
    return all(example.id in found for example in batch)
