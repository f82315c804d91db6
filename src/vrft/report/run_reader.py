"""Reading run folders. A folder may be half finished: what is missing or torn becomes a note on the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vrft.errors import RunError, VrftError
from vrft.evaluation.answers_file import read_judged
from vrft.evaluation.judged import Judged
from vrft.report.number_format import number

FIT, COMPARISON, RUN = "fit.json", "comparison.json", "run.json"
METRICS, ROLLOUTS, CONFIG, DONE = "metrics.jsonl", "rollouts.jsonl", "config.yaml", "done.json"
ANSWERS, RESULT = "answers.jsonl", "result.json"


@dataclass(frozen=True)
class SampledGroup:
    """One row of ``rollouts.jsonl``: the answers that were sampled for one example at one step."""

    step: float
    example_id: str
    rollouts: list[dict[str, Any]]


@dataclass(frozen=True)
class ReadRun:
    """What one run folder holds."""

    path: Path
    facts: dict[str, Any] = field(default_factory=dict)
    config: str = ""
    steps: list[dict[str, Any]] = field(default_factory=list)
    validations: list[tuple[float, float]] = field(default_factory=list)
    """(step, value as a fraction)."""
    groups: tuple[SampledGroup, ...] = ()
    """One example's first and last group, or fewer."""
    heldout: list[Judged] = field(default_factory=list)
    validation: list[Judged] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """``rft``, ``sft`` or ``eval``; '' where the run does not say."""
        return str(self.facts.get("kind", ""))


@dataclass(frozen=True)
class ReadFit:
    """What one `vrft fit` left: its facts, its comparison, the chosen run of each system, every trial."""

    path: Path
    facts: dict[str, Any]
    task: str
    comparison: dict[str, Any]
    runs: dict[str, ReadRun]
    """By system, in the order of ``fit.json``."""
    trials: list[tuple[dict[str, Any], ReadRun]]
    notes: list[str]


@dataclass(frozen=True)
class ReadEvaluation:
    """What `vrft eval` left: its card and the answers that it is of."""

    path: Path
    card: dict[str, Any]
    judged: list[Judged]
    notes: list[str]


def find_folders(folder: Path) -> list[Path]:
    """The fit, run or evaluation folders that a path stands for: itself, or those right below it.

    Args:
        folder: a folder of one of these kinds, or a folder of such.

    Raises:
        RunError: there is no such folder, or nothing in it is a run.
    """
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
        f"{CONFIG} or {ANSWERS}. Give a folder that 'vrft fit', 'vrft train', 'vrft sft' or 'vrft eval' "
        "wrote."
    )


def expand(folders: Sequence[Path]) -> list[Path]:
    """Every fit and run folder that the given paths stand for, each once.

    Raises:
        RunError: a path is no folder, or holds no run; or none was given.
    """
    found = list(dict.fromkeys(path for folder in folders for path in find_folders(folder)))
    if not found:
        raise RunError("No folder was given. Give at least one folder that vrft wrote.")
    return found


def is_fit(folder: Path) -> bool:
    """Whether a folder is the outcome of a whole fit rather than a single run."""
    return (folder / FIT).is_file() or (folder / COMPARISON).is_file()


def is_evaluation(folder: Path) -> bool:
    """Whether a folder holds the answers of one evaluation."""
    return (folder / ANSWERS).is_file()


def read_evaluation(folder: Path) -> ReadEvaluation:
    """Read an evaluation's folder; nothing that is missing or broken in it raises."""
    notes: list[str] = []
    card = _read_json(folder / RESULT, notes, "there are no scores yet")
    return ReadEvaluation(folder, card, _judged(folder / ANSWERS, notes), notes)


def read_fit(folder: Path) -> ReadFit:
    """Read a fit folder; nothing that is missing or broken in it raises."""
    notes: list[str] = []
    facts = _read_json(folder / FIT, notes, "what was done cannot be told")
    tasks = mapping(
        _read_json(folder / COMPARISON, notes, "there are no held-out scores yet").get("tasks"),
    )
    task = str(facts.get("task") or next(iter(tasks), ""))
    if tasks and task not in tasks:
        notes.append(f"{COMPARISON} has no scores for the task '{task}'.")
    notes += [f"{COMPARISON} also holds the task '{other}'." for other in tasks if other != task]
    systems = mapping(facts.get("systems")) or {name: name for name in systems_of(mapping(tasks.get(task)))}
    runs = {name: read_run(folder / str(below), notes, samples=True) for name, below in systems.items()}
    listed = [trial for trial in sequence(facts.get("trials")) if isinstance(trial, dict)]
    chosen = {run.path: run for run in runs.values()}
    trials = []
    for trial in listed:
        path = folder / str(trial.get("folder", ""))
        trials.append((trial, chosen.get(path) or read_run(path, notes)))
    return ReadFit(folder, facts, task, mapping(tasks.get(task)), runs, trials, notes)


def read_run(folder: Path, notes: list[str], samples: bool = False) -> ReadRun:
    """Read one run folder; nothing that is missing or broken in it raises.

    Args:
        folder: the run.
        notes: what is missing or unreadable is added here, in plain words.
        samples: read the rollouts and the judged answers as well.
    """
    if not folder.is_dir():
        notes.append(f"The run folder {folder.name} is not there.")
        return ReadRun(folder)
    facts = _read_json(folder / RUN, notes, "its kind, seed and versions cannot be told")
    rows = list(_rows(folder / METRICS, notes))
    validations = [
        (step, value)
        for row in rows
        if (step := number(row.get("step"))) is not None
        and (value := number(row.get("validation"))) is not None
    ]
    config = folder / CONFIG
    trained = facts.get("kind") in ("rft", "sft")
    if trained and not rows:
        notes.append(f"{folder.name}/{METRICS} has no rows yet: no curves.")
    if trained and not (folder / DONE).is_file():
        notes.append(f"{folder.name}/{DONE} is not there: this run had not ended when this page was made.")
    return ReadRun(
        path=folder,
        facts=facts,
        config=config.read_text(encoding="utf-8", errors="replace") if config.is_file() else "",
        steps=[row for row in rows if number(row.get("step")) is not None and "validation" not in row],
        validations=sorted(validations),
        groups=_first_and_last(folder / ROLLOUTS, notes) if samples else (),
        heldout=_judged(folder / "eval" / "heldout.jsonl", notes) if samples else [],
        validation=_judged(folder / "eval" / "validation.jsonl", notes) if samples else [],
    )


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object, or an empty one for anything else.

    Example:
        >>> mapping({"a": 1}), mapping(None)
        ({'a': 1}, {})
    """
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """A JSON array, or an empty one for anything else.

    Example:
        >>> sequence([1]), sequence("text")
        ([1], [])
    """
    return value if isinstance(value, list) else []


def systems_of(comparison: dict[str, Any]) -> list[str]:
    """The systems that a task's comparison scores, in its order.

    Example:
        >>> systems_of({"n": 5, "base": {"parse_rate": 1.0}, "rft_minus_base": {"value": 0.1, "p": 1}})
        ['base']
    """
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
        notes.append(f"{shown} is no readable JSON ({error}): {loss}.")
        return {}
    if not isinstance(read, dict):
        notes.append(f"{shown} holds no JSON object: {loss}.")
    return mapping(read)


def _rows(path: Path, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The objects of a jsonl file. A torn last line is the mark of an interrupted run and passes unsaid."""
    if not path.is_file():
        return
    bad: list[int] = []
    last = 0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for last, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                bad.append(last)
                continue
            if isinstance(row, dict):
                yield row
    wrong = [n for n in bad if n != last]
    if wrong:
        listed = ", ".join(map(str, wrong[:5])) + (", …" if len(wrong) > 5 else "")
        notes.append(f"{path.parent.name}/{path.name}: no readable JSON on line {listed}; skipped.")


def _first_and_last(path: Path, notes: list[str]) -> tuple[SampledGroup, ...]:
    """The first and last group of the example whose two groups lie furthest apart, the earliest on a tie.

    Only two groups an example are held, since the file of a long run is larger than memory should be.
    """
    first: dict[str, SampledGroup] = {}
    last: dict[str, SampledGroup] = {}
    for row in _rows(path, notes):
        step = number(row.get("step"))
        rollouts = [rollout for rollout in sequence(row.get("group")) if isinstance(rollout, dict)]
        if step is None or not rollouts:
            continue
        group = SampledGroup(step, str(row.get("example_id", "")), rollouts)
        first.setdefault(group.example_id, group)
        last[group.example_id] = group
    if not first:
        return ()
    widest = max(first, key=lambda name: last[name].step - first[name].step)
    if last[widest].step > first[widest].step:
        return (first[widest], last[widest])
    ends = (min(first.values(), key=_step), max(last.values(), key=_step))
    return ends if ends[1].step > ends[0].step else ends[:1]


def _step(group: SampledGroup) -> float:
    return group.step


def _judged(path: Path, notes: list[str]) -> list[Judged]:
    if not path.is_file():
        return []
    try:
        return list(read_judged(path))
    except VrftError as error:
        notes.append(f"{path.name} cannot be read: {error}")
        return []
