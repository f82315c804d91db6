"""Markdown tables of the page; values times 100, means over seeds."""

from __future__ import annotations

from collections.abc import Sequence

from mini.files import CellFiles
from mini.pooled import CellFile, SeedMean, lead, mean_rate, pooled
from mini.systems import BASE
from mini.tables import table, with_interval

from kinds.cell import CONTROL, DEVELOPMENTS, RFT, ROWS, SEEDS, SFT, TABLES, Row
from kinds.effort import RATES
from kinds.files import Rows, rates_of
from kinds.measures import CALIBRATION, MASKS
from vrft.tasks.number_format import NOTHING, hundred
from vrft.tasks.registry import load_task

FURTHER = {MASKS: "gIoU of masks by flood fill", CALIBRATION: "calibration error"}
"""Scopes besides the tasks."""


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0%}"


def _signed(drawn: SeedMean | None) -> str:
    return with_interval(drawn, sign=True)


def seeds_there(cells: Sequence[CellFile]) -> str:
    """How many seeds of a row have run."""
    return f"{len(cells)} of {len(SEEDS)}"


def _there(rows: Rows, name: str) -> list[tuple[Row, Sequence[CellFile], str, list[str]]]:
    """Rows of a table that have cells, with each of their scopes and what their lines begin with."""
    found = []
    for row in TABLES[name]:
        if cells := rows.get(row.name):
            for scope in cells[0]["scopes"]:
                measured = FURTHER.get(scope) or load_task(scope).metrics[0].title
                title = f"{row.title}, {scope}" if len(row.tasks) > 1 else row.title
                found.append((row, cells, scope, [title, measured, seeds_there(cells)]))
    return found


HEAD = ["row", "measured", "seeds"]


def systems_table(rows: Rows, name: str) -> str:
    """Base, SFT, RFT and the control where there is one, and what RFT gains."""
    others = [system for system in (BASE, SFT.name, CONTROL.name) if system in TABLES[name][0].titles]
    titles = TABLES[name][0].titles
    lines = [
        [
            *begin,
            *(with_interval(pooled(cells, system, scope)) for system in titles),
            *(_signed(lead(cells, RFT.name, other, scope)) for other in others),
        ]
        for _, cells, scope, begin in _there(rows, name)
    ]
    return table([*HEAD, *titles.values(), *(f"RFT - {titles[other]}" for other in others)], lines)


def parsed_table(rows: Rows, name: str) -> str:
    """Of the answers that could be read: what better form alone does not raise."""
    systems = (BASE, SFT.name, RFT.name)
    lines = [
        [
            *begin,
            *(_percent(mean_rate(cells, system)) for system in systems),
            _signed(lead(cells, RFT.name, BASE, scope, parsed=True)),
        ]
        for _, cells, scope, begin in _there(rows, name)
    ]
    titles = TABLES[name][0].titles
    return table([*HEAD, *(f"{titles[s]}: read" for s in systems), "RFT - base, given parsed"], lines)


def arms_table(rows: Rows, name: str) -> str:
    """Every arm against the base and the first arm of its row, with what it sampled."""
    lines = []
    for row, cells, scope, begin in _there(rows, name):
        first = row.arms[0].answers_as
        for system, title in row.titles.items():
            if (drawn := pooled(cells, system, scope)) is None:
                continue
            other = NOTHING if system in (BASE, first) else _signed(lead(cells, system, first, scope))
            tokens = [sampled_tokens(row, cell, system) for cell in cells]
            mean = f"{sum(tokens) / len(tokens):,.0f}" if any(tokens) else NOTHING
            lines.append([*begin, title, with_interval(drawn), other, mean])
    head = [*HEAD, "arm", "value", "it - the row's first arm", "sampled tokens"]
    return table(head, lines)


def sampled_tokens(row: Row, cell: CellFile, system: str) -> int:
    """Of all runs whose answers a system has."""
    return sum(cell["arms"][arm.name]["sampled"]["tokens"] for arm in row.arms if arm.answers_as == system)


def distorted_table(rows: Rows) -> str:
    """In how many steps EMA's σ of each task was off, means over seeds."""
    lines = []
    for row in TABLES["mixture"]:
        if cells := rows.get(row.name):
            arms = [cell["arms"]["ema"] for cell in cells]
            means = [sum(arm["distorted_steps"][task] for arm in arms) / len(arms) for task in row.tasks]
            lines.append([row.title, f"{arms[0]['steps']}", *(f"{mean:.0f}" for mean in means)])
    return table(["row", "steps", *TABLES["mixture"][0].tasks], lines)


def rates_table(developed: CellFiles) -> str:
    """The rates that the development seed set, with the validation of all that were tried."""
    lines = []
    for name, cell in DEVELOPMENTS.items():
        if (content := developed.get(name)) is None:
            continue
        for arm, rate in rates_of(content).items():
            tried = content["arms"][arm]["trials"]
            values = [hundred(tried.get(f"{one:.0e}")) for one in RATES]
            lines.append([f"`{cell.row.name}`", cell.row.arm(arm).title, *values, f"{rate:.0e}"])
    return table(["row", "arm", *(f"validation at {rate:.0e}" for rate in RATES), "rate"], lines)


def seed_table(found: CellFiles) -> str:
    """Every cell by itself."""
    lines = []
    for content in found.values():
        row = ROWS[content["row"]]
        for scope, part in content["scopes"].items():
            values = [
                f"{title} {hundred(part['systems'][system]['value'])}"
                for system, title in row.titles.items()
                if system in part["systems"]
            ]
            steps = [f"{one['step']}" for one in content["arms"].values()]
            said = [f"`{row.name}`", f"{content['seed']}", scope, ", ".join(values), ", ".join(steps)]
            lines.append([*said, f"{content['core_seconds'] / 60:.1f}"])
    return table(["row", "seed", "scope", "values", "chosen steps of the arms", "core-minutes"], lines)
