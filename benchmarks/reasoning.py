"""When the answer has to be worked out: RFT against SFT, rejection sampling and controls.

    python benchmarks/reasoning.py --plan                              # cells, state, budget; trains nothing
    python benchmarks/reasoning.py --table main --bases FOLDER --save  # every cell that is not there yet
    python benchmarks/reasoning.py --cell two-0.2-0 --save             # one cell
    python benchmarks/reasoning.py --page --docs FOLDER                # results_reasoning.md from the files

The bases are made by dev/miniature_training/reason.py; without --bases the embedded one serves the cells at
its share of chains. A JSON file for each cell in the folder of --out, or with --save under results/reasoning.
A finished cell is not run again; a stopped one goes on where it was, trial by trial, from runs/reasoning.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from mini.console import Lines, part_of
from reasoning.cell import BY_NAME, TABLES
from reasoning.effort import FULL, TINY
from reasoning.files import read_cells
from reasoning.page import write_page
from reasoning.plan import plan_text
from reasoning.run_cell import run_cell
from result_file import ROOT, add_cell_options, check_places, result_parser

from vrft.errors import ConfigError, VrftError

RESULTS = ROOT / "results" / "reasoning"


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line.

    Raises:
        ConfigError: nothing says where the result goes, or there is no such cell.
    """
    parser = result_parser(__doc__ or "", RESULTS)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", action="store_true", help="cells, which are there, and the budget")
    what.add_argument("--table", choices=[*TABLES, "all"], help="run every missing cell of a table")
    what.add_argument("--cell", help="run one cell, such as two-0.2-0")
    what.add_argument("--page", action="store_true", help="write results_reasoning.md and its plots")
    parser.add_argument("--bases", type=Path, help="folder of chains-0, chains-0.02 and so on")
    parser.add_argument("--model", help="this base in every cell, to try the code")
    add_cell_options(parser, RESULTS, threads=1)
    a = parser.parse_args(given)
    check_places(a, "A cell" if a.table or a.cell else "", RESULTS)
    if a.save and (a.tiny or a.model):
        raise ConfigError("--tiny and --model only try the code: give --out instead of --save.")
    if a.cell and a.cell not in BY_NAME:
        raise ConfigError(f"There is no cell '{a.cell}'. Choose one of: {', '.join(BY_NAME)}.")
    return a


def main(given: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    a = arguments(given)
    torch.set_num_threads(a.threads)
    out = a.out or RESULTS
    if a.plan:
        print(plan_text(read_cells(out)))
    elif a.page:
        print(write_page(out, a.docs or ROOT / "docs"))
    else:
        named = [cell for table, cells in TABLES.items() if a.table in (table, "all") for cell in cells]
        cells = [BY_NAME[a.cell]] if a.cell else named
        for cell in part_of(cells, a.part):
            model = a.model or cell.model(a.bases)
            effort = TINY if a.tiny else FULL
            run_cell(cell, out, a.work, Lines(), model=model, effort=effort, keep=a.keep)


if __name__ == "__main__":
    try:
        main()
    except VrftError as error:
        sys.exit(str(error))
