"""One policy on several labelled folders, compared with one policy for each folder.

The folder of such a fit:

    detection-cells/ ...   a whole fit of each folder, with the answers of the mixed policy in mixed/
    mixed-5e-05/ ...       one run folder for each rate of the policy that learns all of them
    report.html            a page of all, with a row for each folder
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vrft.config.run_config import RunConfig
from vrft.config.run_questions import RunQuestions, alone, run_questions
from vrft.config.task_entries import TaskChoice, TaskEntry, named
from vrft.data.data_options import DataOptions
from vrft.data.dataset import Dataset
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import ConfigError, Interrupted
from vrft.evaluation.compare import MIXED, mixed_sentence
from vrft.evaluation.predictor import read_predictions
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.models.image_limits import image_limits
from vrft.progress import NullReporter, ProgressReporter, counted
from vrft.report.build_report import build_report
from vrft.run_folder import (
    MANIFEST,
    RunFolder,
    hardware,
    read_json,
    removed_if_refused,
    versions,
    write_json,
)
from vrft.tasks.metrics.box_confidences import ScoreName
from vrft.training.loop import shown_by
from vrft.types import Form, Prediction
from vrft.workflows.configured import policy_of
from vrft.workflows.fit_outcome import Fitted, conclude
from vrft.workflows.fit_pipeline import FitPipeline
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.train import train_run
from vrft.workflows.trials import BASE, PROBE, Trial, choose, release_memory


@dataclass(frozen=True)
class _Part:
    """One folder: its name, what its fit chose, and the weights of its systems."""

    name: str
    settings: FitSettings
    form: Form
    weights: Mapping[str, str]


def fit_several(
    settings: Sequence[FitSettings],
    folder: Path,
    *,
    resume: bool = False,
    check: bool = True,
    datasets: Sequence[Dataset | None] = (),
    reporter: ProgressReporter | None = None,
    context: DistributedContext = SINGLE_PROCESS,
) -> list[Fitted] | None:
    """Fit each folder by itself, train one policy on all of them by RFT, and compare.

    What can be refused without a model is refused of all folders before anything is trained.

    The mixed policy begins from the base. It has as many rates as the others, and as many steps as they
    together: each folder has the same share, so that it is asked as many questions as in its own run.

    Args:
        settings: of each folder, alike but for data and task.
        folder: holds everything.
        resume: go on in a folder that holds such a fit.
        check: examine the data first, and end where it has errors.
        datasets: the labels of each, where they were read already.
        reporter: where sentences and progress go.
        context: which process this is.

    Returns:
        What came of each folder, with the mixed policy among its systems; None in a process that only helped.

    Raises:
        ConfigError: two folders are the same, with the same task.
        InputError: as ``fit``.
        RunError: as ``fit``.
        Interrupted: as ``fit``.
    """
    shown = reporter if reporter is not None and context.is_first else NullReporter()
    names = folder_names(settings)
    # What the overrides and tasks do not allow together is refused before anything is read.
    provisional = [
        _Part(name, one, one.form or Form.THINK, {}) for name, one in zip(names, settings, strict=True)
    ]
    _config(provisional, folder, folder, settings[0].recipe.rft_rates[0])
    pipelines = [
        FitPipeline(one, folder / name, shown, context, dataset)
        for name, one, dataset in zip(names, settings, datasets or [None] * len(names), strict=True)
    ]
    with ExitStack() as kept:
        for name, pipeline in zip(names, pipelines, strict=True):
            shown.info(f"{name}, {pipeline.settings.data}: what it holds.")
            kept.enter_context(removed_if_refused(pipeline.folder, PROBE, context.is_first))
            pipeline.prepare(resume, check)
        fits: list[Fitted | None] = []
        for name, pipeline in zip(names, pipelines, strict=True):
            shown.info(f"{name}, {pipeline.settings.data}: its own policies.")
            fits.append(pipeline.run(time.monotonic()))
    own = [
        _Part(name, one.settings, Form(read_json(one.folder / "fit.json")["form"]), one.weights)
        for name, one in zip(names, fits, strict=True)
        if one is not None
    ]
    parts = context.broadcast_object(own if context.is_first else None)
    assert parts is not None
    began = time.monotonic()
    with context.first_goes_first():
        questions = _questions(parts, folder, shown)
    trials = _train(parts, folder, questions, shown, context)
    chosen = choose(trials)
    answers = _ask(parts, folder, questions, chosen, shown, context)
    if not context.is_first:
        return None
    seconds = time.monotonic() - began
    done = [
        _compared(
            part,
            one,
            folder,
            answers[part.name],
            chosen,
            trials,
            questions.notes,
            seconds / len(parts),
            shown,
        )
        for part, one in zip(parts, fits, strict=True)
        if one is not None
    ]
    page = build_report([one.folder for one in done], folder / "report.html")
    return [replace(one, report=page) for one in done]


def stem_of(settings: Sequence[FitSettings]) -> Path:
    """Where such a fit is kept that is given no folder."""
    return Path("runs") / f"fit-{'-'.join(folder_names(settings))}-{settings[0].seed}"


def folder_names(settings: Sequence[FitSettings]) -> list[str]:
    """What each folder is called: by its task, and by its own name where the task is there more than once.

    Raises:
        ConfigError: two are the same.
    """
    keys = [(one.data.resolve(), one.task, str(one.task_options)) for one in settings]
    if twice := next((one for one, key in zip(settings, keys, strict=True) if keys.count(key) > 1), None):
        raise ConfigError(
            f"{twice.data}: this folder is named twice with the task {twice.task}. Name it once, or give it "
            "another --task the second time."
        )
    entries = [
        TaskEntry(
            task=TaskChoice(name=one.task, options=dict(one.task_options)),
            data=DataOptions(path=str(one.data)),
        )
        for one in settings
    ]
    return [str(entry.name) for entry in named(entries)]


def _config(parts: Sequence[_Part], folder: Path, out: Path, rate: float) -> RunConfig:
    """A trial of the mixed policy: the entries are the RFT trials of the folders."""
    first = parts[0].settings
    steps = len(parts) * (first.steps if first.steps is not None else first.recipe.steps)
    trials = {
        part.name: part.settings.trial(
            "rft",
            rate=rate,
            out=out,
            form=part.form,
            manifest=folder / part.name / MANIFEST,
            probe=folder / part.name / PROBE,
            steps=steps,
        )
        for part in parts
    }
    entries = tuple(
        TaskEntry(name=name, task=one.task, data=one.data, reward=one.reward, form=one.form, share=1.0)
        for name, one in trials.items()
    )
    base = next((one for one in trials.values() if one.evaluation.score != "auto"), trials[parts[0].name])
    return base.model_copy(update={"task": None, "data": None, "tasks": entries})


def _questions(parts: Sequence[_Part], folder: Path, reporter: ProgressReporter) -> RunQuestions:
    config = _config(parts, folder, folder, parts[0].settings.recipe.rft_rates[0])
    found = run_questions(config, reporter, refusal=image_limits(config.model).refusal)
    for note in found.notes:
        reporter.info(note)
    return found


def _train(
    parts: Sequence[_Part],
    folder: Path,
    questions: RunQuestions,
    reporter: ProgressReporter,
    context: DistributedContext,
) -> list[Trial]:
    """One trial for each rate; finished ones are read back, an interrupted one goes on."""
    trials = []
    for rate in parts[0].settings.recipe.rft_rates:
        run = RunFolder(folder / f"{MIXED}-{rate:.0e}")
        if not context.broadcast_object(run.done):
            config = _config(parts, folder, run.path, rate)
            title = f"RFT on all folders at rate {rate:.0e}"
            with reporter.task(title, config.optim.steps) as update:
                trained = train_run(
                    config,
                    run,
                    questions.split.train,
                    questions.split.val,
                    split=questions.manifest() if context.is_first else None,
                    data_roots={name: one.dataset.root for name, one in questions.by_source.items()},
                    resume=True,
                    progress=shown_by(update),
                    context=context,
                )
            if trained.stopped:
                raise Interrupted(
                    f"Stopped after step {trained.steps} of {run.path.name}; nothing is lost. Continue with "
                    "--resume."
                )
            del trained
            release_memory()
        ended = run.read_json("done.json")
        best, steps = ended["best_step"], ended["steps"]
        trials.append(Trial(MIXED, run.path.name, rate, best, ended["validation"], steps))
    return trials


def _ask(
    parts: Sequence[_Part],
    folder: Path,
    questions: RunQuestions,
    chosen: Trial,
    reporter: ProgressReporter,
    context: DistributedContext,
) -> dict[str, list[Prediction]]:
    """The mixed policy's answers to what each folder holds out, as that folder's fit asks."""
    config = _config(parts, folder, folder / chosen.folder, chosen.learning_rate)
    model = config.model.model_copy(update={"path": str(folder / chosen.folder / "model"), "lora": None})
    policy = policy_of(config.model_copy(update={"model": model}), context=context)
    urls = config.rollout.url if config.model.lora is None else ()
    answers = {}
    for part in parts:
        asked = alone(questions.by_source[part.name].split, part.name).heldout
        place = folder / part.name / MIXED
        if context.is_first:
            write_json(place / "run.json", _facts(part, folder / chosen.folder, str(policy.device)))
        own = config.by_source[part.name].ask_options(_score(part))
        with reporter.task(f"RFT on all folders, {part.name}", len(asked)) as update:
            answers[part.name] = evaluate(
                PolicyPredictor.of(policy, own, urls, context),
                asked,
                path=place / "eval" / "heldout.jsonl",
                context=context,
                progress=counted(update),
            )
    return answers


def _compared(
    part: _Part,
    fitted: Fitted,
    folder: Path,
    mixed: Sequence[Prediction],
    chosen: Trial,
    trials: Sequence[Trial],
    notes: Sequence[str],
    seconds: float,
    reporter: ProgressReporter,
) -> Fitted:
    """A folder's fit with the mixed policy among its systems, on the questions that nobody learned from."""
    place = folder / part.name
    facts = read_json(place / "fit.json")
    asked = {one.example.id for one in mixed}
    systems = {
        name: [
            one
            for one in read_predictions(place / below / "eval" / "heldout.jsonl")
            if one.example.id in asked
        ]
        for name, below in facts["systems"].items()
        if mixed
    }
    facts["systems"] = {**facts["systems"], MIXED: MIXED}
    facts["title"] = part.name
    facts["mixed"] = {"model": str(folder / chosen.folder), "trials": [asdict(trial) for trial in trials]}
    facts["notes"] = [*facts["notes"], *(note for note in notes if note.startswith(f"{part.name}: "))]
    write_json(place / "fit.json", facts)
    weights = {**part.weights, MIXED: MIXED if chosen.best_step else BASE}
    systems = {**systems, MIXED: list(mixed)} if mixed else {BASE: []}
    found, verdict, report = conclude(place, systems, weights, facts["seconds"] + seconds, reporter)
    said = " ".join([verdict, *map(mixed_sentence, found.values())])
    return replace(fitted, comparisons=found, verdict=said, report=report, mixed=folder / chosen.folder)


def _score(part: _Part) -> ScoreName:
    return part.settings.trial("rft", rate=1e-5, out=Path(part.name), form=part.form).evaluation.known_score


def _facts(part: _Part, model: Path, device: str) -> dict[str, Any]:
    return {
        "method": "eval",
        "task": part.settings.task,
        "seed": part.settings.seed,
        "model": str(model),
        "hardware": hardware(),
        "device": device,
        "versions": versions(),
    }
