"""Markdown tables of the page; fractions times 100, means over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mini.expected import STATES, Verdict
from mini.tables import table, with_interval

from reasoning.arms import BASE, RFT, SFT, TITLES
from reasoning.cell import CELLS, MAIN, PLAIN, SHARES, TABLES, VARIANTS
from reasoning.files import Row, Rows, mean_at, seeds_of
from reasoning.predictions import LEAD, ONE, PREDICTIONS, SEVERAL, drawn_of, mean_work, two
from reasoning.questions import QUESTIONS
from vrft.tasks.number_format import NOTHING, hundred
from vrft.workflows.rejection_sampling import NAME as REJECTION


def titled(row: Row) -> str:
    """A row in words."""
    question, share, variant = row
    otherwise = f", {VARIANTS[variant].title}" if variant != PLAIN else ""
    return f"{QUESTIONS[question].title}, {share:.0%} chains{otherwise}"


def rows_of(name: str) -> list[Row]:
    """The rows of a table of cells."""
    return list(dict.fromkeys(cell.row for cell in TABLES[name]))


def seeds(rows: Rows, row: Row) -> str:
    """How many of a row's seeds are there."""
    return f"{len(rows.get(row, ()))} of {seeds_of(row)}"


def value(rows: Rows, row: Row, system: str) -> str:
    """A system's mean with its interval."""
    return with_interval(drawn_of(rows, row, system))


def lead(rows: Rows, row: Row, first: str, second: str, other: Row | None = None) -> str:
    """First minus second with its interval."""
    one, two = drawn_of(rows, row, first), drawn_of(rows, other or row, second)
    return NOTHING if one is None or two is None else with_interval(one.minus(two), sign=True)


def percent(value: float | None) -> str:
    """A share."""
    return NOTHING if value is None else f"{value:.0%}"


@dataclass(frozen=True)
class Lead:
    """RFT minus SFT on labels in a row, as predicted and as found, in words."""

    row: Row
    title: str
    label: str
    predicted: str
    found: str
    state: str
    seeds: str


def leads(rows: Rows) -> list[Lead]:
    """Those that were predicted, as far as cells are there."""
    return [
        Lead(
            one.row,
            titled(one.row),
            QUESTIONS[one.row[0]].label,
            one.predicted,
            lead(rows, one.row, RFT, SFT),
            STATES[one.holds(rows)],
            seeds(rows, one.row),
        )
        for one in PREDICTIONS
        if one.what == LEAD and one.row in rows
    ]


def summary_table(rows: Rows) -> str:
    """Settings with what a label holds, and RFT minus SFT on labels as predicted and as found."""
    lines = []
    for one in leads(rows):
        values = [value(rows, one.row, system) for system in (BASE, SFT, RFT)]
        lines.append([one.title, one.label, *values, one.predicted, one.found, one.state, one.seeds])
    head = ["setting", "what a label holds", "base", "SFT on labels", "RFT", "RFT - SFT, predicted", "found"]
    return table([*head, "as predicted", "seeds"], lines)


def arms_table(rows: Rows) -> str:
    """All systems of the main row."""
    row = two(MAIN)
    if row not in rows:
        return ""
    names = [BASE, f"{BASE}_direct", SFT, *next(arms for cell, arms in CELLS.items() if cell.row == row)]
    lines = [
        [
            TITLES[name],
            value(rows, row, name),
            NOTHING if name == BASE else lead(rows, row, name, BASE),
            NOTHING if name == RFT else lead(rows, row, RFT, name),
            percent(mean_work(rows, row, name)),
        ]
        for name in names
    ]
    return table(["system", "% right", "minus base", "RFT minus it", "answers that show work"], lines)


def chains_table(rows: Rows) -> str:
    """Two digits over the share of chains in the base: what the base shows before, and what comes of it."""
    lines = []
    for share in SHARES:
        row = two(share)
        if (cells := rows.get(row)) is None:
            continue
        before = [
            mean_at(cells, "base", "shows_work"),
            mean_at(cells, "base", "right_shows_work"),
            mean_at(cells, "base", "probe", "thoughts", "carried"),
            mean_at(cells, "base", "group_has_right_chain"),
        ]
        values = [value(rows, row, system) for system in (BASE, SFT, ONE, SEVERAL, RFT)]
        gains = [lead(rows, row, RFT, system) for system in (SFT, ONE)]
        after = percent(mean_work(rows, row, RFT))
        lines.append([f"{share:.0%}", seeds(rows, row), *map(percent, before), *values, *gains, after])
    head = [
        "chains",
        "seeds",
        "base: samples that show work",
        "of its right ones",
        "probe: carried by the thought",
        "groups of 8 with a right chain",
        *(TITLES[name] for name in (BASE, SFT, ONE, SEVERAL, RFT)),
        "RFT - SFT",
        "RFT - rejection, one round",
        "RFT: answers that show work",
    ]
    return table(head, lines)


def questions_table(rows: Rows) -> str:
    """Three digits and the box."""
    lines = [
        [
            titled(row),
            seeds(rows, row),
            *(value(rows, row, system) for system in (BASE, SFT, ONE, RFT)),
            *(lead(rows, row, RFT, system) for system in (SFT, ONE)),
            percent(mean_work(rows, row, RFT)),
        ]
        for row in rows_of("questions")
        if row in rows
    ]
    titles = [TITLES[name] for name in (BASE, SFT, ONE, RFT)]
    return table(
        ["question", "seeds", *titles, "RFT - SFT", "RFT - rejection", "RFT: answers that show work"], lines
    )


def threshold_table(rows: Rows) -> str:
    """What moves the share of chains from which RFT learns to think."""
    lines = []
    for row in rows_of("threshold"):
        if row not in rows:
            continue
        plain = two(row[1])
        against = lead(rows, row, RFT, RFT, plain) if row[0] == plain[0] else NOTHING
        shown = [percent(mean_work(rows, one, RFT)) for one in (row, plain)]
        lines.append(
            [titled(row), seeds(rows, row), value(rows, row, BASE), value(rows, row, RFT), against, *shown]
        )
    head = ["what is different", "seeds", "base", "RFT", "RFT - RFT as it is", "answers that show work"]
    return table([*head, "as it is, two digits"], lines)


def verdicts(rows: Rows) -> list[Verdict]:
    """Every prediction and what the files say of it."""
    return [
        Verdict(titled(one.row), one.what, one.predicted, one.measure(rows), one.holds(rows))
        for one in PREDICTIONS
    ]


def bound_table(rows: Rows) -> str:
    """RFT's greedy answers against what the base's samples reach at all."""
    lines = []
    for row, cells in rows.items():
        reached = [mean_at(cells, "base", "pass_at", k) for k in ("1", "8")]
        if None not in reached and (drawn := drawn_of(rows, row, RFT)) is not None:
            lines.append([titled(row), *map(hundred, reached), with_interval(drawn)])
    return table(["row", "base, pass@1", "base, pass@8", "RFT, greedy"], lines)


def follows_table(rows: Rows) -> str:
    """How often answers are what a given chain ends with."""
    kinds = ("right", "digit", "statement")
    lines = []
    for row, cells in rows.items():
        shares = [mean_at(cells, "follows", name, kind) for name in (BASE, RFT) for kind in kinds]
        if None not in shares:
            lines.append([titled(row), *map(percent, shares)])
    named = {"right": "right chain", "digit": "a digit changed", "statement": "the stated sum changed"}
    return table(
        ["row", *(f"{TITLES[name]}: {named[kind]}" for name in (BASE, RFT) for kind in kinds)], lines
    )


def skills_table(rows: Rows) -> str:
    """What nobody trained, before and after."""
    skills = ("naming", "only_box_mean_iou")
    lines = []
    for row, cells in rows.items():
        found = [mean_at(cells, "skills", name, skill) for skill in skills for name in (BASE, SFT, RFT)]
        if found[0] is not None:
            lines.append([titled(row), *map(hundred, found)])
    words = {"naming": "naming", "only_box_mean_iou": "box of the only object"}
    return table(["row", *(f"{words[s]}: {TITLES[n]}" for s in skills for n in (BASE, SFT, RFT))], lines)


def cost_table(rows: Rows) -> str:
    """Core seconds of each system with all its trials, and what sampling drew."""
    row = two(MAIN)
    if (cells := rows.get(row)) is None:
        return ""
    lines = []
    for name in cells[0]["systems"]:
        trials = len(cells[0]["systems"][name]["trials"])
        seconds = mean_at(cells, "systems", name, "core_seconds")
        counted = [
            mean_at(cells, "systems", name, "sampled", "rejection", key) for key in ("answers", "tokens")
        ]
        if name == RFT:
            counted = [mean_at(cells, "systems", ONE, "sampled", "rft", key) for key in ("answers", "tokens")]
        numbers = [NOTHING if one is None else f"{one:,.0f}" for one in (seconds, *counted)]
        lines.append([TITLES[name], f"{trials}", *numbers])
    head = [
        "system",
        "trials",
        "core seconds, all trials",
        "sampled answers (RFT: of a trial)",
        "sampled tokens",
    ]
    return table(head, lines)


def rejection_table(rows: Rows) -> str:
    """What the rounds of rejection sampling drew and kept, means over seeds."""
    lines = []
    for row, cells in rows.items():
        for name in (one for one in TITLES if one.startswith(REJECTION) and one in cells[0]["systems"]):
            drawn = [cell["systems"][name]["sampled"][REJECTION]["rounds"] for cell in cells]
            for number in range(max(map(len, drawn))):
                found = [rounds[number] for rounds in drawn if number < len(rounds)]
                right, kept = (_ratio(found, *pair) for pair in (("right", "answers"), ("learned", "right")))
                with_work = _ratio(found, "learned_with_work", "learned")
                counted = f"{sum(one['answers'] for one in found) / len(found):,.0f}"
                shown = [percent(one) for one in (right, kept, with_work)]
                lines.append([titled(row), TITLES[name], f"{number + 1}", counted, *shown])
    head = [
        "row",
        "system",
        "round",
        "answers",
        "right",
        "of these learned",
        "of the learned, with work shown",
    ]
    return table(head, lines)


def _ratio(found: Sequence[dict[str, int]], part: str, whole: str) -> float | None:
    known = [one for one in found if part in one]
    total = sum(one[whole] for one in known)
    return sum(one[part] for one in known) / total if total else None


def seed_table(rows: Rows) -> str:
    """Every cell by itself."""
    lines = []
    for row, cells in rows.items():
        for cell in cells:
            known = cell["scopes"][cell["headline"]]["systems"]
            values = [
                hundred(known[name]["value"]) if name in known else NOTHING for name in (BASE, SFT, ONE, RFT)
            ]
            chosen = [cell["systems"].get(name or "", {}).get("chosen") for name in (cell["labels"], RFT)]
            picks = [f"{c['learning_rate']:.0e}, step {c['step']}" if c else NOTHING for c in chosen]
            form = (cell["labels"] or "").removeprefix("sft_") or NOTHING
            cost = f"{cell['core_seconds'] / 60:.1f}"
            lines.append([titled(row), f"{cell['seed']}", *values, form, *picks, cost])
    head = ["row", "seed", *(TITLES[n] for n in (BASE, SFT, ONE, RFT)), "form of SFT", "SFT: rate, step"]
    return table([*head, "RFT: rate, step", "core-minutes"], lines)
