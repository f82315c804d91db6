"""One self-contained page from run folders only: no network, no script, no weights."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vrft.errors import InputError, RunError
from vrft.evaluation.scorecard import Json
from vrft.evaluation.statistics import bootstrap, by_task
from vrft.report import setting_summary as setting
from vrft.report.card_section import evaluation_sections
from vrft.report.charts import line_swatch
from vrft.report.comparison import OVERVIEW, class_rows, overview, read_results
from vrft.report.curves import run_charts, validation_charts
from vrft.report.gallery import Answers, PagePart, build_gallery
from vrft.report.moved_images import MovedImages
from vrft.report.run_reader import (
    OLD,
    ReadFit,
    ReadRun,
    expand,
    is_evaluation,
    is_fit,
    is_old,
    read_evaluation,
    read_fit,
    read_run,
    task_name,
)
from vrft.report.systems import MetricStyle, known_task, style_of, system_name, unknown_task
from vrft.report.thought_watch import lost_thoughts
from vrft.report.thoughts import build_thoughts
from vrft.run_folder import write_text
from vrft.tasks.metrics.metric import format_rate, parse_rate
from vrft.tasks.number_format import clip, hundred, mapping, plain
from vrft.tasks.registry import task_of
from vrft.types import Prediction, RolloutGroup

Section = dict[str, Any]
"""What the templates name of one part of the page."""


def build_report(
    folders: Sequence[Path], out: Path, data: Path | None = None, lost: list[str] | None = None
) -> Path:
    """Write one HTML page about fits, runs and evaluations.

    Args:
        folders: fit, run or evaluation folders, or folders that hold some; a section each, in this order.
        out: the file to write, or an existing folder for a ``report.html`` in it; an older page is replaced
            only when the new one is whole.
        data: where their images lie now; None looks where they were, and where they lay as seen from each
            folder.
        lost: gets a sentence for each folder whose images are not all found; the page has it too.

    Returns:
        The page's path.

    Raises:
        RunError: a path is not a folder or holds no run, all were written by vrft 0.1, or the page cannot be
            written.
    """
    everything = expand(folders)
    notes = [f"{folder} {OLD}. Make it again with this version." for folder in everything if is_old(folder)]
    found = [folder for folder in everything if not is_old(folder)]
    if not found:
        raise RunError(" ".join(notes))
    galleries = sum(is_fit(folder) or is_evaluation(folder) for folder in found)
    fits: list[Section] = []
    runs: list[Section] = []
    evaluations: list[Section] = []
    missing = lost if lost is not None else []
    for index, folder in enumerate(found):
        anchor = f"s{index}"
        if is_fit(folder):
            fit = read_fit(folder)
            files = MovedImages(folder, fit.facts, data)
            fits.append(_fit_section(fit, anchor, galleries, files))
            missing += files.note
        elif is_evaluation(folder):
            own: list[str] = []
            card, predictions = read_evaluation(folder, own)
            files = MovedImages(folder, card, data)
            part = PagePart(files, anchor, galleries)
            evaluations += evaluation_sections(folder, card, predictions, own, part)
            missing += files.note
        else:
            runs.append(_run_section(folder, anchor))
    rows = overview([(one["anchor"], one["title"], one["compared"]) for one in fits])
    return _write_page(out, overview=rows, fits=fits, runs=runs, evaluations=evaluations, notes=notes)


def build_evaluation_page(card: Json, predictions: Sequence[Prediction], path: Path) -> Path:
    """Write one HTML page about one evaluation.

    Args:
        card: as ``vrft.evaluation.scorecard.scorecard`` gives it, or ``tasks`` with several by name; further
            keys such as ``model`` and ``data`` are shown too.
        predictions: that it is of, with all rollouts.
        path: the file to write, or an existing folder for a ``report.html`` in it.

    Returns:
        The page's path.

    Raises:
        RunError: the page cannot be written.
    """
    folder = path if path.is_dir() else path.parent
    part = PagePart(MovedImages(folder, card), "s0", 1)
    sections = evaluation_sections(folder, card, predictions, [], part)
    return _write_page(path, overview=[], fits=[], runs=[], evaluations=sections, notes=[])


def _write_page(out: Path, **content: Any) -> Path:
    """Render the template and write the page, whole or not at all."""
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The templates of parts see it as well.
    environment.globals["swatch"] = line_swatch
    environment.globals["overview_systems"] = [system_name(name) for name in OVERVIEW]
    environment.filters |= {"plain": plain, "clip": clip}
    try:
        content["version"] = version("vrft")
    except PackageNotFoundError:
        content["version"] = ""
    style = Markup((here / "style.css").read_text(encoding="utf-8"))
    page = environment.get_template("template.html").render(style=style, **content).lstrip()
    target = out / "report.html" if out.is_dir() else out
    try:
        write_text(target, page)
    except OSError as error:
        raise RunError(f"{target}: the page cannot be written ({error}). Choose another place.") from error
    return target


def _fit_section(fit: ReadFit, anchor: str, galleries: int, files: MovedImages) -> Section:
    notes = fit.notes
    answers = {name: run.heldout for name, run in fit.runs.items() if run.heldout}
    notes += [f"{name} has no answers to held-out questions yet." for name in fit.runs if name not in answers]
    answered = {name: by_task(predictions) for name, predictions in answers.items()}
    named = dict.fromkeys((*fit.comparisons, *(task for own in answered.values() for task in own)))
    tasks = [task for task in named if task] or [""]
    parts = []
    for index, task in enumerate(tasks):
        own = {name: by_name[task] for name, by_name in answered.items() if task in by_name}
        part = PagePart(files, f"{anchor}t{index}" if index else anchor, galleries * len(tasks))
        parts.append(_task_part(fit, task, own, part, notes))
    notes += _warnings(fit.runs.get("rft"))
    drawn = {name: run_charts(run) for name, run in fit.runs.items()}
    charts = [(f"Training of {system_name(name)}", listed) for name, listed in drawn.items() if listed]
    validations = validation_charts(fit)
    if validations:
        charts.append(("Validation of every trial", validations))
    runs = [(system_name(name), run) for name, run in fit.runs.items()]
    return {
        "anchor": anchor,
        "title": str(fit.facts.get("title") or fit.task or fit.path.name),
        "compared": fit.comparison,
        "miniature": fit.facts.get("miniature") is True,
        "tasks": parts,
        "facts": setting.facts_of(fit),
        "summary": setting.lines_of(fit, "summary"),
        "left_out": setting.pairs(fit.facts.get("left_out")),
        "remarks": [line for line in setting.lines_of(fit, "notes") if line not in notes],
        "charts": charts,
        "rollouts": [(name, [_group(*group) for group in run.groups]) for name, run in runs if run.groups],
        "trials": setting.trial_rows(fit),
        "validated": MetricStyle("Validation", style_of(fit.task, fit.comparison).unit).heading(),
        "choice": setting.choice_of(fit),
        "settings": setting.settings_of(runs, fit.facts.get("versions")),
        "notes": [*notes, *files.note, *setting.doubts_of(fit)],
    }


def _task_part(fit: ReadFit, task: str, answers: Answers, part: PagePart, notes: list[str]) -> Section:
    """What a fit's page says of one task's held-out questions."""
    comparison = fit.comparisons.get(task, {})
    notes += unknown_task(task) if answers else []
    results = read_results(comparison, task, notes)
    seed = fit.facts.get("seed")
    return {
        "anchor": part.prefix,
        "title": task,
        "results": results,
        "gallery": build_gallery(answers, task, seed if isinstance(seed, int) else 0, part),
        "thoughts": build_thoughts(answers, task, part),
        "class_systems": [system_name(name) for name in answers],
        "classes": class_rows(answers, task, results["metric"], comparison.get("metric"), notes),
    }


def _run_section(folder: Path, anchor: str) -> Section:
    """What the page says of one run that belongs to no fit."""
    notes: list[str] = []
    run = read_run(folder, notes, samples=True)
    name, task = folder.resolve().name, task_name(run.facts.get("task"))
    facts = [
        ("Method", run.method),
        ("Task", task),
        *((key.capitalize(), str(run.facts.get(key, ""))) for key in ("model", "seed", "hardware")),
        ("Steps measured", str(len(run.steps))),
        ("Questions that were asked", setting.selection_of(run)),
        ("Best validation", _best(run, task)),
        *_of_each_task(run),
        ("Held-out score", _scores(run.heldout, notes)),
        ("Validation score", _scores(run.validation, notes)),
        ("Proof of the fast path", setting.parity_of({name: run})),
    ]
    charts = run_charts(run)
    notes += _warnings(run)
    return {
        "anchor": anchor,
        "title": name,
        "facts": [(key, value) for key, value in facts if value],
        "charts": [("Training", charts)] if charts else [],
        "rollouts": [(name, [_group(*group) for group in run.groups])] if run.groups else [],
        "settings": setting.settings_of([(name, run)]),
        "notes": notes,
    }


def _warnings(run: ReadRun | None) -> list[str]:
    found = lost_thoughts(run.steps) if run is not None else None
    return [found] if found is not None else []


def _group(step: int, group: RolloutGroup) -> Section:
    """One question's rollouts, best reward first; the bar is the advantage as a share of the largest."""
    rows = []
    for one in sorted(group.rollouts, key=lambda one: -one.reward):
        # The mean over its tokens, where they have one each; 0 where it was not trained on.
        numbers = [number for turn in one.advantages for number in turn]
        rows.append((one, sum(numbers) / len(numbers) if numbers else 0.0))
    largest = max(abs(advantage) for _, advantage in rows) or 1.0
    rollouts = [(one, advantage, round(100 * abs(advantage) / largest)) for one, advantage in rows]
    return {"step": step, "example_id": group.example.id, "rollouts": rollouts}


def _best(run: ReadRun, task: str) -> str:
    """The best validation, by the headline metric of the run's task."""
    if not run.validations:
        return ""
    predicted = run.validation or run.heldout
    name = task or (predicted[0].example.task if predicted else "")
    known = known_task(name)
    style = style_of(name, {}, known.metrics[0].name) if known is not None else MetricStyle()
    sign = 1 if style.higher_is_better else -1
    step, value = max(run.validations, key=lambda pair: sign * pair[1])
    return f"{style.said(value)} at step {plain(step)}"


def _of_each_task(run: ReadRun) -> list[tuple[str, str]]:
    """Of a run with several tasks, a row for each: its validation before the first step, and at the best."""
    if not run.validations:
        return []
    sources, best = mapping(run.facts.get("sources")), max(run.validations, key=lambda pair: pair[1])[0]
    rows = []
    for name, values in run.validations_of.items():
        known = known_task(task_name(mapping(sources.get(name)).get("task")))
        style = style_of(known.name, {}, known.metrics[0].name) if known is not None else MetricStyle()
        first, then = values[0][1], dict(values).get(best)
        rows.append(
            (f"Validation of {name}", f"{style.title} {style.said(first)} before, {style.said(then)} then")
        )
    return rows


def _scores(predictions: list[Prediction], notes: list[str]) -> str:
    """The headline metric of each task's predictions with its interval, and how much could be read."""
    lines = []
    for own in by_task(predictions).values():
        try:
            task = task_of(own[0].example)
            seen = bootstrap(own, task.metrics[0])
        except InputError as error:
            notes.append(f"The answers cannot be scored: {error}")
            continue
        style = style_of(task.name, {}, task.metrics[0].name)
        lines.append(
            f"{style.title} {style.said(seen.value)}, 95% interval {style.spread(vars(seen))}, on {len(own)} "
            f"questions; parse rate {hundred(parse_rate(own))}, format rate {hundred(format_rate(own))}"
        )
    return "; ".join(lines)
