"""``vrft check``: examine labelled pictures, or the data and model of a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vrft.config.recipes import SUFFIX, recipe_names, recipe_path
from vrft.config.run_config import RunConfig, load_config, make_config
from vrft.data.dataset import readers
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Report, Severity
from vrft.diagnostics.check.run_check import OpenModel, check
from vrft.errors import InputError
from vrft.miniature.location import MINIATURE
from vrft.progress import Narrator
from vrft.workflows.fit_settings import FitSettings

SHOWN = 5
"""Findings of one kind that the table shows."""
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: None}


def run_check(
    path: Path,
    task: str | None,
    model: str | None,
    shots: int | None,
    seed: int | None,
    out: Path,
    narrator: Narrator,
) -> Report:
    """Examine a folder of labelled pictures, or what a configuration names.

    Args:
        path: labelled pictures, a YAML file, or a shipped recipe's name.
        task: the task; the labels' or the configuration's own where None.
        model: the model; the miniature or the configuration's own where None.
        shots: training pictures a class; 4 or the configuration's own where None.
        seed: of the split; 0 or the configuration's own where None.
        out: folder of the drawn pictures.
        narrator: where progress goes.

    Raises:
        InputError: nothing is there, or the configuration cannot be read.
    """
    named = str(path).removesuffix(SUFFIX) in recipe_names()
    if not path.exists() and not named:
        raise InputError(f"{path}: there is no such folder, file or recipe. Check the path.")
    if not path.exists() or _is_config(path):
        given = {"task": task, "model.path": model, "data.shots": shots, "seed": seed}
        overrides = [f"{key}={value}" for key, value in given.items() if value is not None]
        config = load_config(recipe_path(path), overrides)
        return check(config, config.task, _opener(out), narrator)
    return check(_plain(path, model, shots, seed), task, _opener(out), narrator)


def print_report(found: Report, out: Console) -> None:
    """Counts, findings and verdict for people.

    Args:
        found: a finished examination.
        out: where to.
    """
    if found.format is not None:
        counted = [f"{name} {count.pictures}" for name, count in list(found.classes.items())[:12]]
        more = ", ..." if len(found.classes) > 12 else ""
        classes = f" Pictures a class: {', '.join(counted)}{more}." if counted else ""
        told = f"{found.pictures} pictures ({found.format}), task {found.task}.{classes}"
        out.print(told, markup=False, soft_wrap=True)
    if found.findings:
        table = Table("", "what was found, where, and what mends it", show_lines=True)
        for finding in _shortened(found.findings):
            lines = (finding.message, finding.where, finding.mend)
            cell = Text("\n".join(line for line in lines if line), overflow="fold")
            table.add_row(finding.severity, cell, style=STYLES[finding.severity])
        out.print(table)
    counts = {severity: len(found.of(severity)) for severity in Severity}
    numbers = ", ".join(f"{n} {severity}" + ("s" if n != 1 else "") for severity, n in counts.items())
    out.print(f"{numbers}." + ("" if found.passed else " Mend the errors first."), markup=False)


def as_json(found: Report) -> dict[str, Any]:
    """The report as plain JSON values."""
    return {
        "path": str(found.path),
        "task": found.task,
        "format": found.format,
        "pictures": found.pictures,
        "classes": {name: asdict(count) for name, count in found.classes.items()},
        "passed": found.passed,
        **{f"{severity}s": len(found.of(severity)) for severity in Severity},
        "findings": [asdict(finding) for finding in found.findings],
    }


def _is_config(path: Path) -> bool:
    """Whether a file is a configuration: YAML that no reader knows as labels."""
    return path.suffix in {".yaml", ".yml"} and not any(reader.detects(path) for reader in readers())


def _plain(path: Path, model: str | None, shots: int | None, seed: int | None) -> RunConfig:
    """The settings with which ``vrft fit`` would take the data."""
    settings = FitSettings(path, "detection", model if model is not None else MINIATURE)
    return make_config(
        {
            "seed": settings.seed if seed is None else seed,
            "model": {"path": settings.model},
            "data": {"path": str(path), "shots": settings.shots if shots is None else shots},
            "rollout": {"max_new_tokens": settings.recipe.max_new_tokens},
        }
    )


def _opener(out: Path) -> OpenModel:
    """How the model is joined to the data, without its weights."""

    def join(case: DataCase) -> Any:
        # A light installation examines data all the same, so torch is asked for no earlier.
        from vrft.diagnostics.check.on_model.model_case import ModelCase
        from vrft.training.train import policy_of

        return ModelCase(case, policy_of(case.config, weights=False), out)

    return join


def _shortened(findings: Sequence[Finding]) -> list[Finding]:
    """The first of each kind, and one that counts the others."""
    kept: list[Finding] = []
    kinds = dict.fromkeys((finding.severity, finding.code) for finding in findings)
    for severity, code in kinds:
        own = [finding for finding in findings if (finding.severity, finding.code) == (severity, code)]
        kept += own[:SHOWN]
        if len(own) > SHOWN:
            told = f"And {len(own) - SHOWN} more of this kind ({code}); --json lists all."
            kept.append(Finding(severity, code, told, ""))
    return kept
