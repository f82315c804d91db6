"""One self-contained page from run folders only: no network, no script, no weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.evaluation.scorecard.scored import Json
from vrft.evaluation.statistics import bootstrap
from vrft.report.comparison import ClassRow, Results, class_rows, metric_title, read_results
from vrft.report.curves import Chart, kind_of, run_charts, validation_charts
from vrft.report.gallery import Gallery, build_gallery
from vrft.report.number_format import hundred, interval, plain, system_name
from vrft.report.page import write_page
from vrft.report.rollout_examples import GroupView, group_views
from vrft.report.run_reader import (
    ReadEvaluation,
    ReadFit,
    ReadRun,
    expand,
    is_evaluation,
    is_fit,
    read_evaluation,
    read_fit,
    read_run,
)
from vrft.report.scorecard.card_section import EvaluationSection, evaluation_section
from vrft.report.setting_summary import (
    Settings,
    TrialRow,
    choice_of,
    doubts_of,
    facts_of,
    left_out_of,
    lines_of,
    settings_of,
    trial_rows,
)
from vrft.tasks.metrics.metric import METRICS, format_rate, parse_rate
from vrft.tasks.task import load_task


@dataclass(frozen=True)
class FitSection:
    """What the page says of one fit."""

    anchor: str
    title: str
    miniature: bool
    results: Results
    facts: list[tuple[str, str]]
    summary: list[str]
    left_out: list[tuple[str, str]]
    remarks: list[str]
    charts: list[tuple[str, list[Chart]]]
    gallery: Gallery | None
    rollouts: list[tuple[str, list[GroupView]]]
    class_systems: list[str]
    classes: list[ClassRow]
    trials: list[TrialRow]
    choice: str
    settings: list[Settings]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RunSection:
    """What the page says of one run that belongs to no fit."""

    anchor: str
    title: str
    facts: list[tuple[str, str]]
    charts: list[tuple[str, list[Chart]]]
    rollouts: list[tuple[str, list[GroupView]]]
    settings: list[Settings]
    notes: list[str]


def build_report(folders: Sequence[Path], out: Path) -> Path:
    """Write one HTML page about fits, runs and evaluations.

    Args:
        folders: fit, run or evaluation folders, or folders that hold some; a section each, in this order.
        out: the file to write, or an existing folder for a ``report.html`` in it; an older page is replaced
            only when the new one is whole.

    Returns:
        The page's path.

    Raises:
        RunError: a path is no folder or holds no run, or the page cannot be written.
    """
    found = expand(folders)
    pages = sum(is_fit(folder) or is_evaluation(folder) for folder in found)
    fits: list[FitSection] = []
    runs: list[RunSection] = []
    evaluations: list[EvaluationSection] = []
    for index, folder in enumerate(found):
        anchor = f"s{index}"
        if is_fit(folder):
            fits.append(_fit_section(read_fit(folder), anchor, pages))
        elif is_evaluation(folder):
            evaluations.append(evaluation_section(read_evaluation(folder), anchor, pages))
        else:
            runs.append(_run_section(folder, anchor))
    return write_page(out, fits=fits, runs=runs, evaluations=evaluations)


def build_evaluation_page(card: Json, judged: Sequence[Judged], path: Path) -> Path:
    """Write one HTML page about one evaluation.

    Args:
        card: as ``vrft.evaluation.scorecard.scorecard`` gives it; further keys such as ``model`` and ``data``
            are told too.
        judged: the answers that it is of, with all further ones.
        path: the file to write, or an existing folder for a ``report.html`` in it.

    Returns:
        The page's path.

    Raises:
        RunError: the page cannot be written.
    """
    read = ReadEvaluation(path if path.is_dir() else path.parent, card, list(judged), [])
    return write_page(path, fits=[], runs=[], evaluations=[evaluation_section(read, "s0", 1)])


def _fit_section(fit: ReadFit, anchor: str, pages: int) -> FitSection:
    notes = fit.notes
    answers = {name: run.heldout for name, run in fit.runs.items() if run.heldout}
    notes += [f"{name} has no answers to held-out questions yet." for name in fit.runs if name not in answers]
    results = read_results(fit.comparison, notes)
    answers = {name: _of_task(judged, fit.task) for name, judged in answers.items()}
    classes = class_rows(answers, fit.task, fit.comparison.get("metric"), notes)
    roots = [fit.path, Path(str(fit.facts.get("data", "")))]
    seed = fit.facts.get("seed")
    drawn = {name: run_charts(run) for name, run in fit.runs.items()}
    charts = [(f"Training of {system_name(name)}", listed) for name, listed in drawn.items() if listed]
    validations = validation_charts(fit)
    if validations:
        charts.append(("Validation of every trial", validations))
    return FitSection(
        anchor=anchor,
        title=fit.task or fit.path.name,
        miniature=fit.facts.get("miniature") is True,
        results=results,
        facts=facts_of(fit),
        summary=lines_of(fit, "summary"),
        left_out=left_out_of(fit),
        remarks=lines_of(fit, "notes"),
        charts=charts,
        gallery=build_gallery(answers, fit.task, seed if isinstance(seed, int) else 0, roots, anchor, pages),
        rollouts=[
            (system_name(name), views) for name, run in fit.runs.items() if (views := group_views(run))
        ],
        class_systems=[system_name(name) for name in answers],
        classes=classes,
        trials=trial_rows(fit),
        choice=choice_of(fit),
        settings=settings_of(
            [(system_name(name), run) for name, run in fit.runs.items()], fit.facts.get("versions")
        ),
        notes=[*notes, *doubts_of(fit)],
    )


def _run_section(folder: Path, anchor: str) -> RunSection:
    notes: list[str] = []
    run = read_run(folder, notes, samples=True)
    name = folder.resolve().name
    parity = run.facts.get("parity")
    facts = [
        ("Kind", kind_of(run)),
        *(
            (key.capitalize(), str(run.facts[key]))
            for key in ("task", "model", "seed", "hardware")
            if key in run.facts
        ),
        ("Steps measured", str(len(run.steps))),
        ("Best validation", _best(run)),
        ("Held-out score", _score(run.heldout, notes)),
        ("Validation score", _score(run.validation, notes)),
        (
            "Parity of the two paths",
            ", ".join(f"{k} {v}" for k, v in parity.items()) if isinstance(parity, dict) else "",
        ),
    ]
    charts, views = run_charts(run), group_views(run)
    return RunSection(
        anchor=anchor,
        title=name,
        facts=[(key, value) for key, value in facts if value],
        charts=[("Training", charts)] if charts else [],
        rollouts=[(name, views)] if views else [],
        settings=settings_of([(name, run)]),
        notes=notes,
    )


def _best(run: ReadRun) -> str:
    if not run.validations:
        return ""
    step, value = max(run.validations, key=lambda pair: pair[1])
    return f"{hundred(value)} at step {plain(step)}"


def _score(judged: list[Judged], notes: list[str]) -> str:
    """The headline metric of answers with its interval and the shares of readable and well-formed answers."""
    if not judged:
        return ""
    try:
        metric = METRICS[load_task(judged[0].example.task).metric]
        seen = bootstrap(judged, metric)
    except InputError as error:
        notes.append(f"The answers cannot be scored: {error}")
        return ""
    return (
        f"{metric_title(metric.name)} {hundred(seen.value)}, 95% interval {interval(seen.low, seen.high)}, "
        f"on {len(judged)} questions; readable {hundred(parse_rate(judged))}, in the demanded form "
        f"{hundred(format_rate(judged))} of 100"
    )


def _of_task(judged: list[Judged], task: str) -> list[Judged]:
    return [one for one in judged if one.example.task == task]
