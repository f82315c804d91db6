"""docs/results.md, made of the JSON files that are there and of nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mini import tables
from mini.cell import main_table
from mini.claims import Claim, claims, differences
from mini.expected import STATES
from mini.families import families_table
from mini.files import CellFiles, Groups, grouped, missing_cells, read_cells, studies
from mini.plan import BUDGET_CORE_HOURS, core_hours
from mini.plots import write_plots
from mini.protocol import protocol, reading
from mini.readers import answers
from mini.settings import SETTINGS
from mini.statement import plain_statement
from mini.studies import STUDIES
from mini.studies.attempts import PROTOCOL
from mini.studies.study import Found, Study
from mini.systems import BASE, RFT, TWIN
from vrft.geometry.matching import TAU
from vrft.run_folder import write_text

PLOTS = {
    "rft_minus_base": "RFT - base in each setting at its reference number of shots, times 100",
    "rft_minus_sft": "RFT - SFT, likewise",
    "shuffled_minus_base": "Shuffled rewards - base, likewise",
    "shots_classification": "Few-shot classification, accuracy times 100 over shots, with intervals",
    "shots_detection": "Few-shot detection, AP times 100 over shots, with intervals",
    "reliability_base": "Share of hits over confidence before training, two-shot detection, boxes of all "
    "seeds together; a whisker is the 95 % interval of a share",
    "reliability_rft": "The same after RFT",
}


CONFIDENCE = (
    f"Means over seeds; a hit is a box above an IoU of {TAU} with a label of its own. Gold answers say "
    "confidence 1.0 of every box, so SFT can learn no other, and AP ranks boxes by confidence. Where RFT has "
    "no more hits than SFT but fewer boxes or a smaller error, what lifts its AP is doubt, not sight."
)
BOXED = (
    "Share of the answers that box something, where the category is there and where it is not. Cells that "
    "ran before this was counted are left out. Two shares that are equal mean that the policy guesses: AP "
    "pays for guesses that happen to hit and takes little for those that do not, so that a value may rise, "
    "on shuffled rewards too, without anything being recognized."
)


def write_page(out: Path, docs: Path, opening: Callable[[Groups], str] = lambda groups: "") -> str:
    """Write the page and its plots.

    Args:
        out: folder of JSON files.
        docs: folder of ``results.md``; plots go into ``results`` in it.
        opening: what comes before the page.

    Returns:
        What was written, in a sentence.
    """
    found, points = read_cells(out), studies(out)
    plots = write_plots(grouped(found), points, docs / "results")
    paths = {name: path.relative_to(docs).as_posix() for name, path in plots.items()}
    parts = [opening(grouped(found)), page(found, points, paths)]
    write_text(docs / "results.md", "\n\n".join(part for part in parts if part))
    count = len(main_table()) - len(missing_cells(found))
    return f"{docs / 'results.md'}: {count} of {len(main_table())} cells, {len(plots)} plots."


def page(found: CellFiles, points: Mapping[str, Found], plots: Mapping[str, str]) -> str:
    """The page's text."""
    groups, attempts = grouped(found), _attempts(points)
    parts = [
        "# The small benchmark\n\nWritten by `python benchmarks/mini.py --page`; do not edit.",
        f"## Protocol\n\n{protocol()}",
        f"## How to read it\n\n{reading(points)}",
        f"## What is there\n\n{_state(found)}",
        section("What it was to show", plain_statement(groups), _claims(claims(groups))),
        *([section("The five settings", families_table(groups))] if groups else []),
        section("What readers of the paper ask", answers(points, groups)),
    ]
    if groups:
        shown = [
            _figure(name, plots) for name in PLOTS if name in plots and not name.startswith("reliability")
        ]
        reliable = [
            _figure(name, plots) for name in PLOTS if name in plots and name.startswith("reliability")
        ]
        parts += [
            section("Equal images", tables.main_table(groups), *shown),
            section("Values of the answers that can be read", tables.parsed_table(groups)),
            section("Equal steps, equal tokens", tables.equal_table(groups)),
            section("Controls", tables.control_table(groups)),
            section("Which form of SFT was the twin", tables.twin_table(groups)),
            section("Confidence", CONFIDENCE, tables.calibration_table(groups), *reliable),
            section("What is boxed", BOXED, boxed) if (boxed := tables.boxed_table(groups)) else "",
            section("Against the paper", _against_the_paper(groups, attempts)),
        ]
    parts += [_study(study, points.get(name, ()), groups, plots) for name, study in STUDIES.items()]
    if groups:
        parts.append(section("Every cell", tables.seed_table(groups), tables.edges(groups), _origin(groups)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _state(found: CellFiles) -> str:
    cells, missing = main_table(), missing_cells(found)
    spent, left = core_hours(found)
    lines = [
        f"{len(cells) - len(missing)} of {len(cells)} cells of the main table, {spent:.1f} core-hours; "
        f"the budget for all is {BUDGET_CORE_HOURS}."
    ]
    if left is not None and missing:
        lines[0] += f" The others will take about {left:.1f} at the cost of those that are there."
    if missing:
        names = ", ".join(f"`{cell.name}`" for cell in missing)
        lines.append(f"Missing (setting-shots-seed), and therefore in no table: {names}.")
    return "\n\n".join(lines)


def _claims(found: Sequence[Claim]) -> str:
    rows = [[c.text, STATES[c.holds], c.seen] for c in found]
    undecided = any(c.holds is None for c in found)
    note = "\n\n*open*: cells are missing that may decide it." if undecided else ""
    return tables.table(["claim", "holds", "seen"], rows) + note


def _against_the_paper(groups: Groups, attempts: Counter[str]) -> str:
    """The paper reports RFT above base and above SFT everywhere; where this does not, it is said."""
    lines = []
    for other in (BASE, TWIN):
        for (name, shots), seen in differences(groups, RFT, other).items():
            if seen.low is None or seen.low > 0:
                continue
            below = seen.high is not None and seen.high < 0
            said = "is below" if below else "cannot be distinguished from"
            title = f"{SETTINGS[name].title}, {shots} shot{'s' if shots > 1 else ''}"
            difference = tables.with_interval(seen, sign=True)
            tried = f"Attempts in this setting: {attempts[name]}"
            lines.append(f"- {title}: RFT {said} {tables.TITLES[other]}, difference {difference}. {tried}.")
    opening = "The paper reports RFT above base and above SFT in every setting. Here it is otherwise in:"
    if not lines:
        return "In every row that is there RFT is above base and above SFT, as the paper reports."
    closing = (
        "An attempt is one change of RFT (`--study attempts --on SETTING`) or a point of the study of group "
        "size, beta and learning rate (`--study sensitivity --on SETTING`), both below; the controls above "
        "come on top of them."
    )
    return "\n".join([opening, "", *lines, "", closing])


def _attempts(points: Mapping[str, Found]) -> Counter[str]:
    """By setting: changes that were tried, over however many seeds, and points of the map."""
    changes = {(p["setting"], p["x"]["attempt"]) for p in points.get("attempts", ())}
    tried = [setting for setting, name in changes if name != PROTOCOL]
    return Counter([*tried, *(point["setting"] for point in points.get("sensitivity", ()))])


def _study(study: Study, found: Found, groups: Groups, plots: Mapping[str, str]) -> str:
    command = f"`python benchmarks/mini.py --study {study.name}`"
    if not found:
        return section(study.title, f"Not run yet: {command}.")
    figures = [f"![{study.title}]({plots[study.name]})"] if study.name in plots else []
    settings = Counter(point["setting"] for point in found)
    counted = f"{command}; points: {', '.join(f'{settings[s]} of {s}' for s in SETTINGS if s in settings)}."
    words = study.sentences(found, groups)
    return section(study.title, counted, study.about, study.table(found, groups), *words, *figures)


def _origin(groups: Groups) -> str:
    cells = [cell for found in groups.values() for cell in found]
    machines = sorted({f"{cell['hardware']} ({cell['threads']} threads)" for cell in cells})
    weights = sorted({str(cell["model_sha256"])[:12] for cell in cells})
    return f"Hardware: {'; '.join(machines)}. Weights (sha256): {', '.join(weights)}."


def _figure(name: str, plots: Mapping[str, str]) -> str:
    return f"![{PLOTS[name]}]({plots[name]})\n\n{PLOTS[name]}."


def section(title: str, *parts: str) -> str:
    """A heading and what is under it; empty parts are left out."""
    return "\n\n".join([f"## {title}", *(part for part in parts if part)])
