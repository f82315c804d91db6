"""``vrft eval --predictions``: texts that some model wrote, scored without the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vrft.commands.scorecard import print_card, print_combined
from vrft.errors import InputError
from vrft.evaluation.external.read_predictions import Stored, read_predictions
from vrft.evaluation.external.score_predictions import score_stored
from vrft.evaluation.judged import Judged
from vrft.evaluation.scorecard import CardOptions, combine, scorecard
from vrft.evaluation.scorecard.card import headline
from vrft.tasks.metrics.metric import METRICS
from vrft.tasks.task import load_task


@dataclass(frozen=True)
class Reading:
    """How the rows of files are read."""

    fields: tuple[str, ...] = ()
    """``ours=theirs``, as in ``text=output`` and ``target.name=truth``."""
    defaults: tuple[str, ...] = ()
    """``ours=constant``, as in ``task=grounding`` and ``image_wh=[640,480]``."""
    values: tuple[str, ...] = ()
    """``ours:theirs=meaning``, as in ``frame:0-1000=thousand``."""

    def read(self, files: Sequence[Path]) -> dict[str, Stored]:
        """Read files, by path.

        Raises:
            InputError: an option or a row cannot be used, or a file is named twice.
        """
        if len({str(file) for file in files}) < len(files):
            raise InputError("--predictions or --against names a file twice. Name each once.")
        mapped, constants = _pairs("--field", self.fields), _pairs("--default", self.defaults)
        tables: dict[str, dict[str, str]] = {}
        for path, word, meaning in map(_meaning, self.values):
            tables.setdefault(path, {})[word] = meaning
        return {str(file): read_predictions(file, mapped, constants, tables) for file in files}


def score_predictions(
    files: Sequence[Path],
    against: Sequence[Path] = (),
    reading: Reading | None = None,
    by: str | None = None,
    rule: str | None = None,
    novel: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Score files of stored texts.

    Args:
        files: predictions; several are the seeds of one system.
        against: the same of a second system, to the same questions.
        reading: how rows are read.
        by: a field of the files whose values make groups.
        rule: makes one answer of several, and that is scored.
        novel: classes that training has not seen.

    Returns:
        ``files``, by path what ``score_stored`` gives, with a scorecard of each task under ``cards``; of
        several files, or against others, ``combined``, by task what ``scorecard.combine`` gives.

    Raises:
        InputError: an option or a row cannot be used, or files hold answers to different questions.
    """
    reading = reading or Reading()
    ours, theirs = reading.read(files), reading.read(against)
    scored: dict[str, Any] = {
        path: {**score_stored(stored, by), "cards": _cards(stored, rule, novel)}
        for path, stored in {**ours, **theirs}.items()
    }
    if len(files) == 1 and not against:
        return {"files": scored}
    tasks = sorted({task for stored in ours.values() for task in stored.judged})
    return {"files": scored, "combined": {task: _combined(task, ours, theirs, rule) for task in tasks}}


def _cards(stored: Stored, rule: str | None, novel: tuple[str, ...]) -> dict[str, Any]:
    """A scorecard of each task that has labelled answers."""
    cards = {}
    unsized = {answer.task for answer in stored.answers if answer.judged is not None and not answer.sized}
    for task, judged in stored.judged.items():
        seen = tuple(sorted({j.example.question for j in judged} - set(novel))) if novel else ()
        card = scorecard(load_task(task), judged, CardOptions(rule, base=seen, novel=novel))
        if task in unsized:
            # Areas in pixels mean nothing where no picture has a size.
            sizes = [name for name in card["metrics"] if name.startswith("ap_")]
            card["metrics"] = {name: row for name, row in card["metrics"].items() if name not in sizes}
        cards[task] = card
    return cards


def _combined(
    task: str, ours: dict[str, Stored], theirs: dict[str, Stored], rule: str | None
) -> dict[str, Any]:
    def runs(system: dict[str, Stored]) -> list[list[Judged]]:
        return [headline(stored.judged.get(task, []), rule) for stored in system.values()]

    return combine(load_task(task), runs(ours), runs(theirs) or None)


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
        for card in found.get("cards", {}).values():
            print_card(card, out)
    for combined in result.get("combined", {}).values():
        print_combined(combined, out)


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
