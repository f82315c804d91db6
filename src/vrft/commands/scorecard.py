"""A scorecard on the terminal: the page's sentences and tables, long ones cut short."""

from __future__ import annotations

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from vrft.evaluation.scorecard.scored import Json
from vrft.report.comparison import metric_title
from vrft.report.number_format import hundred, interval, p_value
from vrft.report.run_reader import mapping, sequence
from vrft.report.scorecard.card_headline import sentences
from vrft.report.scorecard.card_tables import CardTable, card_tables


def print_card(card: Json, out: Console) -> None:
    """Headline and tables for people, from the JSON alone.

    Args:
        card: as ``vrft.evaluation.scorecard.scorecard`` gives it.
        out: where to.
    """
    out.print(sentences(card), markup=False, soft_wrap=True)
    for table in card_tables(card, short=True):
        out.print(_table(table))


def print_combined(found: Json, out: Console) -> None:
    """Several seeds, and a second system beside them.

    Args:
        found: as ``vrft.evaluation.scorecard.combine`` gives it.
        out: where to.
    """
    title = f"{metric_title(found.get('metric'))} x100 on {found.get('n')} questions"
    rows = [("this system", found)]
    if "against" in found:
        rows.append(("the other", mapping(found["against"])))
    listed: list[tuple[str, ...]] = [
        (
            name,
            ", ".join(hundred(value) for value in sequence(block.get("seeds"))),
            hundred(block.get("value")),
            interval(block.get("low"), block.get("high")),
            interval(alone.get("low"), alone.get("high")),
        )
        for name, block in rows
        for alone in [mapping(block.get("over_seeds"))]
    ]
    seen = mapping(found.get("difference"))
    if seen:
        spread = interval(seen.get("low"), seen.get("high"), sign=True)
        listed.append(("difference", "", hundred(seen.get("value"), sign=True), spread, ""))
    headings = ("", "seeds", "mean", "95% interval, seeds and pictures", "seeds alone")
    out.print(_table(CardTable("seeds", title, "", headings, listed)))
    if seen:
        p = found.get("permutation_p")
        permuted = f"; p = {p_value(p)} by permutation of pictures" if p is not None else ""
        out.print(f"Difference: p = {p_value(seen.get('p'))} by bootstrap{permuted}.", soft_wrap=True)


def _table(given: CardTable) -> Table:
    table = Table(title=escape(given.title), title_justify="left", show_header=any(given.headings))
    for place, heading in enumerate(given.headings):
        justify: JustifyMethod = "left" if place in given.left else "right"
        # A rule's name is one word: it is folded rather than cut off.
        table.add_column(escape(heading), justify=justify, overflow="fold")
    for row in given.rows:
        table.add_row(*map(escape, row))
    return table
