"""Tables that the command line prints."""

from __future__ import annotations

from typing import Any

from rich.table import Table

TITLES = {"base": "base", "sft": "SFT twin", "rft": "RFT", "control": "RFT, permuted rewards"}


def comparison_table(task: str, comparison: dict[str, Any]) -> Table:
    """Base, SFT and RFT with intervals, and their differences.

    Args:
        task: name for the title.
        comparison: one task of a comparison's JSON.
    """
    title = f"{task}: {comparison['metric']} x100 on {comparison['n']} held-out questions"
    table = Table(title=title, title_justify="left")
    for column in ("policy", "score", "95% interval", "answers read", "score of those read"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for name, heading in TITLES.items():
        if name in comparison:
            row = comparison[name]
            table.add_row(
                heading,
                _hundred(row["value"]),
                _interval(row),
                f"{row['parse_rate']:.0%}",
                _hundred(row["value_given_parsed"]),
            )
    table.add_section()
    for key, heading in (
        ("rft_minus_base", "RFT - base"),
        ("rft_minus_base_given_parsed", "RFT - base, answers read"),
        ("rft_minus_sft", "RFT - SFT"),
        ("control_minus_base", "permuted - base"),
    ):
        if key in comparison:
            row = comparison[key]
            p = f"p = {row['p']:.3f}" if row["p"] is not None else ""
            table.add_row(heading, _hundred(row["value"], sign=True), _interval(row, sign=True), p, "")
    return table


def _hundred(value: float | None, sign: bool = False) -> str:
    return "-" if value is None else f"{100 * value:{'+' if sign else ''}.1f}"


def _interval(row: dict[str, Any], sign: bool = False) -> str:
    return f"{_hundred(row['low'], sign)} to {_hundred(row['high'], sign)}"
