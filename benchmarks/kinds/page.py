"""docs/results_kinds.md, made of the JSON files that are there and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mini.expected import verdicts_counted, verdicts_table
from mini.files import CellFiles
from mini.page import section

from kinds import tables
from kinds.cell import CELLS, DEVELOPMENTS, MIXED, SCALED, SEEDS, TABLES
from kinds.effort import FULL, HELDOUT, RATES, VALIDATION
from kinds.files import Rows, by_row, read_cells, read_developments
from kinds.measures import OFF
from kinds.plan import BUDGET_CORE_HOURS, core_hours
from kinds.predictions import PREDICTIONS
from vrft.run_folder import write_text

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """How a table is shown."""

    title: str
    about: str
    show: tuple[Callable[[Rows], str], ...]


def _arms(name: str) -> tuple[Callable[[Rows], str], ...]:
    return (partial(tables.arms_table, name=name),)


def _systems(name: str) -> tuple[Callable[[Rows], str], ...]:
    return partial(tables.systems_table, name=name), partial(tables.parsed_table, name=name)


SECTIONS: Mapping[str, Section] = {
    "tasks": Section(
        "Tasks",
        "Segmentation answers with boxes and points on the strokes. Its masks are made by flood fill, a "
        "stand-in for a segmenter that works on drawn images alone.",
        _systems("tasks"),
    ),
    "numbers": Section(
        "Rewards for numbers",
        "RFT by the reward for the number, all with the same reward for the form. *Exact* is 1 for the right "
        "count, and for a distance that is at most 5 % off.",
        _arms("numbers"),
    ),
    "longer": Section(
        "Pointing for longer",
        "The same with three times as many steps. Added when two of three seeds of the first table were "
        "there: RFT's validation still rose at its last step, and given parsed it was not clearly above the "
        "base.",
        _systems("longer"),
    ),
    "puzzles": Section(
        "Puzzles", "RFT and SFT on the puzzles' own answers, without any label.", _systems("puzzles")
    ),
    "confidence": Section(
        "Confidence of boxes",
        "Detection with the embedded `miniature`. All arms, and the base, rank boxes by the mean of the "
        "written confidence (`evaluation.score: expected`). *Supervised* is `grpo.confidence_weight: 0.3` in "
        "place of the paper's confidence reward.",
        _arms("confidence"),
    ),
    "mixture": Section(
        "Three tasks at once",
        f"{', '.join(MIXED)} in one run, by how rewards are normalised, and the same with ten times "
        f"the rewards of {SCALED}. A single run has a third of the steps. The last table: in how many steps "
        f"EMA's σ is more than {OFF:.0%} off that of averages of the same decay without a first value.",
        (*_arms("mixture"), tables.distorted_table),
    ),
    "warm_up": Section(
        "Puzzles before the labels",
        "`vrft fit --warm-up puzzles` against labels alone, at equal sampled tokens.",
        _arms("warm_up"),
    ),
    "selection": Section(
        "Selected questions",
        "Each rule of `data.select` against none, at equal sampled tokens with the rule's first answers.",
        _arms("selection"),
    ),
}
"""By table."""


def write_page(out: Path, docs: Path) -> str:
    """Write the page.

    Args:
        out: folder of JSON files.
        docs: folder of ``results_kinds.md``.

    Returns:
        What was written, in a sentence.
    """
    found = read_cells(out)
    path = docs / "results_kinds.md"
    write_text(path, page(found, read_developments(out)))
    return f"{path}: {len(found)} of {len(CELLS)} cells."


def page(found: CellFiles, developed: CellFiles) -> str:
    """The page's text."""
    rows = by_row(found)
    verdicts = [
        replace(verdict, row=f"{SECTIONS[name].title}: {verdict.row}")
        for name, expected in PREDICTIONS.items()
        for verdict in (one.verdict(rows) for one in expected)
    ]
    parts = [
        "# Other kinds of answers\n\nWritten by `python benchmarks/kinds.py --page`; do not edit.",
        section("What is there", _state(found, developed)),
        *(
            section(
                one.title,
                one.about,
                *([show(rows) for show in one.show] if _begun(name, rows) else ["Not run yet."]),
            )
            for name, one in SECTIONS.items()
        ),
        section("Predictions", verdicts_counted(verdicts), verdicts_table(verdicts), _reasons()),
        section("Protocol", protocol()),
        section("Rates", tables.rates_table(developed) or "The development seed has not run yet."),
        section("Every cell", tables.seed_table(found) or "None yet.", _origin(found)),
    ]
    return "\n\n".join(parts) + "\n"


def protocol() -> str:
    """The protocol with the code's own numbers."""
    numbers = {
        "rates": ", ".join(f"{rate:.0e}" for rate in RATES),
        "steps": FULL.steps,
        "every": FULL.every,
        "prompts": FULL.prompts,
        "group": FULL.group,
        "validation": VALIDATION,
        "heldout": HELDOUT,
        "seeds": len(SEEDS),
        "resamples": FULL.resamples,
        "forecast": core_hours({}, {})[1],
        "budget": BUDGET_CORE_HOURS,
    }
    return (HERE / "protocol.md").read_text("utf-8").format(**numbers).strip()


def _begun(name: str, rows: Rows) -> bool:
    return any(row.name in rows for row in TABLES[name])


def _reasons() -> str:
    lines = [
        f"- {SECTIONS[name].title}: {one.rows[0].title}, {one.what}: {one.why}."
        for name, expected in PREDICTIONS.items()
        for one in expected
    ]
    return "\n".join(["Why each was expected:\n", *lines])


def _state(found: CellFiles, developed: CellFiles) -> str:
    spent, left = core_hours(found, developed)
    return (
        f"{len(found)} of {len(CELLS)} cells, and the rates of {len(developed)} of {len(DEVELOPMENTS)} rows. "
        f"{spent:.1f} core-hours of a budget of {BUDGET_CORE_HOURS}; the others will take about {left:.1f}."
    )


def _origin(found: CellFiles) -> str:
    machines = sorted({f"{cell['hardware']} ({cell['threads']} threads)" for cell in found.values()})
    weights = sorted({str(cell["weights"])[:12] for cell in found.values()})
    return f"Hardware: {'; '.join(machines)}. Weights: {', '.join(weights)}." if found else ""
