"""Reading run folders. A folder may be half finished: what is missing or torn becomes a note on the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vrft.errors import RunError, VrftError
from vrft.evaluation.predictor import read_predictions
from vrft.report.defined_here import know_defined_tasks
from vrft.tasks.number_format import mapping, number, sequence
from vrft.types import Prediction, RolloutGroup
from vrft.types.rows import group_from_row

FIT, COMPARISON, RUN = "fit.json", "comparison.json", "run.json"
METRICS, ROLLOUTS, CONFIG, DONE = "metrics.jsonl", "rollouts.jsonl", "config.yaml", "done.json"
PREDICTIONS, RESULT = "predictions.jsonl", "result.json"
ANSWERS_01 = "answers.jsonl"
"""What an evaluation of vrft 0.1 left in the place of ``predictions.jsonl``."""
OLD = "was written by vrft 0.1, whose files this version cannot read"


@dataclass(frozen=True)
class ReadRun:
    """What one run folder holds."""

    path: Path
    facts: dict[str, Any] = field(default_factory=dict)
    config: str = ""
    steps: list[dict[str, Any]] = field(default_factory=list)
    validations: list[tuple[float, float]] = field(default_factory=list)
    """(step, the metric's value)."""
    validations_of: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """The same of each source of a run with several tasks."""
    groups: tuple[tuple[int, RolloutGroup], ...] = ()
    """One question's first and last group with their steps, or fewer."""
    heldout: list[Prediction] = field(default_factory=list)
    validation: list[Prediction] = field(default_factory=list)

    @property
    def method(self) -> str:
        """``rft``, ``sft`` or ``eval``; from what it measured where the run does not say."""
        measured = {key for row in self.steps for key in row}
        seen = "rft" if "reward" in measured else "sft" if "loss" in measured else "eval"
        return str(self.facts.get("method") or seen)


@dataclass(frozen=True)
class ReadFit:
    """What one ``vrft fit`` left: facts, comparisons, the chosen run of each system, every trial."""

    path: Path
    facts: dict[str, Any]
    comparisons: dict[str, dict[str, Any]]
    """By task; that of the fit first, the others as the file has them."""
    runs: dict[str, ReadRun]
    """By system, in the order of ``fit.json``."""
    trials: list[tuple[dict[str, Any], ReadRun]]
    notes: list[str]

    @property
    def task(self) -> str:
        """The task that the fit is of."""
        return next(iter(self.comparisons), "")

    @property
    def comparison(self) -> dict[str, Any]:
        """That task's comparison."""
        return self.comparisons.get(self.task, {})


def expand(folders: Sequence[Path]) -> list[Path]:
    """The fit, run and evaluation folders that paths stand for: themselves, or those right below them."""
    found = list(dict.fromkeys(path for folder in folders for path in _folders(folder)))
    if not found:
        raise RunError("No folder was given. Give at least one folder that vrft wrote.")
    return found


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise RunError(f"{folder}: there is no such folder. Give a folder that vrft wrote.")
    below = sorted(child for child in folder.iterdir() if child.is_dir())
    fits = [child for child in below if (child / FIT).is_file()]
    runs = [child for child in below if _is_run(child) or is_evaluation(child)]
    if (folder / FIT).is_file():
        return [folder]
    if fits:
        return fits
    if (folder / COMPARISON).is_file() or _is_run(folder) or is_evaluation(folder):
        return [folder]
    if runs:
        return runs
    raise RunError(
        f"{folder}: neither this folder nor one below it holds {FIT}, {COMPARISON}, {RUN}, {METRICS}, "
        f"{CONFIG} or {PREDICTIONS}. Give a folder that 'vrft fit', 'vrft train', 'vrft sft' or 'vrft eval' "
        "wrote."
    )


def is_fit(folder: Path) -> bool:
    """Whether a folder is the outcome of a whole fit rather than a single run."""
    return (folder / FIT).is_file() or (folder / COMPARISON).is_file()


def is_evaluation(folder: Path) -> bool:
    """Whether a folder holds the predictions of one evaluation."""
    return (folder / PREDICTIONS).is_file() or (folder / ANSWERS_01).is_file()


def is_old(folder: Path) -> bool:
    """Whether vrft 0.1 wrote a folder."""
    if is_evaluation(folder):
        return not (folder / PREDICTIONS).is_file()
    # What is 'method' now was 'kind' then.
    facts = [_read_json(path, [], "") for path in (folder / RUN, *sorted(folder.glob(f"*/{RUN}")))]
    return any("kind" in read and "method" not in read for read in facts)


def read_evaluation(folder: Path, notes: list[str]) -> tuple[dict[str, Any], list[Prediction]]:
    """The card that ``vrft eval`` left and the predictions that it is of; nothing raises."""
    card = _read_json(folder / RESULT, notes, "there are no scores yet")
    return card, _predictions(folder / PREDICTIONS, notes)


def read_fit(folder: Path) -> ReadFit:
    """Read a fit folder; nothing that is missing or broken in it raises."""
    notes: list[str] = []
    facts = _read_json(folder / FIT, notes, "what was done cannot be shown")
    loss = "there are no held-out scores yet"
    compared = mapping(_read_json(folder / COMPARISON, notes, loss).get("tasks"))
    task = task_name(facts.get("task")) or next(iter(compared), "")
    if compared and task not in compared:
        notes.append(f"{COMPARISON} has no scores for the task '{task}'.")
    comparisons = {name: mapping(compared.get(name)) for name in dict.fromkeys((task, *compared))}
    systems = mapping(facts.get("systems")) or {name: name for name in systems_of(comparisons[task])}
    runs = {name: read_run(folder / str(below), notes, samples=True) for name, below in systems.items()}
    chosen = {run.path: run for run in runs.values()}
    trials = []
    for trial in map(mapping, sequence(facts.get("trials"))):
        path = folder / str(trial.get("folder", ""))
        trials.append((trial, chosen.get(path) or read_run(path, notes)))
    return ReadFit(folder, facts, comparisons, runs, trials, notes)


def read_run(folder: Path, notes: list[str], samples: bool = False) -> ReadRun:
    """Read one run folder, with ``samples`` its rollouts and predictions too; what is missing is noted."""
    if not folder.is_dir():
        notes.append(f"The run folder {folder.name} is not there.")
        return ReadRun(folder)
    facts = _read_json(folder / RUN, notes, "its method, seed and versions are not known")
    rows = [row for _, row in _rows(folder / METRICS, notes)]
    validated = [row for row in rows if "validation" in row]
    each = {name: None for row in validated for name in mapping(row.get("by_source"))}
    config = folder / CONFIG
    text = config.read_text(encoding="utf-8", errors="replace") if config.is_file() else ""
    know_defined_tasks(text)
    trained = facts.get("method") in ("rft", "sft")
    if trained and not rows:
        notes.append(f"{folder.name}/{METRICS} has no rows yet: no curves.")
    if trained and not (folder / DONE).is_file():
        notes.append(f"{folder.name}/{DONE} is not there: this run had not ended when this page was made.")
    return ReadRun(
        path=folder,
        facts=facts,
        config=text,
        steps=[row for row in rows if number(row.get("step")) is not None and "validation" not in row],
        validations=_validations(validated),
        validations_of={name: _validations(validated, name) for name in each},
        groups=_first_and_last(folder / ROLLOUTS, notes) if samples else (),
        heldout=_predictions(folder / "eval" / "heldout.jsonl", notes) if samples else [],
        validation=_predictions(folder / "eval" / "validation.jsonl", notes) if samples else [],
    )


def _validations(rows: Sequence[dict[str, Any]], source: str = "") -> list[tuple[float, float]]:
    """(step, value) of all, or of one source."""
    parts = [(row, mapping(mapping(row.get("by_source")).get(source)) if source else row) for row in rows]
    found = [(number(row.get("step")), number(part.get("validation"))) for row, part in parts]
    return sorted((step, value) for step, value in found if step is not None and value is not None)


def task_name(value: Any) -> str:
    """A task's name, as a file has it: by itself, or with its options."""
    return str(mapping(value).get("name") or ("" if isinstance(value, dict) else value or ""))


def systems_of(comparison: dict[str, Any]) -> list[str]:
    """The systems that a task's comparison scores, in its order."""
    return [name for name, inner in comparison.items() if "parse_rate" in mapping(inner)]


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (RUN, METRICS, CONFIG))


def _read_json(path: Path, notes: list[str], loss: str) -> dict[str, Any]:
    """An object from a file; where it is missing or torn, a note says what the page loses by it."""
    shown = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        notes.append(f"{shown} is not there: {loss}.")
        return {}
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        notes.append(f"{shown} is not readable JSON ({error}): {loss}.")
        return {}
    if not isinstance(read, dict):
        notes.append(f"{shown} holds no JSON object: {loss}.")
    return mapping(read)


def _rows(path: Path, notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a jsonl file with their places. A torn last line is the mark of an interrupted run, and
    passes without a note."""
    if not path.is_file():
        return
    bad: list[int] = []
    count = place = 0
    with path.open("rb") as lines:
        for count, line in enumerate(lines, 1):
            try:
                row = json.loads(line.decode("utf-8", errors="replace"))
            except (ValueError, RecursionError):
                bad.append(count)
            else:
                if isinstance(row, dict):
                    yield place, row
            place += len(line)
    wrong = [n for n in bad if n != count]
    if wrong:
        listed = ", ".join(map(str, wrong[:5])) + (", …" if len(wrong) > 5 else "")
        notes.append(f"{path.parent.name}/{path.name}: no readable JSON on line {listed}; skipped.")


def _first_and_last(path: Path, notes: list[str]) -> tuple[tuple[int, RolloutGroup], ...]:
    """The first and last group of the question whose two groups lie furthest apart, the earliest on a tie.

    Only places in the file are held: the log of a long run is larger than memory should be.
    """
    first: dict[str, tuple[float, int]] = {}
    last: dict[str, tuple[float, int]] = {}
    for place, row in _rows(path, notes):
        step = number(row.get("step"))
        if step is not None and sequence(row.get("rollouts")):
            name = str(row.get("id", ""))
            first.setdefault(name, (step, place))
            last[name] = (step, place)
    if not first:
        return ()
    widest = max(first, key=lambda name: last[name][0] - first[name][0])
    ends = [first[widest], last[widest]]
    if ends[0][0] == ends[1][0]:
        ends = [min(first.values(), key=lambda end: end[0]), max(last.values(), key=lambda end: end[0])]
    groups = []
    with path.open("rb") as lines:
        for _, place in ends if ends[0][0] < ends[1][0] else ends[:1]:
            lines.seek(place)
            row = mapping(json.loads(lines.readline().decode("utf-8", errors="replace")))
            try:
                groups.append(group_from_row(row))
            except RunError as error:
                notes.append(f"{path.parent.name}/{path.name}: {error}")
                return ()
    return tuple(groups)


def _predictions(path: Path, notes: list[str]) -> list[Prediction]:
    if not path.is_file():
        return []
    try:
        return list(read_predictions(path))
    except VrftError as error:
        notes.append(f"{path.name} cannot be read: {error}")
        return []
