"""Puzzles first: RFT on images without their labels, from which a fit's RFT then begins.

After Puzzle Curriculum GRPO (arXiv 2512.14944), whose puzzles need no label. No image that the fit chooses by
or holds out is among them, nor one that looks nearly the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vrft.config.questions import usable
from vrft.config.run_config import RunConfig
from vrft.config.run_questions import called
from vrft.config.task_entries import TaskChoice, TaskEntry, named
from vrft.data.dataset import load_dataset
from vrft.data.duplicates import near_images, same_images
from vrft.data.fingerprints import CACHE, fingerprints
from vrft.errors import InputError, Interrupted
from vrft.models.image_limits import image_limits
from vrft.run_folder import RunFolder
from vrft.tasks.scorer import RewardOptions
from vrft.training.loop import shown_by
from vrft.types import Example, Image, Record
from vrft.workflows.fit_settings import WARM_UP
from vrft.workflows.train import train_run
from vrft.workflows.trials import SweepContext, Trial, count_sampled, in_form, release_memory

FOLDER = "warm-up"
"""Of its run."""


def train_warm_up(sweep: SweepContext, done: Sequence[Trial]) -> list[Trial]:
    """One trial on the puzzles, at RFT's lowest rate; it has no validation, so its last step counts."""
    settings, context, folder = sweep.settings, sweep.context, RunFolder(sweep.root / FOLDER)
    config = _config(sweep)
    if not context.broadcast_object(folder.done):
        with context.first_goes_first():  # fingerprints are kept on disk
            puzzles = in_form(make_puzzles(sweep, config), sweep.form)
        with sweep.reporter.task(f"Puzzles: {', '.join(settings.warm_up)}", config.optim.steps) as update:
            trained = train_run(
                config, folder, puzzles, [], resume=True, progress=shown_by(update), context=context
            )
        if trained.stopped:
            raise Interrupted(
                f"Stopped after step {trained.steps} of {FOLDER}; nothing is lost. Continue with --resume."
            )
        del trained
        release_memory()
    counted = count_sampled(folder.path)
    others = ", ".join(arm for arm in settings.arms if arm != "rft")
    sweep.note(
        f"RFT began from the policy that puzzles left ({', '.join(settings.warm_up)}: "
        f"{counted['answers']:,} answers, {counted['tokens']:,} tokens, no labels)"
        + (f"; {others} began from the base, without them." if others else ".")
    )
    steps = folder.read_json("done.json")["steps"]
    return [Trial(WARM_UP, FOLDER, config.optim.learning_rate, steps, None, steps, sweep.form)]


def make_puzzles(sweep: SweepContext, config: RunConfig) -> list[Example]:
    """A puzzle of each kind for each image below the data's folder that the fit does not test on.

    Raises:
        InputError: no image is left, or all are too small.
    """
    most = math.ceil(config.optim.steps * config.optim.prompts_per_step / len(sweep.settings.warm_up))
    records = free_images(sweep, config, most)
    puzzles = [
        replace(
            puzzle, id=called(source, puzzle.id), record_id=called(source, puzzle.record_id), source=source
        )
        for source, own in config.by_source.items()
        for puzzle in own.task.load().examples(records)
    ]
    if not puzzles:
        raise InputError(
            f"{sweep.data_root}: no image is left for puzzles: all are held out, chosen by, or too small. "
            "Add images without labels, or leave --warm-up out."
        )
    return puzzles


def free_images(sweep: SweepContext, config: RunConfig, most: int) -> list[Record]:
    """Images below the data's folder, in a random order and at most so many, without those of a part that is
    for choosing or testing, and without what looks nearly the same as one of them."""
    dataset = load_dataset(sweep.data_root, frozenset())
    tested = [path for example in (*sweep.val, *sweep.held_out) for path in _paths(example)]
    away = {path.resolve() for path in tested}
    free = [
        record
        for record in dataset.records
        if dataset.parts.get(record.id) not in ("val", "test") and record.image.path.resolve() not in away
    ]
    order = np.random.default_rng(sweep.settings.seed).permutation(len(free))[:most]
    chosen = {free[place].id for place in order}
    refusal = image_limits(config.model).refusal
    kept, prints = usable(dataset, False, sweep.root, sweep.reporter, refusal, chosen)
    records = {record.id: record for record in kept.records if record.id in chosen}
    shown = {f"tested {place}": path for place, path in enumerate(tested)}
    prints = {**prints, **fingerprints(shown, sweep.root / CACHE, sweep.reporter)}
    paths = {**{name: record.image.path for name, record in records.items()}, **shown}
    first = same_images(paths, prints)
    if sweep.settings.near_duplicates:
        alike = near_images(paths, prints)
        first = {name: alike[owner] for name, owner in first.items()}
    seen = {first[name] for name in shown}
    names = [free[place].id for place in order]
    return [records[name] for name in names if name in records and first[name] not in seen]


def _config(sweep: SweepContext) -> RunConfig:
    """That of an RFT trial, with the puzzles' own reward."""
    settings = sweep.settings
    found = settings.trial(
        "rft",
        rate=min(settings.recipe.rft_rates),
        out=sweep.root / FOLDER,
        form=sweep.form,
        steps=settings.warm_up_steps,
    )
    checks = found.checks.model_copy(update={"validate_every": 0})
    data = found.data.model_copy(update={"select": None})
    entries = named([TaskEntry(task=TaskChoice(name=name), data=data) for name in settings.warm_up])
    asked: dict[str, object] = {"task": entries[0].task, "data": data}
    if len(entries) > 1:
        asked = {"task": None, "data": None, "tasks": entries}
    return found.model_copy(update={**asked, "reward": RewardOptions(), "checks": checks})


def _paths(example: Example) -> list[Path]:
    return [medium.path for medium in example.media if isinstance(medium, Image)]
