"""What only the card of a classifier has: strict and lenient accuracy, and which classes are confused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vrft.tasks.classification.naming import naming
from vrft.tasks.number_format import mapping, number, one_line, plain, sequence
from vrft.tasks.section import Matrix, ScoredPredictions, Section, Table

MOST_CLASSES = 30
"""Of a confusion matrix."""
ELSE, UNREADABLE = "another name", "not readable"


def _naming(scored: ScoredPredictions) -> Mapping[str, Any]:
    found = asdict(naming(scored.predictions))
    return {"classes" if key == "by_class" else key: value for key, value in found.items()}


def _naming_tables(measured: Any) -> Sequence[Table]:
    found = mapping(measured)
    pairs = [sequence(pair) for pair in sequence(found.get("collisions"))]
    return [
        _confusions(
            found, "confusions", "Confusions", "What wrong answers said instead.", confusion_matrix(found)
        ),
        _confusions(
            found,
            "only_lenient",
            "Right by the lenient rule alone",
            "The released code counts these as right: answer or class name holds the other.",
        ),
        Table(
            "Classes that the lenient rule takes for one another",
            ("Class", "and"),
            tuple((one_line(pair[0]), one_line(pair[1])) for pair in pairs if len(pair) == 2),
            "One name holds the other, so the lenient accuracy is too high by their confusions.",
            "collisions",
            left=(0, 1),
            order="first",
        ),
    ]


def _confusions(
    found: Mapping[str, Any], key: str, title: str, note: str, charts: tuple[Matrix, ...] = ()
) -> Table:
    rows = tuple(
        (one_line(row.get("right")), one_line(row.get("said"), "(not readable)"), plain(row.get("count")))
        for row in map(mapping, sequence(found.get(key)))
    )
    head = ("Class", "was called", "Answers")
    return Table(title, head, rows, note, key, left=(0, 1), order="most frequent", charts=charts)


def confusion_matrix(measured: Mapping[str, Any]) -> tuple[Matrix, ...]:
    """How often each class was called what; none for fewer than two classes or more than ``MOST_CLASSES``."""
    counts = _counts(measured)
    if not 1 < len(counts) <= MOST_CLASSES:
        return ()
    columns = (*counts, *(name for name in (ELSE, UNREADABLE) if any(row[name] for row in counts.values())))
    return (
        Matrix(
            title="Confusion matrix",
            label=f"Confusion matrix of {len(counts)} classes",
            rows=tuple(counts),
            columns=columns,
            counts=tuple(tuple(row[name] for name in columns) for row in counts.values()),
            note=(
                "Each row is a class, each column what it was called, in per cent of the row; the diagonal "
                "is right."
            ),
        ),
    )


def _counts(measured: Mapping[str, Any]) -> dict[str, Counter[str]]:
    listed, counts = measured.get("confusions"), {}
    if listed is None:
        return {}
    for name, row in mapping(measured.get("classes")).items():
        n, share = (number(mapping(row).get(key)) or 0 for key in ("n", "value"))
        counts[name] = Counter({name: round(n * share)})
    for row in map(mapping, sequence(listed)):
        right, said = str(row.get("right")), row.get("said")
        named = UNREADABLE if said is None else str(said) if said in counts else ELSE
        if right in counts:
            counts[right][named] += int(number(row.get("count")) or 0)
    return counts


SECTIONS = (Section("naming", _naming, tables=_naming_tables),)
