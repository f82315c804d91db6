"""Markdown tables of the page; fractions times 100."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mini.files import Groups
from mini.pooled import CellFile, SeedMean, lead, mean_rate, pooled
from mini.settings import SETTINGS
from mini.systems import BASE, BOTH, CONTROLS, EQUAL_STEPS, EQUAL_TOKENS, MAIN, RFT, SHUFFLED, TWIN
from vrft.evaluation.statistics import Difference
from vrft.tasks.number_format import NOTHING, hundred

TITLES = {
    BASE: "base",
    TWIN: "SFT",
    RFT: "RFT",
    BOTH: "SFT then RFT",
    SHUFFLED: "shuffled rewards",
    EQUAL_STEPS: "SFT, equal steps",
    EQUAL_TOKENS: "SFT, equal tokens",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; empty without rows."""
    if not rows:
        return ""
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def with_interval(drawn: SeedMean | Difference | None, sign: bool = False) -> str:
    """A value with its interval.

    Example:
        >>> with_interval(Difference(0.051, -0.01, 0.1, 0.03), sign=True)
        '+5.1 (−1.0 to +10.0)'
    """
    if drawn is None:
        return NOTHING
    seen = drawn.interval if isinstance(drawn, SeedMean) else drawn
    spread = f" ({hundred(seen.low, sign)} to {hundred(seen.high, sign)})" if seen.low is not None else ""
    return hundred(seen.value, sign) + spread


def minus(
    cells: Sequence[CellFile], first: str, second: str, scope: str | None = None, parsed: bool = False
) -> str:
    """The difference of two systems; a dash where one is missing."""
    return with_interval(lead(cells, first, second, scope, parsed), sign=True)


def _row(name: str, shots: int, cells: Sequence[CellFile], scope: str | None = None) -> list[str]:
    setting = SETTINGS[name]
    part = cells[0]["scopes"][scope or cells[0]["headline"]]
    title = setting.title + (f", {scope}" if scope else "")
    seeds = f"{len(cells)} of {setting.seeds[shots]}"
    return [title, f"{shots}", seeds, f"{part['n']} / {part['images']}"]


HEAD = ["setting", "shots", "seeds", "questions / images"]


def main_table(groups: Groups) -> str:
    """Values of the four systems and the two differences that matter."""
    rows = []
    for (name, shots), cells in groups.items():
        scopes = list(cells[0]["scopes"])
        for scope in scopes if len(scopes) > 1 else [None]:
            values = [with_interval(pooled(cells, system, scope)) for system in MAIN]
            gains = [minus(cells, RFT, other, scope) for other in (BASE, TWIN)]
            rows.append([*_row(name, shots, cells, scope), *values, *gains])
    return table([*HEAD, *(TITLES[s] for s in MAIN), "RFT - base", "RFT - SFT"], rows)


def parsed_table(groups: Groups) -> str:
    """What can be read, and the value of what can be read."""
    rows = []
    for (name, shots), cells in groups.items():
        row = _row(name, shots, cells)[:3]
        for system in (BASE, TWIN, RFT):
            row += [_percent(mean_rate(cells, system)), with_interval(pooled(cells, system, parsed=True))]
        rows.append([*row, minus(cells, RFT, BASE, parsed=True)])
    pairs = [f"{TITLES[s]}: {what}" for s in (BASE, TWIN, RFT) for what in ("read", "value given parsed")]
    return table([*HEAD[:3], *pairs, "RFT - base, given parsed"], rows)


def equal_table(groups: Groups) -> str:
    """RFT next to the twin at equal steps and equal tokens."""
    rows = []
    for (name, shots), cells in groups.items():
        tokens = [c["systems"] for c in cells]
        ratio = sum(_per_step(s[RFT]) / _per_step(s[c["twin"]]) for s, c in zip(tokens, cells, strict=True))
        row = [*_row(name, shots, cells)[:3], f"{ratio / len(cells):.1f}"]
        for system in (EQUAL_STEPS, EQUAL_TOKENS):
            row += [with_interval(pooled(cells, system)), minus(cells, RFT, system)]
        rows.append(row)
    head = ["tokens of a step, RFT / SFT", TITLES[EQUAL_STEPS], "RFT - it", TITLES[EQUAL_TOKENS], "RFT - it"]
    return table([*HEAD[:3], *head], rows)


def control_table(groups: Groups) -> str:
    """Shuffled rewards against base, the other controls against RFT."""
    rows = []
    for (name, shots), cells in groups.items():
        row = [
            *_row(name, shots, cells)[:3],
            with_interval(pooled(cells, SHUFFLED)),
            minus(cells, SHUFFLED, BASE),
        ]
        with_controls = [c for c in cells if "beta_0" in c["systems"]]
        further = [minus(with_controls, system, RFT) for system in CONTROLS]
        rows.append([*row, *further])
    head = [
        "shuffled rewards",
        "shuffled - base",
        *(f"{system.replace('_', ' ')} - RFT" for system in CONTROLS),
    ]
    return table([*HEAD[:3], *head], rows)


def twin_table(groups: Groups) -> str:
    """Which form of SFT was the twin, and what each form is worth on the held-out part."""
    forms = ("sft_direct", "sft_think", "sft_curated")
    rows = []
    for (name, shots), cells in groups.items():
        chosen = ", ".join(c["twin"].removeprefix("sft_") for c in cells)
        asked = ", ".join(c["form"] for c in cells)
        values = [with_interval(pooled(cells, form)) for form in forms]
        rows.append([*_row(name, shots, cells)[:3], asked, chosen, *values])
    return table(
        [*HEAD[:3], "form of RFT, by seed", "twin, by seed", *(f.removeprefix("sft_") for f in forms)], rows
    )


def calibration_table(groups: Groups) -> str:
    """Boxes, those that hit, expected calibration error and Brier score, means over seeds."""
    rows = []
    for (name, shots), cells in groups.items():
        if not cells[0]["calibration"]:
            continue
        row = _row(name, shots, cells)[:3]
        for system in (BASE, TWIN, RFT):
            found = [c["calibration"][system] | {"hits": _hits(c["calibration"][system])} for c in cells]
            counts = [f"{_mean(found, key):.0f}" for key in ("boxes", "hits")]
            row += [*counts, _decimals(found, "ece"), _decimals(found, "brier")]
        rows.append(row)
    head = [f"{TITLES[s]}: {what}" for s in (BASE, TWIN, RFT) for what in ("boxes", "hits", "ECE", "Brier")]
    return table([*HEAD[:3], *head], rows)


def boxed_table(groups: Groups) -> str:
    """How often something is boxed where the category is there, and where it is not; means over seeds."""
    rows = []
    for (name, shots), cells in groups.items():
        systems = (BASE, TWIN, RFT, SHUFFLED)
        for scope in cells[0]["scopes"]:
            found = [c["scopes"][scope]["systems"] for c in cells]
            found = [s for s in found if all("boxed" in s[system] for system in systems)]
            if not found:
                continue
            title = SETTINGS[name].title + (f", {scope}" if len(cells[0]["scopes"]) > 1 else "")
            pairs = [[s[system]["boxed"] for s in found] for system in systems]
            shares = [" / ".join(_percent(_mean(p, key)) for key in ("there", "absent")) for p in pairs]
            rows.append([title, f"{shots}", f"{len(found)} of {SETTINGS[name].seeds[shots]}", *shares])
    return table([*HEAD[:3], *(TITLES[s] for s in (BASE, TWIN, RFT, SHUFFLED))], rows)


def seed_table(groups: Groups) -> str:
    """Every cell by itself."""
    rows = []
    for (name, shots), cells in groups.items():
        for cell in cells:
            values = [with_interval(pooled([cell], system)) for system in MAIN]
            chosen = [cell["systems"][s]["chosen"] for s in (cell["twin"], RFT)]
            picks = [f"{c['learning_rate']:.0e}, step {c['step']}" for c in chosen]
            cost = f"{cell['core_seconds'] / 60:.1f}"
            rows.append([name, f"{shots}", f"{cell['seed']}", *values, *picks, cost])
    head = ["setting", "shots", "seed", *(TITLES[s] for s in MAIN), "SFT: rate, step", "RFT: rate, step"]
    return table([*head, "core-minutes"], rows)


def edges(groups: Groups) -> str:
    """How often the chosen trial lies at an end of what was tried, where something better may lie beyond."""
    cells = [cell for found in groups.values() for cell in found]
    chosen = []
    for system in (TWIN, RFT):
        rows = [cell["systems"][cell["twin"] if system == TWIN else RFT] for cell in cells]
        lowest, highest = (
            sum(
                row["chosen"]["learning_rate"] == end(t["learning_rate"] for t in row["trials"])
                for row in rows
            )
            for end in (min, max)
        )
        last = sum(map(at_the_end, rows))
        chosen.append(
            f"{TITLES[system]}'s lowest rate in {lowest}, highest in {highest}, last step in {last}"
        )
    return f"Of {len(cells)} cells validation chose {'; '.join(chosen)}."


def at_the_end(system: Mapping[str, Any]) -> bool:
    """Whether validation chose the last step of a system's trials."""
    return bool(system["chosen"]["step"] == system["trials"][0]["steps"])


def _per_step(system: dict[str, Any]) -> float:
    spent = system["tokens"]
    return float((spent["forward"] + spent["backward"]) / spent["steps"])


def _hits(row: dict[str, Any]) -> float:
    return float(sum(n * share for n, _, share in row["bins"] if n))


def _mean(found: Sequence[dict[str, Any]], key: str) -> float:
    values = [f[key] for f in found if f[key] is not None]
    return float(sum(values) / len(values)) if values else float("nan")


def _decimals(found: Sequence[dict[str, Any]], key: str) -> str:
    value = _mean(found, key)
    return NOTHING if value != value else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return NOTHING if value is None or value != value else f"{value:.0%}"
