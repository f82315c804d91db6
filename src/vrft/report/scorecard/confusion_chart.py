"""The confusion matrix of a few classes as a drawing."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from vrft.evaluation.scorecard.scored import Json
from vrft.report.number_format import number
from vrft.report.run_reader import mapping, sequence
from vrft.report.svg import group, join, tag

MOST_CLASSES = 30
ELSE, UNREADABLE = "another name", "not readable"
_CELL, _LETTER, _MARGIN = 26, 6.2, 10
_LONGEST = 18


def confusion_plot(card: Json) -> Markup:
    """A cell a pair of classes, darker where the class of the row was more often called that of the column.

    Args:
        card: of a classification task.

    Returns:
        An ``<svg>`` element; empty where there are no confusions to show or more than ``MOST_CLASSES``
        classes.
    """
    counts = confusion_counts(card)
    if not 1 < len(counts) <= MOST_CLASSES:
        return Markup("")
    rows = list(counts)
    columns = [*rows, *(name for name in (ELSE, UNREADABLE) if any(row[name] for row in counts.values()))]
    shown = {name: name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in columns}
    left = _MARGIN + round(_LETTER * max(map(len, shown.values()))) + 8
    top = left
    width, height = left + _CELL * len(columns) + _MARGIN, top + _CELL * len(rows) + _MARGIN
    heads = [
        tag(
            "text",
            shown[name],
            transform=f"translate({left + _CELL * (i + 0.5) + 4:g} {top - 7}) rotate(-90)",
            class_="tick",
        )
        for i, name in enumerate(columns)
    ]
    sides = [
        tag("text", shown[n], x=left - 7, y=top + _CELL * (i + 0.5) + 4, class_="tick", text_anchor="end")
        for i, n in enumerate(rows)
    ]
    cells = [
        _cell(left + _CELL * x, top + _CELL * y, row, column, counts[row], row == column)
        for y, row in enumerate(rows)
        for x, column in enumerate(columns)
    ]
    said = f"Confusion matrix of {len(rows)} classes"
    drawn = join([*heads, *sides, *cells])
    return tag(
        "svg",
        drawn,
        viewBox=f"0 0 {width} {height}",
        class_="chart matrix",
        role="img",
        aria_label=said,
        style=f"max-width:{round(1.25 * width)}px;min-width:{round(0.7 * width)}px",
    )


def confusion_counts(card: Json) -> dict[str, Counter[str]]:
    """Of each class, how often it was called what: a class, ``ELSE`` or ``UNREADABLE``.

    Example:
        >>> rows = [{"right": "cat", "said": "dog", "count": 1}, {"right": "cat", "said": None, "count": 1}]
        >>> classes = {"cat": {"n": 4, "value": 0.5}, "dog": {"n": 2, "value": 1.0}}
        >>> found = confusion_counts({"classes": classes, "naming": {"confusions": rows}})
        >>> dict(found["cat"]), dict(found["dog"])
        ({'cat': 2, 'dog': 1, 'not readable': 1}, {'dog': 2})
    """
    listed = mapping(card.get("naming")).get("confusions")
    if listed is None:
        return {}
    classes = {name: mapping(row) for name, row in mapping(card.get("classes")).items()}
    counts = {
        name: Counter({name: round((number(row.get("n")) or 0) * (number(row.get("value")) or 0))})
        for name, row in classes.items()
    }
    for row in map(mapping, sequence(listed)):
        right, said = str(row.get("right")), row.get("said")
        named = UNREADABLE if said is None else str(said) if said in counts else ELSE
        if right in counts:
            counts[right][named] += int(number(row.get("count")) or 0)
    return counts


def _cell(x: float, y: float, row: str, column: str, counts: Counter[str], right: bool) -> Markup:
    count, total = counts[column], sum(counts.values())
    share = count / total if total else 0.0
    place = {"x": x + 1, "y": y + 1, "width": _CELL - 2, "height": _CELL - 2}
    title = tag("title", f"{row} called {column}: {count} of {total}")
    parts = [tag("rect", **place, class_="cell")]
    if count:
        parts.append(tag("rect", **place, class_="filled", fill_opacity=0.12 + 0.88 * share))
        look = "over" if share > 0.5 else "under"
        middle = {"x": x + _CELL / 2, "y": y + _CELL / 2 + 4}
        parts.append(tag("text", f"{100 * share:.0f}", **middle, class_=look, text_anchor="middle"))
    return group(title, *parts, class_="truth" if right else "wrong")
