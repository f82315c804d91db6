"""Commands that run a benchmark's cells: what they plan, and what they refuse."""

from __future__ import annotations

import pytest
from kinds import cell as kinds_cell
from reasoning import cell as reasoning_cell
from scripts import script

from vrft.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "cells"), [("kinds", kinds_cell.CELLS), ("reasoning", reasoning_cell.CELLS)]
)
def test_a_plan_counts_the_cells(name, cells, tmp_path, capsys):
    script(name).main(["--plan", "--out", str(tmp_path)])
    assert f"{len(cells)} cells, 0 done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("kinds", ["--cell", "counting-0"], "--out"),
        ("kinds", ["--cell", "counting-7", "--save"], "no cell 'counting-7'"),
        ("kinds", ["--table", "all", "--save", "--tiny"], "--out instead of --save"),
        ("kinds", ["--page"], "--docs"),
        ("reasoning", ["--cell", "four-0.2-0", "--out", "x"], "There is no cell 'four-0.2-0'"),
        ("reasoning", ["--cell", "two-0.2-0"], "name|writes into the folder of --out"),
        ("reasoning", ["--cell", "two-0.2-0", "--save", "--tiny"], "only try the code"),
        ("reasoning", ["--page"], "--docs"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(name, given, said):
    with pytest.raises(ConfigError, match=said):
        script(name).arguments(given)
