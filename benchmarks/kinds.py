"""Other kinds of answers on the miniature: SFT, RFT and controls, rewards for numbers, puzzles, mixtures.

    python benchmarks/kinds.py --plan                        # cells, state, budget; trains nothing
    python benchmarks/kinds.py --develop tasks --save        # seed 9: all rates, for each arm of a table
    python benchmarks/kinds.py --table tasks --save          # every cell that is not there yet
    python benchmarks/kinds.py --cell counting-0 --save      # one cell; counting-9 is of the development seed
    python benchmarks/kinds.py --page --save                 # docs/results_kinds.md from the files

A JSON file for each cell in the folder of --out, or with --save under results/kinds. A cell takes its rates
from the file of the development seed there. A finished cell is not run again; a stopped one goes on where it
was, trial by trial, from runs/kinds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch
from kinds.cell import CELLS, DEVELOPMENT, DEVELOPMENTS, TABLES, Cell
from kinds.effort import FULL, TINY
from kinds.files import read_cells, read_developments
from kinds.page import write_page
from kinds.plan import plan_text
from kinds.run_cell import run_cell
from mini.console import Lines, part_of
from result_file import ROOT, add_cell_options, check_places, result_parser

from vrft.errors import ConfigError, VrftError

RESULTS = ROOT / "results" / "kinds"
EVERY = {**CELLS, **DEVELOPMENTS}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line.

    Raises:
        ConfigError: nothing says where the result goes, or there is no such cell.
    """
    parser = result_parser(__doc__ or "", RESULTS)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", action="store_true", help="cells, which are there, and the budget")
    what.add_argument("--develop", choices=[*TABLES, "all"], help="set the rates of a table")
    what.add_argument("--table", choices=[*TABLES, "all"], help="run every missing cell of a table")
    what.add_argument("--cell", help="run one cell, such as counting-0")
    what.add_argument("--page", action="store_true", help="write results_kinds.md")
    add_cell_options(parser, RESULTS, threads=1)
    a = parser.parse_args(given)
    check_places(a, "A cell" if a.develop or a.table or a.cell else "", RESULTS)
    if a.save and a.tiny:
        raise ConfigError("--tiny only tries the code: give --out instead of --save.")
    if a.cell and a.cell not in EVERY:
        raise ConfigError(f"There is no cell '{a.cell}'. Choose one of: {', '.join(EVERY)}.")
    return a


def chosen_cells(a: argparse.Namespace) -> Sequence[Cell]:
    """The cells that a command line names."""
    if a.cell:
        return [EVERY[a.cell]]
    named = [
        row for table, rows in TABLES.items() if (a.develop or a.table) in (table, "all") for row in rows
    ]
    return [
        cell for cell in EVERY.values() if cell.row in named and (cell.seed == DEVELOPMENT) == bool(a.develop)
    ]


def main(given: Sequence[str] | None = None) -> None:
    """Do what the command line asks for."""
    a = arguments(given)
    torch.set_num_threads(a.threads)
    out = a.out or RESULTS
    if a.plan:
        print(plan_text(read_cells(out), read_developments(out)))
    elif a.page:
        print(write_page(out, a.docs or ROOT / "docs"))
    else:
        for cell in part_of(chosen_cells(a), a.part):
            run_cell(cell, out, a.work, Lines(), TINY if a.tiny else FULL, a.keep)


if __name__ == "__main__":
    try:
        main()
    except VrftError as error:
        sys.exit(str(error))
