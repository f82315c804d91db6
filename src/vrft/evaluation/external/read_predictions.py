"""Texts that some model wrote, from a file: read anew, without the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vrft.errors import InputError, LabelError
from vrft.evaluation.external.fields import Fields
from vrft.evaluation.external.judge_row import StoredAnswer, judge
from vrft.evaluation.external.row_schema import names, validated
from vrft.evaluation.external.row_source import entries
from vrft.evaluation.judged import Judged

_SAID = {
    "missing": "it is missing",
    "tuple_type": "it should be a list",
    "model_type": "it should be an object",
    "dict_type": "it should be an object",
    "extra_forbidden": "there is no such field",
}
"""What pydantic says in words of Python."""


@dataclass(frozen=True)
class Stored:
    """The answers of a file, in the order of its rows."""

    path: Path
    answers: tuple[StoredAnswer, ...]

    @property
    def judged(self) -> dict[str, list[Judged]]:
        """What can be compared with labels, by task in alphabetical order."""
        tasks: dict[str, list[Judged]] = {}
        for answer in self.answers:
            if answer.judged is not None:
                tasks.setdefault(answer.task, []).append(answer.judged)
        return dict(sorted(tasks.items()))


def read_predictions(
    path: Path,
    fields: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> Stored:
    """Read stored texts with what is known about each.

    Every text is parsed anew. Where its frame, its picture's size or its label is not known, it is refused:
    nothing is guessed, and the text counts for the parse rate only.

    Args:
        path: JSON lines, a JSON list or CSV; docs/predictions.md has the fields.
        fields: our names to paths of the file, ``{"text": "output", "target.name": "truth.class"}``.
        defaults: constants, ``{"task": "grounding", "frame": "thousand"}``, for rows without a value.
        values: what the file's words mean, ``{"frame": {"0-1000": "thousand"}}``. Words for frames that are
            not in such a table mean an unknown frame.

    Returns:
        One answer a row.

    Raises:
        InputError: a row cannot be read, an id comes twice, or a name is none of ours; the message has file
            and line.

    Example:
        >>> import json, tempfile
        >>> file = Path(tempfile.mkdtemp()) / "said.jsonl"
        >>> _ = file.write_text(json.dumps({"output": "<answer>a cat</answer>", "truth": "cat"}))
        >>> stored = read_predictions(
        ...     file, {"text": "output", "target.name": "truth"}, {"task": "classification"}
        ... )
        >>> stored.judged["classification"][0].answer.label
        'a cat'
    """
    meaning = Fields(fields or {}, defaults or {}, values or {})
    answers: list[StoredAnswer] = []
    places: dict[tuple[str, str], str] = {}
    for where, entry in entries(path):
        tree, strange = meaning.row(entry, where)
        answer = _answer(tree, entry, where, strange)
        first = places.setdefault((answer.task, answer.id), where)
        if first != where:
            raise InputError(
                f"{where}: the id {answer.id[:60]!r} was taken at {first}. Ids name one question each; leave "
                "them out with the field 'id=' if the file's mean something else."
            )
        answers.append(answer)
    if not answers:
        raise InputError(f"{path}: there is no row in it.")
    return Stored(path, tuple(answers))


def _answer(
    tree: Mapping[str, Any], entry: Mapping[str, Any], where: str, strange: Mapping[str, str]
) -> StoredAnswer:
    try:
        row = validated(tree, entry)
    except ValidationError as error:
        raise InputError(f"{where}: {_problem(error)}") from error
    try:
        return judge(row, entry, where, strange)
    except LabelError:
        raise
    except InputError as error:
        # Other mistakes do not know their line, and may quote what no terminal can write.
        said = str(error).encode("utf-8", "backslashreplace").decode("utf-8")
        raise InputError(f"{where}: {said[:300]}") from error


def _problem(error: ValidationError) -> str:
    """The first mistake in a sentence, without what stood there: that may be long, or no text at all."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    steps = [str(step)[:40].encode("ascii", "backslashreplace").decode("ascii") for step in first["loc"]]
    said = _SAID.get(first["type"], first["msg"].removeprefix("Value error, "))
    said = said[:1].lower() + said[1:].removesuffix(".")
    more = f" ({error.error_count()} mistakes in this row)" if error.error_count() > 1 else ""
    told = f"'{'.'.join(steps)}': {said}{more}. Mend it"
    if not steps or steps[0] not in names():
        return f"{told}."
    out = "" if steps[0] in ("text", "task") else f", or leave it out with '{steps[0]}='"
    return f"{told}, or say with '{steps[0]}=THEIRS' where it stands{out}."
