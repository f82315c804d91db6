"""Scorecards on the terminal: the page's sentences and tables, long ones cut short."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from vrft.cli.output import print_line, print_table, text_table
from vrft.evaluation.seeds import CARD_PERMUTATIONS
from vrft.report.card_text import card_tables, sentences
from vrft.report.systems import style_of
from vrft.tasks.number_format import mapping, p_said, p_sentence, sequence
from vrft.tasks.registry import load_task

Json = dict[str, Any]


def print_card(card: Json, out: Console) -> None:
    """Headline and tables of a scorecard for people, from the JSON alone."""
    print_line(sentences(card), out)
    for table in card_tables(card, short=True):
        print_table(text_table(table.title, table.head, table.rows, left=table.left), out)


def print_combined(found: Json, out: Console) -> None:
    """Several seeds, and a second system next to them, as ``evaluation.scorecard.combine`` gives them."""
    style = style_of(str(found.get("task", "")), found)
    systems = [("this system", found)]
    if "against" in found:
        systems.append(("the other", mapping(found["against"])))
    rows = [
        (
            name,
            ", ".join(style.value(value) for value in sequence(block.get("seeds"))),
            style.value(block.get("value")),
            style.spread(block),
            style.spread(block.get("over_seeds")),
        )
        for name, block in systems
    ]
    seen = mapping(found.get("difference"))
    if seen:
        spread = style.spread(seen, sign=True)
        rows.append(("difference", "", style.value(seen.get("value"), sign=True), spread, ""))
    head = ("", "seeds", "mean", "95% interval, seeds and images", "seeds alone")
    print_table(text_table(f"{style.heading(' x100')} on {found.get('n')} questions", head, rows), out)
    if seen:
        p = found.get("permutation_p")
        least = 1 / (CARD_PERMUTATIONS + 1)
        permuted = f"; {p_said(p, least)} by permutation of images" if p is not None else ""
        out.print(f"Difference: {p_sentence(seen)} by bootstrap{permuted}.", soft_wrap=True)


def print_files(result: Json, out: Console) -> None:
    """Files of answers, as ``workflows.evaluate_files`` scores them."""
    for file, found in result["files"].items():
        _print_file(file, found, out)
        for card in found.get("cards", {}).values():
            print_card(card, out)
    for combined in result.get("combined", {}).values():
        print_combined(combined, out)


def _print_file(file: str, found: Json, out: Console) -> None:
    print_line(
        f"{file}: {found['n']} stored texts, {_percent(found['parse_rate'])} of them hold an answer; "
        f"{found['scored']} could be compared with a label.",
        out,
    )
    head = ("texts", "parse rate", "scored", "score", "refused")
    rows = [_row(name, row, [(name, row)]) for name, row in found["tasks"].items()]
    out.print(
        text_table("By task, with 95% intervals; fractions x100", ("task", *head), rows, left=(0, 4, 5))
    )
    if found["groups"]:
        # A group has the metrics of all tasks in one mapping.
        parts = {name: {**row, "metrics": row} for name, row in found["groups"].items()}
        rows = [_row(n, row, [(t, row) for t in found["tasks"]]) for n, row in parts.items()]
        print_table(text_table("By group; fractions x100", ("group", *head), rows, left=(0, 4, 5)), out)
    for reason, refused in found["refused"].items():
        more = ", ..." if refused["n"] > len(refused["ids"]) else ""
        print_line(f"refused: {reason}: {refused['n']} ({', '.join(map(_shown, refused['ids']))}{more})", out)
    if found["unknown_frames"]:
        words = ", ".join(f"{_shown(word)} ({n})" for word, n in found["unknown_frames"].items())
        print_line(
            f"Words for frames without a meaning: {words}. Where one is known for sure, write norm1000, "
            "norm1 or resized_pixels in the file, or read it with --reader.",
            out,
        )
    if found["unsized"]:
        print_line(
            f"Of the answers scored, {found['unsized']} have no image size: answer and label are both "
            "in shares of the sides, for which IoU needs none.",
            out,
        )


def _row(name: str, row: Json, tasks: list[tuple[str, Json]]) -> tuple[str, ...]:
    """Counts and scores of a task, or of a group in which there may be several."""
    scores = [
        f"{style.title} {style.said(value)}" + (f" ({style.spread(row)})" if spread else "")
        for task, own in tasks
        for metric in load_task(task).metrics
        if (value := own["metrics"].get(metric.name)) is not None
        for style in [style_of(task, {}, metric.name)]
        for spread in [own.get("metric") == metric.name and own["low"] is not None]
    ]
    refused = [f"{reason} {n}" for reason, n in row["refused"].items()]
    counts = (str(row["n"]), _percent(row["parse_rate"]), str(row["scored"]))
    return (_shown(name), *counts, "\n".join(dict.fromkeys(scores)) or "-", "\n".join(refused) or "-")


def _shown(text: str) -> str:
    """A text of the file, short and with characters that every terminal has."""
    short = text if len(text) <= 60 else text[:57] + "..."
    return short.encode("utf-8", "backslashreplace").decode("utf-8")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
