"""Every function and test that docs/paper_index.md names exists, and no reward or loss is missing there."""

from __future__ import annotations

import ast
import re
from functools import cache, partial
from pathlib import Path

import pytest

from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.registry import load_task
from vrft.training.advantages import ADVANTAGES
from vrft.training.kl import ESTIMATORS
from vrft.training.losses import LOSSES

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "docs" / "paper_index.md"
_CELL = re.compile(r"(?<!\\)\|")
ROWS = [
    [cell.strip() for cell in _CELL.split(line)[1:-1]]
    for line in INDEX.read_text("utf-8").splitlines()
    if line.startswith("|") and "`" in line
]


@cache
def defined(path: Path) -> frozenset[str]:
    """Functions and classes at the top of a file, read without importing it: some need torch."""
    nodes = ast.parse(path.read_text("utf-8")).body
    return frozenset(n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef))


def function_exists(name: str) -> bool:
    module, _, function = name.rpartition(".")
    path = ROOT.joinpath("src", *module.split(".")).with_suffix(".py")
    return path.exists() and function in defined(path)


def is_a_test(name: str) -> bool:
    path, _, function = name.partition("::")
    return (ROOT / path).exists() and function.startswith("test_") and function in defined(ROOT / path)


def functions() -> set[str]:
    return {row[-2].strip("`") for row in ROWS}


def test_the_index_is_there():
    assert len(ROWS) > 60
    assert all(len(row) in (3, 4) for row in ROWS)
    papers = " ".join(row[0] for row in ROWS)
    assert all(f"Eq. {n}" in papers or f"-{n}," in papers for n in range(1, 10))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[-2].strip("`"))
def test_both_names_of_a_row_exist(row):
    function, test = (cell.strip("`") for cell in row[-2:])
    assert function_exists(function), f"{INDEX.name}: there is no {function}"
    assert is_a_test(test), f"{INDEX.name}: there is no {test}"


def test_names_that_do_not_exist_are_seen():
    assert not function_exists("vrft.rewards.box_rewards.iou_imagined")
    assert not function_exists("vrft.rewards.imagined.iou_paper")
    assert not is_a_test("tests/test_paper_index.py::test_imagined")
    assert not is_a_test("tests/test_imagined.py::test_the_index_is_there")


PAPER_TASKS = ("classification", "detection", "grounding")


@pytest.mark.parametrize("task", PAPER_TASKS)
def test_every_reward_of_the_papers_tasks_is_in_the_index(task):
    offered = [*load_task(task).terms.values()]
    for terms in load_task(task).settings.values():
        offered += terms.values()
    plain = [term.reward if isinstance(term, RewardTerm) else term for term in offered]
    plain = [term.func if isinstance(term, partial) else term for term in plain]
    assert plain
    assert {f"{f.__module__}.{f.__name__}" for f in plain} - functions() == set()


def test_every_advantage_loss_and_estimator_is_in_the_index():
    offered = [*ADVANTAGES.values(), *LOSSES.values(), *ESTIMATORS.values()]
    found = {f"{one.__module__}.{one.__name__}" for one in offered}
    assert len(found) >= 15
    assert found - functions() == set()
