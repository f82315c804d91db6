"""``vrft eval --predictions``: texts that some model wrote, scored without the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vrft.errors import InputError
from vrft.evaluation.metrics import METRICS
from vrft.evaluation.stored.read import read_predictions
from vrft.evaluation.stored.score import score_stored


def score_predictions(
    files: Sequence[Path],
    fields: Sequence[str] = (),
    defaults: Sequence[str] = (),
    values: Sequence[str] = (),
    by: str | None = None,
) -> dict[str, Any]:
    """Score files of stored texts, each by itself.

    Args:
        files: predictions, one or more.
        fields: ``ours=theirs``, as in ``text=output`` and ``target.name=truth``.
        defaults: ``ours=constant``, as in ``task=grounding`` and ``image_wh=[640,480]``.
        values: ``ours:theirs=meaning``, as in ``frame:0-1000=thousand``.
        by: a field of the files whose values make groups.

    Returns:
        ``files``: by path what ``vrft.evaluation.stored.score.score_stored`` gives.

    Raises:
        InputError: an option or a row cannot be used.
    """
    if len({str(file) for file in files}) < len(files):
        raise InputError("--predictions names a file twice. Name each once.")
    mapped, constants = _pairs("--field", fields), _pairs("--default", defaults)
    tables: dict[str, dict[str, str]] = {}
    for path, word, meaning in map(_meaning, values):
        tables.setdefault(path, {})[word] = meaning
    return {
        "files": {
            str(file): score_stored(read_predictions(file, mapped, constants, tables), by) for file in files
        }
    }


def print_predictions(result: dict[str, Any], out: Console) -> None:
    """The tables for people.

    Args:
        result: as ``score_predictions`` gives it.
        out: where to.
    """
    for file, found in result["files"].items():
        out.print(
            f"{file}: {found['n']} stored texts, {_percent(found['parse_rate'])} of them hold an answer; "
            f"{found['scored']} could be compared with a label.",
            markup=False,
            soft_wrap=True,
        )
        out.print(_tasks(found["tasks"]))
        if found["groups"]:
            out.print(_groups(found["groups"]))
        for reason, rows in found["refused"].items():
            shown = ", ".join(map(_shown, rows["ids"])) + (", ..." if rows["n"] > len(rows["ids"]) else "")
            out.print(f"refused: {reason}: {rows['n']} ({shown})", markup=False, soft_wrap=True)
        if found["unknown_frames"]:
            words = ", ".join(f"{_shown(word)} ({n})" for word, n in found["unknown_frames"].items())
            out.print(
                f"Words for frames without a meaning: {words}. Where one is known for sure, say "
                "--value frame:WORD=thousand (or pixels, input_pixels, unit).",
                markup=False,
                soft_wrap=True,
            )
        if found["unsized"]:
            out.print(
                f"Of the answers scored, {found['unsized']} have no picture size: answer and label are both "
                "in shares of the sides, for which IoU needs none.",
                soft_wrap=True,
            )


def _tasks(tasks: dict[str, Any]) -> Table:
    table = _table("By task, scores x100 with 95% intervals", "task")
    for name, row in tasks.items():
        interval = f" ({_hundred(row['low'])} to {_hundred(row['high'])})" if row["low"] is not None else ""
        score = [
            f"{METRICS[metric].title} {_hundred(value)}{interval if metric == row['metric'] else ''}"
            for metric, value in row["metrics"].items()
            if value is not None
        ]
        _add(table, name, row, score)
    return table


def _groups(groups: dict[str, Any]) -> Table:
    table = _table("By group, scores x100", "group")
    for name, row in groups.items():
        metrics = {metric: row[metric] for metric in METRICS if row.get(metric) is not None}
        _add(table, name, row, [f"{METRICS[m].title} {_hundred(value)}" for m, value in metrics.items()])
    return table


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, overflow="fold")
    for column in ("texts", "read", "scored"):
        table.add_column(column, justify="right")
    for column in ("score", "refused"):
        table.add_column(column)
    return table


def _add(table: Table, name: str, row: dict[str, Any], score: list[str]) -> None:
    refused = [f"{reason} {n}" for reason, n in row["refused"].items()]
    counts = (str(row["n"]), _percent(row["parse_rate"]), str(row["scored"]))
    table.add_row(escape(_shown(name)), *counts, "\n".join(score) or "-", "\n".join(refused) or "-")


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        ours, sign, theirs = text.partition("=")
        if not sign or not ours:
            raise InputError(f"{option} {text}: write it as ours=theirs, as in text=output.")
        if ours in pairs:
            raise InputError(f"{option} {text}: '{ours}' is given twice.")
        pairs[ours] = theirs
    return pairs


def _meaning(text: str) -> tuple[str, str, str]:
    path, colon, rest = text.partition(":")
    word, sign, meaning = rest.rpartition("=")
    if not (colon and sign and path and meaning):
        raise InputError(f"--value {text}: write it as ours:theirs=meaning, as in frame:0-1000=thousand.")
    return path, word, meaning


def _shown(text: str) -> str:
    """A text of the file, short and with characters that every terminal has."""
    short = text if len(text) <= 60 else text[:57] + "..."
    return short.encode("utf-8", "backslashreplace").decode("utf-8")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _hundred(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
