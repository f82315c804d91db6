"""The paper's five settings in small: base, SFT twin, RFT, SFT then RFT, and the controls.

    python benchmarks/mini.py --plan                                   # cells, state, budget; trains nothing
    python benchmarks/mini.py --table main                             # every cell that is not there yet
    python benchmarks/mini.py --setting detection --shots 2 --seed 0   # one cell
    python benchmarks/mini.py --study data      # twin, data, size, difficulty, sensitivity, control, attempts
    python benchmarks/mini.py --page --docs FOLDER                     # results.md from the JSON files

A JSON file for each cell in the folder of --out, or with --save under results/mini, and with --page --save
docs/results.md, whose first table is made of results/reasoning and results/kinds too. A finished cell is not
run again; a stopped one goes on where it was, trial by trial, from runs/mini.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

import torch
from kinds.files import by_row as kinds_by_row
from kinds.files import read_cells as kinds_cells
from mini.cell import Cell, main_table, run_cell
from mini.console import Lines, part_of
from mini.effort import FULL, TINY, Effort
from mini.files import read_cells
from mini.page import write_page
from mini.plan import plan_text
from mini.settings import SETTINGS
from mini.studies import STUDIES
from mini.studies.points import run_point
from reasoning.files import by_row
from reasoning.files import read_cells as reasoning_cells
from reasoning.opening import opening
from result_file import ROOT, add_cell_options, check_places, result_parser

from vrft.errors import ConfigError, VrftError

RESULTS, REASONING, KINDS = (ROOT / "results" / name for name in ("mini", "reasoning", "kinds"))
OF_EACH = {
    "setting": {"shots", "seed", "keep"},
    "table": {"part", "keep"},
    "study": {"on", "seed", "models", "part"},
    "plan": set(),
    "page": {"docs"},
}
"""What to do, and the options that have a meaning in it besides those of every run."""


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line.

    Raises:
        ConfigError: an option has no meaning in what is asked for.
    """
    parser = result_parser(__doc__ or "", RESULTS)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", action="store_true", help="cells, which are there, and the budget")
    what.add_argument("--table", choices=["main"], help="run every missing cell of the table")
    what.add_argument("--setting", choices=list(SETTINGS), help="run one cell, with --shots and --seed")
    what.add_argument("--study", choices=list(STUDIES), help="run one study")
    what.add_argument("--page", action="store_true", help="write results.md and its plots")
    parser.add_argument("--shots", type=int, help="shots of the cell; by default the setting's reference")
    parser.add_argument("--seed", type=int, help="of the cell, 0 by default; of a study all where not given")
    add_cell_options(parser, RESULTS, threads=2)
    parser.add_argument("--on", choices=list(SETTINGS), help="setting of a study")
    parser.add_argument("--models", nargs="*", default=[], help="further models of --study size and attempts")
    a = parser.parse_args(given)
    (doing,) = [name for name in OF_EACH if getattr(a, name)]
    for name in set().union(*OF_EACH.values()) - OF_EACH[doing]:
        if getattr(a, name) != parser.get_default(name):
            raise ConfigError(f"--{name} has no meaning with --{doing}: leave it out.")
    check_places(a, f"--{doing}" if doing in ("setting", "table", "study") else "", RESULTS)
    return a


def run_cells(cells: Sequence[Cell], a: argparse.Namespace, effort: Effort) -> None:
    """Cells one after the other."""
    for cell in cells:
        run_cell(cell, a.out or RESULTS, a.work, Lines(), effort, a.keep)


def main(given: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    a = arguments(given)
    torch.set_num_threads(a.threads)
    effort, out = TINY if a.tiny else FULL, a.out or RESULTS
    if a.plan:
        print(plan_text(read_cells(out)))
    elif a.page:
        others = by_row(reasoning_cells(REASONING)), kinds_by_row(kinds_cells(KINDS))
        print(write_page(out, a.docs or ROOT / "docs", partial(opening, *others)))
    elif a.study:
        points = STUDIES[a.study].chosen(effort, a.models, a.on, a.seed)
        for point in part_of(points, a.part):
            run_point(point, out, a.work, Lines())
    elif a.table:
        run_cells(part_of(main_table(), a.part), a, effort)
    else:
        shots = a.shots if a.shots is not None else SETTINGS[a.setting].reference
        run_cells([Cell(a.setting, shots, a.seed or 0)], a, effort)


if __name__ == "__main__":
    try:
        main()
    except VrftError as error:
        sys.exit(str(error))
