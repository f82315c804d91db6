"""Our settings: the recommended ones hold everywhere, the others fail where the documentation says."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrft.diagnostics.audit.attack import attacks_on
from vrft.diagnostics.audit.audit_plan import lay_out
from vrft.diagnostics.audit.audited_rule import setting_rule
from vrft.diagnostics.audit.run_audit import audit
from vrft.tasks.registry import load_task
from vrft.types import Form

TASKS = ("detection", "grounding", "classification")
PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")


def table(name):
    """Rows of a table of the page, cell by cell, without its head."""
    part = PAGE.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0].strip().splitlines()
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in part[2:]]


def said_of(task, setting):
    """Failed verdict -> attacks that the page says show it."""
    rows = [row for row in table("settings-table") if row[:2] == [task, setting]]
    assert rows, f"{task}, {setting}: not on the page"
    return {row[2].strip("`"): row[3] for row in rows if row[2] != "none"}


def settings():
    return [(task, setting) for task in TASKS for setting in load_task(task).settings]


def test_the_page_speaks_of_every_setting_and_no_other():
    assert {(row[0], row[1]) for row in table("settings-table")} == set(settings())


@pytest.mark.parametrize(("task", "setting"), settings())
def test_a_setting_fails_what_the_page_says_and_nothing_else(plan_of, task, setting):
    plan = plan_of(task)
    found = audit(setting_rule(plan.task, setting), plan)
    said = said_of(task, setting)
    assert set(found.failed) == set(said)
    for verdict in found.verdicts:
        if not verdict.passed:
            shown = {verdict.attack, *verdict.also}
            named = said[verdict.name]
            names = {name.strip("` ") for name in named.split(", `")} if "`" in named else {named}
            assert names <= shown, verdict.name


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("task", TASKS)
def test_recommended_settings_hold_in_both_forms_and_for_other_questions(task, form):
    for seed in (1, 2):
        plan = lay_out(load_task(task), form=form, targets=60, seed=seed)
        found = audit(setting_rule(plan.task, "recommended"), plan)
        assert found.failed == (), [v.says for v in found.verdicts if not v.passed]


def test_the_page_lists_every_attack():
    tasks: dict[str, list[str]] = {}
    attacks = {}
    for task in TASKS:
        for attack in attacks_on(load_task(task)):
            attacks[attack.name] = attack
            tasks.setdefault(attack.name, []).append(task)
    assert {tuple(row) for row in table("attacks-table")} == {
        (
            f"`{name}`",
            str(attack.role),
            "all" if len(tasks[name]) == len(TASKS) else ", ".join(tasks[name]),
            attack.says,
        )
        for name, attack in attacks.items()
    }
