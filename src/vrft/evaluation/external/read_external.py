"""Answers that some model wrote, from a file: read anew, without the model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from vrft.data.formats.table_rows import rows as lines_of
from vrft.errors import InputError, LabelError, RunError
from vrft.evaluation.external.coco_results import coco_predictions, is_coco_result
from vrft.evaluation.external.judge_row import ExternalAnswer, Refusal, judge_prediction, judge_row
from vrft.evaluation.external.row_schema import ExternalRow, row_problem
from vrft.evaluation.statistics import by_task
from vrft.tasks.registry import task_of
from vrft.types import Prediction
from vrft.types.plugins import load_object
from vrft.types.rows import prediction_from_row

Entry = Mapping[str, Any] | ExternalRow | Prediction
"""A row: plain values by the names of ``ExternalRow``, the row itself, or a prediction."""
Reader = Callable[[Path], Iterable[Entry]]
"""A reader of your own for the files of another tool."""
Placed = tuple[str, Entry]
"""Where a row is, and the row."""


@dataclass(frozen=True)
class External:
    """The answers of a file, in the order of its rows."""

    path: Path
    answers: tuple[ExternalAnswer, ...]

    @property
    def predictions(self) -> dict[str, list[Prediction]]:
        """What can be compared with labels, by task in alphabetical order."""
        return by_task([one.prediction for one in self.answers if one.prediction is not None])

    def sized(self, task: str) -> bool:
        """Whether the image's size is known, or not needed, for all that can be compared of a task."""
        return all(one.sized for one in self.answers if one.task == task and one.prediction is not None)


def read_external(
    path: Path,
    reader: str | Reader | None = None,
    labels: Path | None = None,
    options: Mapping[str, object] | None = None,
) -> External:
    """Read stored answers with what is known about each.

    Every text is parsed anew. Where its frame, its image's size or its label is not known, it is refused:
    nothing is guessed, and the text counts for the parse rate only.

    Args:
        path: JSON lines, a JSON list or CSV with rows of ``ExternalRow``, or predictions that vrft wrote, or
            COCO results; docs/predictions.md has the fields.
        reader: a function of the path that yields such rows, or ``package.module:function`` or
            ``file.py:function``, for any other file.
        labels: the annotation file of COCO results.
        options: of the rows' task, where reading depends on them.

    Returns:
        One answer for each row; for COCO results one for each image and category.

    Raises:
        InputError: a row cannot be read, or an id comes twice; the message has file and line.

    Example:
        >>> import json, tempfile
        >>> file = Path(tempfile.mkdtemp()) / "said.jsonl"
        >>> row = {"text": "<answer>a cat</answer>", "task": "classification", "target": {"name": "cat"}}
        >>> _ = file.write_text(json.dumps(row))
        >>> read_external(file).predictions["classification"][0].answer.value.name
        'a cat'
    """
    chosen = _load_reader(reader) if isinstance(reader, str) else reader
    answers: list[ExternalAnswer] = []
    places: dict[tuple[str, str], str] = {}
    for where, entry in _entries(path, chosen, labels):
        answer = _answer(entry, where, options)
        first = places.setdefault((answer.task, answer.id), where)
        if first != where:
            raise InputError(
                f"{where}: the id {answer.id[:60]!r} occurs already at {first}. Give each question its "
                "own id, or leave all ids out."
            )
        answers.append(answer)
    if not answers:
        raise InputError(f"{path}: the file has no rows. Write one row for each answer.")
    return External(path, _suited(answers))


def _load_reader(spec: str) -> Reader:
    """The reader that ``package.module:function`` or ``file.py:function`` names."""
    try:
        found = load_object(spec)
    except ValueError as error:
        raise InputError(
            f"--reader {error}. Write it as package.module:function or file.py:function."
        ) from error
    if not callable(found):
        raise InputError(
            f"--reader {spec}: this is not a function. Name one that takes a path and yields rows."
        )
    return cast(Reader, found)


def _entries(path: Path, reader: Reader | None = None, labels: Path | None = None) -> Iterator[Placed]:
    """Where each row of a file of answers is, and the row.

    ``.jsonl`` has one JSON object in each line, ``.json`` one list of objects, such as COCO results, ``.csv``
    and ``.tsv`` a header and rows, headings in lower case, empty cells left out.
    """
    try:
        if reader is not None:
            yield from _numbered(path, reader(path))
        elif path.suffix.lower() == ".json":
            yield from _list(path, labels)
        elif path.suffix.lower() in (".jsonl", ".csv", ".tsv"):
            yield from _lines(path)
        else:
            raise InputError(
                f"{path}: no reader is known for this ending. Use .jsonl, .json, .csv or .tsv, or name a "
                "reader of your own with --reader."
            )
    except OSError as error:
        raise InputError(f"{path}: the predictions cannot be read ({error}). Check the path.") from error


def _numbered(path: Path, rows: Iterable[Entry]) -> Iterator[Placed]:
    for number, entry in enumerate(rows, start=1):
        where = f"{path}, row {number}"
        if not isinstance(entry, Mapping | ExternalRow | Prediction):
            raise InputError(
                f"{where}: it is of type {type(entry).__name__}, where a JSON object was expected. Fix or "
                "remove it."
            )
        yield where, entry


def _lines(path: Path) -> Iterator[Placed]:
    for row in lines_of(path):
        if row.mistake is not None:
            where = row.where if row.where != str(path) else f"{path}, line {_first_not_utf8(path)}"
            raise InputError(f"{where}: {row.mistake.problem} Fix or remove the line.")
        yield row.where, dict(row.entry)


def _first_not_utf8(path: Path) -> int:
    readable = path.read_bytes().decode("utf-8", "surrogateescape")
    broken = next((place for place, char in enumerate(readable) if "\udc80" <= char <= "\udcff"), 0)
    return readable.count("\n", 0, broken) + 1


def _list(path: Path, labels: Path | None) -> Iterator[Placed]:
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: the file is not JSON ({error}). Fix it, or write JSON lines into a .jsonl file."
        ) from error
    if not isinstance(found, list):
        raise InputError(
            f"{path}: the file is not a list of objects. Write one, or JSON lines into a .jsonl file."
        )
    if labels is not None or (found and is_coco_result(found[0])):
        yield from _numbered(path, coco_predictions(path, found, labels))
    else:
        yield from _numbered(path, found)


def _answer(entry: Entry, where: str, options: Mapping[str, object] | None) -> ExternalAnswer:
    try:
        if isinstance(entry, Prediction):
            return judge_prediction(entry, {}, where, options)
        if isinstance(entry, ExternalRow):
            return judge_row(entry, entry.model_dump(mode="json"), where, options)
        if "version" in entry or {"parsed", "faults"} <= entry.keys():
            return judge_prediction(prediction_from_row(dict(entry)), entry, where, options)
        return judge_row(ExternalRow.model_validate(dict(entry)), entry, where, options)
    except ValidationError as error:
        raise InputError(f"{where}: {row_problem(error)}") from error
    except LabelError:
        raise
    except (InputError, RunError) as error:
        # Other mistakes do not know their line, and may quote what no terminal can write.
        words = str(error).encode("utf-8", "backslashreplace").decode("utf-8")
        raise InputError(f"{where}: {words[:300]}") from error


def _suited(answers: list[ExternalAnswer]) -> tuple[ExternalAnswer, ...]:
    """The answers, those refused whose label is not what the task's metrics need (several boxes for one
    phrase)."""
    given = by_task([one.prediction for one in answers if one.prediction is not None]).values()
    unsuited = {id(one) for own in given if not _fits(own) for one in own if not _fits([one])}
    return tuple(
        replace(one, prediction=None, refusal=Refusal.UNSUITED) if id(one.prediction) in unsuited else one
        for one in answers
    )


def _fits(predictions: list[Prediction]) -> bool:
    try:
        task_of(predictions[0].example).metrics[0].prepare(predictions)
    except InputError:
        return False
    return True


def value_at(entry: Mapping[str, Any], path: str) -> Any:
    """What a row has at a path of names and list indices, such as ``answers.0.text``; None for nothing."""
    if path in entry:
        return entry[path]
    value: Any = entry
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and step.isascii() and len(step) < 10:
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value
