"""docs/results_reasoning.md, made of the JSON files that are there and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mini.expected import verdicts_counted, verdicts_table
from mini.page import section

from reasoning import tables
from reasoning.cell import CELLS, MAIN, PLAIN, TABLES, UNSURE, VARIANTS
from reasoning.effort import FORCED, FULL, OBJECTS, REJECTION_RATES, SAMPLES
from reasoning.files import CellFiles, by_row, read_cells
from reasoning.plan import BUDGET_CORE_HOURS, core_hours
from reasoning.plots import PLOTS, write_plots
from reasoning.questions import HELDOUT, POOL, TRAIN, VALIDATION
from reasoning.takeaways import takeaways
from vrft.run_folder import write_text
from vrft.workflows.fit_settings import FitSettings

HERE = Path(__file__).parent
FOLLOWS = (
    "Asked behind a given chain: the share of answers that are the sum which the chain ends with. Where an "
    "answer follows a changed chain as often as a right one, it is made of the chain, not read off the image."
)
BOUND = (
    "RFT can make likely what the base says at times. Where its greedy answers exceed the base's pass@8 by "
    "more than noise, something else was learned as well."
)


def write_page(out: Path, docs: Path) -> str:
    """Write the page and its plots.

    Args:
        out: folder of JSON files.
        docs: folder of ``results_reasoning.md``; plots go into ``results`` in it.

    Returns:
        What was written, in a sentence.
    """
    found = read_cells(out)
    plots = write_plots(by_row(found), docs / "results")
    paths = {name: path.relative_to(docs).as_posix() for name, path in plots.items()}
    path = docs / "results_reasoning.md"
    write_text(path, page(found, paths))
    return f"{path}: {len(found)} of {len(CELLS)} cells, {len(plots)} plots."


def page(found: CellFiles, plots: Mapping[str, str]) -> str:
    """The page's text."""
    rows = by_row(found)
    verdicts = tables.verdicts(rows)

    def figure(name: str) -> str:
        return f"![{PLOTS[name]}]({plots[name]})\n\n{PLOTS[name]}." if name in plots else ""

    parts = [
        "# When the answer has to be worked out\n\n"
        "Written by `python benchmarks/reasoning.py --page`; do not edit.",
        section("Takeaways", takeaways(rows)),
        section("RFT against SFT on labels", tables.summary_table(rows)),
        section("What the words mean", filled("words.md")),
        section("All systems", tables.arms_table(rows), figure("reasoning_systems")),
        section(
            "How many chains a base needs",
            tables.chains_table(rows),
            figure("reasoning_shares"),
            figure("reasoning_steps"),
        ),
        section("What moves the threshold", tables.threshold_table(rows), figure("reasoning_threshold")),
        section("Three digits, and a box", tables.questions_table(rows)),
        section("What rejection sampling learned", tables.rejection_table(rows)),
        section("Predictions", verdicts_counted(verdicts), verdicts_table(verdicts)),
        section("What the base reaches at all", BOUND, tables.bound_table(rows)),
        section("Do answers follow their chain?", FOLLOWS, tables.follows_table(rows)),
        section("Old skills", tables.skills_table(rows)),
        section("Cost", tables.cost_table(rows)),
        section("Protocol", filled("protocol.md")),
        section("What is there", _state(found)),
        section("Every cell", tables.seed_table(rows), _origin(found)),
    ]
    return "\n\n".join(parts) + "\n"


def filled(name: str) -> str:
    """A text beside this file with the code's own numbers."""
    return (HERE / name).read_text("utf-8").format(**_numbers()).strip()


def _numbers() -> dict[str, Any]:
    def rates(given: tuple[float, ...]) -> str:
        return ", ".join(f"{rate:.0e}" for rate in given)

    def shares(given: tuple[float, ...]) -> str:
        return ", ".join(f"{share:g}" for share in given)

    return {
        "main": MAIN,
        "train": TRAIN,
        "pool": POOL,
        "validation": VALIDATION,
        "heldout": HELDOUT,
        "prompts": FULL.prompts,
        "steps": FULL.steps,
        "every": FULL.every,
        "group": FULL.group,
        "beta": FULL.beta,
        "sft_rates": rates(FULL.sft_rates),
        "rft_rates": rates(FULL.rft_rates),
        "rejection_rates": rates(REJECTION_RATES),
        "sft_trials": 2 * len(FULL.sft_rates),
        "rft_trials": len(FULL.rft_rates),
        "keep": FitSettings.rejection_keep,
        "few_shares": shares(tuple(dict.fromkeys(cell.share for cell in TABLES["chains"]))),
        "unsure": shares(UNSURE),
        "variants": "; ".join(one.title for name, one in VARIANTS.items() if name != PLAIN),
        "resamples": FULL.resamples,
        "samples": SAMPLES,
        "forced": FORCED,
        "objects": OBJECTS,
        "forecast": core_hours({})[1],
        "budget": BUDGET_CORE_HOURS,
    }


def _state(found: CellFiles) -> str:
    spent, left = core_hours(found)
    counted = f"{len(found)} of {len(CELLS)} cells, {spent:.1f} core-hours"
    said = f"{counted}; the budget for all is {BUDGET_CORE_HOURS}."
    missing = [f"`{cell.name}`" for cell in CELLS if cell not in found]
    if not missing:
        return said
    return f"{said} The others will take about {left:.1f}.\n\nMissing, and in no table: {', '.join(missing)}."


def _origin(found: CellFiles) -> str:
    machines = sorted({f"{cell['hardware']} ({cell['threads']} threads)" for cell in found.values()})
    weights = {(cell.share, content["weights"]) for cell, content in found.items()}
    listed = ", ".join(f"{share:g}: {str(digest)[:12]}" for share, digest in sorted(weights, key=str))
    return f"Hardware: {'; '.join(machines)}. Weights by share of chains: {listed}." if found else ""
